"""Separable linear maps of pictures: resized crops and blurs as one matrix over rows and one over columns.

Every picture has its own two matrices, so a batch of different crops is two batched matrix products; that is as fast
as sampling four neighbours up to some 100 pixels and, unlike it, does not alias when a crop shrinks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """x (B, C, H, W), rows (B, h, H), columns (B, w, W) -> (B, C, h, w) float32."""
    b, c, h, w = x.shape
    x = torch.bmm(x.to(torch.float32).reshape(b, c * h, w), columns.mT).reshape(b, c, h, -1)
    return rows[:, None] @ x


def crop_weights(start: np.ndarray, length: np.ndarray, size: int, out: int) -> Tensor:
    """Weights (B, out, size) that resize `length` pixels from `start` (both (B,) integers) to `out` pixels.

    Triangle filter, widened when shrinking, cut at the crop's edge: what Pillow calls bilinear on the cropped picture.
    """
    start, length = start[:, None, None], length[:, None, None]
    scale = length / out
    middle = start + (np.arange(out)[None, :, None] + 0.5) * scale
    pixel = np.arange(size)[None, None, :]
    weight = np.clip(1 - np.abs(pixel + 0.5 - middle) / np.maximum(scale, 1), 0, None)
    weight *= (pixel >= start) & (pixel < start + length)
    return torch.from_numpy((weight / weight.sum(axis=2, keepdims=True)).astype(np.float32))


def blur_weights(sigma: np.ndarray, size: int) -> Tensor:
    """Weights (B, size, size) of a Gaussian blur of sd `sigma` (B,) pixels; at the edge over what is inside."""
    distance = np.arange(size)[:, None] - np.arange(size)
    weight = np.exp(-0.5 * (distance / sigma[:, None, None]) ** 2)
    return torch.from_numpy((weight / weight.sum(axis=2, keepdims=True)).astype(np.float32))
