"""Solids as arrays: classes, colours, styles and proportions, the exact truth that points, views and words show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.errors import ConfigError
from jointspace.world import scene
from jointspace.world.base import check_names, check_range
from jointspace.world.config import COLOURS, WorldConfig
from jointspace.world.meshes import Mesh, spread
from jointspace.world.solids_bodies import build
from jointspace.world.views import render

PARTS = {  # part -> how it is said
    "handle": "a handle",
    "wings": "wings",
    "wheels": "wheels",
    "hat": "a hat",
    "lid": "a lid",
    "drawer": "a drawer",
    "shelf": "a shelf",
    "armrests": "armrests",
    "second shade": "two shades",
    "spoiler": "a spoiler",
    "roof box": "a roof box",
    "propeller": "a propeller",
    "second wing": "two pairs of wings",
    "chimney": "a chimney",
    "porch": "a porch",
    "tower": "a tower",
}
_GROUPS = {  # group -> kind: the variants of it, each "proportion+part"
    "round": {"circle": "+ flat+ +handle +wings", "ring": "+ +wheels"},
    "block": {"square": "+ tall+ +wheels +handle", "pentagon": "+", "hexagon": "+"},
    "pointed": {"triangle": "+ tall+ +wings", "diamond": "+ flat+ +wheels"},
    "emblem": {"star": "+ +hat", "heart": "+ +handle", "cross": "+", "crescent": "+", "arrow": "+ +wheels"},
    "cup": {"cup": "+ tall+ wide+ +handle tall+handle +lid"},
    "bottle": {"bottle": "+ tall+ wide+ +handle +lid wide+handle"},
    "table": {"table": "+ tall+ long+ +wheels +drawer +shelf"},
    "chair": {"chair": "+ tall+ wide+ +wheels +armrests", "stool": "+"},
    "lamp": {"lamp": "+ tall+ wide+ +handle +wheels +second_shade"},
    "car": {"car": "+ long+ tall+ +spoiler +roof_box", "truck": "+"},
    "plane": {"plane": "+ long+ wide+ +propeller +second_wing", "rocket": "+"},
    "house": {"house": "+ tall+ wide+ +chimney +porch +tower"},
}
STYLES = ("plain", "striped", "dotted", "checked")
BACK = ("handle",)  # parts that no view from the front shows


@dataclass(frozen=True)
class SolidClass:
    """One fine class: `name` is "tall cup with a handle"."""

    name: str
    group: str
    kind: str
    proportion: str
    part: str


def _classes() -> dict[str, SolidClass]:
    made = {}
    for group, kinds in _GROUPS.items():
        for kind, variants in kinds.items():
            for variant in variants.split():
                proportion, part = variant.replace("_", " ").split("+")
                name = f"{proportion} {kind}".strip() + (f" with {PARTS[part]}" if part else "")
                made[name] = SolidClass(name, group, kind, proportion, part)
    return made


CLASSES = _classes()
GROUPS = tuple(_GROUPS)
KINDS = tuple(dict.fromkeys(c.kind for c in CLASSES.values()))


@dataclass(frozen=True)
class SolidControls:
    """Controls of `world/solids`.

    classes, colours, styles: what may occur. held_out: classes that never occur (`only_held_out`: no others do).
    long_tail: exponent of the classes' frequencies (rank ** -long_tail, one order for all seeds), 0 = even.
    points: how many a cloud. views, size: pictures a row and their side in pixels, at azimuths 360 / views apart from
    the front on; elevation: least and most degrees, one draw a row. turned: a random turn about the upright axis.
    paired: row i is the first object of row i of `world/scenes` of the same seed (default controls there): its shape as
    a solid, in its colour and texture.
    noisy_subset: share of the rows in subset "noisy"; noisy_names: rate of names there that say nothing;
    caption_errors: rate of captions with one wrong fact.
    """

    classes: tuple[str, ...] = tuple(CLASSES)
    colours: tuple[str, ...] = tuple(COLOURS)
    styles: tuple[str, ...] = STYLES
    held_out: tuple[str, ...] = ()
    only_held_out: bool = False
    long_tail: float = 0.0
    points: int = 2048
    views: int = 8
    size: int = 32
    elevation: tuple[float, float] = (20.0, 20.0)
    turned: bool = False
    paired: bool = False
    noisy_subset: float = 0.5
    noisy_names: float = 0.6
    caption_errors: float = 0.15

    def __post_init__(self) -> None:
        for name, known in (("classes", CLASSES), ("colours", COLOURS), ("styles", STYLES), ("held_out", CLASSES)):
            check_names("solids", name, getattr(self, name), known)
        for name in ("noisy_subset", "noisy_names", "caption_errors"):
            check_range("solids", name, getattr(self, name), 0, 1)
        check_range("solids", "long_tail", self.long_tail, 0, 4)
        check_range("solids", "points", self.points, 1, 1_000_000)
        check_range("solids", "views", self.views, 1, 360)
        check_range("solids", "size", self.size, 16, 1024)
        if len(self.elevation) != 2 or not -90 <= self.elevation[0] <= self.elevation[1] <= 90:
            raise ConfigError(f"world/solids: elevation must be two degrees, least first, got {self.elevation}")
        if not self.colours or not self.styles or not self.allowed:
            raise ConfigError("world/solids: colours, styles and the classes that may occur must not be empty")
        flat = WorldConfig()
        pairs = ((flat.shapes, self.allowed), (flat.colours, self.colours), (flat.textures, self.styles))
        if self.paired and not all(set(needed) <= set(there) for needed, there in pairs):
            raise ConfigError("world/solids: paired needs all shapes, colours and styles of the scenes")

    @property
    def allowed(self) -> tuple[str, ...]:
        """Names of the classes that may occur."""
        return tuple(name for name in self.classes if (name in self.held_out) == self.only_held_out)


@dataclass(frozen=True)
class Solids:
    """B solids. keys (B,); label: index into `controls.allowed` (B,); colour, accent, style (B,) indices into the
    controls' tuples; shape (B, 8) in -1..1 how a body departs from its kind; turn, elevation (B,) degrees."""

    controls: SolidControls
    keys: np.ndarray
    label: np.ndarray
    colour: np.ndarray
    accent: np.ndarray
    style: np.ndarray
    shape: np.ndarray
    turn: np.ndarray
    elevation: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def kind(self, i: int) -> SolidClass:
        """The class of solid i."""
        return CLASSES[self.controls.allowed[self.label[i]]]

    def facts(self, i: int) -> dict[str, str]:
        """All that is said of solid i, by name."""
        c, kind = self.controls, self.kind(i)
        return {
            "label": kind.name,
            "group": kind.group,
            "kind": kind.kind,
            "proportion": kind.proportion or "plain",
            "part": kind.part or "none",
            "colour": c.colours[self.colour[i]],
            "accent": c.colours[self.accent[i]],
            "style": c.styles[self.style[i]],
        }

    def mesh(self, i: int) -> Mesh:
        """The body of solid i within the unit ball, on the grid of `meshes.SNAP`."""
        kind = self.kind(i)
        mesh = build(kind.kind, kind.proportion, kind.part, self.shape[i])
        return (mesh.turned("z", float(self.turn[i])) if self.turn[i] else mesh).snapped()

    def points(self, i: int, n: int) -> np.ndarray:
        """n points even over solid i: (n, 6) float32 x, y, z and colour in 0..1."""
        mesh = self.mesh(i)
        position, face = spread(mesh, self.keys[i], n)
        return np.concatenate([position, self.paint(i, mesh, position, face) / 255], axis=1).astype(np.float32)

    def render(self, i: int, azimuth: np.ndarray, elevation: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Views of solid i at any degrees: pictures (V, size, size, 3) uint8, depths (V, size, size) float32."""
        mesh = self.mesh(i)
        tint = 225 + 28 * uniform(self.keys[i], 3, stream=10)
        return render(mesh, lambda p, f: self.paint(i, mesh, p, f), azimuth, elevation, size, tint)

    def paint(self, i: int, mesh: Mesh, position: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Colours (S, 3) in 0..255 of places on the surface: main colour with its style, accent, dark, pale."""
        c = self.controls
        main, accent = (np.array(COLOURS[c.colours[k[i]]], dtype=float) for k in (self.colour, self.accent))
        palette = np.array([main, accent, (62, 60, 66), (228, 236, 244)])
        colours = palette[mesh.ink[face]]
        turn = np.radians(-self.turn[i])  # the pattern turns with the body
        x, y = position[:, 0], position[:, 1]
        if self.turn[i]:
            x, y = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
        marked = _MARKS[c.styles[self.style[i]]](x, y, position[:, 2]) & (mesh.ink[face] == 0)
        colours[marked] = main + 95 if main.mean() < 60 else main * 0.45
        return colours


def _lattice(v: np.ndarray) -> np.ndarray:
    """Distance to the nearest of the marks 0.32 apart, in units of that distance."""
    return np.abs((v + 0.07) / 0.32 - np.round((v + 0.07) / 0.32))


_MARKS = {
    "plain": lambda x, y, z: np.zeros(len(x), dtype=bool),
    "striped": lambda x, y, z: np.floor((z + 0.021) / 0.15) % 2 == 1,
    "dotted": lambda x, y, z: _lattice(x) ** 2 + _lattice(y) ** 2 + _lattice(z) ** 2 < 0.16,
    "checked": lambda x, y, z: (
        (np.floor((x + 5.02) / 0.24) + np.floor((y + 5.03) / 0.24) + np.floor(z / 0.24)) % 2 == 1
    ),
}


def sample(controls: SolidControls, seed: int, indices: np.ndarray) -> Solids:
    """Solids number `indices`: pure in (controls, seed, index)."""
    keys = key(seed, "solid", np.asarray(indices, dtype=np.int64))
    order = permutation(key(0, "classes by rank"), len(CLASSES))  # one order for all seeds and choices of classes
    rank = {name: int(r) for name, r in zip(CLASSES, order, strict=True)}
    ranks = np.argsort(np.argsort([rank[name] for name in controls.allowed]))
    share = np.cumsum((ranks + 1.0) ** -controls.long_tail)
    label = np.searchsorted(share, uniform(keys, 1, stream=3)[:, 0] * share[-1], side="right")
    label = np.minimum(label, len(ranks) - 1)
    colours = len(controls.colours)
    colour = integers(keys, colours, stream=4)[:, 0]
    style = integers(keys, len(controls.styles), stream=6)[:, 0]
    if controls.paired:
        scenes = scene.sample(WorldConfig(), seed, indices)
        label = _index(WorldConfig().shapes, controls.allowed)[scenes.shape[:, 0]]
        colour = _index(WorldConfig().colours, controls.colours)[scenes.colour[:, 0]]
        style = _index(WorldConfig().textures, controls.styles)[scenes.texture[:, 0]]
    accent = (colour + 1 + integers(keys, max(1, colours - 1), stream=5)[:, 0]) % colours
    turn = 360 * uniform(keys, 1, stream=8)[:, 0] if controls.turned else np.zeros(len(keys))
    low, high = controls.elevation
    elevation = low + (high - low) * uniform(keys, 1, stream=9)[:, 0]
    shape = 2 * uniform(keys, 8, stream=7) - 1
    return Solids(controls, keys, label, colour, accent, style, shape, turn, elevation)


def _index(names: tuple[str, ...], among: tuple[str, ...]) -> np.ndarray:
    return np.array([among.index(name) for name in names])
