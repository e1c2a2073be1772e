"""The contrastive engine: softmax over candidates, tiled, memory linear in the batch.

`loss.py` is the public door (InfoNCE); `block.py` lets a method build its own partition out of blocks (anchors,
candidates, score, what to ignore); `dot.py` and `scored.py` compute a block; `positives.py`, `ignoring.py` say which
pairs are which; `guided.py` asks a frozen model which pairs are no negatives; `gather.py` joins the batches of several
processes.
"""

from jointspace.objectives.contrastive.block import EMPTY, Block, Statistics, partition, statistics
from jointspace.objectives.contrastive.gather import gather_rows
from jointspace.objectives.contrastive.guided import AtMostAsSimilarAs, MoreSimilarThan, own_cost
from jointspace.objectives.contrastive.ignoring import Itself, Masked
from jointspace.objectives.contrastive.loss import info_nce, info_nce_two_way
from jointspace.objectives.contrastive.same_content import SameIds

__all__ = [
    "EMPTY",
    "AtMostAsSimilarAs",
    "Block",
    "Itself",
    "Masked",
    "MoreSimilarThan",
    "SameIds",
    "Statistics",
    "gather_rows",
    "info_nce",
    "info_nce_two_way",
    "own_cost",
    "partition",
    "statistics",
]
