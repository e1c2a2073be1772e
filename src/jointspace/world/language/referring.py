"""Referring expressions: words that fit exactly one object."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import EXTREMES, Description, Facts, matches, related, unique
from jointspace.world.language.say import the


@dataclass(frozen=True)
class Referring:
    """`text` fits object `object` alone. kind: "attribute", "relation" (its attributes alone fit several), "extreme".
    rivals: how many other objects share its shape."""

    text: str
    object: int
    kind: str
    rivals: int
    description: Description


def referring(facts: Facts, dice: Dice) -> list[Referring]:
    """Up to one expression of each kind for each object; none for an object that no words tell from another."""
    found = []
    for k, thing in enumerate(facts.things):
        rivals = sum(other["shape"] == thing["shape"] for other in facts.things) - 1
        for kind, make in (("attribute", unique), ("relation", related), ("extreme", _extreme)):
            description = make(facts, k, dice)
            if description is not None:
                found.append(Referring(the(description, dice), k, kind, rivals, description))
    return found


def _extreme(facts: Facts, k: int, dice: Dice) -> Description | None:
    """`the leftmost circle`: left of every other circle."""
    for key in dice.shuffled(("shape", "colour")):
        for extreme in dice.shuffled(sorted(EXTREMES)):
            candidate = Description(((key, facts.things[k][key]),), extreme=extreme)
            if matches(facts, candidate) == (k,):
                return candidate
    return None
