"""Captions that are false by little: the same words with attributes swapped between two objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Facts

SWAPS = ("colour", "shape", "size")


@dataclass(frozen=True)
class Distractor:
    """A false caption with the words of the true one; `swapped`: the attribute that `objects` exchanged."""

    text: str
    swapped: str
    objects: tuple[int, int]


def distractors(facts: Facts, caption: tuple[str, Sequence[tuple[int, int, int]]], dice: Dice) -> list[Distractor]:
    """Up to one distractor an attribute for a caption with its phrases (start, end, object), size and colour first and
    shape last in each. Every one has exactly the caption's words in another order and is false of the scene."""
    text, spans = caption
    found = []
    for key in SWAPS:
        pairs = [(p, q) for i, p in enumerate(spans) for q in spans[i + 1 :]]
        for one, other in dice.shuffled(pairs):
            a, b = one[2], other[2]
            if facts.things[a][key] != facts.things[b][key] and _false(facts, a, b, key):
                found.append(Distractor(_swapped(text, one, other, key), key, (a, b)))
                break
    return found


def _false(facts: Facts, a: int, b: int, key: str) -> bool:
    """Would the swap say something else than is so? Not where the two differ in nothing but the key."""
    named = [tuple(t[k] for k in ("size", "colour", "shape")) for t in facts.things]
    told = [dict(zip(("size", "colour", "shape"), n, strict=True)) for n in named]
    told[a][key], told[b][key] = told[b][key], told[a][key]
    return Counter(tuple(t.values()) for t in told) != Counter(named)


def _swapped(text: str, one: tuple[int, int, int], other: tuple[int, int, int], key: str) -> str:
    first, second = text[one[0] : one[1]].split(" "), text[other[0] : other[1]].split(" ")
    at = {"size": 1, "colour": 2, "shape": -1}[key]  # article, size, colour, perhaps a texture, shape
    first[at], second[at] = second[at], first[at]
    return text[: one[0]] + " ".join(first) + text[one[1] : other[0]] + " ".join(second) + text[other[1] :]
