"""Steps that move pixels: resize, crops, flip, rotation and its kin. Crops and flips are exact, on any type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.data.augment.base import Step, check_range, check_share, chosen, crop_theta, pair
from jointspace.errors import ConfigError

_TRIES = 10  # of a random resized crop, before the largest crop of an allowed ratio is taken


@dataclass(frozen=True)
class Resize(Step):
    """To `size` (side, or [height, width]), antialiased; the ratio of the sides is not kept."""

    size: int | tuple[int, int] = 224
    name = "resize"

    def check(self) -> None:
        pair(self.name, "size", self.size)

    def output_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        return pair(self.name, "size", self.size)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        size = self.output_size(None)
        return (x if size == _size(x) else _resized(x, size)), None


@dataclass(frozen=True)
class CentreCrop(Step):
    """The middle `size`; where the surplus is odd, the one pixel stays at the bottom and right."""

    size: int | tuple[int, int] = 224
    name = "centre_crop"

    def check(self) -> None:
        pair(self.name, "size", self.size)

    def output_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        return pair(self.name, "size", self.size)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor]:
        h, w = _fitting(self.name, self.output_size(None), x)
        top, left = (x.shape[2] - h) // 2, (x.shape[3] - w) // 2
        every = np.full(len(x), 1)
        return x[:, :, top : top + h, left : left + w], crop_theta(left * every, top * every, w, h, _size(x))


@dataclass(frozen=True)
class RandomCrop(Step):
    """A window of `size`, each place as likely. padding: pixels of grey level `fill` put around the picture first
    (`mode="constant"`), or its own mirrored ("reflect") or edge ("replicate") pixels."""

    size: int | tuple[int, int] = 32
    padding: int = 0
    fill: float = 0.0
    mode: str = "constant"
    name = "random_crop"
    chances = 2

    def check(self) -> None:
        pair(self.name, "size", self.size)
        if self.padding < 0:
            raise ConfigError(f"augment {self.name}: padding must not be negative, got {self.padding}")
        if self.mode not in ("constant", "reflect", "replicate"):
            raise ConfigError(f"augment {self.name}: mode must be constant, reflect or replicate, got {self.mode!r}")

    def output_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        return pair(self.name, "size", self.size)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor]:
        before = _size(x)
        if self.padding:
            around, fill = (self.padding,) * 4, self.fill if self.mode == "constant" else None
            # Mirroring is written for floats only; levels come back unchanged.
            wide = x if fill is not None else x.to(torch.float32)
            x = F.pad(wide, around, mode=self.mode, value=fill).to(x.dtype)
        h, w = _fitting(self.name, self.output_size(None), x)
        top = (u[:, 0] * (x.shape[2] - h + 1)).astype(np.int64)
        left = (u[:, 1] * (x.shape[3] - w + 1)).astype(np.int64)
        out = x.new_empty((*x.shape[:2], h, w))
        for i, (t, l) in enumerate(zip(top.tolist(), left.tolist(), strict=True)):
            out[i] = x[i, :, t : t + h, l : l + w]
        return out, crop_theta(left - self.padding, top - self.padding, w, h, before)


@dataclass(frozen=True)
class RandomResizedCrop(Step):
    """A window of a random share `scale` of the area and a random ratio of width to height (log-uniform in `ratio`),
    resized to `size`, antialiased. Source of the drawing: Szegedy et al., arXiv 1409.4842, as it is used since."""

    size: int | tuple[int, int] = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    name = "random_resized_crop"
    chances = 2 * _TRIES + 2

    def check(self) -> None:
        pair(self.name, "size", self.size)
        check_range(self.name, "scale", self.scale, 0)
        check_range(self.name, "ratio", self.ratio, 1e-3)
        if not 0 < self.scale[1] <= 1:
            raise ConfigError(f"augment {self.name}: scale must lie in 0 .. 1, got {list(self.scale)}")

    def output_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        return pair(self.name, "size", self.size)

    def boxes(self, u: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """left, top, width, height in pixels, (B,) int64 each: the first of ten draws that fits into the picture."""
        rows, columns = size
        area = (self.scale[0] + u[:, :_TRIES] * (self.scale[1] - self.scale[0])) * rows * columns
        low, high = np.log(self.ratio[0]), np.log(self.ratio[1])
        ratio = np.exp(low + u[:, _TRIES : 2 * _TRIES] * (high - low))
        width = np.rint(np.sqrt(area * ratio)).astype(np.int64)
        height = np.rint(np.sqrt(area / ratio)).astype(np.int64)
        fits = (width >= 1) & (height >= 1) & (width <= columns) & (height <= rows)
        first = np.argmax(fits, axis=1)[:, None]
        width, height = (np.take_along_axis(a, first, axis=1)[:, 0] for a in (width, height))
        nearest = np.clip(columns / rows, *self.ratio)  # none fits: the largest window of an allowed ratio
        largest = (min(columns, round(rows * nearest)), min(rows, round(columns / nearest)))
        width, height = (np.where(fits.any(axis=1), a, b) for a, b in zip((width, height), largest, strict=True))
        left = (u[:, -2] * (columns - width + 1)).astype(np.int64)
        top = (u[:, -1] * (rows - height + 1)).astype(np.int64)
        return left, top, width, height

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor]:
        size = self.output_size(None)
        boxes = self.boxes(u, _size(x))
        out = x.new_empty((*x.shape[:2], *size))
        for i, (l, t, w, h) in enumerate(np.stack(boxes, axis=1).tolist()):
            out[i] = _resized(x[i : i + 1, :, t : t + h, l : l + w], size)[0]
        return out, crop_theta(*boxes, _size(x))


@dataclass(frozen=True)
class Flip(Step):
    """Mirrored with probability p: left and right, or (`vertical`) top and bottom."""

    p: float = 0.5
    vertical: bool = False
    name = "flip"
    chances = 1

    def check(self) -> None:
        check_share(self.name, "p", self.p)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor]:
        rows, axis = chosen(u[:, 0], self.p), 1 if self.vertical else 0
        theta = torch.eye(2, 3).repeat(len(x), 1, 1)
        theta[rows, axis, axis] = -1
        x = x.clone()
        x[rows] = x[rows].flip(3 - axis)
        return x, theta


@dataclass(frozen=True)
class Affine(Step):
    """Rotated by up to `degrees` either way, moved by up to the shares `translate` of (width, height), enlarged by a
    factor of `scale`, sheared by up to `shear` degrees; about the middle, bilinear, with probability p.

    Outside the picture is grey level `fill`.
    """

    degrees: float = 0.0
    translate: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    p: float = 1.0
    fill: float = 0.0
    name = "affine"
    chances = 6

    def check(self) -> None:
        check_share(self.name, "p", self.p)
        check_range(self.name, "scale", self.scale, 1e-3)
        if len(self.translate) != 2 or min(self.translate) < 0 or max(self.translate) > 1:
            raise ConfigError(f"augment {self.name}: translate must be two shares of 0 .. 1, got {self.translate}")

    def matrices(self, u: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """theta (B, 2, 3): the inverse of turn, shear, enlarge, move, in pixels about the middle."""
        rows, columns = size
        turn, shear = ((2 * v - 1) * np.deg2rad(most) for v, most in zip(u.T, (self.degrees, self.shear), strict=False))
        scale = self.scale[0] + u[:, 2] * (self.scale[1] - self.scale[0])
        move = (2 * u[:, 3:5] - 1) * np.array(self.translate) * (columns, rows)
        cos, sin, tan = np.cos(turn), np.sin(turn), np.tan(shear)
        forward = np.stack([cos, -sin + cos * tan, sin, cos + sin * tan], axis=1).reshape(-1, 2, 2)
        back = np.linalg.inv(forward * scale[:, None, None])
        half = np.array([columns, rows]) / 2
        linear = back * half / half[:, None]
        shift = -(back @ move[:, :, None])[:, :, 0] / half
        return np.concatenate([linear, shift[:, :, None]], axis=2).astype(np.float32)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, Tensor]:
        theta = torch.eye(2, 3).repeat(len(x), 1, 1)
        rows = chosen(u[:, 5], self.p)
        theta[rows] = torch.from_numpy(self.matrices(u, _size(x)))[rows]
        moved = x[rows].to(torch.float32) - self.fill
        if len(rows):
            grid = F.affine_grid(theta[rows], list(moved.shape), align_corners=False)
            moved = F.grid_sample(moved, grid, padding_mode="zeros", align_corners=False) + self.fill
        return x.to(torch.float32).index_copy(0, rows, moved), theta


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Antialiased triangle filter, what Pillow calls bilinear; bytes stay bytes, which is several times as fast."""
    if x.dtype == torch.uint8:
        x = x.contiguous(memory_format=torch.channels_last)
    return F.interpolate(x, size, mode="bilinear", antialias=True)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def _fitting(step: str, size: tuple[int, int], x: Tensor) -> tuple[int, int]:
    if size[0] > x.shape[2] or size[1] > x.shape[3]:
        raise ConfigError(f"augment {step}: size {list(size)} is larger than the pictures ({list(_size(x))})")
    return size
