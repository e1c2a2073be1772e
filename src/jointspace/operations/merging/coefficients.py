"""Merges that are linear in the task vectors: theta_0 + sum_i c_i V_i, with c a function of few numbers and the Gram
matrix. All in float64 and differentiable, so that any of them can be searched by gradient.

`SLERP` of N vectors: "Improving General Text Embedding Model", Li et al., 2024, arXiv 2410.15035, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from jointspace.errors import ConfigError

NEARLY_PARALLEL = 0.9995  # cosine beyond which the arc is a straight line
LEAST_WEIGHT = 1e-3  # |a_i + a_j| below which the share of each is not defined


def average(weights: Tensor, gram: Tensor) -> Tensor:
    """c_i = w_i / sum w: the weighted mean. weights (N,), gram (..., N, N) -> (..., N)."""
    if abs(float(weights.detach().sum())) < LEAST_WEIGHT:
        raise ConfigError(f"merge: weights {_shown(weights)} sum to 0")
    return (weights / weights.sum()).expand(gram.shape[:-1])


def task_arithmetic(weights: Tensor, gram: Tensor) -> Tensor:
    """c_i = w_i: the weighted sum."""
    return weights.expand(gram.shape[:-1])


def slerp(
    weights: Tensor,
    gram: Tensor,
    *,
    running: str = "mean",
    as_printed: bool = False,
    labels: Sequence[str] | None = None,
) -> Tensor:
    """Spherical interpolation of V_1 .. V_N in the order given, lengths kept as they are (not normalised).

        W_1 = V_1, b_1 = a_1;  W_k = [sin((1 - t) A) W_{k-1} + sin(t A) V_k] / sin A,  t = a_k / (b_{k-1} + a_k)

    with A the angle between W_{k-1} and V_k and b the mean (`running="sum"`: the sum) of the earlier weights. With the
    mean, at equal weights, the last vector counts as much as all earlier ones together. `as_printed`: the paper's
    formula as it stands, where a larger a_i gives less of V_i.
    weights (N,), gram (N, N) for one angle over all tensors, or (T, N, N) for an angle each -> c (N,) or (T, N).
    Raises ConfigError, naming the pair, for opposite vectors, a vector of length 0, or weights that cancel.
    """
    if running not in ("mean", "sum"):
        raise ConfigError(f"merge: running must be mean or sum, got {running!r}")
    gram = gram.double()
    n = gram.shape[-1]
    named = list(labels or (f"model {i}" for i in range(n)))
    whole = gram.ndim == 2
    if whole and bool((gram.diagonal() <= 0).any()):
        raise ConfigError(f"merge: {named[int(gram.diagonal().argmin())]} equals the base, its vector has no direction")
    weights = weights.double()
    unit = torch.eye(n, dtype=torch.float64, device=gram.device).expand(*gram.shape[:-1], n)  # (..., N, N)
    c = unit[..., 0, :]
    for k in range(1, n):
        before = weights[:k].mean() if running == "mean" else weights[:k].sum()
        total = before + weights[k]
        if abs(float(total.detach())) < LEAST_WEIGHT:
            raise ConfigError(f"merge: the weights of {', '.join(named[:k])} and {named[k]} cancel: {_shown(weights)}")
        t = (before if as_printed else weights[k]) / total
        across = torch.einsum("...i,...i->...", c, gram[..., k])
        length = torch.einsum("...i,...ij,...j->...", c, gram, c).clamp_min(0).sqrt()
        product = length * gram[..., k, k].clamp_min(0).sqrt()
        straight = product <= 0
        cosine = across / torch.where(straight, torch.ones_like(product), product)
        if whole and float(cosine.detach()) < -NEARLY_PARALLEL:
            raise ConfigError(f"merge: {named[k]} points away from {', '.join(named[:k])}: no arc lies between them")
        straight = straight | (cosine.abs() > NEARLY_PARALLEL)
        angle = torch.arccos(torch.where(straight, torch.zeros_like(cosine), cosine))
        first = torch.where(straight, 1 - t, torch.sin((1 - t) * angle) / torch.sin(angle))
        second = torch.where(straight, t, torch.sin(t * angle) / torch.sin(angle))
        c = first[..., None] * c + second[..., None] * unit[..., k, :]
    return c


COEFFICIENTS: dict[str, Callable[..., Tensor]] = {
    "slerp": slerp,
    "average": average,
    "task_arithmetic": task_arithmetic,
}


def _shown(weights: Any) -> str:
    return "(" + ", ".join(f"{float(w):.3g}" for w in weights.detach()) + ")"
