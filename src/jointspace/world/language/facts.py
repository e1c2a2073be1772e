"""What is true of one scene, and descriptions that pick objects out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from jointspace.world.language.dice import Dice
from jointspace.world.relations import FACTS, INVERSE, facts
from jointspace.world.scene import SLOTS, Scenes

KEYS = ("size", "colour", "material", "texture", "shape", "orientation", "part", "mark")
UNSAID = {"part": "none", "mark": "none", "material": "matte", "orientation": "upright"}  # too usual to be mentioned
PREDICATES = FACTS
CONVERSE = {name: INVERSE.get(name, name) for name in FACTS} | {other: name for name, other in INVERSE.items()}
EXTREMES = {"leftmost": "left of", "rightmost": "right of", "topmost": "above", "bottommost": "below"}


@dataclass(frozen=True)
class Facts:
    """One scene: its objects by name (`Scenes.objects`) and which predicates hold of each ordered pair."""

    scenes: Scenes
    index: int
    things: list[dict[str, Any]] = field(repr=False)

    @cached_property
    def having(self) -> dict[tuple[str, str], int]:
        """(key, value) -> the objects that have it, as bits."""
        found: dict[tuple[str, str], int] = {}
        for k, thing in enumerate(self.things):
            for key in KEYS:
                pair = (key, thing[key])
                found[pair] = found.get(pair, 0) | 1 << k
        return found

    @cached_property
    def held(self) -> dict[tuple[int, int], set[str]]:
        """(a, b) -> the predicates with "a PREDICATE b": those of `relations.facts`."""
        n = len(self.things)
        found: dict[tuple[int, int], set[str]] = {(a, b): set() for a in range(n) for b in range(n) if a != b}
        for name, a, b in facts(self.scenes, self.index):
            found[a, b].add(name)
        return found


def read(scenes: Scenes) -> list[Facts]:
    """The facts of each scene."""
    return [Facts(scenes, i, scenes.objects(i)) for i in range(len(scenes))]


@dataclass(frozen=True)
class Description:
    """What must hold of an object: attributes (key, value), a predicate to the one object that `of` picks out, and an
    extreme ("leftmost": left of every other object with these attributes)."""

    attributes: tuple[tuple[str, str], ...] = ()
    predicate: str = ""
    of: Description | None = None
    extreme: str = ""

    def value(self, key: str) -> str:
        """The value that the attribute must have, "" = any."""
        return dict(self.attributes).get(key, "")


_NUMBERS = tuple(tuple(k for k in range(SLOTS) if bits >> k & 1) for bits in range(1 << SLOTS))


def matches(facts: Facts, description: Description) -> tuple[int, ...]:
    """Objects that fit. None fits where the object that a relation refers to is not unique."""
    bits = (1 << len(facts.things)) - 1
    for pair in description.attributes:
        bits &= facts.having.get(pair, 0)
    found = _NUMBERS[bits]
    if description.of is not None:
        others = matches(facts, description.of)
        if len(others) != 1:
            return ()
        found = tuple(k for k in found if k != others[0] and description.predicate in facts.held[k, others[0]])
    if description.extreme:
        name = EXTREMES[description.extreme]
        if len(found) < 2:
            return ()
        found = tuple(k for k in found if all(name in facts.held[k, j] for j in found if j != k))
    return found


def attributes(facts: Facts, k: int, keys: Sequence[str] = KEYS) -> tuple[tuple[str, str], ...]:
    """(key, value) of object k, what goes without saying (`UNSAID`: no part, upright, ...) left out."""
    thing = facts.things[k]
    return tuple((a, thing[a]) for a in keys if thing[a] != UNSAID.get(a))


def unique(facts: Facts, k: int, dice: Dice, without: Sequence[str] = ()) -> Description | None:
    """A short description by attributes that fits object k alone, None if there is none. `without`: keys not used."""
    own = [pair for pair in attributes(facts, k) if pair[0] not in without]
    for size in range(1, min(3, len(own)) + 1):
        for chosen in dice.shuffled(list(combinations(own, size))):
            if (size > 1 and not _names(chosen)) or (size == 1 and chosen[0][0] != "shape" and len(own) > 1):
                continue
            candidate = Description(chosen)
            if matches(facts, candidate) == (k,):
                return candidate
    return None


def _names(chosen: Sequence[tuple[str, str]]) -> bool:
    """Two attributes and more: it sounds natural where the shape or at least the colour is among them."""
    return any(a in ("shape", "colour") for a, _ in chosen)


def related(facts: Facts, k: int, dice: Dice, without: Sequence[str] = ()) -> Description | None:
    """A description of object k alone that needs its relation to another one: its attributes do not suffice."""
    own = [pair for pair in attributes(facts, k) if pair[0] not in without]
    for j in dice.shuffled([j for j in range(len(facts.things)) if j != k]):
        other = unique(facts, j, dice)
        for name in dice.shuffled(sorted(facts.held[k, j])) if other is not None else ():
            for size in (1, 2):
                for chosen in dice.shuffled(list(combinations(own, size))):
                    candidate = Description(chosen, name, other)
                    if len(matches(facts, Description(chosen))) > 1 and matches(facts, candidate) == (k,):
                        return candidate
    return None
