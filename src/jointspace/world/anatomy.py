"""What organs look like in a slice: outlines, textures and lesions as densities in 0..1, for any number of slices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jointspace.data.draws import uniform

Array = np.ndarray


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Pixel centres from -1 to 1, x to the right and y downward: (1, 1, W) and (1, H, 1) float32."""
    y = (np.arange(height, dtype=np.float32) + 0.5) * (2 / height) - 1
    x = (np.arange(width, dtype=np.float32) + 0.5) * (2 / width) - 1
    return x[None, None, :], y[None, :, None]


def tall(values: Array) -> Array:
    """(B,) -> (B, 1, 1) float32, to go with pictures."""
    return np.asarray(values, dtype=np.float32)[:, None, None]


def between(u: Array, low: float, high: float) -> Array:
    """Uniform numbers of 0..1 stretched to low..high, as (B, 1, 1)."""
    return tall(low + (high - low) * u)


def soft(distance: Array, edge: float = 0.04) -> Array:
    """1 inside (distance < 0), 0 outside, a ramp of width `edge` between."""
    return np.clip(0.5 - distance / edge, 0, 1)


def waves(keys: Array, x: Array, y: Array, low: float, high: float, n: int = 6, stream: int = 50) -> Array:
    """n plane waves of random direction, phase and frequency low..high (periods per picture): (B, H, W), about unit."""
    u = uniform(keys, 3 * n, stream=stream).astype(np.float32)
    out = np.zeros(np.broadcast_shapes((len(u), 1, 1), x.shape, y.shape), dtype=np.float32)
    for j in range(n):
        turn, size = 6.2832 * u[:, 3 * j], np.pi * (low + (high - low) * u[:, 3 * j + 1])
        across, down = tall(size * np.cos(turn)) * x, tall(size * np.sin(turn)) * y + tall(6.2832 * u[:, 3 * j + 2])
        out += np.cos(across) * np.cos(down) - np.sin(across) * np.sin(down)
    return out * np.float32(np.sqrt(2 / n))


def placed(
    keys: Array, x: Array, y: Array, shift: float = 0.08, turn: float = 0.12, stream: int = 51
) -> tuple[Array, Array]:
    """Coordinates moved, turned and scaled a little by each key: where the same point lies in the standard picture."""
    u = uniform(keys, 5, stream=stream)
    angle, size = between(u[:, 0], -turn, turn), between(u[:, 1], 0.92, 1.08)
    dx, dy = x - between(u[:, 2], -shift, shift), y - between(u[:, 3], -shift, shift)
    return (np.cos(angle) * dx + np.sin(angle) * dy) / size, (np.cos(angle) * dy - np.sin(angle) * dx) / size


def _blob(keys: Array, x: Array, y: Array, rx: float, ry: float, bumps: float, stream: int) -> Array:
    """Signed distance (roughly) of a bumpy ellipse of half axes rx, ry."""
    u = uniform(keys, 6, stream=stream)
    angle = np.arctan2(y, x)
    edge = sum(
        between(u[:, 2 * k], -bumps, bumps) * np.cos((k + 2) * angle + between(u[:, 2 * k + 1], 0, 6.28))
        for k in range(3)
    )
    return (np.hypot(x / rx, y / ry) - 1 - edge) * min(rx, ry)


def _brain(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    outline = _blob(keys, x, y, 0.72, 0.86, 0.02, 1)
    inside, skull = soft(outline + 0.1), soft(np.abs(outline) - 0.05)
    folds = np.sin(9 * waves(keys, x, y, 1.5, 3.0, 5, 2) + 4 * np.hypot(x, y))
    rim = soft(-(outline + 0.34), 0.2)  # cortex: the outer third
    middle = soft(np.abs(x) - 0.02, 0.05) * soft(np.abs(y) - 0.7, 0.1)
    chamber = soft(np.hypot((np.abs(x) - 0.16) / 0.1, (y + 0.02) / 0.26) - 1, 0.4)
    tissue = 0.55 + 0.1 * folds * rim - 0.16 * rim - 0.22 * middle - 0.36 * chamber
    return 0.95 * skull * (1 - inside) + inside * tissue, inside > 0.5


def _liver(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    body = soft(np.hypot(x / 0.95, y / 0.85) - 1, 0.06)
    outline = _blob(keys, x + 0.12, y + 0.08 - 0.25 * x, 0.66, 0.5, 0.07, 1)
    inside = soft(outline, 0.08)
    speckle, vessels = waves(keys, x, y, 5, 9, 8, 2), waves(keys, x, y, 1.5, 2.5, 4, 3)
    tissue = 0.62 + 0.05 * speckle - 0.2 * soft(np.abs(vessels) - 0.09, 0.12)
    spine = soft(np.hypot(x - 0.08, y - 0.6) - 0.15, 0.06)
    return body * (0.28 + 0.6 * spine * (1 - inside) + inside * (tissue - 0.28)), inside > 0.5


def _kidney(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    bent = x + 0.25 * y * y - 0.06
    outline = np.maximum(_blob(keys, bent, y, 0.5, 0.78, 0.03, 1), 0.2 - np.hypot(x - 0.52, y))
    inside = soft(outline, 0.06)
    rays = np.cos(9 * np.arctan2(y, bent - 0.12) + tall(6.28 * uniform(keys, 1, stream=2)[:, 0]))
    cortex = soft(-(outline + 0.14), 0.06)
    pelvis = soft(np.hypot((bent - 0.16) / 0.16, y / 0.36) - 1, 0.4)
    tissue = 0.5 + 0.22 * cortex + 0.11 * rays * (1 - cortex) * (1 - pelvis) + 0.3 * pelvis
    return 0.2 + 0.03 * waves(keys, x, y, 2, 4, 4, 3) + inside * (tissue - 0.2), inside > 0.5


def _lung(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    body = soft(np.hypot(x / 0.97, y / 0.8) - 1, 0.06)
    outline = np.minimum(
        _blob(keys, x + 0.43, y + 0.04, 0.33, 0.56, 0.04, 1), _blob(keys, x - 0.45, y + 0.04, 0.31, 0.54, 0.04, 2)
    )
    inside = soft(outline, 0.06)
    lines = np.abs(waves(keys, x, y, 2.5, 5, 5, 3))
    vessels = soft(lines - 0.1, 0.14) * np.exp(-2.2 * np.abs(np.abs(x) - 0.22))
    heart = soft(np.hypot((x - 0.1) / 0.26, (y + 0.02) / 0.32) - 1, 0.3)
    spine = soft(np.hypot(x, y - 0.55) - 0.14, 0.05)
    chest = 0.5 + 0.12 * heart + 0.4 * spine
    return body * (chest * (1 - inside) + inside * (0.12 + 0.4 * vessels)), inside > 0.5


def _heart(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    outline = _blob(keys, x * 0.9 + 0.3 * y, y - 0.1 * x, 0.66, 0.62, 0.05, 1)
    inside = soft(outline, 0.08)
    left = soft(np.hypot((x - 0.18) / 0.26, (y - 0.05) / 0.3) - 1, 0.25)
    right = soft(np.hypot((x + 0.36) / 0.16, (y - 0.02) / 0.32) - 1, 0.3)
    wall = 0.42 + 0.05 * waves(keys, x, y, 4, 7, 6, 2)
    tissue = wall + 0.42 * np.maximum(left, right)
    return np.maximum(0.16 + 0.06 * waves(keys, x, y, 1, 2, 4, 3), 0.04) + inside * (tissue - 0.16), inside > 0.5


def _breast(keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    drift = 0.07 * waves(keys, x, 0 * y, 0.5, 1.5, 3, 1)
    depth = y + drift
    skin = soft(np.abs(depth + 0.86) - 0.05, 0.04)
    inside = soft(np.abs(depth + 0.12) - 0.62, 0.08)
    layers = waves(keys, 0.35 * x, depth, 3, 5, 6, 2)
    chest = soft(np.abs(np.mod(x + 2, 0.55) - 0.27) - 0.16, 0.1) * soft(0.66 - depth, 0.08)
    return 0.24 + 0.6 * skin + 0.5 * chest + inside * (0.26 + 0.13 * layers), inside > 0.5


ORGANS: dict[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "brain": _brain,
    "liver": _liver,
    "kidney": _kidney,
    "lung": _lung,
    "heart": _heart,
    "breast": _breast,
}
_SEATS = {  # where lesions may sit: boxes x0, y0, x1, y1 well inside the organ
    "brain": ((-0.42, -0.5, -0.24, 0.5), (0.24, -0.5, 0.42, 0.5)),
    "liver": ((-0.5, -0.4, -0.1, 0.05), (0.0, -0.15, 0.3, 0.25)),
    "kidney": ((-0.3, -0.45, 0.0, -0.15), (-0.3, 0.1, 0.0, 0.45)),
    "lung": ((-0.55, -0.35, -0.35, 0.3), (0.35, -0.35, 0.55, 0.3)),
    "heart": ((-0.1, -0.4, 0.45, -0.28), (-0.2, 0.35, 0.35, 0.45)),
    "breast": ((-0.55, -0.5, -0.1, 0.25), (0.1, -0.5, 0.55, 0.25)),
}


def organ(name: str, keys: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Density (B, H, W) float32 in 0..1 and the organ's pixels (B, H, W) bool, at standard coordinates (`placed`)."""
    density, inside = ORGANS[name](keys, x, y)
    return np.clip(density, 0, 1).astype(np.float32), inside


def seat(name: str, u: Array) -> tuple[Array, Array]:
    """Three uniform numbers (B, 3) -> centre of a lesion in that organ, (B,) each."""
    boxes = np.array(_SEATS[name])
    x0, y0, x1, y1 = boxes[np.minimum((u[:, 0] * len(boxes)).astype(int), len(boxes) - 1)].T
    return x0 + (x1 - x0) * u[:, 1], y0 + (y1 - y0) * u[:, 2]


def lesion(keys: Array, x: Array, y: Array, centre: tuple[Array, Array], radius: Array) -> tuple[Array, Array]:
    """Coverage (B, H, W) in 0..1 with a mottled inside, and the lesion's pixels (bool); radius (B,), 0 = none."""
    dx, dy, r = x - tall(centre[0]), y - tall(centre[1]), tall(np.maximum(radius, 1e-3))
    u = uniform(keys, 4, stream=60)
    angle = np.arctan2(dy, dx)
    bumps = between(u[:, 0], 0.05, 0.16) * np.cos(3 * angle + between(u[:, 1], 0, 6.28)) + between(
        u[:, 2], 0.03, 0.1
    ) * np.cos(5 * angle + between(u[:, 3], 0, 6.28))
    ratio = np.hypot(dx, dy) / r - 1 - bumps
    there = tall(radius) > 0
    cover = np.clip(0.5 - ratio / 0.25, 0, 1) * there * (0.85 + 0.15 * waves(keys, x, y, 4, 8, 4, 61))
    return cover.astype(np.float32), (ratio < 0) & there
