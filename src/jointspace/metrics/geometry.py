"""The shape of a joint space in three numbers: alignment, uniformity, modality gap."""

from __future__ import annotations

import numpy as np


def alignment(x: np.ndarray, y: np.ndarray, *, power: float = 2.0) -> float:
    """Mean of |x_i - y_i|^power over matching rows of unit length; 0 is perfect.

    x, y (N, D). Wang and Isola, "Understanding contrastive representation learning through alignment and uniformity on
    the hypersphere", ICML 2020, arXiv 2005.10242. ValueError where shapes differ.
    """
    x, y = _unit(x), _unit(y)
    if x.shape != y.shape:
        raise ValueError(f"alignment: shapes differ, {x.shape} and {y.shape}")
    return float((np.square(x - y).sum(axis=1) ** (power / 2)).mean())


def uniformity(x: np.ndarray, *, t: float = 2.0, block: int = 2048) -> float:
    """log of the mean of exp(-t |x_i - x_j|^2) over all pairs i < j; lower is more uniform (same paper).

    x (N, D), N >= 2, rows brought to unit length; N x N pairs are visited in blocks. 0 where all are equal.
    """
    x = _unit(x)
    n = len(x)
    if n < 2:
        raise ValueError(f"uniformity: needs two rows, got {n}")
    total = 0.0
    for start in range(0, n, block):
        square = np.maximum(2 - 2 * (x[start : start + block] @ x.T), 0)
        total += float(np.exp(-t * square, dtype=np.float64).sum())
    return float(np.log((total - n) / (n * (n - 1))))


def modality_gap(x: np.ndarray, y: np.ndarray) -> float:
    """Distance of the two centroids of unit rows x (N, D), y (M, D), from 0 to 2.

    Liang et al., "Mind the gap", NeurIPS 2022, arXiv 2203.02053.
    """
    return float(np.linalg.norm(_unit(x).mean(axis=0) - _unit(y).mean(axis=0)))


def _unit(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"expected (N, D), got {x.shape}")
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
