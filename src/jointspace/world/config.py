"""What a world may hold and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jointspace.errors import ConfigError, nearest

SHAPES = (
    "circle", "square", "triangle", "star", "heart", "cross", "ring", "diamond", "pentagon", "hexagon", "crescent",
    "arrow",
)  # fmt: skip
COLOURS = {
    "red": (214, 40, 40),
    "green": (44, 150, 60),
    "blue": (38, 80, 200),
    "yellow": (240, 200, 20),
    "purple": (126, 50, 160),
    "orange": (240, 125, 20),
    "cyan": (40, 190, 200),
    "pink": (240, 120, 180),
    "brown": (120, 75, 40),
    "black": (25, 25, 30),
}
SIZES = {"small": 0.125, "large": 0.19, "tiny": 0.045}  # half the extent, as a share of the picture's side
TEXTURES = ("plain", "striped", "dotted", "checked", "noisy", "gradient", "zigzag", "ringed")
PARTS = ("none", "handle", "wheels", "hat", "wings")
MATERIALS = ("matte", "metal", "glass")
MARKS = ("none", "dot", "bar", "plus", *"0123456789")  # small signs on an object's front
ORIENTATIONS = ("upright", "turned right", "upside down", "turned left")  # quarter turns, clockwise
STYLES = ("plain", "sketch", "night", "photo")
BACKGROUNDS = ("plain", "grass", "sand", "water", "bricks", "boards", "tiles", "paper")
LINKS = ("", "inside", "on", "touching", "holding")  # planted relations of an object to the one it is attached to
LAYOUTS = ("grid", "free")
ORIENTED = ("triangle", "heart", "crescent", "arrow", "pentagon", "star")  # a quarter turn shows on these
# control -> attribute of an object that takes its values, and all values there are
CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "shapes": ("shape", SHAPES),
    "colours": ("colour", tuple(COLOURS)),
    "sizes": ("size", tuple(SIZES)),
    "textures": ("texture", TEXTURES),
    "parts": ("part", PARTS),
    "materials": ("material", MATERIALS),
    "marks": ("mark", MARKS),
    "orientations": ("orientation", ORIENTATIONS),
    "styles": ("style", STYLES),
    "backgrounds": ("background", BACKGROUNDS),
    "links": ("link", LINKS[1:]),
}
RICH: dict[str, Any] = {  # every attribute at once: `WorldConfig(**RICH)`; the defaults are a plainer world
    "objects": (1, 6),
    "textures": TEXTURES,
    "parts": PARTS,
    "materials": MATERIALS,
    "orientations": ORIENTATIONS,
    "backgrounds": BACKGROUNDS,
    "layout": "free",
    "links": LINKS[1:],
    "occlusion": 0.3,
    "camera": 0.5,
    "light": 0.5,
}


@dataclass(frozen=True)
class WorldConfig:
    """Controls of a world. Item i of a world depends on (seed, i) and these alone.

    objects: least and most objects a scene. size: pixels of a picture's side.

    What may occur: shapes, colours, sizes, textures, parts, materials, marks, orientations, styles, backgrounds.

    layout: "grid" (objects stand apart in cells) or "free" (anywhere). In a free layout `links` may be planted between
    neighbours with probability `linked` (where their shapes allow the one drawn), and an object hides part of an
    earlier one with probability `occlusion`.

    held_out: pairs of values of two attributes, as (colour, shape), that never occur in one object (`only_held_out`
    turns it round: the first object of every scene is such a pair). held_out_links: (shape, link, shape) triplets that
    never occur. long_tail: control -> Zipf exponent, value number r (from 0) has the weight (r + 1) ** -exponent.
    spurious: probability that an object's colour is the one that belongs to its shape (index modulo the number of
    colours), 0 = independent; spurious_background: the same for the background and the first object's shape.
    distractors: probability that a later object is the first one with one attribute changed. two_coloured: probability
    that a texture is in a second colour instead of a darker tone.

    Nuisances, strengths 0..1: clutter of the background's texture; camera (shift, zoom and tilt of the whole scene);
    light (brightness, cast, direction); blur; noise of the sensor. label_noise: probability of a wrong label.
    """

    objects: tuple[int, int] = (1, 3)
    shapes: tuple[str, ...] = SHAPES
    colours: tuple[str, ...] = tuple(COLOURS)
    sizes: tuple[str, ...] = ("small", "large")
    textures: tuple[str, ...] = ("plain", "striped", "dotted", "checked")
    held_out: tuple[tuple[str, str], ...] = ()
    only_held_out: bool = False
    clutter: float = 0.5
    spurious: float = 0.0
    size: int = 32
    parts: tuple[str, ...] = ("none",)
    materials: tuple[str, ...] = ("matte",)
    marks: tuple[str, ...] = ("none",)
    orientations: tuple[str, ...] = ("upright",)
    styles: tuple[str, ...] = ("plain",)
    backgrounds: tuple[str, ...] = ("plain",)
    layout: str = "grid"
    links: tuple[str, ...] = ()
    linked: float = 0.6
    occlusion: float = 0.0
    held_out_links: tuple[tuple[str, str, str], ...] = ()
    long_tail: Mapping[str, float] = field(default_factory=dict)
    spurious_background: float = 0.0
    distractors: float = 0.0
    two_coloured: float = 0.0
    camera: float = 0.0
    light: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    label_noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("links", "held_out_links"):  # YAML 1.1 reads a bare `on` as true
            object.__setattr__(self, name, _on(getattr(self, name)))
        low, high = self.objects
        if not 1 <= low <= high <= 6:
            raise ConfigError(f"world: objects must be a range within 1 to 6, got {low} to {high}")
        if self.size < 16:
            raise ConfigError(f"world: size must be at least 16 pixels, got {self.size}")
        for name, (_, known) in CHOICES.items():
            for value in getattr(self, name):
                if value not in known:
                    raise ConfigError(f"world: {name}: no {value!r}{nearest(value, known)}")
            if not getattr(self, name) and name != "links":
                raise ConfigError(f"world: {name} is empty: name at least one of {', '.join(known)}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"world: {name} must be in 0 to 1, got {getattr(self, name)}")
        self._check_layout()
        self._check_held_out()
        for name, exponent in self.long_tail.items():
            if name not in CHOICES:
                raise ConfigError(f"world: long_tail: no control {name!r}{nearest(name, CHOICES)}")
            if exponent < 0:
                raise ConfigError(f"world: long_tail: {name} must be at least 0, got {exponent}")

    def values(self, attribute: str) -> tuple[str, ...]:
        """What an attribute may be ("shape" -> `shapes`), in the order of its indices; for "link", "" comes first."""
        if attribute == "link":
            return LINKS
        return getattr(self, next(name for name, (a, _) in CHOICES.items() if a == attribute))

    def pair_of(self, pair: tuple[str, str]) -> tuple[str, str]:
        """The two attributes that the values of a held-out pair belong to."""
        found = [a for value in pair for a in OBJECT if value in self.values(a)]
        if len(found) != 2 or found[0] == found[1]:
            kind = "colours and shapes" if set(pair) & {*COLOURS, *SHAPES} else "attributes"
            raise ConfigError(f"world: held_out: ({', '.join(pair)}) is no pair of {kind} in use")
        return found[0], found[1]

    def _check_layout(self) -> None:
        if self.layout not in LAYOUTS:
            raise ConfigError(f"world: layout: no {self.layout!r}{nearest(self.layout, LAYOUTS)}")
        for name in ("links", "occlusion"):
            if getattr(self, name) and self.layout != "free":
                raise ConfigError(f"world: {name} needs layout=free, for in a grid objects stand apart")

    def _check_held_out(self) -> None:
        kinds = {self.pair_of(pair) for pair in self.held_out}
        if len(kinds) > 1:
            raise ConfigError(f"world: held_out: all pairs must be of the same two attributes, got {sorted(kinds)}")
        if self.only_held_out and not self.held_out:
            raise ConfigError("world: only_held_out needs held_out pairs")
        for a, link, b in self.held_out_links:
            if a not in self.shapes or link not in self.links or b not in self.shapes:
                raise ConfigError(f"world: held_out_links: ({a}, {link}, {b}) is no (shape, link, shape) in use")


OBJECT = ("shape", "colour", "size", "texture", "part", "material", "mark", "orientation")  # attributes of an object
_SHARES = (
    "clutter", "spurious", "linked", "occlusion", "spurious_background", "distractors", "two_coloured", "camera",
    "light", "blur", "noise", "label_noise",
)  # fmt: skip


def _on(value: Any) -> Any:
    return tuple(map(_on, value)) if isinstance(value, tuple | list) else "on" if value is True else value
