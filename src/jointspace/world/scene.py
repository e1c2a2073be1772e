"""Scenes as arrays: the exact truth that every renderer draws from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.world.config import SIZES, WorldConfig

GRID = 3  # objects stand in distinct cells of a GRID x GRID grid, jittered: they touch at most slightly
SLOTS = 6


@dataclass(frozen=True)
class Scenes:
    """B scenes of up to K objects. count (B,); all others (B, K), meaningless beyond `count`.

    shape, colour, size, texture: indices into the config's tuples; x, y in 0..1, y downward; angle in radians;
    radius: half the extent as a share of the side. keys (B,) uint64 for whatever a renderer draws at random.
    """

    config: WorldConfig
    keys: np.ndarray
    count: np.ndarray
    shape: np.ndarray
    colour: np.ndarray
    size: np.ndarray
    texture: np.ndarray
    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    radius: np.ndarray

    def __len__(self) -> int:
        return len(self.count)

    def objects(self, i: int) -> list[dict[str, Any]]:
        """Objects of scene i by name, first drawn first."""
        c = self.config
        return [
            {
                "shape": c.shapes[self.shape[i, k]],
                "colour": c.colours[self.colour[i, k]],
                "size": c.sizes[self.size[i, k]],
                "texture": c.textures[self.texture[i, k]],
                "x": float(self.x[i, k]),
                "y": float(self.y[i, k]),
            }
            for k in range(self.count[i])
        ]


def sample(config: WorldConfig, seed: int, indices: np.ndarray) -> Scenes:
    """Scenes number `indices` of the world (config, seed): pure, in any order, in any process."""
    keys = key(seed, "scene", np.asarray(indices, dtype=np.int64))
    b = len(keys)
    low, high = config.objects
    count = low + integers(keys, high - low + 1, 1, stream=0)[:, 0]
    shape = integers(keys, len(config.shapes), SLOTS, stream=1)
    colour = integers(keys, len(config.colours), SLOTS, stream=2)
    if config.spurious > 0:
        tied = uniform(keys, SLOTS, stream=3) < config.spurious
        colour = np.where(tied, shape % len(config.colours), colour)
    colour, shape = _hold_out(config, keys, colour, shape)
    size = integers(keys, len(config.sizes), SLOTS, stream=4)
    texture = integers(keys, len(config.textures), SLOTS, stream=5)
    cells = permutation(keys, GRID * GRID, stream=6)[:, :SLOTS]
    radius = np.array([SIZES[s] for s in config.sizes])[size]
    jitter = (uniform(keys, 2 * SLOTS, stream=7) - 0.5).reshape(b, 2, SLOTS)
    room = np.maximum(0.0, 1.0 / GRID - 2.0 * radius)  # how far the centre may move: the object stays in its cell
    x = (cells % GRID + 0.5) / GRID + jitter[:, 0] * room
    y = (cells // GRID + 0.5) / GRID + jitter[:, 1] * room
    angle = (uniform(keys, SLOTS, stream=8) - 0.5) * 0.7  # at most 20 degrees: a turned square stays no diamond
    return Scenes(config, keys, count, shape, colour, size, texture, x, y, angle, radius)


def _hold_out(
    config: WorldConfig, keys: np.ndarray, colour: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace held-out (colour, shape) pairs by allowed ones, or force one into each scene."""
    if not config.held_out:
        return colour, shape
    pairs = np.array([(config.colours.index(c), config.shapes.index(s)) for c, s in config.held_out])
    forbidden = np.zeros((len(config.colours), len(config.shapes)), dtype=bool)
    forbidden[pairs[:, 0], pairs[:, 1]] = True
    if config.only_held_out:
        pick = pairs[integers(keys, len(pairs), 1, stream=9)[:, 0]]
        colour, shape = colour.copy(), shape.copy()
        colour[:, 0], shape[:, 0] = pick[:, 0], pick[:, 1]
        return colour, shape
    allowed = np.argwhere(~forbidden)
    other = allowed[integers(keys, len(allowed), SLOTS, stream=10)]  # (B, K, 2)
    bad = forbidden[colour, shape]
    return np.where(bad, other[..., 0], colour), np.where(bad, other[..., 1], shape)


def relations(scenes: Scenes, i: int) -> list[tuple[str, int, int]]:
    """Exact relations of scene i: ("left of" | "above" | "larger than" | "same colour as", a, b) by object number.

    left of / above: the centres differ by more than a sixth of the side along that axis.
    """
    found = []
    for a in range(scenes.count[i]):
        for b in range(scenes.count[i]):
            if a == b:
                continue
            if scenes.x[i, b] - scenes.x[i, a] > 1 / 6:
                found.append(("left of", a, b))
            if scenes.y[i, b] - scenes.y[i, a] > 1 / 6:
                found.append(("above", a, b))
            if scenes.radius[i, a] > scenes.radius[i, b]:
                found.append(("larger than", a, b))
            if a < b and scenes.colour[i, a] == scenes.colour[i, b]:
                found.append(("same colour as", a, b))
    return found
