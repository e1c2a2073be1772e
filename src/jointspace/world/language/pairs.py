"""Pairs of sentences: the second follows from the first, contradicts it, or neither; and how much they say alike.

Nothing but the pair tells the label: the second sentence comes first, drawn the same way for all three labels, and a
first sentence is then made to fit.
"""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import SPATIAL, Claim, holds, values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import CONVERSE, Description, Facts, attributes, unique
from jointspace.world.language.forms import PREDICATE_WORDS
from jointspace.world.language.say import an, say, the
from jointspace.world.language.words import listed, sentence

LABELS = ("entailment", "neutral", "contradiction")
_OTHER = {  # the relations along the other axis
    "left of": ("above", "below"),
    "right of": ("above", "below"),
    "above": ("left of", "right of"),
    "below": ("left of", "right of"),
}


@dataclass(frozen=True)
class Pair:
    """`premise` is true of the scene; `true`: is `hypothesis`? label: does it follow from the premise alone?

    similarity: 5 x the share of facts that both state among all facts that either states (an attribute of an object, a
    relation, "nothing else is there": one fact each). Opposite facts are different facts.
    """

    premise: str
    hypothesis: str
    label: str
    similarity: float
    true: bool


def pairs(facts: Facts, dice: Dice) -> list[Pair]:
    """Up to one pair of each kind: about an attribute, a relation, an existence, and the same said twice."""
    made = (make(facts, dice, dice.pick(LABELS)) for make in (_about_attribute, _about_relation, _about_existence))
    return [pair for pair in (*made, _restated(facts, dice)) if pair is not None]


def _similarity(first: set[object], second: set[object]) -> float:
    return round(5 * len(first & second) / len(first | second), 2)


def _described(name: str, description: Description) -> set[object]:
    return {(name, *pair) for pair in description.attributes}


def _about_attribute(facts: Facts, dice: Dice, label: str) -> Pair | None:
    """The red star is striped. / It is dotted / is in the same place, ..."""
    key, second = dice.shuffled(("colour", "texture", "size"))[:2]
    one = unique(facts, dice.number(len(facts.things)), dice, without=(key, second))
    if one is None:
        return None
    true = {a: v for a in (key, second) for v in values(facts.scenes.config, a) if holds(facts, _is(one, a, v))}
    others = [v for v in values(facts.scenes.config, key) if v != true[key]]
    if label == "contradiction" and not others:
        return None
    stated = key if label != "neutral" else second
    # a neutral second sentence is as often true as not: the label says what follows, not what is so
    wrong = label == "contradiction" or (label == "neutral" and bool(others) and dice.chance(0.5))
    claimed = _is(one, key, dice.pick(others) if wrong else true[key])
    subject = _described("a", one)
    return Pair(
        say(facts, _is(one, stated, true[stated]), dice).text,
        say(facts, claimed, dice).text,
        label,
        _similarity(subject | {("a", stated, true[stated])}, subject | {("a", key, claimed.value)}),
        not wrong,
    )


def _is(one: Description, key: str, value: str) -> Claim:
    return Claim("attribute", one, key, value)


def _about_relation(facts: Facts, dice: Dice, label: str) -> Pair | None:
    """The star is left of the ring. / The ring is right of the star, left of it, above it."""
    stands = [(a, p, b) for (a, b), names in facts.held.items() for p in SPATIAL if p in names]
    if label == "neutral":  # both axes must be known, so that the premise can speak of the other one
        stands = [s for s in stands if any(o in facts.held[s[0], s[2]] for o in _OTHER[s[1]])]
    if not stands:
        return None
    a, name, b = dice.pick(stands)
    one, other = unique(facts, a, dice), unique(facts, b, dice)
    if one is None or other is None:
        return None
    stated = name if label != "neutral" else next(o for o in _OTHER[name] if o in facts.held[a, b])
    wrong = label == "contradiction" or (label == "neutral" and dice.chance(0.5))
    claimed = CONVERSE[name] if wrong else name
    subjects = _described("a", one) | _described("b", other)
    return Pair(
        _stand(one, stated, other, dice),
        _stand(one, claimed, other, dice),
        label,
        _similarity(subjects | {stated}, subjects | {claimed}),
        not wrong,
    )


def _stand(one: Description, name: str, other: Description, dice: Dice) -> str:
    """Either way round: A is left of B, B is right of A."""
    if dice.chance(0.5):
        one, name, other = other, CONVERSE[name], one
    return sentence(f"{the(one, dice)} is {dice.pick(PREDICATE_WORDS[name])} {the(other, dice)}.")


def _about_existence(facts: Facts, dice: Dice, label: str) -> Pair | None:
    """There are a red star and a ring. / There is a red star, a cross."""
    keys = ("colour", "shape")
    kinds = sorted({attributes(facts, k, keys) for k in range(len(facts.things))})
    config = facts.scenes.config
    all_kinds = [(("colour", c), ("shape", s)) for c in values(config, "colour") for s in values(config, "shape")]
    absent = [kind for kind in all_kinds if kind not in kinds]
    wrong = label == "contradiction" or (label == "neutral" and (len(kinds) < 2 or dice.chance(0.5)))
    if wrong and not absent:
        return None
    asked = dice.pick(absent if wrong else kinds)
    closed = label == "contradiction" or (label == "entailment" and dice.chance(0.5))
    named = kinds if closed else [kind for kind in dice.shuffled(kinds) if kind != asked][: 1 + dice.number(2)]
    if label == "entailment" and not closed:
        named = dice.shuffled([asked, *named[:1]])
    said = listed([an(Description(kind), dice) for kind in dice.shuffled(named)])
    opening = ("the picture shows {0} and nothing else.", "there is nothing but {0}.", "{0}, and that is all.")
    among = (
        "the picture shows {0}, among other things.",
        "there is {0}, maybe more.",
        "{0} can be seen, to begin with.",
    )
    stated: set[object] = set(named) | ({"nothing else"} if closed else set())
    return Pair(
        sentence(dice.pick(opening if closed else among).format(said)),
        say(facts, Claim("exists", Description(asked)), dice).text,
        label,
        _similarity(stated, {asked}),
        not wrong,
    )


def _restated(facts: Facts, dice: Dice) -> Pair | None:
    """Two wordings of one fact, worth 5, or of two true facts about two objects, worth 0."""
    known = [
        (k, d) for k in range(len(facts.things)) if (d := unique(facts, k, dice, without=("texture",))) is not None
    ]
    if len(known) < 2:
        return None
    chosen = dice.shuffled(known)
    (a, one), (b, other) = chosen[0], chosen[-1 if dice.chance(0.5) else 0]
    texture = {k: facts.things[k]["texture"] for k in (a, b)}
    first, second = _is(one, "texture", texture[a]), _is(other, "texture", texture[b])
    return Pair(
        say(facts, first, dice).text,
        say(facts, second, dice).text,
        LABELS[0] if a == b else LABELS[1],
        5.0 if a == b else 0.0,
        True,
    )
