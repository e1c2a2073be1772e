"""Boolean masks: True = real, everywhere (MECHANISMS ruling 11)."""

from __future__ import annotations

import torch
from torch import Tensor


def from_lengths(lengths: Tensor, size: int | None = None) -> Tensor:
    """lengths (B,) int -> (B, size) bool, True in the first `lengths[i]` places; size: the longest by default."""
    size = int(lengths.max()) if size is None else size
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def first_real(mask: Tensor) -> Tensor:
    """mask (B, L) -> (B,) index of the first real place, 0 where a row has none."""
    return mask.to(torch.uint8).argmax(dim=1)


def last_real(mask: Tensor) -> Tensor:
    """mask (B, L) -> (B,) index of the last real place, L - 1 where a row has none. Left or right padding."""
    return mask.shape[1] - 1 - mask.flip(1).to(torch.uint8).argmax(dim=1)


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """x (B, L, D), mask (B, L) -> (B, D) mean over real places, summed in float32 or wider; 0 where there is none."""
    wide = x if x.dtype == torch.float64 else x.float()
    if mask is None:
        return wide.mean(dim=1).to(x.dtype)
    weights = mask.to(wide.dtype).unsqueeze(-1)
    # where, not a product: whatever padding holds (inf included) counts for nothing
    total = torch.where(mask.unsqueeze(-1), wide, 0.0).sum(dim=1)
    return (total / weights.sum(dim=1).clamp(min=1.0)).to(x.dtype)


def masked_max(x: Tensor, mask: Tensor | None) -> Tensor:
    """x (B, L, D), mask (B, L) -> (B, D) maximum over real places; 0 where there is none."""
    if mask is None:
        return x.amax(dim=1)
    peak = x.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)
    return torch.where(mask.any(dim=1, keepdim=True), peak, torch.zeros_like(peak))


def masked_softmax(scores: Tensor, mask: Tensor | None, dim: int = -1) -> Tensor:
    """Softmax in float32 or wider over real places, exactly 0 elsewhere; all 0 where a row has none."""
    wide = scores if scores.dtype == torch.float64 else scores.float()
    if mask is None:
        return wide.softmax(dim=dim).to(scores.dtype)
    some = mask.any(dim=dim, keepdim=True)
    weights = wide.masked_fill(~mask & some, -torch.inf).softmax(dim=dim)
    return torch.where(mask, weights, 0.0).to(scores.dtype)
