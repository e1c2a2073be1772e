"""What a world may hold and how often."""

from __future__ import annotations

from dataclasses import dataclass

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
SIZES = {"small": 0.125, "large": 0.19}  # half the extent, as a share of the picture's side
TEXTURES = ("plain", "striped", "dotted", "checked")


@dataclass(frozen=True)
class WorldConfig:
    """Controls of a world. Item i of a world depends on (seed, i) and these alone.

    objects: least and most objects a scene. shapes, colours, sizes, textures: what may occur. held_out: (colour, shape)
    pairs that never occur (`only_held_out` turns it round: at least one object of every scene is such a pair).
    clutter: strength 0..1 of the background's texture. spurious: probability that an object's colour is the one that
    belongs to its shape (index modulo the number of colours), 0 = independent. size: pixels of a picture's side.
    """

    objects: tuple[int, int] = (1, 3)
    shapes: tuple[str, ...] = SHAPES
    colours: tuple[str, ...] = tuple(COLOURS)
    sizes: tuple[str, ...] = tuple(SIZES)
    textures: tuple[str, ...] = TEXTURES
    held_out: tuple[tuple[str, str], ...] = ()
    only_held_out: bool = False
    clutter: float = 0.5
    spurious: float = 0.0
    size: int = 32

    def __post_init__(self) -> None:
        low, high = self.objects
        if not 1 <= low <= high <= 6:
            raise ConfigError(f"world: objects must be a range within 1 to 6, got {low} to {high}")
        if self.size < 16:
            raise ConfigError(f"world: size must be at least 16 pixels, got {self.size}")
        for field, known in (("shapes", SHAPES), ("colours", COLOURS), ("sizes", SIZES), ("textures", TEXTURES)):
            for value in getattr(self, field):
                if value not in known:
                    raise ConfigError(f"world: {field}: no {value!r}{nearest(value, known)}")
        for colour, shape in self.held_out:
            if colour not in self.colours or shape not in self.shapes:
                raise ConfigError(f"world: held_out: ({colour}, {shape}) is no pair of colours and shapes in use")
        if self.only_held_out and not self.held_out:
            raise ConfigError("world: only_held_out needs held_out pairs")
