"""Cosine regression: the cosine of a pair is a number to be met."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import check, row_mean, wide


def cosine_regression(x: Tensor, y: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """mean over rows of (cos(x_i, y_i) - target_i)^2.

    x, y (B, D), any length; targets (B,) in [-1, 1]; weights (B,) >= 0. A zero vector has cosine 0. Reimers and
    Gurevych, "Sentence-BERT", EMNLP 2019, arXiv 1908.10084 (regression objective). Raises ObjectiveError on unlike
    shapes.
    """
    check("x: B D, y: B D, targets: B, weights: B", x=x, y=y, targets=targets, weights=weights)
    x, y = wide(x), wide(y)
    return row_mean((F.cosine_similarity(x, y, dim=1) - targets.to(x.dtype)) ** 2, weights)
