"""People as arrays: identities, the cameras that saw them, and each sighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.errors import ConfigError
from jointspace.world.base import check_names, check_range

CLOTH = {
    "black": (32, 32, 38),
    "white": (240, 240, 240),
    "grey": (135, 138, 142),
    "red": (205, 35, 40),
    "green": (40, 140, 60),
    "blue": (40, 80, 195),
    "yellow": (238, 200, 40),
    "purple": (125, 55, 160),
    "orange": (238, 125, 30),
    "pink": (240, 130, 180),
    "brown": (118, 78, 45),
}
HAIR = {
    "black": (28, 24, 24),
    "brown": (98, 62, 36),
    "blond": (226, 190, 110),
    "grey": (165, 165, 168),
    "red": (180, 78, 34),
}
SKIN = ((246, 214, 188), (228, 182, 146), (196, 146, 108), (148, 102, 72), (104, 70, 50))
SLOTS: dict[str, tuple[str, ...]] = {
    "person": ("man", "woman", "boy", "girl"),
    "hair": ("short", "long", "curly", "ponytail", "bald"),
    "hair_colour": tuple(HAIR),
    "hat": ("none", "cap", "woolly hat", "sun hat"),
    "hat_colour": tuple(CLOTH),
    "top": ("t-shirt", "shirt", "jacket", "coat", "hoodie", "tank top"),
    "top_colour": tuple(CLOTH),
    "top_pattern": ("plain", "striped", "checked", "dotted"),
    "bottom": ("trousers", "shorts", "skirt", "long skirt"),
    "bottom_colour": tuple(CLOTH),
    "shoes": ("shoes", "boots", "trainers"),
    "shoes_colour": tuple(CLOTH),
    "carried": ("none", "backpack", "handbag", "shopping bag", "suitcase", "umbrella"),
    "carried_colour": tuple(CLOTH),
}
VIEWS = ("front", "back", "left", "right")
DOMAINS = ("street", "station")
_WEIGHTS = {  # how often, where not evenly
    "hat": (0.55, 0.15, 0.15, 0.15),
    "top_pattern": (0.55, 0.2, 0.15, 0.1),
    "carried": (0.3, 0.16, 0.14, 0.14, 0.12, 0.14),
    "hair": (0.4, 0.3, 0.12, 0.18, 0.0),
}
_HAIR_OF = {"man": (0.6, 0.08, 0.14, 0.04, 0.14), "boy": (0.75, 0.08, 0.17, 0.0, 0.0)}
_BOTTOM_OF = {True: (0.42, 0.2, 0.23, 0.15), False: (0.68, 0.32, 0.0, 0.0)}  # women and girls; men and boys


@dataclass(frozen=True)
class PersonControls:
    """Controls of `world/people`.

    sightings: rows that show the same identity, one after another; cameras: how many there are, each identity meets
    them in an order of its own. domain: whose cameras: street or station (darker, other tints, other backgrounds).
    size: height in pixels, even, at least 48; pictures are half as wide. cast, occlusion: strength of the cameras'
    colour casts 0..1 and rate of sightings with something in front of the legs or of one side. views: what may occur.
    lookalikes: share of identities that are another one with a single attribute changed. identity_noise: rate of rows
    whose `track` is wrong or split off. pseudo_errors: rate of wrong phrases in `pseudo_text`.
    """

    sightings: int = 4
    cameras: int = 6
    domain: str = "street"
    size: int = 64
    cast: float = 1.0
    occlusion: float = 0.2
    views: tuple[str, ...] = VIEWS
    lookalikes: float = 0.0
    identity_noise: float = 0.0
    pseudo_errors: float = 0.1

    def __post_init__(self) -> None:
        check_names("people", "domain", self.domain, DOMAINS)
        check_names("people", "views", self.views, VIEWS)
        for name in ("cast", "occlusion", "lookalikes", "identity_noise", "pseudo_errors"):
            check_range("people", name, getattr(self, name), 0, 1)
        check_range("people", "sightings", self.sightings, 1, 1_000_000)
        check_range("people", "cameras", self.cameras, 1, 1000)
        check_range("people", "size", self.size, 48, 1024)
        if self.size % 2 or not self.views:
            raise ConfigError(f"world/people: size must be even and views not empty, got {self.size}, {self.views}")


@dataclass(frozen=True)
class Sightings:
    """B sightings. keys (B,) of the sighting; identity, camera, view (B,); phase (B,) of the walk in radians;
    slots: name -> index into SLOTS (B,); skin, hand (B,): tone, and the side of what is carried, -1 or 1."""

    controls: PersonControls
    seed: int
    keys: np.ndarray
    identity: np.ndarray
    camera: np.ndarray
    view: np.ndarray
    phase: np.ndarray
    slots: dict[str, np.ndarray]
    skin: np.ndarray
    hand: np.ndarray

    def __len__(self) -> int:
        return len(self.identity)

    def attributes(self, i: int) -> dict[str, str]:
        """All attributes of who is seen in sighting i by name, "none" where there is no hat or nothing carried."""
        named = {slot: values[self.slots[slot][i]] for slot, values in SLOTS.items()}
        for slot in ("hat", "carried"):
            if named[slot] == "none":
                named[f"{slot}_colour"] = "none"
        if named["hair"] == "bald":
            named["hair_colour"] = "none"
        return named

    def is_(self, slot: str, *values: str) -> np.ndarray:
        """(B,) bool: whether the slot has one of the values."""
        return np.isin(self.slots[slot], [SLOTS[slot].index(v) for v in values])

    def colour(self, slot: str, table: dict[str, Any] = CLOTH) -> np.ndarray:
        """(B, 3) float colours of a colour slot."""
        return np.array(list(table.values()), dtype=np.float32)[self.slots[slot]]


def identities(controls: PersonControls, seed: int, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Attributes of the identities `numbers`: pure in (seed, number) and the rate of lookalikes."""
    base = _attributes(seed, numbers)
    if controls.lookalikes:
        keys = key(seed, "lookalike", numbers)
        same = (uniform(keys, 1)[:, 0] < controls.lookalikes) & (numbers > 0)
        model = _attributes(seed, np.maximum(numbers - 1, 0))
        fresh = _attributes(seed + 1, numbers)
        changed = integers(keys, 4, stream=1)[:, 0]
        for slot in base:
            swap = same & (np.array(["top_colour", "bottom_colour", "shoes_colour", "hair_colour"])[changed] == slot)
            other = (model[slot] + 1 + fresh[slot] % (len(SLOTS[slot]) - 1)) % len(SLOTS[slot])
            base[slot] = np.where(swap, other, np.where(same, model[slot], base[slot]))
    return base


def _attributes(seed: int, numbers: np.ndarray) -> dict[str, np.ndarray]:
    keys = key(seed, "person", np.asarray(numbers, dtype=np.int64))
    u = uniform(keys, len(SLOTS))
    out: dict[str, np.ndarray] = {}
    for j, (slot, values) in enumerate(SLOTS.items()):
        even = (1 / len(values),) * len(values)
        if slot in ("hair", "bottom"):
            table = np.array([
                _HAIR_OF.get(p, _WEIGHTS["hair"]) if slot == "hair" else _BOTTOM_OF[p in ("woman", "girl")]
                for p in SLOTS["person"]
            ])[out["person"]]  # fmt: skip
        else:
            table = np.broadcast_to(np.array(_WEIGHTS.get(slot, even)), (len(keys), len(values)))
        out[slot] = np.minimum((u[:, j, None] >= np.cumsum(table, axis=1)).sum(axis=1), len(values) - 1)
    return out


def sample(controls: PersonControls, seed: int, indices: np.ndarray) -> Sightings:
    """Sightings number `indices`: identity index // sightings, seen by a camera of the order of that identity."""
    indices = np.asarray(indices, dtype=np.int64)
    identity, number = indices // controls.sightings, indices % controls.sightings
    keys = key(seed, "sighting", controls.domain, indices)
    who = key(seed, "person", identity)
    order = permutation(who, controls.cameras, stream=1)
    camera = order[np.arange(len(indices)), number % controls.cameras]
    view = np.array([VIEWS.index(v) for v in controls.views])[integers(keys, len(controls.views), stream=0)[:, 0]]
    return Sightings(
        controls,
        seed,
        keys,
        identity,
        camera,
        view,
        2 * np.pi * uniform(keys, 1, stream=1)[:, 0],
        identities(controls, seed, identity),
        integers(who, len(SKIN), stream=2)[:, 0],
        2 * integers(who, 2, stream=3)[:, 0] - 1,
    )


def tracks(sightings: Sightings, indices: np.ndarray) -> np.ndarray:
    """(B,) int64 what a tracker says of each row's identity: at `identity_noise`, half the errors are another identity
    near by, half a track of their own beyond 10^9 (the same for all rows split off one identity)."""
    u = uniform(key(sightings.seed, "track", np.asarray(indices, dtype=np.int64)), 2)
    wrong, split = u[:, 0] < sightings.controls.identity_noise, u[:, 1] < 0.5
    near = sightings.identity + np.where(u[:, 1] < 0.75, 1, -1)
    other = np.where(split, sightings.identity + 1_000_000_000, np.abs(near))
    return np.where(wrong, other, sightings.identity)
