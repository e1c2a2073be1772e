"""Where objects stand in a free layout: anywhere, in planted pairs, some partly behind others."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.world.config import LINKS, ORIENTED, SHAPES, SIZES, WorldConfig
from jointspace.world.parts import REACH
from jointspace.world.shapes import ends

CONTAINERS = {"circle": 0.85, "square": 0.78, "hexagon": 0.8, "pentagon": 0.72, "ring": 0.5}  # clear radius inside
TABLES = ("circle", "square", "hexagon", "ring", "cross")  # things can stand on these
CROWD = {1: 1.15, 2: 1.05, 3: 1.0, 4: 0.92, 5: 0.86, 6: 0.8}  # scale of radii by the most objects a scene may have
GAP = 0.035  # of the side, between the circles around objects that have nothing to do with each other
TRIES = 24
PRESS = 0.012  # of the side: how far two things in contact are pressed into each other, so that no gap shows
_TOP, _RIGHT, _LEFT = 0, 1, 3


def free(
    config: WorldConfig, keys: np.ndarray, count: np.ndarray, made: dict[str, Any], quarter: np.ndarray, angle: Any
) -> dict[str, np.ndarray]:
    """x, y, angle, radius, anchor and link of every object. Changes `size` and `part` of linked ones in `made`.

    Objects that are not linked and do not hide each other keep `GAP` between the circles around them. Where one round
    of tries finds no room, the objects of that scene shrink by a tenth until they fit.
    """
    anchor, link = _links(config, keys, count, made["shape"], made["size"])
    sizes = np.array([SIZES[s] for s in config.sizes])
    child, parent = _pair(anchor >= 0)
    if "none" in config.parts:  # parts would stand between two things in contact
        made["part"] = np.where(child | parent, config.parts.index("none"), made["part"])
    contact = child & np.isin(link, [LINKS.index("on"), LINKS.index("touching")])
    angle = np.where(contact | np.roll(contact, -1, axis=1), 0.0, angle)
    into = link == LINKS.index("inside")
    around = np.roll(into, -1, axis=1)
    made["size"] = np.where(into, sizes.argmin(), np.where(around, sizes.argmax(), made["size"]))
    radius = sizes[made["size"]] * CROWD[config.objects[1]]
    radius = radius * (1 + 0.12 * (uniform(keys, radius.shape[1], stream=40) - 0.5))  # keeps small below large
    shapes = np.array([SHAPES.index(s) for s in config.shapes])[made["shape"]]
    radius = _nested(radius, into, around, shapes)
    across, down = _offsets(keys, link, radius, shapes, quarter)
    reach = radius * np.where(made["part"] == _index(config.parts, "none"), 1.1, REACH)
    x, y, scale = _place(config, keys, count, child, across, down, reach)
    turned = angle + quarter * (np.pi / 2)
    return {"x": x, "y": y, "angle": turned, "radius": radius * scale[:, None], "anchor": anchor, "link": link}


def _index(values: tuple[str, ...], value: str) -> int:
    return values.index(value) if value in values else -1


def _pair(linked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which objects are attached to the one before, and which have one attached to them."""
    return linked, np.roll(linked, -1, axis=1)


def _links(config: WorldConfig, keys: np.ndarray, count: np.ndarray, shape: np.ndarray, size: np.ndarray) -> Any:
    """(anchor, link): an object may be attached to the one before it unless that is attached itself.

    A kind of link is drawn first; where the two shapes do not allow it they stay apart, so that rare links stay rare.
    """
    b, slots = shape.shape
    anchor, link = np.full((b, slots), -1), np.zeros((b, slots), dtype=np.int64)
    if not config.links:
        return anchor, link
    weight = np.arange(1, len(config.links) + 1) ** -float(config.long_tail.get("links", 0.0))
    edges = np.cumsum(weight)[:-1] / weight.sum()
    pick = np.searchsorted(edges, uniform(keys, slots, stream=41), side="right")
    wanted = uniform(keys, slots, stream=42) < config.linked
    number = np.array([LINKS.index(name) for name in config.links])[pick]
    possible = _possible(config)
    can = wanted[:, 1:] & possible[pick[:, 1:], shape[:, 1:], shape[:, :-1]]
    if any("size" in config.pair_of(pair) for pair in config.held_out):  # then the sizes must be right as they are
        sizes = np.array([SIZES[s] for s in config.sizes])[size]
        right = (sizes[:, 1:] == min(SIZES[s] for s in config.sizes)) & (
            sizes[:, :-1] == max(SIZES[s] for s in config.sizes)
        )
        can &= right | (number[:, 1:] != LINKS.index("inside"))
    for k in range(1, slots):
        rows = np.flatnonzero(can[:, k - 1] & (k < count) & (anchor[:, k - 1] < 0))
        anchor[rows, k], link[rows, k] = k - 1, number[rows, k]
    return anchor, link


def _possible(config: WorldConfig) -> np.ndarray:
    """(links, shapes, shapes) bool: may an object of the first shape be linked so to one of the second?"""
    n = len(config.shapes)
    out = np.ones((len(config.links), n, n), dtype=bool)
    for j, name in enumerate(config.links):
        if name == "inside":
            out[j] &= np.isin(config.shapes, tuple(CONTAINERS))[None, :]
        if name == "on":
            out[j] &= np.isin(config.shapes, TABLES)[None, :]
    for a, name, b in config.held_out_links:
        out[config.links.index(name), config.shapes.index(a), config.shapes.index(b)] = False
    return out


def _nested(radius: np.ndarray, into: np.ndarray, around: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Containers grow and what is inside shrinks until it has room."""
    clear = np.array([CONTAINERS.get(name, 1.0) for name in SHAPES])
    radius = np.where(around, radius * 1.35, radius)
    room = np.roll(radius * clear[shapes], 1, axis=1)
    return np.where(into, np.minimum(radius, 0.72 * room), radius)


def _offsets(keys: np.ndarray, link: np.ndarray, radius: np.ndarray, shapes: np.ndarray, quarter: np.ndarray) -> Any:
    """(across, down): from the centre of the object before to that of an attached one, shares of the side."""
    across, down = np.zeros(radius.shape), np.zeros(radius.shape)
    u = uniform(keys, 2 * radius.shape[1], stream=43).reshape(len(radius), 2, -1)
    side = np.where(u[:, 0] < 0.5, -1.0, 1.0)
    turn = np.where(np.isin(SHAPES, ORIENTED)[shapes], quarter, 0)
    for k in range(1, radius.shape[1]):
        r, s = radius[:, k - 1 : k + 1], shapes[:, k - 1 : k + 1]
        rows = np.flatnonzero(link[:, k] == LINKS.index("on"))
        down[rows, k] = PRESS - _contact(rows, r, s, turn[:, k - 1 : k + 1], _TOP)
        rows = np.flatnonzero(link[:, k] == LINKS.index("touching"))
        right = rows[side[rows, k] > 0]
        left = rows[side[rows, k] < 0]
        across[right, k] = _contact(right, r, s, turn[:, k - 1 : k + 1], _RIGHT) - PRESS
        across[left, k] = PRESS - _contact(left, r, s, turn[:, k - 1 : k + 1], _LEFT)
        rows = np.flatnonzero(link[:, k] == LINKS.index("holding"))
        across[rows, k] = side[rows, k] * (1.05 * r[rows].sum(axis=1) + 0.06)
        down[rows, k] = (u[rows, 1, k] - 0.5) * r[rows].sum(axis=1)
    return across, down


def _contact(rows: np.ndarray, radius: np.ndarray, shapes: np.ndarray, turn: np.ndarray, side: int) -> np.ndarray:
    """Distance of the centres at which the second object just meets the first on this side of it."""
    if not len(rows):
        return np.zeros(0)
    r, s, q = radius[rows], shapes[rows], turn[rows]
    line = np.linspace(-1.1, 1.1, 89) * r.max(axis=1, keepdims=True)  # (N, 89) along the side, shares of the picture
    total = np.zeros(line.shape)
    for j, where in ((0, side), (1, (side + 2) % 4)):
        one = slice(j, j + 1)
        total += ends(s[:, one], q[:, one], where, line / r[:, one]) * r[:, one]
    return total.max(axis=1)


def _place(
    config: WorldConfig, keys: np.ndarray, count: np.ndarray, child: np.ndarray, across: Any, down: Any, reach: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, scale = np.zeros(reach.shape), np.zeros(reach.shape), np.ones(len(reach))
    rows = np.arange(len(reach))
    for attempt in range(40):
        s = scale[rows, None]
        offset = np.stack([across[rows], down[rows]], axis=2) * s[..., None]
        at, fits = _throw(config, key(0, keys[rows], attempt), count[rows], child[rows], offset, reach[rows] * s)
        x[rows], y[rows] = at[..., 0], at[..., 1]
        rows = rows[~fits]
        if not len(rows):
            break
        scale[rows] *= 0.9
    return x, y, scale


def _throw(
    config: WorldConfig, keys: np.ndarray, count: np.ndarray, child: np.ndarray, offset: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One round: positions (B, K, 2) and which scenes have found room for all."""
    b, slots = reach.shape
    at, fits = np.full((b, slots, 2), 9.0), np.ones(b, dtype=bool)  # 9: far outside until placed
    parent = np.roll(child, -1, axis=1)
    hidden = uniform(keys, slots, stream=50) < config.occlusion
    alone = ~child & ~parent
    used = np.zeros((b, slots), dtype=bool)
    every = np.arange(b)
    for k in range(slots):
        head = ~child[:, k] & (k < count)
        follows = parent[:, k] if k + 1 < slots else np.zeros(b, dtype=bool)
        f = min(k + 1, slots - 1)
        step = np.where(follows[:, None], offset[:, f], 0.0)
        reach2 = np.where(follows, reach[:, f], reach[:, k])
        spots = _spots(keys, k, step, reach[:, k], reach2)
        behind = np.full(b, -1)
        if config.occlusion and k:
            free_ = alone[:, :k] & ~used[:, :k]
            can = hidden[:, k] & alone[:, k] & free_.any(axis=1)
            behind[can] = k - 1 - free_[can][:, ::-1].argmax(axis=1)
            ring = _beside(keys, k, at[every, behind], reach[every, behind], reach[:, k])
            spots = np.where(can[:, None, None], np.concatenate([ring, spots], axis=1)[:, : 2 * TRIES], _twice(spots))
        clear = _clearance(spots, at, reach, reach[:, k], behind, TRIES)
        clear = np.minimum(clear, _clearance(spots + step[:, None], at, reach, reach2, behind, TRIES))
        inside = (np.abs(spots - 0.5) <= 0.5 - 0.9 * reach[:, k, None, None]).all(axis=2)
        good = (clear >= GAP) & inside
        first = good.argmax(axis=1)
        ok = good[every, first]
        fits &= ok | ~head
        at[head, k] = spots[every, first][head]
        both = head & follows
        at[both, f] = at[both, k] + step[both]
        covers = head & ok & (behind >= 0) & (first < TRIES)
        used[covers, behind[covers]] = used[covers, k] = True
    return at, fits


def _spots(keys: np.ndarray, k: int, step: np.ndarray, reach: np.ndarray, reach2: np.ndarray) -> np.ndarray:
    """(B, TRIES, 2) places for a head from which it and its follower stay within the picture."""
    low = np.maximum(reach[:, None], reach2[:, None] - step)
    high = np.minimum(1 - reach[:, None], 1 - reach2[:, None] - step)
    middle = (low + high) / 2
    low, high = np.minimum(low, middle), np.maximum(high, middle)
    u = uniform(keys, 2 * TRIES, stream=51 + k).reshape(len(keys), TRIES, 2)
    return low[:, None] + u * (high - low)[:, None]


def _twice(spots: np.ndarray) -> np.ndarray:
    return np.concatenate([spots, spots], axis=1)


def _beside(keys: np.ndarray, k: int, centre: np.ndarray, reach: np.ndarray, reach2: np.ndarray) -> np.ndarray:
    """(B, TRIES, 2) places from which an object hides 30 to 55 % of the width of one that stands at `centre`."""
    u = uniform(keys, 2 * TRIES, stream=60 + k).reshape(len(keys), TRIES, 2)
    far, near = np.maximum(reach, reach2)[:, None], np.minimum(reach, reach2)[:, None]
    distance = (far + (0.45 * u[..., 0] - 0.05) * near) / 1.1
    turn = 2 * np.pi * u[..., 1]
    return centre[:, None] + distance[..., None] * np.stack([np.cos(turn), np.sin(turn)], axis=2)


def _clearance(spots: Any, at: Any, reach: Any, own: Any, behind: np.ndarray, tries: int) -> np.ndarray:
    """(B, T) least gap to what is placed already; the one that is to be hidden does not count at the first `tries`."""
    gap = np.full(spots.shape[:2], np.inf)
    for j in range(at.shape[1]):
        dx, dy = spots[..., 0] - at[:, j, None, 0], spots[..., 1] - at[:, j, None, 1]
        to = np.sqrt(dx * dx + dy * dy) - (reach[:, j] + own)[:, None]
        to[behind == j, :tries] = np.inf
        np.minimum(gap, to, out=gap)
    return gap
