"""Pictures -> pixel tensors: decode, resize, augment, crop, normalise. Pillow and torch alone, no torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data.decode import decode_image
from jointspace.data.processor import Augmentation, Processor
from jointspace.errors import ConfigError, DataError, nearest

RESIZES = ("squash", "shortest", "longest-pad", "none")
INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}  # Pillow's numbers

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ImageProcessor(Processor):
    """Pictures in any form `decode_image` knows -> `{"": float32 (B, 3, H, W)}`, the same whatever the batch.

    size: side in pixels, or (height, width), after `resize`: "squash" to exactly that; "shortest": the shorter side
    becomes `size`, the other keeps the ratio; "longest-pad": the longer side becomes `size`, the rest is filled with
    grey level `fill` (0 .. 255), picture in the middle; "none": as it is. crop: side or (height, width) of the window
    cut from the middle after that, None = `size`. mean, std: per channel on the scale 0 .. 1.
    interpolation: a filter of Pillow (antialiased when shrinking). cache_mb: keep that many megabytes of resized
    pictures in memory, so that a small set is decoded once, not every epoch.
    """

    modality: ClassVar[str] = "image"

    def __init__(
        self,
        size: int | Sequence[int] = 224,
        *,
        resize: str = "squash",
        crop: int | Sequence[int] | None = None,
        interpolation: str = "bicubic",
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        fill: int = 255,
        cache_mb: int = 0,
    ):
        if resize not in RESIZES:
            raise ConfigError(f"image processor: no resize is called {resize!r}{nearest(resize, RESIZES)}")
        if interpolation not in INTERPOLATIONS:
            raise ConfigError(
                f"image processor: no interpolation is called {interpolation!r}{nearest(interpolation, INTERPOLATIONS)}"
            )
        self.size, self.crop = _pair("size", size), None if crop is None else _pair("crop", crop)
        if resize == "shortest" and self.size[0] != self.size[1]:
            raise ConfigError(f"image processor: resize 'shortest' takes one size, not {self.size}")
        self.resize, self.interpolation, self.fill, self.cache_mb = resize, interpolation, int(fill), int(cache_mb)
        self.mean, self.std = _channels("mean", mean), _channels("std", std)
        if min(self.std) <= 0:
            raise ConfigError(f"image processor: std must be positive, got {self.std}")
        self._scale = torch.tensor([1.0 / (255.0 * s) for s in self.std]).view(3, 1, 1)
        self._shift = torch.tensor([m / s for m, s in zip(self.mean, self.std, strict=True)]).view(3, 1, 1)
        self._cache: dict[Any, np.ndarray] = {}
        self._cached_bytes = 0

    @classmethod
    def from_preprocessor_config(cls, config: dict[str, Any]) -> ImageProcessor:
        """The same preparation as a Hugging Face `preprocessor_config.json`. ConfigError for steps that we lack."""
        from jointspace.data.preprocessor_config import read

        return cls(**read(config))

    @property
    def output_size(self) -> tuple[int, int]:
        """(H, W) of the pixels it makes."""
        return self.crop or self.size

    def config(self) -> dict[str, Any]:
        return dict(
            size=list(self.size), resize=self.resize, crop=None if self.crop is None else list(self.crop),
            interpolation=self.interpolation, mean=list(self.mean), std=list(self.std), fill=self.fill,
            cache_mb=self.cache_mb,
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": {}, "_cached_bytes": 0}  # workers fill a cache of their own

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """`{"": float32 (B, 3, H, W)}`. `augment` gets uint8 (B, 3, h, w) of `size` ("shortest": the middle square),
        and answers with levels 0 .. 255 of any type; what is larger than the output is cropped in the middle,
        unless the augmentation `keeps_size` (the small views of multi-crop).
        Raises DataError that names the picture, ConfigError where an augmentation leaves too few pixels.
        """
        if len(items) == 0:
            return {"": torch.zeros(0, 3, *self.output_size)}
        pictures = [self._resized(item, f"picture {i}" if len(items) > 1 else "") for i, item in enumerate(items)]
        if augment is None:
            x = _stack([_window(p, self.output_size, self.fill) for p in pictures])
        else:
            x = augment(_stack([_window(p, self._common_size(), self.fill) for p in pictures]), keys)  # type: ignore[arg-type]
            if not getattr(augment, "keeps_size", False):
                x = self._crop_tensor(x)
        return {"": x.to(torch.float32, memory_format=torch.contiguous_format).mul_(self._scale).sub_(self._shift)}

    def raw(self, items: Sequence[Any]) -> Tensor:
        """uint8 (B, 3, h, w): what an augmentation is given."""
        return _stack([_window(self._resized(item, f"picture {i}"), self._common_size(), self.fill)
                       for i, item in enumerate(items)])  # fmt: skip

    def _common_size(self) -> tuple[int, int]:
        return self.output_size if self.resize == "none" else self.size

    def _crop_tensor(self, x: Tensor) -> Tensor:
        height, width = self.output_size
        if x.dim() != 4 or x.shape[2] < height or x.shape[3] < width:
            raise ConfigError(
                f"augmentation gave pictures of shape {tuple(x.shape)}, but {height} x {width} pixels are wanted"
            )
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        return x[:, :, top : top + height, left : left + width]

    def _resized(self, item: Any, where: str) -> np.ndarray:
        """uint8 (h, w, 3), from the cache where it is there."""
        key = _key(item) if self.cache_mb else None
        if key is not None and key in self._cache:
            return self._cache[key]
        picture = decode_image(item, where)
        size = self._target(picture.width, picture.height)
        if min(size) < 1:
            raise DataError(f"{where or 'picture'}: {picture.width} x {picture.height} pixels cannot be resized")
        if size != (picture.width, picture.height):
            picture = picture.resize(size, resample=INTERPOLATIONS[self.interpolation])
        pixels = np.asarray(picture)
        if key is not None and self._cached_bytes + pixels.nbytes <= self.cache_mb * 2**20:
            self._cache[key] = pixels
            self._cached_bytes += pixels.nbytes
        return pixels

    def _target(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) to resize to; sides are cut to whole pixels as Hugging Face and torchvision do."""
        if self.resize == "squash":
            return self.size[1], self.size[0]
        if self.resize == "shortest":
            side = self.size[0]
            return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
        if self.resize == "longest-pad":
            ratio = min(self.size[0] / height, self.size[1] / width)
            return max(1, round(width * ratio)), max(1, round(height * ratio))
        return width, height


def _pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if len(sides) != 2 or any(not isinstance(side, int) or side < 1 for side in sides):
        raise ConfigError(f"image processor: {name} must be a number of pixels or [height, width], got {value!r}")
    return sides  # type: ignore[return-value]


def _channels(name: str, value: Sequence[float]) -> tuple[float, float, float]:
    numbers = (value,) * 3 if isinstance(value, int | float) else tuple(value)
    if len(numbers) != 3:
        raise ConfigError(f"image processor: {name} must have three numbers, got {value!r}")
    return tuple(float(v) for v in numbers)  # type: ignore[return-value]


def _window(pixels: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    """The (height, width) window in the middle of (h, w, 3); where the picture is smaller, `fill` all around it."""
    short = [max(0, want - have) for want, have in zip(size, pixels.shape, strict=False)]
    if any(short):
        around = [(-(-s // 2), s // 2) for s in short]  # the odd pixel goes first, as in Hugging Face
        pixels = np.pad(pixels, (*around, (0, 0)), constant_values=fill)
    top, left = (pixels.shape[0] - size[0]) // 2, (pixels.shape[1] - size[1]) // 2
    return pixels[top : top + size[0], left : left + size[1]]


def _stack(pictures: list[np.ndarray]) -> Tensor:
    """uint8 (h, w, 3) each -> (B, 3, h, w), contiguous."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def _key(item: Any) -> Any:
    """What a cached picture is found by: content of bytes, name, time and size of files; None = not to be cached."""
    if isinstance(item, dict):
        item = item["bytes"] if item.get("bytes") is not None else item.get("path")
    if isinstance(item, bytes):
        return blake2b(item, digest_size=16).digest()
    if isinstance(item, str | Path):
        try:
            stat = Path(item).stat()
        except OSError:
            return None  # decoding says what is wrong with it
        return str(item), stat.st_mtime_ns, stat.st_size
    return None
