"""Skip-gram with negatives: one logistic loss for each pair that belongs together and for each that does not.

Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", NeurIPS 2013.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def skip_gram_loss(
    positive: Tensor,
    negative: Tensor,
    *,
    positive_weight: Tensor | None = None,
    negative_weight: Tensor | float = 1.0,
) -> Tensor:
    """mean over rows i of - sum_j w_ij log sigma(p_ij) - sum_k v_ik log sigma(-n_ik): a scalar.

    positive (B, C), negative (B, K): scores, already divided by a temperature where there is one. Weights broadcast to
    the scores; w = 1 / C where left out. v = 1 with K noise words drawn for each row is the paper's loss; v = Q / K
    lets a batch share its K noise words, which count as Q. No row costs 0 and still has a gradient.
    """
    if not len(positive):
        return positive.sum() + negative.sum()
    near = -F.logsigmoid(positive)
    near = near.mean(dim=1) if positive_weight is None else (positive_weight * near).sum(dim=1)
    far = -F.logsigmoid(-negative) * negative_weight
    return (near + far.sum(dim=1)).mean()
