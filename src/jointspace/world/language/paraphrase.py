"""The same facts in other words: whole captions, and single claims."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import Claim
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import KEYS, Description, Facts, attributes, unique
from jointspace.world.language.forms import FORMS, PREDICATE_WORDS
from jointspace.world.language.say import an, form_of, say
from jointspace.world.language.words import listed, sentence

LISTINGS = (
    "{0}.",
    "a picture of {0}.",
    "there is {0}.",
    "the picture shows {0}.",
    "one can see {0}.",
    "this is a drawing of {0}.",
    "what you see here: {0}.",
    "an image with {0}.",
    "the scene holds {0}.",
    "shown here: {0}.",
    "the artist drew {0}.",
    "we look at {0}.",
)


def paraphrases(facts: Facts, dice: Dice, number: int = 8) -> list[str]:
    """`number` (at most 12) different captions of the same facts: every object by size, colour, shape and, in half of
    the scenes, texture; in half of the scenes of two and more objects also how two of them stand to each other.
    """
    keys = KEYS if dice.chance(0.5) else ("size", "colour", "shape")
    relation = _relation(facts, dice) if dice.chance(0.5) else None
    return [_caption(facts, keys, relation, form, dice) for form in dice.shuffled(LISTINGS)[:number]]


@dataclass(frozen=True)
class Partial:
    """A true caption that names only `objects`."""

    text: str
    objects: tuple[int, ...]


def partial(facts: Facts, dice: Dice, most: int = 3) -> list[Partial]:
    """Captions that name one object, two, ... up to `most` (as many as there are), each chosen anew."""
    found = []
    for number in range(1, min(most, len(facts.things)) + 1):
        chosen = dice.shuffled(range(len(facts.things)))[:number]
        said = listed([an(Description(attributes(facts, k, ("size", "colour", "shape"))), dice) for k in chosen])
        found.append(Partial(sentence(dice.pick(LISTINGS).format(said)), tuple(chosen)))
    return found


def _relation(facts: Facts, dice: Dice) -> Claim | None:
    pairs = dice.shuffled([pair for pair, names in facts.held.items() if names])
    for a, b in pairs[:3]:
        one, other = unique(facts, a, dice), unique(facts, b, dice)
        if one is not None and other is not None:
            return Claim("relation", one, value=dice.pick(sorted(facts.held[a, b])), other=other)
    return None


def _caption(facts: Facts, keys: tuple[str, ...], relation: Claim | None, form: str, dice: Dice) -> str:
    order = dice.shuffled(range(len(facts.things)))
    body = listed([an(Description(attributes(facts, k, keys)), dice) for k in order])
    text = sentence(form.format(body))
    return text if relation is None else f"{text} {say(facts, relation, dice).text}"


def restated(facts: Facts, claim: Claim, dice: Dice, number: int = 8) -> list[str]:
    """One claim by `number` different templates (each kind has at least eight) and synonyms."""
    forms = dice.shuffled(range(len(FORMS[form_of(claim)])))
    return [say(facts, claim, dice, form).text for form in forms[:number]]


def between(facts: Facts, a: int, predicate: str, b: int, dice: Dice) -> str:
    """`large red circle left of small blue square`: a relational phrase without articles."""
    keys = ("colour", "shape")
    one, other = (an(Description(attributes(facts, k, keys)), dice).split(" ", 1)[1] for k in (a, b))
    return f"{one} {dice.pick(PREDICATE_WORDS[predicate])} {other}"
