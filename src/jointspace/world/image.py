"""Scenes -> pictures, with instance masks, boxes, classes and depths that agree with them exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.errors import ConfigError
from jointspace.world import camera, parts, textures
from jointspace.world.config import COLOURS
from jointspace.world.grounds import ground
from jointspace.world.patches import ARM, Patch, drawing_order, margin, patches
from jointspace.world.scene import Scenes
from jointspace.world.styles import Styled

IGNORE = 255  # the class of pixels that have none
_BAND = 1 << 18  # pixels drawn at once: few enough to stay in the processor's cache, enough for long arrays


def render(scenes: Scenes) -> np.ndarray:
    """(B, H, W, 3) uint8, anti-aliased; later objects stand in front of earlier ones."""
    size = scenes.config.size
    out = np.empty((len(scenes), size, size, 3), dtype=np.uint8)
    band = max(8, _BAND // size**2)
    for start in range(0, len(scenes), band):
        rows = slice(start, start + band)
        out[rows] = _render(scenes.take(rows))
    return out


def _render(scenes: Scenes) -> np.ndarray:
    size, edge = scenes.config.size, margin(scenes)
    style = Styled(scenes)
    canvas = np.zeros((len(scenes), size + 2 * edge, size + 2 * edge, 3), dtype=np.float32)
    inner = canvas[:, edge : edge + size, edge : edge + size]
    inner[:] = ground(scenes)
    style.on_ground(inner)
    light = 0.88 + 0.24 * uniform(scenes.keys, 1, stream=20)[:, 0].astype(np.float32)
    made = list(patches(scenes, edge))
    inks, alphas, shadows = [], [], []
    for patch in made:
        ink = _ink(scenes, patch) * light[patch.rows, None, None, None]
        style.on_ink(ink, patch)
        inks.append(ink)
        alphas.append(_opacity(scenes, patch)[..., None])
        shadows.append(style.shadow(patch, scenes.radius[patch.rows, patch.slots] * size))
    for p, j in drawing_order(made):
        y, x, side = made[p].top[j], made[p].left[j], made[p].alpha.shape[1]
        under = canvas[made[p].rows[j], y : y + side, x : x + side]
        shadow = shadows[p]
        if shadow is not None:
            under *= shadow[j, :, :, None]
        under += alphas[p][j] * (inks[p][j] - under)
    return np.clip(camera.develop(scenes, inner) + 0.5, 0, 255).astype(np.uint8)


def masks(scenes: Scenes) -> np.ndarray:
    """(B, K, H, W) bool: visible pixels of each object (coverage above one half, objects in front taken off)."""
    size, edge = scenes.config.size, margin(scenes)
    slots = int(scenes.count.max(initial=0))
    out = np.zeros((len(scenes), slots, size + 2 * edge, size + 2 * edge), dtype=bool)
    for patch in patches(scenes, edge):
        side, solid = patch.alpha.shape[1], patch.alpha > 0.5
        for j, (b, k, y, x) in enumerate(zip(patch.rows, patch.slots, patch.top, patch.left, strict=True)):
            out[b, k, y : y + side, x : x + side] |= solid[j]
    for k in range(1, slots):
        out[:, :k] &= ~out[:, k : k + 1]
    return out[:, :, edge : edge + size, edge : edge + size]


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


def semantic(scenes: Scenes, mask: np.ndarray, by: str = "shape", without: Sequence[str] = ()) -> np.ndarray:
    """Masks (B, K, H, W) -> (B, H, W) uint8: 0 = background, 1 + index of the visible object's `by` among its values.

    `IGNORE` where classes meet: on pixels that have a pixel of another object or of the background beside them, up to
    the object's own border, and on all pixels of the values named in `without`. Raises ConfigError for a value there is
    not.
    """
    values = scenes.config.values(by)
    for name in without:
        if name not in values:
            raise ConfigError(f"world: semantic: no {by} {name!r} in use")
    owner = np.where(mask.any(axis=1), mask.argmax(axis=1), -1)  # (B, H, W), number of the object
    index = np.take_along_axis(getattr(scenes, by), np.maximum(owner, 0).reshape(len(owner), -1), axis=1)
    out = np.where(owner < 0, 0, 1 + index.reshape(owner.shape)).astype(np.uint8)
    hidden = [values.index(name) + 1 for name in without]
    out[np.isin(out, hidden)] = IGNORE
    out[_borders(owner) & (owner >= 0)] = IGNORE
    return out


def _borders(owner: np.ndarray) -> np.ndarray:
    """Pixels (B, H, W) with another owner above, below, left or right of them."""
    out = np.zeros(owner.shape, dtype=bool)
    for axis in (1, 2):
        differs = np.diff(owner, axis=axis) != 0
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        out[tuple(first)] |= differs
        out[tuple(last)] |= differs
    return out


def depth(scenes: Scenes, mask: np.ndarray) -> np.ndarray:
    """Masks (B, K, H, W) -> (B, H, W) float32: distance from the camera, 1 = background, less = nearer."""
    near = scenes.front[:, : mask.shape[1], None, None] * mask
    return (1 - near.max(axis=1, initial=0.0)).astype(np.float32)


def resized(scenes: Scenes, size: int) -> Scenes:
    """The same scenes for pictures of another size: the truth does not change with the pixels."""
    return replace(scenes, config=replace(scenes.config, size=size))


def _opacity(scenes: Scenes, patch: Patch) -> np.ndarray:
    if "glass" not in scenes.config.materials or patch.name == ARM:
        return patch.alpha
    clear = np.array(scenes.config.materials)[scenes.material[patch.rows, patch.slots]] == "glass"
    body = np.where(clear, np.float32(textures.GLASS), np.float32(1))[:, None, None]
    for solid in (patch.front, patch.back):  # parts are
        if solid is not None:
            body = np.maximum(body, solid)
    return patch.alpha * body


def _ink(scenes: Scenes, patch: Patch) -> np.ndarray:
    """Colour (N, S, S, 3) of each pixel of a patch: the object's own with its texture, material, mark and part."""
    c, rows, k, u, v = scenes.config, patch.rows, patch.slots, patch.u, patch.v
    palette = np.array([COLOURS[name] for name in c.colours], dtype=np.float32)
    colour = palette[scenes.colour[rows, k]][:, None, None, :]
    dark = colour.mean(axis=-1, keepdims=True) < 60  # black is lightened, the rest darkened
    other = np.where(dark, colour + 95, colour * 0.45)
    if patch.name == ARM:
        return other * np.ones((*u.shape, 1), dtype=np.float32)
    second = scenes.second[rows, k]
    if (second >= 0).any():
        other = np.where((second >= 0)[:, None, None, None], palette[second][:, None, None, :], other)
    ink = colour + _pattern(scenes, patch)[..., None] * (other - colour)
    for name in set(c.materials) - {"matte"}:
        these = np.flatnonzero(np.array(c.materials)[scenes.material[rows, k]] == name)
        if len(these):
            ink[these] += textures.shine(name, u[these], v[these])[..., None]
    for name in set(c.marks) - {"none"}:
        these = np.flatnonzero(np.array(c.marks)[scenes.mark[rows, k]] == name)
        if len(these):
            scale = (scenes.radius[rows[these], k[these]] * c.size).astype(np.float32)[:, None, None]
            cover = np.clip(0.5 - textures.mark(name, u[these], v[these]) * scale, 0, 1)[..., None]
            sign = np.where(colour[these].mean(axis=-1, keepdims=True) < 150, np.float32(250), np.float32(15))
            ink[these] += cover * (sign - ink[these])
    for cover in (patch.front, patch.back):
        if cover is not None:
            ink += cover[..., None] * (parts.colour(patch.part, colour) - ink)
    return ink


def _pattern(scenes: Scenes, patch: Patch) -> np.ndarray:
    rows, k, u, v = patch.rows, patch.slots, patch.u, patch.v
    names = np.array(scenes.config.textures)[scenes.texture[rows, k]]
    pattern = np.zeros(u.shape, dtype=np.float32)
    for name in scenes.config.textures:
        these = names == name
        if name == "plain" or not these.any():
            continue
        if name == "noisy":
            pattern[these] = textures.noisy(u[these], v[these], key(0, scenes.keys[rows[these]], k[these]))
        else:
            pattern[these] = textures.PATTERNS[name](u[these], v[these])
    return pattern
