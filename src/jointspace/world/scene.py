"""Scenes as arrays: the exact truth that every renderer draws from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.world import layout
from jointspace.world.camera import move
from jointspace.world.config import CHOICES, ORIENTATIONS, ORIENTED, SIZES, WorldConfig
from jointspace.world.relations import facts as facts
from jointspace.world.relations import relations as relations

GRID = 3  # objects stand in distinct cells of a GRID x GRID grid, jittered: they touch at most slightly
SLOTS = 6


@dataclass(frozen=True)
class Scenes:
    """B scenes of up to K objects. count (B,); all others (B, K), meaningless beyond `count`.

    shape, colour, size, texture, part, material, mark: indices into the config's tuples; x, y in 0..1, y downward;
    angle in radians, clockwise; radius: half the extent as a share of the side, without parts. second: index of a
    second colour for the texture, -1 = a darker tone of the first. anchor: number of the object that this one is
    attached to, -1 = none, and link: how, an index into `LINKS`. Later objects stand in front of earlier ones.

    style, background (B,): indices into the config's tuples. keys (B,) uint64 for whatever a renderer draws at random.
    Arrays that are left out hold the plainest value.
    """

    config: WorldConfig
    keys: np.ndarray
    count: np.ndarray
    shape: np.ndarray
    colour: np.ndarray
    size: np.ndarray
    texture: np.ndarray
    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    radius: np.ndarray
    part: np.ndarray = None  # type: ignore[assignment]
    material: np.ndarray = None  # type: ignore[assignment]
    mark: np.ndarray = None  # type: ignore[assignment]
    second: np.ndarray = None  # type: ignore[assignment]
    anchor: np.ndarray = None  # type: ignore[assignment]
    link: np.ndarray = None  # type: ignore[assignment]
    style: np.ndarray = None  # type: ignore[assignment]
    background: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, value in _PLAIN.items():
            if getattr(self, name) is None:
                like = self.count if name in ("style", "background") else self.shape
                object.__setattr__(self, name, np.full(like.shape, value, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.count)

    @property
    def front(self) -> np.ndarray:
        """(B, K) how near each object is, more = nearer, in 0..1; the background is at 0."""
        slots = np.arange(1, self.shape.shape[1] + 1)
        return np.where(slots <= self.count[:, None], slots / (self.count[:, None] + 1), 0.0)

    @property
    def orientation(self) -> np.ndarray:
        """(B, K) index into `ORIENTATIONS`: the quarter turn nearest to the angle."""
        return np.round(self.angle / (np.pi / 2)).astype(np.int64) % 4

    def objects(self, i: int) -> list[dict[str, Any]]:
        """Objects of scene i by name, first drawn first."""
        c = self.config
        turns = np.round(self.angle[i] / (np.pi / 2)).astype(np.int64) % 4  # as `orientation`, of this scene alone
        return [
            {
                "shape": c.shapes[self.shape[i, k]],
                "colour": c.colours[self.colour[i, k]],
                "size": c.sizes[self.size[i, k]],
                "texture": c.textures[self.texture[i, k]],
                "part": c.parts[self.part[i, k]],
                "material": c.materials[self.material[i, k]],
                "mark": c.marks[self.mark[i, k]],
                "second": c.colours[self.second[i, k]] if self.second[i, k] >= 0 else "",
                "orientation": ORIENTATIONS[turns[k]],
                "x": float(self.x[i, k]),
                "y": float(self.y[i, k]),
            }
            for k in range(self.count[i])
        ]

    def take(self, rows: Any) -> Scenes:
        """The scenes `rows` of these."""
        arrays = {name: getattr(self, name)[rows] for name in self.__dataclass_fields__ if name != "config"}
        return Scenes(self.config, **arrays)


_PLAIN = {"part": 0, "material": 0, "mark": 0, "second": -1, "anchor": -1, "link": 0, "style": 0, "background": 0}


def sample(config: WorldConfig, seed: int, indices: np.ndarray) -> Scenes:
    """Scenes number `indices` of the world (config, seed): pure, in any order, in any process."""
    keys = key(seed, "scene", np.asarray(indices, dtype=np.int64))
    low, high = config.objects
    count = low + integers(keys, high - low + 1, 1, stream=0)[:, 0]
    made = {name: _choose(config, control, keys, SLOTS, stream) for control, name, stream in _DRAWN}
    if config.spurious > 0:
        tied = uniform(keys, SLOTS, stream=3) < config.spurious
        made["colour"] = np.where(tied, made["shape"] % len(config.colours), made["colour"])
    _distract(config, keys, made)
    _hold_out(config, keys, made)
    made["second"] = _second(config, keys, made["colour"])
    turn = made.pop("orientation")
    turnable = np.isin(np.array(config.shapes), ORIENTED)[made["shape"]]  # a turn that everybody can see
    turnable &= np.isin(made["part"], (-1, _plain(config, "parts")))  # hats stay up, wheels down
    upright = max(0, _plain(config, "orientations"))
    turn = np.where(turnable, turn, upright)
    angle = (uniform(keys, SLOTS, stream=8) - 0.5) * 0.7  # at most 20 degrees: a turned square stays no diamond
    quarter = np.array([ORIENTATIONS.index(name) for name in config.orientations])[turn]
    if config.layout == "free":
        placed = layout.free(config, keys, count, made, quarter, angle)
    else:
        placed = _grid(config, keys, made["size"])
        placed["angle"] = angle + quarter * (np.pi / 2)
    scenes = Scenes(config, keys, count, **made, **placed, **_setting(config, keys, made["shape"]))
    return move(scenes) if config.camera > 0 else scenes


_DRAWN = (  # control, attribute, stream of draws
    ("shapes", "shape", 1), ("colours", "colour", 2), ("sizes", "size", 4), ("textures", "texture", 5),
    ("parts", "part", 30), ("materials", "material", 31), ("marks", "mark", 32), ("orientations", "orientation", 33),
)  # fmt: skip


def _choose(config: WorldConfig, control: str, keys: np.ndarray, n: int, stream: int) -> np.ndarray:
    """(B, n) indices into the values of a control, with its long tail if it has one."""
    values = len(getattr(config, control))
    exponent = config.long_tail.get(control, 0.0)
    if not exponent:
        return integers(keys, values, n, stream=stream)
    weight = np.arange(1, values + 1) ** -float(exponent)
    edges = np.cumsum(weight)[:-1] / weight.sum()
    return np.searchsorted(edges, uniform(keys, n, stream=stream), side="right")


def _plain(config: WorldConfig, control: str) -> int:
    """Index of the plainest value of a control, -1 where it is not in use."""
    values, plainest = getattr(config, control), CHOICES[control][1][0]
    return values.index(plainest) if plainest in values else -1


def _grid(config: WorldConfig, keys: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    cells = permutation(keys, GRID * GRID, stream=6)[:, :SLOTS]
    radius = np.array([SIZES[s] for s in config.sizes])[size]
    jitter = (uniform(keys, 2 * SLOTS, stream=7) - 0.5).reshape(len(keys), 2, SLOTS)
    room = np.maximum(0.0, 1.0 / GRID - 2.0 * radius)  # how far the centre may move: the object stays in its cell
    x = (cells % GRID + 0.5) / GRID + jitter[:, 0] * room
    y = (cells // GRID + 0.5) / GRID + jitter[:, 1] * room
    return {"x": x, "y": y, "radius": radius}


def _setting(config: WorldConfig, keys: np.ndarray, shape: np.ndarray) -> dict[str, np.ndarray]:
    """Style and background of each scene."""
    style = _choose(config, "styles", keys, 1, 34)[:, 0]
    background = _choose(config, "backgrounds", keys, 1, 35)[:, 0]
    if config.spurious_background > 0:
        tied = uniform(keys, 1, stream=36)[:, 0] < config.spurious_background
        background = np.where(tied, shape[:, 0] % len(config.backgrounds), background)
    return {"style": style, "background": background}


def _distract(config: WorldConfig, keys: np.ndarray, made: dict[str, np.ndarray]) -> None:
    """Some later objects become the first one with another value of one attribute that has several."""
    varied = [name for control, name, _ in _DRAWN if len(getattr(config, control)) > 1 and name != "orientation"]
    if not config.distractors or not varied:
        return
    copied = uniform(keys, SLOTS, stream=37) < config.distractors
    copied[:, 0] = False
    which = integers(keys, len(varied), SLOTS, stream=38)
    step = uniform(keys, SLOTS, stream=39)
    for j, name in enumerate(varied):
        n = len(config.values(name))
        first = made[name][:, :1]
        other = (first + 1 + (step * (n - 1)).astype(np.int64)) % n
        made[name] = np.where(copied, np.where(which == j, other, first), made[name])


def _second(config: WorldConfig, keys: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Index of another colour for some objects' textures, -1 for the rest."""
    n = len(config.colours)
    if not config.two_coloured or n < 2:
        return np.full(colour.shape, -1)
    other = (colour + 1 + integers(keys, n - 1, SLOTS, stream=49)) % n
    return np.where(uniform(keys, SLOTS, stream=48) < config.two_coloured, other, -1)


def _hold_out(config: WorldConfig, keys: np.ndarray, made: dict[str, np.ndarray]) -> None:
    """Replace held-out pairs by allowed ones, or force one into each scene."""
    if not config.held_out:
        return
    first, second = config.pair_of(config.held_out[0])
    values, others = config.values(first), config.values(second)
    pairs = np.array([(values.index(a), others.index(b)) for a, b in config.held_out])
    forbidden = np.zeros((len(values), len(others)), dtype=bool)
    forbidden[pairs[:, 0], pairs[:, 1]] = True
    a, b = made[first].copy(), made[second].copy()
    if config.only_held_out:
        pick = pairs[integers(keys, len(pairs), 1, stream=9)[:, 0]]
        a[:, 0], b[:, 0] = pick[:, 0], pick[:, 1]
    else:
        allowed = np.argwhere(~forbidden)
        other = allowed[integers(keys, len(allowed), SLOTS, stream=10)]  # (B, K, 2)
        bad = forbidden[a, b]
        a, b = np.where(bad, other[..., 0], a), np.where(bad, other[..., 1], b)
    made[first], made[second] = a, b
