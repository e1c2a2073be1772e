"""Regression to a target in latent space, through which no gradient flows: what a teacher says of the same item."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import ObjectiveError, row_mean, wide

FORMS = ("squared", "cosine", "smooth_l1")


def latent_regression(
    prediction: Tensor, target: Tensor, *, form: str = "squared", mask: Tensor | None = None, beta: float = 1.0
) -> Tensor:
    """Mean over vectors of the distance between prediction (..., D) and target (..., D), the target detached.

    squared: mean over channels of (z - h)^2; cosine: - cos(z, h), in [-1, 1]; smooth_l1: mean over channels of the
    Huber-like cost, quadratic below `beta`. mask (...) bool, True = counts; none at all costs 0, with a gradient.
    Raises ObjectiveError on unlike shapes or an unknown form.
    """
    if prediction.shape != target.shape:
        raise ObjectiveError(f"target: shape {tuple(target.shape)}, but prediction {tuple(prediction.shape)}")
    if mask is not None and mask.shape != prediction.shape[:-1]:
        raise ObjectiveError(f"mask: shape {tuple(mask.shape)}, expected {tuple(prediction.shape[:-1])}")
    z, h = wide(prediction), wide(target.detach())
    if form == "squared":
        cost = (z - h).square().mean(dim=-1)
    elif form == "cosine":
        cost = -F.cosine_similarity(z, h, dim=-1)
    elif form == "smooth_l1":
        cost = F.smooth_l1_loss(z, h, reduction="none", beta=beta).mean(dim=-1)
    else:
        raise ObjectiveError(f"form: must be one of {', '.join(FORMS)}, got {form!r}")
    return row_mean(cost.flatten(), None if mask is None else mask.flatten())
