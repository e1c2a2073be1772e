"""The squares of pixels that objects cover: coverage, distance and the object's own frame, many objects at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jointspace.world import parts, shapes
from jointspace.world.config import LINKS, SIZES
from jointspace.world.scene import Scenes

ARM = "arm"  # the name of the patch between a holder and what it holds


@dataclass(frozen=True)
class Patch:
    """Objects of one shape and part, one a row: N of them, each on a square of S x S pixels.

    name: the shape, or `ARM`. part: name of the part, "none" without. rows, slots (N,): their scenes, and their numbers
    there. top, left (N,): corner of the square in a picture with `margin` pixels around it. alpha (N, S, S): coverage
    0..1 of the whole object; front and back: coverage of the part before and behind the body, None without. u, v: place
    in the object's own frame. distance (N, S, S): to the border of the whole object in pixels, negative inside.
    """

    name: str
    part: str
    rows: np.ndarray
    slots: np.ndarray
    top: np.ndarray
    left: np.ndarray
    alpha: np.ndarray
    u: np.ndarray
    v: np.ndarray
    distance: np.ndarray
    front: np.ndarray | None = None
    back: np.ndarray | None = None


def usual(scenes: Scenes) -> float:
    """The largest radius that a size of this world has as such."""
    return max(0.1, *(SIZES[name] for name in scenes.config.sizes))


def margin(scenes: Scenes) -> int:
    """Pixels around the picture that patches may reach into."""
    return int(max(_halves(scenes).max(initial=1), _arm_halves(scenes).max(initial=1))) + 2


def patches(scenes: Scenes, margin: int) -> Iterator[Patch]:
    """Everything that the objects draw, alike ones together. What stands in front is for `drawing_order` to say."""
    size, half = scenes.config.size, _halves(scenes)
    arms = _arm_halves(scenes)
    for h in np.unique(arms[arms > 0]):
        rows, k = np.nonzero(arms == h)
        yield _arm(scenes, rows, k, int(h), margin)
    there = np.arange(scenes.shape.shape[1]) < scenes.count[:, None]
    sort = (half * 64 + scenes.shape) * 16 + scenes.part
    for kind in np.unique(sort[there]):
        rows, k = np.nonzero(there & (sort == kind))
        radius = (scenes.radius[rows, k] * size).astype(np.float32)[:, None, None]
        h = int(half[rows[0], k[0]])
        left, top, dx, dy = _square(scenes.x[rows, k] * size, scenes.y[rows, k] * size, h, radius)
        cos = np.cos(scenes.angle[rows, k]).astype(np.float32)[:, None, None]
        sin = np.sin(scenes.angle[rows, k]).astype(np.float32)[:, None, None]
        u, v = cos * dx + sin * dy, cos * dy - sin * dx
        name = scenes.config.shapes[scenes.shape[rows[0], k[0]]]
        part = scenes.config.parts[scenes.part[rows[0], k[0]]]
        away = shapes.SDFS[name](u, v) * radius
        at = (name, part, rows, k, top + margin, left + margin)
        if part == "none":
            yield Patch(*at, np.clip(0.5 - away, 0, 1), u, v, away)
            continue
        extra = parts.distance(part, name, u, v).astype(np.float32) * radius
        cover = np.clip(0.5 - extra, 0, 1)
        whole = np.minimum(away, extra)
        hidden = part in parts.BEHIND
        if hidden:
            cover = cover * (1 - np.clip(0.5 - away, 0, 1))
        sides = (None, cover) if hidden else (cover, None)
        yield Patch(*at, np.clip(0.5 - whole, 0, 1), u, v, whole, *sides)


def drawing_order(made: Sequence[Patch]) -> list[tuple[int, int]]:
    """(number of the patch, number of the object in it) from back to front: object by object, its arm first."""
    order = [
        (slot, patch.name != ARM, p, j) for p, patch in enumerate(made) for j, slot in enumerate(patch.slots.tolist())
    ]
    return [(p, j) for _, _, p, j in sorted(order)]


def _halves(scenes: Scenes) -> np.ndarray:
    """(B, K) half the side of each object's patch. It depends on nothing but the object, as its pixels must."""
    size, plain = scenes.config.size, usual(scenes)
    reach = np.where(np.array(scenes.config.parts)[scenes.part] == "none", 1.35, parts.REACH + 0.1)
    needed = reach * scenes.radius * size
    whole = np.ceil(1.35 * plain * size) + 1
    if scenes.config.layout == "grid":  # all in patches of one size, the parts' and grown ones in larger
        return np.where(needed <= whole - 1, whole, 4 * np.ceil((needed + 1) / 4)).astype(np.int64)
    return (4 * np.ceil((needed + 1) / 4)).astype(np.int64)


def _square(cx: np.ndarray, cy: np.ndarray, half: int, radius: np.ndarray) -> tuple[np.ndarray, ...]:
    """Corners of the patches around (cx, cy) and the places of their pixels' centres, in units of the radius."""
    grid = np.arange(2 * half, dtype=np.float32)
    left, top = np.floor(cx).astype(int) - half, np.floor(cy).astype(int) - half
    dx = ((left - cx).astype(np.float32)[:, None] + grid + 0.5)[:, None, :] / radius
    dy = ((top - cy).astype(np.float32)[:, None] + grid + 0.5)[:, :, None] / radius
    return left, top, dx, dy


def _arm_halves(scenes: Scenes) -> np.ndarray:
    """(B, K) half the side of the patch of each object's arm, 0 where it holds nothing."""
    size, other = scenes.config.size, np.maximum(scenes.anchor, 0)
    there = np.arange(scenes.link.shape[1]) < scenes.count[:, None]
    holding = there & (scenes.link == LINKS.index("holding")) & (scenes.anchor >= 0)
    x, y = (np.take_along_axis(at, other, axis=1) - at for at in (scenes.x, scenes.y))
    needed = np.hypot(x, y) * size / 2 + 3 * _pen(size)
    return np.where(holding, 4 * np.ceil((needed + 1) / 4), 0).astype(np.int64)


def _pen(size: int) -> float:
    return max(0.035 * size, 0.9)


def _arm(scenes: Scenes, rows: np.ndarray, k: np.ndarray, half: int, margin: int) -> Patch:
    """From the centre of the holder to a hand on the rim of what it holds; the holder is drawn over its end."""
    size, other = scenes.config.size, scenes.anchor[rows, k]
    x0, y0, x1, y1 = (
        a * size for a in (scenes.x[rows, k], scenes.y[rows, k], scenes.x[rows, other], scenes.y[rows, other])
    )
    length = np.maximum(np.hypot(x1 - x0, y1 - y0), 1e-6)
    ax, ay = (x1 - x0) / length, (y1 - y0) / length
    reach = length - _grip(scenes, rows, other, ax, ay) * scenes.radius[rows, other] * size
    one = np.ones((len(rows), 1, 1), dtype=np.float32)
    left, top, dx, dy = _square((x0 + x1) / 2, (y0 + y1) / 2, half, one)
    ax, ay = ax.astype(np.float32)[:, None, None], ay.astype(np.float32)[:, None, None]
    along, across = ax * dx + ay * dy, ay * dx - ax * dy
    start = (-length / 2).astype(np.float32)[:, None, None]
    stop = (reach - length / 2).astype(np.float32)[:, None, None]
    rod = np.hypot(along - np.clip(along, start, stop), across) - np.float32(0.55 * _pen(size))
    hand = np.hypot(along - stop, across) - np.float32(1.1 * _pen(size))
    away = np.minimum(rod, hand)
    return Patch(ARM, "none", rows, k, top + margin, left + margin, np.clip(0.5 - away, 0, 1), along, across, away)


def _grip(scenes: Scenes, rows: np.ndarray, other: np.ndarray, ax: np.ndarray, ay: np.ndarray) -> np.ndarray:
    """How far from the centre of what is held, in its radii, its body begins for a hand that comes along (ax, ay)."""
    steps = np.linspace(1.05, -1.0, 42)
    angle = scenes.angle[rows, other]
    u, v = -(np.cos(angle) * ax + np.sin(angle) * ay), -(np.cos(angle) * ay - np.sin(angle) * ax)
    u, v = ((a[:, None] * steps).astype(np.float32) for a in (u, v))
    out = np.full(len(rows), 0.7)
    for s in np.unique(scenes.shape[rows, other]):
        these = np.flatnonzero(scenes.shape[rows, other] == s)
        inside = shapes.SDFS[scenes.config.shapes[s]](u[these], v[these]) < -0.12
        out[these] = np.where(inside.any(axis=1), steps[inside.argmax(axis=1)], 0.7)
    return out
