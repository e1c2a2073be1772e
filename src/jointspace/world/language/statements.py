"""Statements on two pictures, left and right, as often true as false for each way of saying it."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Description, Facts, matches
from jointspace.world.language.say import an, noun
from jointspace.world.language.words import sentence

FORMS = {
    "both": ("both pictures show {a}.", "there is {a} in each of the two pictures."),
    "either": ("at least one of the pictures shows {a}.", "{a} is in the left or in the right picture."),
    "only left": ("only the left picture shows {a}.", "there is {a} on the left picture, and none on the right one."),
    "only right": ("only the right picture shows {a}.", "there is {a} on the right picture, and none on the left one."),
    "more left": ("the left picture has more {a}.", "there are more {a} in the left picture than in the right one."),
    "more right": ("the right picture has more {a}.", "there are more {a} in the right picture than in the left one."),
    "as many": ("the two pictures have the same number of {a}.", "there are as many {a} on the left as on the right."),
}


@dataclass(frozen=True)
class Statement:
    """`text` on two pictures; kind: a name of `FORMS`; about: what is counted in them."""

    text: str
    true: bool
    kind: str
    about: Description


def is_so(kind: str, left: int, right: int) -> bool:
    """Is a statement true of two pictures that hold the thing `left` and `right` times?"""
    return {
        "both": left > 0 and right > 0,
        "either": left > 0 or right > 0,
        "only left": left > 0 and right == 0,
        "only right": right > 0 and left == 0,
        "more left": left > right,
        "more right": right > left,
        "as many": left == right,
    }[kind]


def statements(left: Facts, right: Facts, dice: Dice, number: int = 4) -> list[Statement]:
    """Up to `number` statements of different kinds. A kind and attribute is used where some value makes it true and
    some other false of these very pictures; which of the two is then a coin's matter."""
    found: list[Statement] = []
    for kind in dice.shuffled(tuple(FORMS)):
        key = dice.pick(("shape", "colour", "texture"))
        sides: tuple[list[Description], list[Description]] = ([], [])
        for v in values(left.scenes.config, key):
            about = Description(((key, v),))
            sides[is_so(kind, len(matches(left, about)), len(matches(right, about)))].append(about)
        if sides[0] and sides[1] and len(found) < number:
            true = dice.chance(0.5)
            about = dice.pick(sides[true])
            said = noun(about, dice, 2) if kind in ("more left", "more right", "as many") else an(about, dice)
            found.append(Statement(sentence(dice.pick(FORMS[kind]).format(a=said)), true, kind, about))
    return found
