"""Scenes -> pictures, with instance masks and boxes that agree with them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.world.config import COLOURS
from jointspace.world.scene import Scenes
from jointspace.world.shapes import SDFS


def render(scenes: Scenes) -> np.ndarray:
    """(B, H, W, 3) uint8, anti-aliased; later objects stand in front of earlier ones."""
    size = scenes.config.size
    canvas = _background(scenes)
    palette = np.array([COLOURS[c] for c in scenes.config.colours], dtype=np.float32)
    light = 0.88 + 0.24 * uniform(scenes.keys, 1, stream=20)[:, 0].astype(np.float32)
    for k in range(int(scenes.count.max(initial=0))):
        for rows, (top, left, alpha, u, v) in _patches(scenes, k):
            ink = _ink(scenes, rows, k, u, v, palette) * light[rows, None, None, None]
            side = alpha.shape[1]
            ys = (top[:, None] + np.arange(side))[:, :, None]
            xs = (left[:, None] + np.arange(side))[:, None, :]
            b = rows[:, None, None]
            under = canvas[b, ys, xs]
            canvas[b, ys, xs] = under + alpha[..., None] * (ink - under)
    margin = (canvas.shape[1] - size) // 2
    inner = canvas[:, margin : margin + size, margin : margin + size]
    return np.clip(inner + 0.5, 0, 255).astype(np.uint8)


def masks(scenes: Scenes) -> np.ndarray:
    """(B, K, H, W) bool: visible pixels of each object (coverage above one half, objects in front taken off)."""
    size = scenes.config.size
    margin = _margin(scenes)
    slots = int(scenes.count.max(initial=0))
    out = np.zeros((len(scenes), slots, size + 2 * margin, size + 2 * margin), dtype=bool)
    for k in range(slots):
        for rows, (top, left, alpha, _, _) in _patches(scenes, k):
            side = alpha.shape[1]
            ys = (top[:, None] + np.arange(side))[:, :, None]
            xs = (left[:, None] + np.arange(side))[:, None, :]
            out[rows[:, None, None], k, ys, xs] = alpha > 0.5
        if k:
            out[:, :k] &= ~out[:, k : k + 1]
    return out[:, :, margin : margin + size, margin : margin + size]


def boxes(mask: np.ndarray) -> np.ndarray:
    """Masks (B, K, H, W) -> (B, K, 4) int32 x0, y0, x1, y1 (x1, y1 exclusive); zeros where nothing is visible."""
    rows, columns = mask.any(axis=3), mask.any(axis=2)

    def span(line: Any) -> tuple[np.ndarray, np.ndarray]:
        first = line.argmax(axis=2)
        last = line.shape[2] - line[:, :, ::-1].argmax(axis=2)
        seen = line.any(axis=2)
        return np.where(seen, first, 0), np.where(seen, last, 0)

    (y0, y1), (x0, x1) = span(rows), span(columns)
    return np.stack([x0, y0, x1, y1], axis=2).astype(np.int32)


def _margin(scenes: Scenes) -> int:
    """Pixels around the picture that a patch may reach into."""
    return int(np.ceil(max(scenes.radius.max(initial=0.1), 0.1) * 1.5 * scenes.config.size)) + 2


def _patches(scenes: Scenes, k: int):  # type: ignore[no-untyped-def]
    """For each shape: the scenes whose object k has it, with (top, left, coverage, u, v) on a patch around it."""
    size, margin = scenes.config.size, _margin(scenes)
    half = int(np.ceil(scenes.radius.max(initial=0.1) * 1.35 * size)) + 1
    grid = np.arange(2 * half, dtype=np.float32)
    for s, name in enumerate(scenes.config.shapes):
        rows = np.flatnonzero((scenes.count > k) & (scenes.shape[:, k] == s))
        if not len(rows):
            continue
        cx, cy = scenes.x[rows, k] * size, scenes.y[rows, k] * size
        left, top = np.floor(cx).astype(int) - half, np.floor(cy).astype(int) - half
        radius = (scenes.radius[rows, k] * size).astype(np.float32)[:, None, None]
        dx = ((left - cx).astype(np.float32)[:, None] + grid + 0.5)[:, None, :] / radius
        dy = ((top - cy).astype(np.float32)[:, None] + grid + 0.5)[:, :, None] / radius
        cos = np.cos(scenes.angle[rows, k]).astype(np.float32)[:, None, None]
        sin = np.sin(scenes.angle[rows, k]).astype(np.float32)[:, None, None]
        u, v = cos * dx + sin * dy, cos * dy - sin * dx
        alpha = np.clip(0.5 - SDFS[name](u, v) * radius, 0, 1)
        yield rows, (top + margin, left + margin, alpha, u, v)


def _ink(scenes: Scenes, rows: np.ndarray, k: int, u: np.ndarray, v: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Colour of each pixel of a patch: the object's own, darkened or lightened by its texture."""
    colour = palette[scenes.colour[rows, k]][:, None, None, :]
    names = np.array(scenes.config.textures)[scenes.texture[rows, k]]
    pattern = np.zeros(u.shape, dtype=np.float32)
    for name, mark in _TEXTURES.items():
        these = names == name
        if these.any():
            pattern[these] = mark(u[these], v[these])
    dark = colour.mean(axis=-1, keepdims=True) < 60  # black is lightened, the rest darkened
    mark_colour = np.where(dark, colour + 95, colour * 0.45)
    return colour + pattern[..., None] * (mark_colour - colour)


_TEXTURES = {
    "striped": lambda u, v: (np.sin(7.5 * v) > 0.15).astype(np.float32),
    "dotted": lambda u, v: (np.cos(8.0 * u) + np.cos(8.0 * v) > 1.05).astype(np.float32),
    "checked": lambda u, v: (np.sin(5.5 * u) * np.sin(5.5 * v) > 0).astype(np.float32),
}


def _background(scenes: Scenes) -> np.ndarray:
    """Light ground of a random tint with a slope and smooth blotches: (B, H + 2m, W + 2m, 3) float32."""
    size, margin, b = scenes.config.size, _margin(scenes), len(scenes)
    side = size + 2 * margin
    u = uniform(key(0, scenes.keys, "ground"), 16, stream=21).astype(np.float32)
    base = 205 + 40 * u[:, :3] - 30 * u[:, 3:4]
    line = np.linspace(-1, 1, side, dtype=np.float32)
    amount = np.float32(scenes.config.clutter)
    slope = amount * 25 * ((u[:, 4] - 0.5)[:, None, None] * line[:, None] + (u[:, 5] - 0.5)[:, None, None] * line)
    for j in range(2):
        f, g, p = 2 + 5 * u[:, 6 + 3 * j], 2 + 5 * u[:, 7 + 3 * j], 6.28 * u[:, 8 + 3 * j]
        slope += amount * 9 * np.sin(f[:, None] * line + p[:, None])[:, :, None] * np.cos(g[:, None] * line)[:, None, :]
    canvas = np.empty((b, side, side, 3), dtype=np.float32)
    canvas[:] = base[:, None, None, :]
    canvas += slope[..., None]
    return canvas
