"""What the picture adds to the rows of `world/scenes` beside itself: masks, classes, depth, crops, larger pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.errors import ConfigError, nearest
from jointspace.world import image
from jointspace.world.base import Columns, check_names, check_range
from jointspace.world.config import OBJECT, WorldConfig
from jointspace.world.scene import Scenes, relations

FIELDS = {
    "true_label": "the label before label_noise",
    "masks": "visible pixels of each object, (objects, H, W) bool",
    "semantic": "class of each pixel, (H, W) uint8: 0 = background, 1 + index of the value, 255 = ignore",
    "depth": "distance from the camera, (H, W) float32: 1 = background, less = nearer",
    "background": "name of the background",
    "style": "name of the style it is drawn in",
    "relations": "what holds between objects: name, a, b (numbers of objects)",
    "image_large": "the same scene, (zoom H, zoom W, 3) uint8",
    "image_crop": "one object cut out and brought to the picture's size",
    "crop_object": "number of the object in image_crop",
}


@dataclass(frozen=True)
class PixelControls:
    """semantic_by: attribute that `semantic` tells apart; unlabelled: its values that get no class (255). zoom: how
    much larger image_large is. crop_padding: what image_crop shows around the box, as a share of its side.
    """

    semantic_by: str = "shape"
    unlabelled: tuple[str, ...] = ()
    zoom: int = 2
    crop_padding: float = 0.15

    def __post_init__(self) -> None:
        check_names("scenes", "semantic_by", self.semantic_by, OBJECT)
        check_range("scenes", "zoom", self.zoom, 1, 8)
        check_range("scenes", "crop_padding", self.crop_padding, 0, 1)

    def check_unlabelled(self, config: WorldConfig) -> None:
        """ConfigError for a value that is not in use."""
        values = config.values(self.semantic_by)
        for name in self.unlabelled:
            if name not in values:
                raise ConfigError(f"world/scenes: unlabelled: no {self.semantic_by} {name!r}{nearest(name, values)}")


@dataclass(frozen=True)
class Seen:
    """The pictures of a block of scenes; what several fields need is made once, and only if asked for."""

    scenes: Scenes
    controls: PixelControls

    def columns(self, fields: Sequence[str]) -> Columns:
        """Those of `fields` that are of the picture."""
        return {name: _MAKE[name](self) for name in fields if name in _MAKE}

    @cached_property
    def pictures(self) -> np.ndarray:
        """(B, H, W, 3) uint8."""
        return image.render(self.scenes)

    @cached_property
    def masks(self) -> np.ndarray:
        """(B, K, H, W) bool."""
        return image.masks(self.scenes)

    @cached_property
    def boxes(self) -> np.ndarray:
        """(B, K, 4) int32."""
        return image.boxes(self.masks)

    @cached_property
    def cut(self) -> np.ndarray:
        """(B,) number of the object that image_crop shows: one that can be seen."""
        seen = self.masks.any(axis=(2, 3))
        order = uniform(key(0, self.scenes.keys, "crop"), seen.shape[1]) - 2 * seen
        return order.argmin(axis=1)

    def each(self, make: Callable[[int], Any]) -> list[Any]:
        """`make(i)` for each scene."""
        return [make(i) for i in range(len(self.scenes))]


def labels(scenes: Scenes) -> tuple[list[str], list[str]]:
    """(label, true label) of each scene: colour and shape of the first object; wrong with chance `label_noise`."""
    c = scenes.config
    colour, shape = scenes.colour[:, 0], scenes.shape[:, 0]
    true = [f"{c.colours[a]} {c.shapes[b]}" for a, b in zip(colour, shape, strict=True)]
    if not c.label_noise:
        return true, true
    keys, total = key(0, scenes.keys, "label noise"), len(c.colours) * len(c.shapes)
    wrong = uniform(keys, 1)[:, 0] < c.label_noise
    other = (colour * len(c.shapes) + shape + 1 + integers(keys, max(1, total - 1), 1, stream=1)[:, 0]) % total
    noisy = [f"{c.colours[o // len(c.shapes)]} {c.shapes[o % len(c.shapes)]}" for o in other]
    return [n if w else t for n, w, t in zip(noisy, wrong, true, strict=True)], true


def crops(pictures: np.ndarray, boxes: np.ndarray, size: int, padding: float = 0.0) -> np.ndarray:
    """Squares around boxes (B, 4) of pictures (B, H, W, 3), brought to (B, size, size, 3) uint8 by bilinear sampling.

    padding: how much is shown around the longer side, as a share of it; beyond the picture its border repeats.
    """
    x0, y0, x1, y1 = boxes.astype(np.float64).T
    side = np.maximum(np.maximum(x1 - x0, y1 - y0) * (1 + 2 * padding), 2.0)
    steps = (np.arange(size) + 0.5) / size - 0.5
    xs = ((x0 + x1) / 2)[:, None] + side[:, None] * steps - 0.5  # (B, size)
    ys = ((y0 + y1) / 2)[:, None] + side[:, None] * steps - 0.5
    return np.clip(sampled(pictures, ys[:, :, None], xs[:, None, :]) + 0.5, 0, 255).astype(np.uint8)


def sampled(pictures: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Pictures (B, H, W, C) read at places y, x (B, h, w after broadcasting) between pixel centres: float32."""
    height, width = pictures.shape[1:3]
    y, x = np.broadcast_arrays(np.clip(y, 0, height - 1), np.clip(x, 0, width - 1))
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = (y - top).astype(np.float32)[..., None], (x - left).astype(np.float32)[..., None]
    low, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    b = np.arange(len(pictures))[:, None, None]
    above = pictures[b, top, left] * (1 - fx) + pictures[b, top, right] * fx
    below = pictures[b, low, left] * (1 - fx) + pictures[b, low, right] * fx
    return above * (1 - fy) + below * fy


def _crop(seen: Seen) -> np.ndarray:
    boxes = seen.boxes[np.arange(len(seen.scenes)), seen.cut]
    return crops(seen.pictures, boxes, seen.scenes.config.size, seen.controls.crop_padding)


def _relations(seen: Seen) -> list[list[dict[str, Any]]]:
    return seen.each(lambda i: [{"name": name, "a": a, "b": b} for name, a, b in relations(seen.scenes, i)])


_MAKE: dict[str, Callable[[Seen], Any]] = {
    "image": lambda s: s.pictures,
    "boxes": lambda s: s.each(lambda i: s.boxes[i, : s.scenes.count[i]].tolist()),
    "objects": lambda s: s.each(s.scenes.objects),
    "label": lambda s: labels(s.scenes)[0],
    "true_label": lambda s: labels(s.scenes)[1],
    "masks": lambda s: s.each(lambda i: s.masks[i, : s.scenes.count[i]]),
    "semantic": lambda s: image.semantic(s.scenes, s.masks, s.controls.semantic_by, s.controls.unlabelled),
    "depth": lambda s: image.depth(s.scenes, s.masks),
    "background": lambda s: s.each(lambda i: s.scenes.config.backgrounds[s.scenes.background[i]]),
    "style": lambda s: s.each(lambda i: s.scenes.config.styles[s.scenes.style[i]]),
    "relations": _relations,
    "image_large": lambda s: image.render(image.resized(s.scenes, s.controls.zoom * s.scenes.config.size)),
    "image_crop": _crop,
    "crop_object": lambda s: s.cut,
}
