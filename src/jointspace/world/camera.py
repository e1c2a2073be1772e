"""The camera: where it stands moves the whole truth; its lens, light and sensor change the pixels alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data.draws import uniform

if TYPE_CHECKING:
    from jointspace.world.scene import Scenes

TILT, ZOOM, SHIFT = 0.2, 0.2, 0.08  # most at strength 1: radians, share, share of the side


def move(scenes: Scenes) -> Scenes:
    """Shift, zoom and tilt each scene as a whole about its centre by up to `config.camera`; the truth moves along.

    Objects are pushed back so far that every centre stays 8 % of the side within the picture.
    """
    strength = scenes.config.camera
    u = 2 * uniform(scenes.keys, 4, stream=45)[..., None] - 1  # (B, 4, 1)
    tilt, zoom = TILT * strength * u[:, 0], (1 + ZOOM) ** (strength * u[:, 1])
    cos, sin = np.cos(tilt), np.sin(tilt)
    dx, dy = scenes.x - 0.5, scenes.y - 0.5
    x = 0.5 + zoom * (cos * dx - sin * dy) + SHIFT * strength * u[:, 2]
    y = 0.5 + zoom * (sin * dx + cos * dy) + SHIFT * strength * u[:, 3]
    there = np.arange(scenes.x.shape[1]) < scenes.count[:, None]
    x, y = _push_back(x, there), _push_back(y, there)
    return replace(scenes, x=x, y=y, angle=scenes.angle + tilt, radius=scenes.radius * zoom)


def _push_back(at: np.ndarray, there: np.ndarray, edge: float = 0.08) -> np.ndarray:
    low = np.where(there, at, 1.0).min(axis=1, keepdims=True)
    high = np.where(there, at, 0.0).max(axis=1, keepdims=True)
    return at + np.maximum(0.0, edge - low) - np.maximum(0.0, high - (1 - edge))


def blur(pictures: np.ndarray, sigma: np.ndarray, most: float, axes: tuple[int, ...] = (1, 2)) -> np.ndarray:
    """Pictures (B, H, W, ...) blurred by `sigma` (B,) pixels each, at most `most`, along `axes`; borders repeat.

    Passes of the kernel (a, 1 - 2 a, a), whose variances add up to sigma ** 2; their number depends on `most` alone, so
    that a picture comes out the same whatever its neighbours.
    """
    passes = max(1, int(np.ceil(2 * most**2)))
    a = (np.asarray(sigma, dtype=np.float32) ** 2 / (2 * passes)).reshape(-1, *[1] * (pictures.ndim - 1))
    out = np.array(pictures, dtype=np.float32)
    for axis in axes:
        for _ in range(passes):
            line = np.moveaxis(out, axis, 1)
            step = np.diff(line, axis=1) * np.moveaxis(a, axis, 1)
            line[:, :-1] += step
            line[:, 1:] -= step
    return out
