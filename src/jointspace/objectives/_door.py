"""What every public door of this room does: shapes, at least float32, and the average over rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from jointspace.errors import JointspaceError


class ObjectiveError(JointspaceError):
    """Tensors or options that no loss can be computed from; the message names the argument."""


def check(spec: str, **tensors: Any) -> dict[str, int]:
    """`check("x: B D, mask: B L", x=x, mask=m)` -> `{"B": 8, "D": 64, "L": 12}`; tensors that are None are passed over.

    Raises ObjectiveError that names the tensor and the axis.
    """
    sizes: dict[str, int] = {}
    for part in spec.split(","):
        name, axes = (text.strip() for text in part.split(":"))
        if tensors[name] is None:
            continue
        letters, shape = axes.split(), tuple(tensors[name].shape)
        if len(letters) != len(shape):
            raise ObjectiveError(f"{name}: expected axes {axes}, got shape {shape}")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ObjectiveError(f"{name}: axis {letter} is {size}, but {sizes[letter]} earlier ({spec})")
    return sizes


def wide(x: Tensor) -> Tensor:
    """float64 stays; everything narrower than float32 becomes float32 (softmax and similarities are never narrower)."""
    return x if x.dtype == torch.float64 else x.float()


def no_autocast(device: torch.device) -> Any:
    """Context in which matrix products keep the width of their inputs."""
    return torch.autocast(device_type=device.type, enabled=False)


def row_mean(cost: Tensor, weights: Tensor | None) -> Tensor:
    """(B,) -> scalar: the mean, weighted by `weights` (B,) >= 0; no weight at all costs 0, with a gradient."""
    if weights is None:
        return cost.mean()
    weights = weights.detach().to(cost.dtype)
    return (weights * cost).sum() / weights.sum().clamp_min(torch.finfo(cost.dtype).tiny)
