"""Signed distances of the flat shapes: negative inside. Unit extent: each shape fits the square -1..1.

Formulas from the geometry of each figure; polygons as the largest distance to their sides' half-planes, which is exact
inside and near the border, where anti-aliasing looks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Sdf = Callable[[np.ndarray, np.ndarray], np.ndarray]


def polygon(sides: int, turn: float = 0.0, inner: float = 0.92) -> Sdf:
    """Regular polygon with apothem such that its corners lie at distance `inner` from the centre."""
    angles = turn + 2 * np.pi * np.arange(sides) / sides
    apothem = inner * np.cos(np.pi / sides)
    normals = [(float(np.sin(a)), float(-np.cos(a))) for a in angles]

    def sdf(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = normals[0][0] * x + normals[0][1] * y
        for nx, ny in normals[1:]:
            np.maximum(out, nx * x + ny * y, out=out)
        return out - np.float32(apothem)

    return sdf


def box(width: float, height: float, dx: float = 0.0, dy: float = 0.0) -> Sdf:
    def sdf(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.maximum(
            np.abs(x - np.float32(dx)) - np.float32(width), np.abs(y - np.float32(dy)) - np.float32(height)
        )

    return sdf


def disc(radius: float, dx: float = 0.0, dy: float = 0.0) -> Sdf:
    def sdf(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sqrt((x - np.float32(dx)) ** 2 + (y - np.float32(dy)) ** 2) - np.float32(radius)

    return sdf


def union(*parts: Sdf) -> Sdf:
    def sdf(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = parts[0](x, y)
        for part in parts[1:]:
            out = np.minimum(out, part(x, y))
        return out

    return sdf


def minus(whole: Sdf, hole: Sdf) -> Sdf:
    return lambda x, y: np.maximum(whole(x, y), -hole(x, y))


def star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Five points: in each tenth of the circle the border is one straight line from a tip to a dent."""
    sector = 2 * np.pi / 5
    angle = np.arctan2(x, -y)
    angle = np.abs(angle - sector * np.round(angle / sector))  # 0 at a tip, pi / 5 at a dent
    r = np.sqrt(x * x + y * y)
    px, py = r * np.sin(angle), r * np.cos(angle)
    tip, dent = (0.0, 1.0), (0.45 * np.sin(np.pi / 5), 0.45 * np.cos(np.pi / 5))
    ex, ey = dent[0] - tip[0], dent[1] - tip[1]
    length = np.hypot(ex, ey)
    return ((py - tip[1]) * -ex + (px - tip[0]) * ey) * np.float32(-1.0 / length)


def heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two discs above, a tip below."""
    lobes = np.minimum(disc(0.48, -0.42, -0.32)(x, y), disc(0.48, 0.42, -0.32)(x, y))
    side = np.abs(x)
    # below the lobes: between their tangents to the tip, and under the lines from their centres to the tangent points
    wedge = np.maximum(0.7071 * (side + y) - 0.55, np.maximum(0.7071 * (side - y) - 0.523, -(y + 0.32)))
    return np.minimum(lobes, wedge)


def diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Taller than wide, so that a turned square is not one."""
    return (np.abs(x) / np.float32(0.62) + np.abs(y) / np.float32(0.95) - 1) * np.float32(0.52)


def arrow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points to the right."""
    head = np.maximum(0.66 * (x - 0.95) + 0.75 * np.abs(y), -(x - 0.05))
    shaft = np.maximum(np.abs(x + 0.4) - 0.52, np.abs(y) - 0.28)
    return np.minimum(head, shaft)


SDFS: dict[str, Sdf] = {
    "circle": disc(0.88),
    "square": box(0.78, 0.78),
    "triangle": polygon(3, turn=np.pi, inner=1.05),
    "star": star,
    "heart": heart,
    "cross": union(box(0.9, 0.3), box(0.3, 0.9)),
    "ring": minus(disc(0.9), disc(0.5)),
    "diamond": diamond,
    "pentagon": polygon(5, turn=np.pi),
    "hexagon": polygon(6, turn=np.pi / 6, inner=0.95),
    "crescent": minus(disc(0.9), disc(0.78, 0.5, -0.1)),
    "arrow": arrow,
}


def ends(shape: Any, quarter: Any, side: int, along: Any) -> np.ndarray:
    """How far shapes reach to a side (0 top, 1 right, 2 bottom, 3 left) at the places `along` it, in unit extents.

    shape: a name, or numbers in the order of `SDFS`; quarter: quarter turns clockwise that the shape has made. Arrays
    broadcast. -inf where nothing of the shape is.
    """
    table, line = _end_table()
    number = list(SDFS).index(shape) if isinstance(shape, str) else shape
    at = np.round((np.asarray(along) - line[0]) / (line[1] - line[0])).astype(int)
    seen = (at >= 0) & (at < len(line))
    return np.where(seen, table[number, quarter, side, np.clip(at, 0, len(line) - 1)], -np.inf)


@cache
def _end_table() -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(-1.1, 1.1, 89)
    g = line.astype(np.float32)
    out = np.full((len(SDFS), 4, 4, len(g)), -np.inf)
    for s, sdf in enumerate(SDFS.values()):
        inside = sdf(g[None, :], g[:, None]) < 0
        for q in range(4):
            turned = np.rot90(inside, -q)  # clockwise, as y points down
            for side, lines in enumerate((turned[::-1], turned.T, turned, turned.T[::-1])):
                last = len(g) - 1 - lines[::-1].argmax(axis=0)
                out[s, q, side] = np.where(lines.any(axis=0), line[last], -np.inf)
    return out, line
