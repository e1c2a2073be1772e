"""Descriptions and claims in words, with the characters of each phrase and the objects it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jointspace.world.language.claims import Claim
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Description, Facts, matches
from jointspace.world.language.forms import FORMS, PREDICATE_WORDS, SPATIAL_PREDICATES
from jointspace.world.language.words import (
    GROUNDS,
    KINDS_OF_THING,
    NUMBERS,
    PHRASES,
    plural,
    sentence,
    with_article,
    word,
)

_SLOT = re.compile(r"(\{\w+\})")


@dataclass(frozen=True)
class Span:
    """Characters start..end of a text and the objects they name, by number."""

    start: int
    end: int
    objects: tuple[int, ...]


@dataclass(frozen=True)
class Said:
    """A text and its phrases."""

    text: str
    spans: tuple[Span, ...] = ()

    def moved(self, by: int) -> tuple[Span, ...]:
        """The spans where the text stands `by` characters into another one."""
        return tuple(Span(s.start + by, s.end + by, s.objects) for s in self.spans)


def compose(template: str, slots: Mapping[str, str | tuple[str, Sequence[int]]]) -> Said:
    """Fill a template, begun with a capital. A slot given as (text, objects) becomes a span."""
    parts: list[str] = []
    spans: list[Span] = []
    at = 0
    for piece in _SLOT.split(template):
        value = slots[piece[1:-1]] if piece[:1] == "{" else piece
        text = value if isinstance(value, str) else value[0]
        if not isinstance(value, str) and text:
            spans.append(Span(at, at + len(text), tuple(value[1])))
        parts.append(text)
        at += len(text)
    return Said(sentence("".join(parts)), tuple(spans))


def noun(description: Description, dice: Dice | None = None, number: int = 1) -> str:
    """`large red striped circle with a hat left of the blue square`, in the plural where number is not 1."""
    own = dict(description.attributes)
    words = [description.extreme] if description.extreme else []
    words += [word(own[a], dice) for a in ("size", "colour", "material", "texture") if a in own]
    if "shape" in own:
        name = word(own["shape"], dice)
    else:
        name = KINDS_OF_THING[0] if dice is None else dice.pick(KINDS_OF_THING)
    words.append(name if number == 1 else plural(name))
    if "orientation" in own:
        words.append(PHRASES.get(own["orientation"], own["orientation"]))
    if "part" in own:
        part = PHRASES[own["part"]]
        words.append(f"with {part.removeprefix('a ') + 's' if number != 1 and part.startswith('a ') else part}")
    if "mark" in own:
        words.append(f"marked with {PHRASES[own['mark']]}")
    if description.of is not None:
        options = PREDICATE_WORDS[description.predicate]
        linked = dice is not None and dice.chance(0.5)
        words += ["that is" if number == 1 else "that are"] if linked or description.predicate[:4] == "same" else []
        words += [options[0] if dice is None else dice.pick(options), f"the {noun(description.of, dice)}"]
    return " ".join(words)


def the(description: Description, dice: Dice | None = None) -> str:
    """`the large red circle`"""
    return f"the {noun(description, dice)}"


def an(description: Description, dice: Dice | None = None) -> str:
    """`a large red circle`"""
    return with_article(noun(description, dice))


def counted(description: Description, number: int, dice: Dice | None = None) -> str:
    """`two large red circles`"""
    return f"{NUMBERS[number]} {noun(description, dice, number)}"


def value_word(key: str, value: str, dice: Dice | None = None) -> str:
    """The word for an attribute's value as it stands in a sentence: `red`, `a circle`, `a hat`."""
    if value in PHRASES:
        return PHRASES[value]
    return with_article(word(value, dice)) if key == "shape" else word(value, dice)


def form_of(claim: Claim) -> str:
    """Name of the claim's list of templates in `FORMS`."""
    if claim.kind == "attribute":
        return claim.key
    return "spatial" if claim.kind == "relation" and claim.value in SPATIAL_PREDICATES else claim.kind


def say(facts: Facts, claim: Claim, dice: Dice, form: int | None = None) -> Said:
    """The claim as a sentence, by the template number `form` or one drawn."""
    forms = FORMS[form_of(claim)]
    template = dice.pick(forms) if form is None else forms[form % len(forms)]
    found = matches(facts, claim.subject)
    slots: dict[str, str | tuple[str, Sequence[int]]]
    if claim.kind == "background":
        slots = {"v": GROUNDS.get(claim.value, claim.value)}
    elif claim.kind == "exists":
        slots = {"a": (an(claim.subject, dice), found)}
    elif claim.kind == "absent":
        slots = {"a": noun(claim.subject, dice)}
    elif claim.kind == "count":
        slots = {"a": (counted(claim.subject, claim.number, dice), found), "is": "is" if claim.number == 1 else "are"}
    else:
        slots = {"a": (the(claim.subject, dice), found)}
        if claim.other is None:
            slots["v"] = claim.value if claim.kind == "place" else value_word(claim.key, claim.value, dice)
        else:
            slots["b"] = (the(claim.other, dice), matches(facts, claim.other))
            slots["r"] = dice.pick(PREDICATE_WORDS[claim.value])
    return compose(template, slots)
