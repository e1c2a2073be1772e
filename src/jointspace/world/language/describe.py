"""The long caption: six to twelve sentences, each about known objects; some wrong on purpose, if asked for."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import Claim, background, falsified, objects_of, place, values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Description, Facts, attributes, matches, unique
from jointspace.world.language.say import Said, Span, say

LENGTH = (6, 12)  # sentences


@dataclass(frozen=True)
class Sentence:
    """A sentence of a long caption: its characters there, what it claims, and whether that is so."""

    text: str
    start: int
    end: int
    claim: Claim
    objects: tuple[int, ...]
    spans: tuple[Span, ...]  # characters of the long caption
    true: bool


@dataclass(frozen=True)
class LongCaption:
    """The whole text and its sentences in order."""

    text: str
    sentences: tuple[Sentence, ...]


def long_caption(facts: Facts, dice: Dice, wrong: float = 0.0, longest: int = LENGTH[1]) -> LongCaption:
    """6 to `longest` sentences: every object is named, then attributes, places, relations, groups, absences as drawn.

    `wrong`: the share of sentences that are changed so that they are false of the scene.
    """
    low, high = LENGTH
    claims = [Claim("exists", Description(attributes(facts, k))) for k in dice.shuffled(range(len(facts.things)))]
    claims.insert(0, Claim("count", Description(), number=len(facts.things)))
    more = claims_of(facts, dice)
    want = max(low, len(claims)) + dice.number(max(1, min(high, longest) - max(low, len(claims)) + 1))
    claims += more[: max(0, want - len(claims))]
    said: list[Sentence] = []
    at = 0
    for claim in claims:
        other = falsified(facts, claim, dice) if dice.chance(wrong) else None
        chosen = claim if other is None else other
        spoken: Said = say(facts, chosen, dice)
        end = at + len(spoken.text)
        about = tuple(objects_of(facts, claim))
        said.append(Sentence(spoken.text, at, end, chosen, about, spoken.moved(at), other is None))
        at = end + 1
    return LongCaption(" ".join(s.text for s in said), tuple(said))


def claims_of(facts: Facts, dice: Dice) -> list[Claim]:
    """True claims of many kinds, none twice, in random order: attributes, places, relations, groups, absences."""
    found: list[Claim] = [Claim("background", Description(), value=background(facts))]
    n = len(facts.things)
    named = {k: unique(facts, k, dice) for k in range(n)}
    for k, description in named.items():
        if description is None:
            continue
        thing = facts.things[k]
        found.append(Claim("place", description, value=place(thing["x"], thing["y"])))
        for key, value in attributes(facts, k):
            whole = description if not description.value(key) else unique(facts, k, dice, without=(key,))
            if whole is not None:
                found.append(Claim("attribute", whole, key, value))
        for j, other in named.items():
            if other is not None and j != k and facts.held[k, j]:
                name = dice.pick(sorted(facts.held[k, j]))
                found.append(Claim("relation", description, value=name, other=other))
    found += _groups(facts)
    found += _absences(facts, dice)
    return dice.shuffled(list(dict.fromkeys(found)))


def _groups(facts: Facts) -> list[Claim]:
    """Two red squares, three small things: every attribute, alone and with the shape, that two or more share."""
    found = []
    for keys in (("colour",), ("shape",), ("texture",), ("size",), ("colour", "shape"), ("size", "shape")):
        for pairs in sorted({attributes(facts, k, keys) for k in range(len(facts.things))}):
            number = len(matches(facts, Description(pairs)))
            if number > 1 and len(pairs) == len(keys):
                found.append(Claim("count", Description(pairs), number=number))
    return found


def _absences(facts: Facts, dice: Dice) -> list[Claim]:
    found = []
    for key in ("colour", "shape", "texture", "shape"):
        options = [v for v in values(facts.scenes.config, key) if not matches(facts, Description(((key, v),)))]
        if options:
            found.append(Claim("absent", Description(((key, dice.pick(options)),))))
    return found
