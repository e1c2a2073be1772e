"""Steps that change levels, not places: colour jitter, greyscale, blur, solarise, erase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jointspace.data.augment.base import Step, check_range, check_share, chosen
from jointspace.errors import ConfigError

_GREY = np.array([0.299, 0.587, 0.114])  # luminance of red, green, blue (ITU-R BT.601), as in Pillow
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True)
class ColourJitter(Step):
    """Brightness, contrast, saturation (factors of [low, high], or 1 - a .. 1 + a), hue (up to that share of the
    colour circle either way), in this order, with probability p.

    The four are linear in the pixel, so that each picture gets one 3 x 3 matrix. Hue turns about the grey axis and
    keeps luminance; levels are clipped to 0 .. 255 once, at the end.
    """

    brightness: float | tuple[float, float] = 0.0
    contrast: float | tuple[float, float] = 0.0
    saturation: float | tuple[float, float] = 0.0
    hue: float = 0.0
    p: float = 1.0
    name = "colour_jitter"
    chances = 5

    def check(self) -> None:
        check_share(self.name, "p", self.p)
        for option in ("brightness", "contrast", "saturation"):
            check_range(self.name, option, self._range(option), 0)
        if not 0 <= self.hue <= 0.5:
            raise ConfigError(f"augment {self.name}: hue must lie in 0 .. 0.5, got {self.hue}")

    def _range(self, option: str) -> tuple[float, float]:
        value = getattr(self, option)
        return (max(0.0, 1 - value), 1 + value) if isinstance(value, int | float) else tuple(value)

    def matrices(self, u: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Matrix (B, 3, 3) and offset (B, 3) of each picture; mean (B, 3): its mean colour."""
        brightness, contrast, saturation = (
            low + u[:, k] * (high - low)
            for k, (low, high) in enumerate(map(self._range, ("brightness", "contrast", "saturation")))
        )
        grey = np.ones((3, 1)) * _GREY  # a colour -> its grey
        eye = np.eye(3)
        colour = saturation[:, None, None] * eye + (1 - saturation)[:, None, None] * grey
        turn = (2 * u[:, 3] - 1) * self.hue * 2 * np.pi
        rotation = np.zeros((len(u), 3, 3))
        rotation[:, 0, 0] = 1
        rotation[:, 1, 1] = rotation[:, 2, 2] = np.cos(turn)
        rotation[:, 1, 2], rotation[:, 2, 1] = -np.sin(turn), np.sin(turn)
        colour = (np.linalg.inv(_YIQ) @ rotation @ _YIQ) @ colour
        level = (1 - contrast) * brightness * (mean @ _GREY)  # contrast pulls towards the mean grey
        return colour * (contrast * brightness)[:, None, None], (colour @ (level[:, None, None] * np.ones((3, 1))))[
            ..., 0
        ]

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        rows, x = chosen(u[:, 4], self.p), x.to(torch.float32, copy=True)
        if len(rows):
            some = x if len(rows) == len(x) else x[rows]
            mean = some.mean(dim=(2, 3)).numpy().astype(np.float64)
            matrix, offset = (torch.from_numpy(a).float() for a in self.matrices(u[rows.numpy()], mean))
            x[rows] = torch.baddbmm(offset[:, :, None], matrix, some.flatten(2)).clamp_(0, 255).view_as(some)
        return x, None


@dataclass(frozen=True)
class Grayscale(Step):
    """All three channels become the luminance, with probability p."""

    p: float = 0.2
    name = "grayscale"
    chances = 1

    def check(self) -> None:
        check_share(self.name, "p", self.p)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        rows, x = chosen(u[:, 0], self.p), x.to(torch.float32, copy=True)
        red, green, blue = x[rows].unbind(dim=1)
        x[rows] = (_GREY[0] * red + _GREY[1] * green + _GREY[2] * blue)[:, None].expand(-1, 3, -1, -1)
        return x, None


@dataclass(frozen=True)
class Blur(Step):
    """Gaussian blur with a standard deviation of [low, high] pixels, with probability p."""

    sigma: tuple[float, float] = (0.1, 2.0)
    p: float = 0.5
    name = "blur"
    chances = 2

    def check(self) -> None:
        check_share(self.name, "p", self.p)
        check_range(self.name, "sigma", self.sigma, 1e-3)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        x = x.to(torch.float32, copy=True)
        for i in chosen(u[:, 1], self.p).tolist():
            sigma = self.sigma[0] + u[i, 0] * (self.sigma[1] - self.sigma[0])
            across, down = (_blur_weights(sigma, size) for size in (x.shape[3], x.shape[2]))
            x[i] = down @ (x[i] @ across.mT)
        return x, None


def _blur_weights(sigma: float, size: int) -> Tensor:
    """Weights (size, size) of a Gaussian blur of sd `sigma` pixels; at the edge over what is inside.

    A matrix product by them is faster than a convolution up to some hundreds of pixels.
    """
    bell = np.exp(-0.5 * (np.arange(1 - size, size) / sigma) ** 2)
    bell[bell < 1e-9] = 0  # denormal numbers would make the product some twenty times as slow
    weight = torch.from_numpy(bell.astype(np.float32)).unfold(0, size, 1).flip(0)  # row i: the bell about i
    return weight / weight.sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class Solarise(Step):
    """Levels from `threshold` on are inverted (255 - level), with probability p."""

    threshold: float = 128.0
    p: float = 0.2
    name = "solarise"
    chances = 1

    def check(self) -> None:
        check_share(self.name, "p", self.p)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        rows, x = chosen(u[:, 0], self.p), x.clone()
        some = x[rows]
        x[rows] = torch.where(some >= self.threshold, 255 - some, some)
        return x, None


@dataclass(frozen=True)
class Erase(Step):
    """A rectangle of a random share `scale` of the area and ratio of height to width in `ratio` becomes grey level
    `value`, with probability p. Zhong et al., arXiv 1708.04896."""

    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float = 0.0
    p: float = 0.5
    name = "erase"
    chances = 5

    def check(self) -> None:
        check_share(self.name, "p", self.p)
        check_range(self.name, "scale", self.scale, 0)
        check_range(self.name, "ratio", self.ratio, 1e-3)

    def apply(self, x: Tensor, u: np.ndarray) -> tuple[Tensor, None]:
        height, width = x.shape[2:]
        area = (self.scale[0] + u[:, 0] * (self.scale[1] - self.scale[0])) * height * width
        low, high = np.log(self.ratio[0]), np.log(self.ratio[1])
        ratio = np.exp(low + u[:, 1] * (high - low))
        h = np.clip(np.rint(np.sqrt(area * ratio)), 1, height).astype(np.int64)
        w = np.clip(np.rint(np.sqrt(area / ratio)), 1, width).astype(np.int64)
        top, left = (u[:, 2] * (height - h + 1)).astype(np.int64), (u[:, 3] * (width - w + 1)).astype(np.int64)
        x = x.clone()
        for i in chosen(u[:, 4], self.p).tolist():
            x[i, :, top[i] : top[i] + h[i], left[i] : left[i] + w[i]] = self.value
        return x, None
