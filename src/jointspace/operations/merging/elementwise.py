"""Merges entry by entry: TIES, DARE, and the spherical interpolation of two models' weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from jointspace.data.draws import key, uniform
from jointspace.errors import ConfigError
from jointspace.operations.merging.coefficients import NEARLY_PARALLEL
from jointspace.operations.merging.task_vector import State, TaskVectors


def keep_largest(delta: Tensor, density: float) -> Tensor:
    """(N, ...) -> the same with all but the `density` share of largest magnitudes of each row set to 0."""
    if density >= 1:
        return delta
    flat = delta.reshape(len(delta), -1)
    keep = max(1, round(density * flat.shape[1]))
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen.scatter_(1, flat.abs().topk(keep, dim=1).indices, True)
    return (flat * chosen).view_as(delta)


def drop_and_rescale(delta: Tensor, density: float, name: str, seed: int) -> Tensor:
    """(N, ...) -> each entry kept with probability `density` and divided by it (DARE; Yu et al., ICML 2024)."""
    rows = torch.arange(delta.shape[0]).numpy()
    lot = uniform(key(seed, "dare", name, rows), delta[0].numel())
    kept = torch.from_numpy(lot < density).view_as(delta)
    return delta * kept / density


def elect(delta: Tensor, weights: Tensor) -> Tensor:
    """(N, ...) weighted entries -> (...): the mean, by weight, of those whose sign is that of their weighted sum.

    Yadav et al., "TIES-Merging", NeurIPS 2023, arXiv 2306.01708, section 3. Entries that are 0 everywhere stay 0.
    """
    w = weights.to(delta).view(-1, *[1] * (delta.ndim - 1))
    weighted = delta * w
    agrees = (weighted.sign() == weighted.sum(0).sign()) & (delta != 0)
    return (weighted * agrees).sum(0) / (w * agrees).sum(0).clamp_min(1e-8)


def ties(vectors: TaskVectors, weights: Sequence[float], density: float, scale: float = 1.0) -> dict[str, Tensor]:
    """Trim each vector, tensor by tensor, elect signs, average those that agree, times `scale`."""
    w = torch.tensor(list(weights), dtype=torch.float32)
    _check_density(density)
    return _added(vectors, {n: scale * elect(keep_largest(vectors.deltas[n], density), w) for n in vectors.names})


def dare(
    vectors: TaskVectors,
    weights: Sequence[float],
    density: float,
    *,
    scale: float = 1.0,
    signs: bool = False,
    normalize: bool = True,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Drop entries at random and rescale the rest, then the weighted mean (`normalize`) or sum, or TIES' election.

    Pure in (seed, tensor name, model): tensors may be worked on in any order.
    """
    _check_density(density)
    w = torch.tensor(list(weights), dtype=torch.float32)
    made = {}
    for name in vectors.names:
        delta = drop_and_rescale(vectors.deltas[name], density, name, seed)
        merged = elect(delta, w) if signs else torch.tensordot(w / w.sum() if normalize else w, delta, 1)
        made[name] = scale * merged
    return _added(vectors, made)


def slerp_weights(first: State, second: State, t: float) -> dict[str, Tensor]:
    """Two models' own weights along the arc between them, tensor by tensor: mergekit's `slerp`. t = 0 is the first."""
    made = {}
    for name, tensor in first.items():
        if not tensor.is_floating_point():
            made[name] = tensor.clone()
            continue
        a, b = tensor.detach().double(), second[name].detach().double()
        lengths = a.norm() * b.norm()
        cosine = float((a * b).sum() / lengths) if float(lengths) > 0 else 1.0
        if abs(cosine) > NEARLY_PARALLEL:
            mixed = (1 - t) * a + t * b
        else:
            angle = torch.arccos(torch.tensor(cosine, dtype=torch.float64))
            mixed = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
        made[name] = mixed.to(tensor.dtype)
    return made


def _added(vectors: TaskVectors, deltas: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: (tensor.float() + deltas[name]).to(tensor.dtype) if name in deltas else tensor.clone()
        for name, tensor in vectors.base.items()
    }


def _check_density(density: float) -> None:
    if not 0 < density <= 1:
        raise ConfigError(f"merge: density must be above 0 and at most 1, got {density}")
