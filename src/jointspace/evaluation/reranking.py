"""Reranking: every query orders its own few candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import ConfigError, DataError, nearest
from jointspace.evaluation.measuring import measure
from jointspace.evaluation.rank_metrics import rank_measures, values_of
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import coarsen, encode_role, pair_scores, scorer_of
from jointspace.metrics.ranking import rank_groups


@dataclass
class Reranking(Task):
    """MAP, MRR and nDCG of ordering each query's candidates; one row a (query, candidate).

    Rows of one query belong together by `group`, else by equal query content. Queries whose candidates are all right
    or all wrong say nothing and are left out, counted in the protocol. by: `vectors` (similarity) or `pairs`
    (`Space.score`, for cross-encoders). metrics: as in retrieval.
    """

    name: ClassVar[str] = "reranking"
    roles: ClassVar[tuple[Role, ...]] = (
        Role("query", "what asks", item=True, aliases=("question",)),
        Role("candidate", "what may answer", item=True, aliases=("document", "answer", "passage", "sentence")),
        Role("label", "how right it is, 0 = not", aliases=("relevance", "score", "gain")),
        Role("group", "which rows are one query", required=False, aliases=("query_id", "question_id", "qid")),
    )

    metrics: tuple[str, ...] = ("map", "mrr", "ndcg@10", "p@1")
    by: str = "vectors"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.metrics = tuple(self.metrics)
        for name in self.metrics:
            values_of(name)
        if self.by not in ("vectors", "pairs"):
            raise ConfigError(f"reranking: by={self.by!r}{nearest(self.by, ('vectors', 'pairs'))}")

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        gain = inputs.plain("label").astype(np.float64)
        hashes = inputs.data.content_hash(inputs.fields["query"])
        key = inputs.plain("group").astype(str) if inputs.has("group") else hashes.astype(str)
        names, first, group = np.unique(key, return_index=True, return_inverse=True)
        right = np.bincount(group, gain > 0)
        telling = (right > 0) & (right < np.bincount(group))
        self.facts |= {"queries": len(names), "queries_all_right_or_all_wrong": int((~telling).sum())}
        if not telling.any():
            raise DataError("reranking: no query has both a right and a wrong candidate")
        score, tolerance = self._scores(space, inputs, context)
        keep = telling[group]
        _, local = np.unique(group[keep], return_inverse=True)
        positions = rank_groups(score[keep], local, gain[keep], tolerance=tolerance)
        measures, columns = rank_measures(positions, self.metrics)
        ids = names if inputs.has("group") else np.asarray(inputs.data.ids)[first]
        units = Units("queries", ids[telling], columns)
        return measure(units, "query", measures, context.resampling)

    def _scores(self, space: Any, inputs: Inputs, context: Context) -> tuple[np.ndarray, float]:
        """Score of every row (N,), and how far rounding may move it."""
        if self.by == "pairs":
            pairs = list(zip(*(inputs.data.items(inputs.fields[role]) for role in ("query", "candidate")), strict=True))
            return np.asarray(space.score(pairs), dtype=np.float64), 0.0
        query = encode_role(space, inputs, "query", context.encoding, space_role="query", choices="first")
        candidate = encode_role(space, inputs, "candidate", context.encoding, space_role="document", choices="first")
        x, y = coarsen(context.encoding.precision, query.vectors, candidate.vectors)
        scorer = scorer_of(space, inputs.modality("candidate"), context.encoding.output, "document")
        scores = pair_scores(x, y, scorer)
        return scores, float(4 * np.finfo(np.float32).eps * max(1.0, np.abs(scores).max()))
