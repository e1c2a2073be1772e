"""Maps from a new space to an old one that need no training: the baselines of every upgrade."""

from __future__ import annotations

import numpy as np
import torch

from jointspace.nn.procrustes import procrustes


def cut_or_pad(x: np.ndarray, dim: int) -> np.ndarray:
    """No alignment at all: the first `dim` entries, zeros where there are fewer."""
    return _unit(np.pad(x[:, :dim], ((0, 0), (0, max(0, dim - x.shape[1])))))


def least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(d_n, d_o) of the smallest |x W - y|."""
    return np.linalg.lstsq(x.astype(np.float64), y.astype(np.float64), rcond=None)[0]


def orthogonal(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(d_n, d_o), rectangular orthogonal Procrustes."""
    return procrustes(torch.from_numpy(np.asarray(x)), torch.from_numpy(np.asarray(y))).numpy()


def mapped(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x W at unit length."""
    return _unit(x @ matrix)


def between(old: np.ndarray, aligned: np.ndarray, t: float = 0.5) -> np.ndarray:
    """Point at share t of the arc from old to aligned query vectors, row by row: needs both models at query time."""
    angle = np.arccos(np.clip((old * aligned).sum(axis=1, keepdims=True), -1, 1))
    bent = angle > 1e-3  # below, the arc is a straight line
    sine = np.where(bent, np.sin(angle), 1.0)
    first = np.where(bent, np.sin((1 - t) * angle) / sine, 1 - t)
    second = np.where(bent, np.sin(t * angle) / sine, t)
    return _unit(first * old + second * aligned)


def _unit(x: np.ndarray) -> np.ndarray:
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)
