"""What a picture looks like through a medical scanner: intensities, fields and noise of a modality."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import key, normal, uniform
from jointspace.errors import ConfigError, nearest
from jointspace.world.camera import blur

LOOKS = ("none", "ct", "mr-t1", "mr-t2", "ultrasound", "xray")


def apply(name: str, picture: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Pictures (B, H, W) in 0..1 as `name` would show them: the same shape, float32 in 0..1. Pure in (picture, key).

    ct: a window of intensities, fine grain, faint rings about the centre. mr-t1, mr-t2: a gamma of its own per key
    (t2 turns dark and bright round), a smooth field over the picture, Rician noise. ultrasound: speckle, drawn out
    sideways, on a logarithmic scale, darker with depth. xray: what is bright lets little through, with photon noise.

    Raises ConfigError for an unknown look.
    """
    if name not in LOOKS:
        raise ConfigError(f"world: look: no {name!r}{nearest(name, LOOKS)}")
    picture = np.asarray(picture, dtype=np.float32)
    if name == "none":
        return picture
    keys = key(0, np.asarray(keys, dtype=np.uint64), "look")
    return np.clip(_SEEN[name](picture, keys), 0, 1).astype(np.float32)


def _grain(keys: np.ndarray, shape: tuple[int, ...], stream: int) -> np.ndarray:
    """Standard normal noise (B, H, W)."""
    return normal(keys, shape[1] * shape[2], stream=stream).reshape(shape).astype(np.float32)


def _of_row(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)[:, None, None]


def field(keys: np.ndarray, height: int, width: int, stream: int = 7) -> np.ndarray:
    """A smooth random field (B, H, W), about -1..1: a slope and two slow waves."""
    u = uniform(keys, 10, stream=stream).astype(np.float32)
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    out = (u[:, 0, None, None] - 0.5) * y[:, None] + (u[:, 1, None, None] - 0.5) * x
    for j in (2, 6):
        fy, fx = 1 + 2 * u[:, j, None], 1 + 2 * u[:, j + 1, None]
        down, across = np.sin(fy * y + 6.28 * u[:, j + 2, None]), np.cos(fx * x + 6.28 * u[:, j + 3, None])
        out = out + 0.5 * down[:, :, None] * across[:, None]
    return out


def _ct(picture: np.ndarray, keys: np.ndarray) -> np.ndarray:
    b, h, w = picture.shape
    u = uniform(keys, 3)
    low, wide = _of_row(0.02 + 0.1 * u[:, 0]), _of_row(0.75 + 0.2 * u[:, 1])
    y, x = np.arange(h, dtype=np.float32) - h / 2, np.arange(w, dtype=np.float32) - w / 2
    rings = np.sin(np.hypot(y[:, None], x) * 2.2 + _of_row(6.28 * u[:, 2]))
    seen = blur(picture, np.full(b, 0.5), 0.5)
    return (seen - low) / wide + 0.035 * _grain(keys, picture.shape, 1) + 0.012 * rings


def _mr(picture: np.ndarray, keys: np.ndarray, turned: bool) -> np.ndarray:
    _, h, w = picture.shape
    u = uniform(keys, 2)
    seen = 1 - picture if turned else picture
    inside = blur((picture > 0.03).astype(np.float32), np.full(len(picture), 0.7), 0.7)  # air gives no signal at all
    seen = inside * seen ** _of_row(0.6 + 0.8 * u[:, 0]) * (1 + 0.35 * field(keys, h, w))
    real, imaginary = (0.04 * _grain(keys, picture.shape, stream) for stream in (1, 2))
    return np.hypot(0.9 * seen + real, imaginary)


def _ultrasound(picture: np.ndarray, keys: np.ndarray) -> np.ndarray:
    b, h, _ = picture.shape
    u = uniform(keys, 2)
    waves = [_grain(keys, picture.shape, stream) for stream in (1, 2)]
    waves = [blur(wave, np.full(b, 0.9), 0.9, axes=(2,)) * 1.9 for wave in waves]
    speckle = np.hypot(*waves) / 1.25  # Rayleigh, mean about one
    depth = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    echo = (0.03 + picture**1.5) * speckle * np.exp(-_of_row(0.4 + 1.2 * u[:, 0]) * depth)
    return np.log1p(30 * echo) / np.log(31)


def _xray(picture: np.ndarray, keys: np.ndarray) -> np.ndarray:
    _, h, w = picture.shape
    u = uniform(keys, 2)
    through = np.exp(-_of_row(1.4 + 0.6 * u[:, 0]) * picture) * (1 + 0.06 * field(keys, h, w))
    photons = through + 0.03 * np.sqrt(np.maximum(through, 0)) * _grain(keys, picture.shape, 1)
    return 1 - photons


_SEEN = {
    "ct": _ct,
    "mr-t1": lambda picture, keys: _mr(picture, keys, turned=False),
    "mr-t2": lambda picture, keys: _mr(picture, keys, turned=True),
    "ultrasound": _ultrasound,
    "xray": _xray,
}
