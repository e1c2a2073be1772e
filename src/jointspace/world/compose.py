"""Scenes of given pictures: any emoji, digit or photograph, with a name and a group, pasted on coloured grounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jointspace.data.draws import key, permutation, uniform
from jointspace.errors import ConfigError, nearest
from jointspace.world.config import BACKGROUNDS, COLOURS, WorldConfig
from jointspace.world.grounds import ground
from jointspace.world.image import boxes
from jointspace.world.pixels import sampled
from jointspace.world.scene import sample

LAYOUTS = ("grid", "free")
_SHARE = 0.86  # of a cell that a picture may fill


@dataclass(frozen=True)
class Library:
    """N pictures to paste: (N, h, w, 3 or 4) uint8 (the fourth channel is opacity), a name each and a group each.

    Raises ConfigError where the lengths differ.
    """

    pictures: np.ndarray
    names: Sequence[str]
    groups: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.pictures) == len(self.names) == len(self.groups):
            raise ConfigError(
                f"world: composer: {len(self.pictures)} pictures, {len(self.names)} names, {len(self.groups)} groups"
            )
        if self.pictures.ndim != 4 or self.pictures.shape[3] not in (3, 4):
            raise ConfigError(f"world: composer: pictures must be (N, h, w, 3 or 4), got {self.pictures.shape}")


@dataclass(frozen=True)
class Composing:
    """pictures: least and most a scene; cells: side of the grid that they stand in, one a cell. layout: "grid" (in the
    middle of the cell) or "free" (anywhere in it). colours: of the ground behind each cell; empty = one of
    `backgrounds` behind all. scale, turn: jitter of the size (share) and the angle (radians). size: pixels of a side.
    """

    pictures: tuple[int, int] = (3, 4)
    cells: int = 2
    layout: str = "grid"
    colours: tuple[str, ...] = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink")
    backgrounds: tuple[str, ...] = BACKGROUNDS
    scale: float = 0.15
    turn: float = 0.2
    size: int = 48

    def __post_init__(self) -> None:
        low, high = self.pictures
        if not 1 <= low <= high <= self.cells**2:
            raise ConfigError(f"world: composer: pictures must be within 1 to {self.cells**2}, got {low} to {high}")
        if self.layout not in LAYOUTS:
            raise ConfigError(f"world: composer: layout: no {self.layout!r}{nearest(self.layout, LAYOUTS)}")
        for name in self.colours:
            if name not in COLOURS:
                raise ConfigError(f"world: composer: colours: no {name!r}{nearest(name, COLOURS)}")
        if not 0 <= self.scale <= 0.5:
            raise ConfigError(f"world: composer: scale must be in 0 to 0.5, got {self.scale}")


@dataclass(frozen=True)
class Composed:
    """image (B, H, W, 3) uint8. For each scene's pictures, K of them, -1 or zeros beyond its count: item (B, K) number
    in the library, cell (B, K) row by row, colour (B, K) index into `colours` (-1 = textured ground), boxes (B, K, 4)
    int32 x0, y0, x1, y1 of the visible pixels, masks (B, K, H, W) bool, x, y (B, K) centres in 0..1."""

    image: np.ndarray
    count: np.ndarray
    item: np.ndarray
    cell: np.ndarray
    colour: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def objects(self, i: int, library: Library, config: Composing) -> list[dict[str, object]]:
        """Name, group, ground colour, cell, place and box of each picture of scene i."""
        return [
            {
                "name": library.names[self.item[i, k]],
                "group": library.groups[self.item[i, k]],
                "ground": config.colours[self.colour[i, k]] if self.colour[i, k] >= 0 else "",
                "cell": int(self.cell[i, k]),
                "x": float(self.x[i, k]),
                "y": float(self.y[i, k]),
                "box": self.boxes[i, k].tolist(),
            }
            for k in range(self.count[i])
        ]


def compose(
    library: Library, config: Composing, seed: int, indices: np.ndarray, allowed: Sequence[int] | None = None
) -> Composed:
    """Scenes number `indices`: pure in (library, config, seed, index). No picture occurs twice in a scene.

    allowed: numbers of the pictures that may occur (known and unknown ones apart), all by default. Raises ConfigError
    where fewer are allowed than a scene needs.
    """
    items = np.arange(len(library.pictures)) if allowed is None else np.asarray(allowed, dtype=np.int64)
    low, high = config.pictures
    if len(items) < high:
        raise ConfigError(f"world: composer: {high} pictures a scene, but only {len(items)} are allowed")
    keys = key(seed, "compose", np.asarray(indices, dtype=np.int64))
    b, size, n = len(keys), config.size, config.cells
    count = low + (uniform(keys, 1, stream=1)[:, 0] * (high - low + 1)).astype(np.int64)
    there = np.arange(high) < count[:, None]
    item = np.where(there, items[permutation(keys, len(items), stream=2)[:, :high]], -1)
    cell = np.where(there, permutation(keys, n * n, stream=3)[:, :high], -1)
    canvas, colour = _ground(config, keys, cell)
    u = uniform(keys, 4 * high, stream=4).reshape(b, 4, high) - 0.5
    side = (1 - config.scale * (u[:, 0] + 0.5)) * _SHARE / n
    room = 1 / n - side if config.layout == "free" else np.zeros(side.shape)
    x = (cell % n + 0.5) / n + u[:, 1] * room
    y = (cell // n + 0.5) / n + u[:, 2] * room
    masks = np.zeros((b, high, size, size), dtype=bool)
    used, number = np.unique(item[there], return_inverse=True)
    inked, place = _inked(library.pictures[used]), np.zeros(item.shape, dtype=np.int64)
    place[there] = number
    wide = min(size, int(np.ceil(_SHARE * size / n)) + 2)  # pixels of the window that a picture is drawn in
    fine = int(np.clip(np.ceil(max(inked.shape[1:3]) * n / size), 1, 4))
    for k in range(high):
        rows = np.flatnonzero(there[:, k])
        turn = 2 * config.turn * u[rows, 3, k]
        left, top = (np.clip(np.floor(a[rows, k] * size - wide / 2), 0, size - wide).astype(int) for a in (x, y))
        corner = left / size, top / size
        layer = _layer(
            inked[place[rows, k]], x[rows, k], y[rows, k], side[rows, k], turn, corner, wide / size, fine * wide
        )
        layer = layer.reshape(-1, wide, fine, wide, fine, 4).mean(axis=(2, 4))
        ys, xs = (top[:, None] + np.arange(wide))[:, :, None], (left[:, None] + np.arange(wide))[:, None, :]
        at = rows[:, None, None], ys, xs
        opacity = layer[..., 3:] / 255
        canvas[at] = canvas[at] * (1 - opacity) + layer[..., :3]
        masks[at[0], k, ys, xs] = opacity[..., 0] > 0.5
        masks[rows, :k] &= ~masks[rows, k : k + 1]
    picture = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    return Composed(picture, count, item, cell, colour, boxes(masks), masks, x, y)


def _inked(pictures: np.ndarray) -> np.ndarray:
    """(N, h, w, 4) float32: colours times opacity, so that what cannot be seen has no say; opaque where it has none."""
    colours = pictures[..., :3].astype(np.float32)
    if pictures.shape[3] == 3:
        return np.concatenate([colours, np.full((*colours.shape[:3], 1), 255, dtype=np.float32)], axis=3)
    opacity = pictures[..., 3:].astype(np.float32)
    return np.concatenate([colours * opacity / 255, opacity], axis=3)


def _ground(config: Composing, keys: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Canvas (B, H, W, 3) float32, and the index of the colour behind each picture (-1 = textured)."""
    b, size, n = len(keys), config.size, config.cells
    if not config.colours:
        world = WorldConfig(size=size, backgrounds=config.backgrounds)
        scenes = replace(sample(world, 0, np.zeros(b, dtype=np.int64)), keys=keys)
        pick = (uniform(keys, 1, stream=5)[:, 0] * len(config.backgrounds)).astype(np.int64)
        return ground(replace(scenes, background=pick)), np.full(cell.shape, -1)
    behind = (uniform(keys, n * n, stream=5) * len(config.colours)).astype(np.int64)  # (B, cells)
    palette = np.array([COLOURS[name] for name in config.colours], dtype=np.float32)
    tint = 0.75 * palette[behind] + 0.25 * 255 + 14 * (uniform(keys, n * n, stream=6)[..., None] - 0.5)
    at = np.minimum(np.arange(size) * n // size, n - 1)
    canvas = tint.reshape(b, n, n, 3)[:, at[:, None], at[None, :]].astype(np.float32)
    return canvas, np.where(cell >= 0, np.take_along_axis(behind, np.maximum(cell, 0), axis=1), -1)


def _layer(
    pictures: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    side: np.ndarray,
    turn: np.ndarray,
    corner: tuple[np.ndarray, ...],
    wide: float,
    steps: int,
) -> np.ndarray:
    """Pictures (N, h, w, 4), colours times opacity, at their places, through a window: (N, steps, steps, 4) float32.

    corner: left and top (N,) of the window, wide: its side, all in shares. Turned pictures shrink to stay in `side`.
    """
    h, w = pictures.shape[1:3]
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    scale = side[:, None, None] / (np.abs(cos) + np.abs(sin)) / max(h, w)  # share of the side a pixel
    line = (np.arange(steps) + 0.5) / steps * wide
    dx = (line[None, None, :] + (corner[0] - x)[:, None, None]) / scale
    dy = (line[None, :, None] + (corner[1] - y)[:, None, None]) / scale
    px, py = cos * dx + sin * dy + w / 2 - 0.5, cos * dy - sin * dx + h / 2 - 0.5
    inside = (px > -0.5) & (px < w - 0.5) & (py > -0.5) & (py < h - 0.5)
    return sampled(pictures, py, px) * inside[..., None]
