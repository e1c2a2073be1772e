"""What objects stand before: a light ground, or one of several textured ones."""

from __future__ import annotations

from functools import cache

import numpy as np

from jointspace.data.draws import key, normal, uniform
from jointspace.world.patches import usual
from jointspace.world.scene import Scenes


def ground(scenes: Scenes) -> np.ndarray:
    """(B, H, W, 3) float32 in 0..255: the background of each scene, its texture as strong as `clutter` says."""
    out = _plain(scenes)
    names = np.array(scenes.config.backgrounds)[scenes.background]
    for name, (base, draw) in GROUNDS.items():
        rows = np.flatnonzero(names == name)
        if len(rows):
            out[rows] = _textured(scenes, rows, base, draw)
    return out


def _plain(scenes: Scenes) -> np.ndarray:
    """Light ground of a random tint with a slope and smooth blotches."""
    size, b = scenes.config.size, len(scenes)
    beyond = int(np.ceil(usual(scenes) * 1.5 * size)) + 2  # the waves run on outside the picture
    u = uniform(key(0, scenes.keys, "ground"), 16, stream=21).astype(np.float32)
    base = 205 + 40 * u[:, :3] - 30 * u[:, 3:4]
    line = np.linspace(-1, 1, size + 2 * beyond, dtype=np.float32)[beyond : beyond + size]
    amount = np.float32(scenes.config.clutter)
    slope = amount * 25 * ((u[:, 4] - 0.5)[:, None, None] * line[:, None] + (u[:, 5] - 0.5)[:, None, None] * line)
    for j in range(2):
        f, g, p = 2 + 5 * u[:, 6 + 3 * j], 2 + 5 * u[:, 7 + 3 * j], 6.28 * u[:, 8 + 3 * j]
        slope += amount * 9 * np.sin(f[:, None] * line + p[:, None])[:, :, None] * np.cos(g[:, None] * line)[:, None, :]
    canvas = np.empty((b, size, size, 3), dtype=np.float32)
    canvas[:] = base[:, None, None, :]
    canvas += slope[..., None]
    return canvas


def _textured(scenes: Scenes, rows: np.ndarray, base: tuple[int, ...], draw) -> np.ndarray:  # type: ignore[no-untyped-def]
    size = scenes.config.size
    u = uniform(key(0, scenes.keys[rows], "textured"), 8, stream=22).astype(np.float32)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    tint = np.array(base, dtype=np.float32) + 16 * (u[:, :3] - 0.5) - 8 * u[:, 3:4]
    shade = draw(line[None, :, None], line[None, None, :], u[:, 4:, None, None], _grain(u[:, 7], size))
    return tint[:, None, None] + np.float32(2 * scenes.config.clutter) * shade[..., None]


@cache
def _bank() -> np.ndarray:
    return normal(key(0, "grain"), 1 << 17).astype(np.float32)


def _grain(start: np.ndarray, size: int) -> np.ndarray:
    """(N, size, size) standard normal grain: stretches of one long list, begun anywhere."""
    bank = _bank()
    at = (
        (start * (len(bank) - size * size - 1)).astype(np.int64)
        if size * size < len(bank)
        else 0 * start.astype(np.int64)
    )
    return bank[(at[:, None] + np.arange(size * size)) % len(bank)].reshape(-1, size, size)


def _grass(y, x, u, grain):  # type: ignore[no-untyped-def]
    blades = grain + np.roll(grain, 1, axis=1) + np.roll(grain, 2, axis=1)  # drawn out downwards
    return 7 * blades + 9 * np.sin(5 * x + 6.28 * u[:, 0]) * np.sin(4 * y + 6.28 * u[:, 1])


def _sand(y, x, u, grain):  # type: ignore[no-untyped-def]
    dunes = np.sin(30 * (y + 0.05 * np.sin(7 * x + 6.28 * u[:, 0])) + 6.28 * u[:, 1])
    return 5 * grain + 7 * dunes


def _water(y, x, u, grain):  # type: ignore[no-untyped-def]
    waves = np.sin(34 * y + 2.2 * np.sin((8 + 5 * u[:, 0]) * x + 6.28 * u[:, 1]))
    return 15 * np.maximum(waves, -0.2) + 1.5 * grain


def _bricks(y, x, u, grain):  # type: ignore[no-untyped-def]
    row = 7 * y + u[:, 0]
    column = 3.5 * x + u[:, 1] + 0.5 * (np.floor(row) % 2)
    mortar = (row % 1 < 0.16) | (column % 1 < 0.08)
    tone = np.sin(12.9 * np.floor(row) + 78.2 * np.floor(column))
    return np.where(mortar, 26.0, -10 + 8 * tone).astype(np.float32) + 2 * grain


def _boards(y, x, u, grain):  # type: ignore[no-untyped-def]
    across = 4 * x + u[:, 0]
    tone = np.sin(37.7 * np.floor(across) + 10 * u[:, 1])
    fibres = np.sin(60 * (across % 1) + 3 * np.sin(5 * y + 9 * tone))
    return np.where(across % 1 < 0.07, -32.0, 9 * tone + 4 * fibres).astype(np.float32) + grain


def _tiles(y, x, u, grain):  # type: ignore[no-untyped-def]
    odd = (np.floor(5 * x + u[:, 0]) + np.floor(5 * y + u[:, 1])) % 2
    return np.where(odd > 0, 12.0, -14.0).astype(np.float32) + grain


def _paper(y, x, u, grain):  # type: ignore[no-untyped-def]
    lines = (8 * y + u[:, 0]) % 1 < 0.12
    return np.where(lines & (x < 2), -30.0, 4.0).astype(np.float32) + 1.5 * grain


GROUNDS = {  # background -> (colour, shade of its texture)
    "grass": ((152, 190, 122), _grass),
    "sand": ((226, 204, 158), _sand),
    "water": ((158, 200, 226), _water),
    "bricks": ((206, 160, 142), _bricks),
    "boards": ((208, 176, 134), _boards),
    "tiles": ((206, 208, 214), _tiles),
    "paper": ((240, 238, 228), _paper),
}
