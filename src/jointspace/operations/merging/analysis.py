"""Where merges lie: the loss over the plane of two task vectors, with the arc, the average and a search's path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jointspace.operations.merging.coefficients import slerp
from jointspace.operations.merging.task_vector import TaskVectors


@dataclass(frozen=True)
class Plane:
    """theta_0 + x V_i + y V_j: x (G,), y (G,), loss (G, G) with rows y; points as (x, y): arc (P, 2), average, path."""

    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    arc: np.ndarray
    average: np.ndarray
    path: np.ndarray


def plane(
    vectors: TaskVectors,
    pair: tuple[int, int],
    loss: Callable[[Mapping[str, Tensor]], float],
    *,
    size: int = 20,
    reach: float = 1.5,
    path: Sequence[Sequence[float]] = (),
) -> Plane:
    """Loss of `size` x `size` models from -0.5 to `reach` along two of the task vectors; `loss(state)` judges one.

    path: coefficients (N,) of a search, step by step; their entries of the pair are kept.
    """
    i, j = pair
    axis = np.linspace(-0.5, reach, size)
    grid = np.empty((size, size))
    for row, y in enumerate(axis):
        for column, x in enumerate(axis):
            c = torch.zeros(len(vectors), dtype=torch.float64)
            c[i], c[j] = x, y
            grid[row, column] = loss(vectors.compose(c))
    gram = vectors.gram()[[i, j]][:, [i, j]]
    shares = torch.linspace(0.001, 0.999, 50, dtype=torch.float64)
    arc = torch.stack([slerp(torch.stack([1 - t, t]), gram) for t in shares]).numpy()
    kept = np.array([[c[i], c[j]] for c in path], dtype=float).reshape(-1, 2)
    return Plane(axis, axis, grid, arc, np.array([0.5, 0.5]), kept)


def angle_ratio(joint: Tensor, first: Tensor, second: Tensor) -> float:
    """Angle of a joint model's flat task vector to one single-task vector over its angle to the other.

    Below 1 where the joint model leans to the first (the paper: the one with more rows).
    """

    def angle(a: Tensor, b: Tensor) -> Tensor:
        return torch.arccos((a @ b / a.norm() / b.norm()).clamp(-1, 1))

    return float(angle(joint, first) / angle(joint, second))
