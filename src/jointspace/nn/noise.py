"""Gaussian noise on vectors: makes what is trained on one side of a modality gap work on the other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class VectorNoise(nn.Module):
    """x + r |x| e / sqrt(D) with e ~ N(0, I), so that the noise has about r times the length of the vector.

    length: r, or (low, high): r ~ U(low, high) for each row. renormalise: give the row its own length back. Only in
    training mode; r = 0 leaves x as it is, to the bit. x (..., D).
    """

    def __init__(self, length: float | tuple[float, float], renormalise: bool = True):
        super().__init__()
        self.low, self.high = (length, length) if isinstance(length, int | float) else length
        self.renormalise = renormalise

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.high == 0:
            return x
        size = x.norm(dim=-1, keepdim=True)
        r = self.low + (self.high - self.low) * torch.rand_like(size)
        noisy = x + r * size * torch.randn_like(x) / x.shape[-1] ** 0.5
        return F.normalize(noisy, dim=-1) * size if self.renormalise else noisy

    def extra_repr(self) -> str:
        return f"length={self.low} to {self.high}"
