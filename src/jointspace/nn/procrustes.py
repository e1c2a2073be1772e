"""The orthogonal map that takes one set of vectors onto another."""

from __future__ import annotations

import torch
from torch import Tensor


def procrustes(x: Tensor, y: Tensor) -> Tensor:
    """Semi-orthogonal R (D_x, D_y) that minimises |x R - y|: R = U V^T of the singular values of x^T y.

    x (N, D_x), y (N, D_y), rows that belong together; computed in float64. R^T R = I where D_x >= D_y, else R R^T = I.
    Schoenemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966.
    """
    u, _, v = torch.linalg.svd(x.double().T @ y.double(), full_matrices=False)
    return (u @ v).to(x.dtype)
