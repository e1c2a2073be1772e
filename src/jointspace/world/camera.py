"""The camera: where it stands moves the whole truth; its lens, light and sensor change the pixels alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data.draws import key, normal, uniform

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


BLUR, NOISE = 0.016, 22.0  # most at strength 1: share of the side, standard deviation in grey levels


def develop(scenes: Scenes, pictures: np.ndarray) -> np.ndarray:
    """Light, lens and sensor of each scene on pictures (B, H, W, 3) float 0..255, as strong as the config says."""
    c = scenes.config
    if not (c.light or c.blur or c.noise):
        return pictures
    u = uniform(scenes.keys, 8, stream=46).astype(np.float32)
    out = pictures
    if c.light:
        line = np.linspace(-1, 1, c.size, dtype=np.float32)
        gain = 1 + c.light * (0.4 * u[:, 0] - 0.24)
        cast = 1 + 0.16 * c.light * (u[:, 1:4] - 0.5)
        slope = 0.3 * c.light * ((u[:, 4, None, None] - 0.5) * line[:, None] + (u[:, 5, None, None] - 0.5) * line)
        out = out * (slope + 1)[..., None] * (gain[:, None] * cast)[:, None, None]
    if c.blur:
        most = BLUR * c.size * c.blur
        out = blur(out, most * u[:, 6], most)
    if c.noise:
        out = out + (NOISE * c.noise * u[:, 7])[:, None, None, None] * _grain(scenes.keys, out.shape[1:])
    return out


@cache
def _bank() -> np.ndarray:
    return normal(key(0, "sensor"), _LONG).astype(np.float32)


_LONG = 1 << 18


def _grain(keys: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal noise (B, *shape), cut from one long list at a place of each key: far faster than drawn."""
    n = int(np.prod(shape))
    bank = np.resize(_bank(), _LONG + n)  # begun again at its end
    start = (uniform(keys, 1, stream=47)[:, 0] * _LONG).astype(np.int64)
    return np.stack([bank[s : s + n] for s in start]).reshape(-1, *shape)
