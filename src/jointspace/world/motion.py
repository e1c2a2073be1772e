"""Motions of up to two objects: which one each does, and where it is in every frame.

Left and right, up and down, clockwise and counter-clockwise are the same pictures in reverse order, and every frame of
one has the same distribution as that frame of the other: no single frame, and no bag of frames, tells them apart. A
mover that leaves the picture comes in again at the opposite side, so its place says nothing about its way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import integers, uniform

MOTIONS = (
    "left", "right", "up", "down", "clockwise", "counter-clockwise", "grow", "shrink", "blink", "still", "collide",
    "follow",
)  # fmt: skip
LED = len(MOTIONS)  # what the second object of "follow" does: it is followed
TOGETHER = ("collide", "follow")  # motions that two objects do with each other
OPPOSITES = (("left", "right"), ("up", "down"), ("clockwise", "counter-clockwise"))  # one is the other in reverse
NUMBER = {name: number for number, name in enumerate(MOTIONS)}

EDGE = 1.12  # an object's pixels end within this many radii of its centre
EDGE_WITH_PARTS = 1.6  # wheels, wings and hats included
_SMALLEST, _LARGEST = 0.075, 0.215  # radii between which "grow" and "shrink" run
_RING = 0.29  # radius of the round on which one object follows another
_TOUCH = 0.86  # shapes are no full discs: at this share of the radii's sum they seem to touch
_RUN = 0.48  # how much farther apart than touching two objects start that collide
_TAU = 2 * np.pi


@dataclass(frozen=True)
class Paths:
    """Of B clips, T frames and 2 objects (B, T, 2): centre x, y and radius as shares of the side, y downward; shown."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    shown: np.ndarray


def choose(allowed: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """One of the allowed columns a row, all equally likely: allowed (B, M) bool, chance (B,) in 0..1 -> (B,) int."""
    rank = np.cumsum(allowed, axis=1)
    return (rank > np.floor(chance * rank[:, -1])[:, None]).argmax(axis=1)


def paths(
    keys: np.ndarray, motion: np.ndarray, radius: np.ndarray, both: np.ndarray, frames: int, edge: float = EDGE
) -> Paths:
    """Where the objects are. keys (B,); motion (B, 2) numbers of MOTIONS or LED; radius (B, 2); both (B,): two.

    edge: radii from its centre at which an object ends. The motions of a pair (collide, follow) are read off the first
    object.
    """
    time = np.linspace(0.0, 1.0, frames)
    x, y = _homes(keys, motion, radius, both)
    x, y, size = (np.repeat(a[:, None], frames, axis=1) for a in (x, y, radius))
    out = Paths(x, y, size, np.ones(x.shape, dtype=bool))
    _slide(out, keys, motion, time, edge)
    _circle(out, keys, motion, both, time)
    _swell(out, motion, time)
    _blink(out, keys, motion, frames)
    _collide(out, keys, motion, time)
    _follow(out, keys, motion, time)
    return out


def _homes(keys: np.ndarray, motion: np.ndarray, radius: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (B, 2): a lone object anywhere that it fits, two in opposite quarters, so that their lanes stay apart."""
    u = uniform(keys, 4, stream=0).reshape(-1, 2, 2)
    room = np.where(np.isin(motion, (NUMBER["grow"], NUMBER["shrink"])), _LARGEST, radius)
    room = room + np.where(_of(motion, "clockwise", "counter-clockwise"), _round_radius(both)[:, None], 0.0)
    side = integers(keys, 2, 2, stream=1)
    places = []
    for axis in range(2):
        quarter = np.stack([side[:, axis], 1 - side[:, axis]], axis=1)
        near = 0.25 + 0.5 * quarter + (u[:, axis] - 0.5) * np.maximum(0.0, 0.5 - 2 * room)
        alone = room + u[:, axis] * (1 - 2 * room)
        places.append(np.where(both[:, None], np.clip(near, room, 1 - room), alone))
    return places[0], places[1]


def _of(motion: np.ndarray, *names: str) -> np.ndarray:
    return np.isin(motion, [NUMBER[name] for name in names])


def _round_radius(both: np.ndarray) -> np.ndarray:
    return np.where(both, 0.14, 0.2)


def _slide(out: Paths, keys: np.ndarray, motion: np.ndarray, time: np.ndarray, edge: float) -> None:
    """Left, right, up, down: steady, out at one side and in at the other, the start uniform over the whole way."""
    u = uniform(keys, 4, stream=2).reshape(-1, 2, 2)
    for names, place in ((("left", "right"), out.x), (("up", "down"), out.y)):
        rows, k = np.nonzero(_of(motion, *names))
        out_of_sight = edge * out.radius[rows, 0, k]
        way = np.where(motion[rows, k] == NUMBER[names[0]], -1.0, 1.0) * (0.45 + 0.2 * u[rows, 0, k])
        length = 1 + 2 * out_of_sight
        run = u[rows, 1, k] * length
        place[rows, :, k] = (run[:, None] + way[:, None] * time) % length[:, None] - out_of_sight[:, None]


def _circle(out: Paths, keys: np.ndarray, motion: np.ndarray, both: np.ndarray, time: np.ndarray) -> None:
    """A round about the home, clockwise as one sees it (y goes down), from anywhere on it."""
    rows, k = np.nonzero(_of(motion, "clockwise", "counter-clockwise"))
    u = uniform(keys, 4, stream=3).reshape(-1, 2, 2)[rows, :, k]
    turn = np.where(motion[rows, k] == NUMBER["clockwise"], 1.0, -1.0) * (0.6 + 0.25 * u[:, 0]) * _TAU
    angle = _TAU * u[:, 1, None] + turn[:, None] * time
    size = _round_radius(both)[rows, None]
    out.x[rows, :, k] += size * np.cos(angle)
    out.y[rows, :, k] += size * np.sin(angle)


def _swell(out: Paths, motion: np.ndarray, time: np.ndarray) -> None:
    """Grow and shrink: between the same two radii, in equal ratios from frame to frame."""
    for name, share in (("grow", time), ("shrink", 1 - time)):
        rows, k = np.nonzero(_of(motion, name))
        out.radius[rows, :, k] = _SMALLEST * (_LARGEST / _SMALLEST) ** share


def _blink(out: Paths, keys: np.ndarray, motion: np.ndarray, frames: int) -> None:
    """Two frames there, two frames gone, beginning anywhere in this period of four."""
    rows, k = np.nonzero(_of(motion, "blink"))
    phase = integers(keys, 4, 2, stream=4)[rows, k]
    out.shown[rows, :, k] = (np.arange(frames) + phase[:, None]) // 2 % 2 == 0


def _collide(out: Paths, keys: np.ndarray, motion: np.ndarray, time: np.ndarray) -> None:
    """Two objects run at each other along one axis, touch in the middle of the clip and bounce back."""
    rows = np.flatnonzero(motion[:, 0] == NUMBER["collide"])
    u = uniform(keys[rows], 3, stream=5)
    radius = out.radius[rows, 0]
    apart = _TOUCH * radius.sum(axis=1)[:, None] + _RUN * np.abs(2 * time - 1)
    side = np.where(u[:, 0] < 0.5, -0.5, 0.5)
    widest = radius.max(axis=1)
    lane = widest + u[:, 1] * (1 - 2 * widest)
    upright = u[:, 2] < 0.5
    for k, sign in ((0, side), (1, -side)):
        along = 0.5 + sign[:, None] * apart
        out.x[rows, :, k] = np.where(upright[:, None], lane[:, None], along)
        out.y[rows, :, k] = np.where(upright[:, None], along, lane[:, None])


def _follow(out: Paths, keys: np.ndarray, motion: np.ndarray, time: np.ndarray) -> None:
    """On a round about the middle, either way: the first object a quarter of it behind the second."""
    rows = np.flatnonzero(motion[:, 0] == NUMBER["follow"])
    u = uniform(keys[rows], 4, stream=6)
    way = np.where(u[:, 0] < 0.5, -1.0, 1.0)
    behind = _TAU * u[:, 1, None] + (way * (0.55 + 0.2 * u[:, 2]) * _TAU)[:, None] * time
    ahead = behind + (way * (0.25 + 0.03 * u[:, 3]) * _TAU)[:, None]
    for k, angle in ((0, behind), (1, ahead)):
        out.x[rows, :, k] = 0.5 + _RING * np.cos(angle)
        out.y[rows, :, k] = 0.5 + _RING * np.sin(angle)
