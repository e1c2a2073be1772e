"""The form of every augmentation: steps on a whole batch of tensors, each row's chances drawn from its own key.

An `Augmentation` is a function (tensor, keys) -> tensor. Keys come from (seed, epoch, index), so a row is augmented
alike whatever stands beside it, in whichever process. Pictures are (B, 3, H, W) with levels 0 .. 255, uint8 or float;
other modalities add steps of their own that keep to the same form.

Where a view comes from is told by a matrix a row, `theta` (B, 2, 3): places of the output -> places of the input, both
as (x, y) with -1 .. 1 from edge to edge, the convention of `torch.nn.functional.affine_grid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws
from jointspace.errors import ConfigError

_CHUNK = 1 << 19  # numbers that are worked on at a time


@dataclass(frozen=True)
class Step:
    """One operation. `name`: in recipes; `chances`: how many uniform numbers a row it uses."""

    name: ClassVar[str]
    chances: ClassVar[int] = 0

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise ConfigError for values that make no sense."""

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """x (B, ...), u (B, chances) in [0, 1) -> the new x and its theta (B, 2, 3), None where nothing moves."""
        raise TypeError(f"{type(self).__name__} defines no apply")

    def output_size(self, size: tuple[int, int] | None) -> tuple[int, int] | None:
        """(H, W) that comes out where (H, W), None = unknown, goes in."""
        return size

    def describe(self) -> dict[str, Any]:
        """The recipe's form."""
        return {"name": self.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}}


class Augmentation:
    """Steps in order. `augmentation(x, keys)` -> x; `run(x, keys)` -> x and theta. Picklable, without state."""

    def __init__(self, steps: Sequence[Step]):
        self.steps = tuple(steps)

    def __call__(self, x: Tensor, keys: np.ndarray) -> Tensor:
        """x (B, ...) on the CPU, keys (B,) uint64, one a row -> augmented x; B stays, H and W may change."""
        return self.run(x, keys)[0]

    def run(self, x: Tensor, keys: np.ndarray) -> tuple[Tensor, Tensor]:
        """The augmented x, and theta (B, 2, 3) of all steps together (see above; `box_and_flip` reads it)."""
        if len(x) != len(keys):
            raise ValueError(f"augmentation: {len(keys)} keys for {len(x)} rows")
        size = max(1, _CHUNK // max(1, x[:1].numel()))  # rows are apart, so a few at a time: they stay in the cache
        chunks = [self._chunk(x[i : i + size], keys[i : i + size]) for i in range(0, max(1, len(x)), size)]
        return torch.cat([x for x, _ in chunks]), torch.cat([theta for _, theta in chunks])

    def _chunk(self, x: Tensor, keys: np.ndarray) -> tuple[Tensor, Tensor]:
        total = torch.eye(3).expand(len(x), 3, 3)
        for number, step in enumerate(self.steps):
            x, theta = step.apply(x, draws.uniform(keys, step.chances, stream=number))
            if theta is not None:
                total = total @ torch.cat([theta, total.new_tensor([[[0, 0, 1.0]]]).expand(len(x), 1, 3)], dim=1)
        return x, total[:, :2]

    @property
    def size(self) -> tuple[int, int] | None:
        """(H, W) of what comes out; None where that hangs on what goes in."""
        size = None
        for step in self.steps:
            size = step.output_size(size)
        return size

    def describe(self) -> list[dict[str, Any]]:
        """The recipe's form."""
        return [step.describe() for step in self.steps]

    def __repr__(self) -> str:
        return f"Augmentation({', '.join(step.name for step in self.steps)})"


def box_and_flip(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Crop box (B, 4) as x0, y0, x1, y1 in shares 0 .. 1 of the input's sides, and whether it is mirrored (B,) bool.

    Where a view is rotated the box is the smallest upright one around it.
    """
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]])
    places = (corners @ theta.mT + 1) / 2  # (B, 4, 2)
    box = torch.cat([places.amin(dim=1), places.amax(dim=1)], dim=1)
    return box, torch.linalg.det(theta[:, :, :2]) < 0


def crop_theta(left: np.ndarray, top: np.ndarray, width: Any, height: Any, size: tuple[int, int]) -> Tensor:
    """theta of boxes given in pixels of an (H, W) picture: four arrays (B,) or numbers -> (B, 2, 3)."""
    rows, columns = size
    theta = np.zeros((len(left), 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 1, 1] = np.asarray(width) / columns, np.asarray(height) / rows
    theta[:, 0, 2] = (2 * left + width) / columns - 1
    theta[:, 1, 2] = (2 * top + height) / rows - 1
    return torch.from_numpy(theta)


def pair(step: str, option: str, value: Any) -> tuple[int, int]:
    """A side, or [height, width], as (height, width). ConfigError where it is neither."""
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if len(sides) != 2 or any(not isinstance(s, int) or isinstance(s, bool) or s < 1 for s in sides):
        raise ConfigError(f"augment {step}: {option} must be a number of pixels or [height, width], got {value!r}")
    return sides  # type: ignore[return-value]


def chosen(u: np.ndarray, p: float) -> Tensor:
    """Rows that an event of probability p falls on: indices, from one chance a row."""
    return torch.from_numpy(np.flatnonzero(u < p))


def check_share(step: str, option: str, value: float) -> None:
    """ConfigError unless 0 <= value <= 1."""
    if not 0 <= value <= 1:
        raise ConfigError(f"augment {step}: {option} must lie in 0 .. 1, got {value}")


def check_range(step: str, option: str, value: Any, lowest: float = -np.inf) -> None:
    """ConfigError unless value is (low, high) with lowest <= low <= high."""
    if len(value) != 2 or not lowest <= value[0] <= value[1]:
        least = f" from {lowest:g}" if np.isfinite(lowest) else ""
        raise ConfigError(f"augment {step}: {option} must be [low, high]{least}, got {list(value)}")
