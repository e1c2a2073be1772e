"""Mixtures of two rows of a batch, with the weight that soft targets need: mixup and cutmix.

Which rows meet depends on the batch, so these are drawn inside the step, by (seed, step), on any device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws


def mixup(x: Tensor, key: np.uint64, alpha: float = 0.8) -> tuple[Tensor, Tensor, Tensor]:
    """Each row mixed with a partner: weight x own + (1 - weight) x partner's; Zhang et al., arXiv 1710.09412.

    x (B, ...) float; key: `draws.key(seed, step)`; alpha: of the Beta distribution of the weights, one a row.
    Returns the mixtures (B, ...), partner (B,) int64, and weight (B,) of the row's own target.
    """
    partner = torch.from_numpy(_partner(len(x), key)).to(x.device)
    weight = torch.from_numpy(_beta(len(x), key, alpha)).to(x)
    own = weight.view(-1, *[1] * (x.dim() - 1))
    return own * x + (1 - own) * x[partner], partner, weight


def cutmix(x: Tensor, key: np.uint64, alpha: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """A rectangle of each picture is its partner's; Yun et al., arXiv 1905.04899. Arguments and answer as `mixup`.

    x (B, C, H, W) of any type; the weight is the exact share of pixels that are the row's own.
    """
    rows, columns = x.shape[2:]
    partner = torch.from_numpy(_partner(len(x), key)).to(x.device)
    side = np.sqrt(1 - _beta(len(x), key, alpha))
    h, w = np.rint(rows * side).astype(np.int64), np.rint(columns * side).astype(np.int64)
    u = draws.uniform(draws.key(key, "place", np.arange(len(x))), 2)
    top, left = (u[:, 0] * (rows - h + 1)).astype(np.int64), (u[:, 1] * (columns - w + 1)).astype(np.int64)
    out = x.clone()
    for i in range(len(x)):
        window = (slice(None), slice(top[i], top[i] + h[i]), slice(left[i], left[i] + w[i]))
        out[i][window] = x[partner[i]][window]
    weight = torch.from_numpy(1 - h * w / (rows * columns)).to(x.device, torch.float32)
    return out, partner, weight


def _partner(n: int, key: np.uint64) -> np.ndarray:
    """Another row for each row: the next one in a random circle (itself where there is but one)."""
    order = draws.permutation(draws.key(key, "partner"), n)
    partner = np.empty(n, dtype=np.int64)
    partner[order] = np.roll(order, -1)
    return partner


def _beta(n: int, key: np.uint64, alpha: float) -> np.ndarray:
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, draws.uniform(draws.key(key, "weight"), n))
