"""What covers an object: its texture, material and mark, in the object's own frame (unit extent, y down)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jointspace.data.draws import uniform

Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]

PATTERNS: dict[str, Pattern] = {  # share 0..1 of the second colour; "plain" has none, "noisy" is below
    "striped": lambda u, v: (np.sin(7.5 * v) > 0.15).astype(np.float32),
    "dotted": lambda u, v: (np.cos(8.0 * u) + np.cos(8.0 * v) > 1.05).astype(np.float32),
    "checked": lambda u, v: (np.sin(5.5 * u) * np.sin(5.5 * v) > 0).astype(np.float32),
    "gradient": lambda u, v: np.clip(0.5 + 0.62 * v, 0, 1).astype(np.float32),
    "zigzag": lambda u, v: (np.sin(7.5 * (v + 0.32 * np.abs((3.0 * u) % 2 - 1))) > 0.1).astype(np.float32),
    "ringed": lambda u, v: (np.sin(10.0 * np.sqrt(u * u + v * v)) > 0.1).astype(np.float32),
}


def noisy(u: np.ndarray, v: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Random cells, a third of them dark: u, v (N, h, w), keys (N,)."""
    cells = uniform(keys, 100, stream=23).astype(np.float32) < 0.36
    at = np.clip(np.floor(4.5 * v + 5), 0, 9).astype(np.int64) * 10 + np.clip(np.floor(4.5 * u + 5), 0, 9).astype(int)
    return np.take_along_axis(cells, at.reshape(len(at), -1), axis=1).reshape(at.shape).astype(np.float32)


def shine(material: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Light added (0..255) by a material at each place of a patch."""
    slant = (u + v).astype(np.float32)
    if material == "metal":  # a bright band, a second fainter one, darker edges
        return 120 * np.exp(-((slant + 0.35) ** 2) / 0.03) + 50 * np.exp(-((slant - 0.6) ** 2) / 0.02) - 22
    return 110 * (np.hypot(u + 0.3, v + 0.36) < 0.2).astype(np.float32)  # glass: one small reflection


GLASS = 0.7  # share of light that glass keeps from passing

_SEGMENTS = {  # the seven strokes of a digit: x0, y0, x1, y1
    "a": (-1, -2, 1, -2), "b": (1, -2, 1, 0), "c": (1, 0, 1, 2), "d": (-1, 2, 1, 2), "e": (-1, 0, -1, 2),
    "f": (-1, -2, -1, 0), "g": (-1, 0, 1, 0),
}  # fmt: skip
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def mark(name: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance to a mark in units of the object's radius; marks lie within 0.45 of the centre."""
    if name == "dot":
        return np.sqrt(u * u + v * v) - np.float32(0.26)
    if name == "bar":
        return _stroke(u, v, (-0.32, 0, 0.32, 0)) - np.float32(0.12)
    if name == "plus":
        return np.minimum(_stroke(u, v, (-0.32, 0, 0.32, 0)), _stroke(u, v, (0, -0.32, 0, 0.32))) - np.float32(0.1)
    scale = np.array([0.2, 0.19, 0.2, 0.19])
    strokes = [_stroke(u, v, scale * _SEGMENTS[s]) for s in _DIGITS[int(name)]]
    return np.minimum.reduce(strokes) - np.float32(0.085)


def _stroke(u: np.ndarray, v: np.ndarray, line: tuple[float, ...] | np.ndarray) -> np.ndarray:
    x0, y0, x1, y1 = (np.float32(value) for value in line)
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.sqrt((u - x0 - along * dx) ** 2 + (v - y0 - along * dy) ** 2)
