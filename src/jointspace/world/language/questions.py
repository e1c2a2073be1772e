"""Questions about a scene with their answers, balanced so that the question alone does not tell the answer.

How it is balanced: a question is asked only where the same words, with another value, could have each of the answers in
this very scene; then the answer is drawn first and a question looked for that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jointspace.world.config import CHOICES, SHAPES, WorldConfig
from jointspace.world.language.claims import SPATIAL, Claim, holds, values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import CONVERSE, KEYS, Description, Facts, attributes, matches, unique
from jointspace.world.language.forms import PREDICATE_WORDS, QUESTIONS
from jointspace.world.language.say import an, noun, the, value_word
from jointspace.world.language.words import KINDS_OF_THING, NUMBERS, PHRASES, WORDS, plural, sentence

TYPES = ("exists", "count", "attribute", "compare", "relation", "verify", "multi-hop")
YES_NO = ("yes", "no")
_COUNTED = ("shape", "colour", "texture")  # sizes are two: they never come 0, 1 and 2 times in one scene


@dataclass(frozen=True)
class Logic:
    """What is asked, free of words. ask: "exists" and "count" (of `one`), "attribute" (`key` of the only `one`), "more"
    and "same number" (`one` against `two`), "claim" (does it hold?)."""

    ask: str
    one: Description = Description()
    key: str = ""
    two: Description | None = None
    claim: Claim | None = None


@dataclass(frozen=True)
class Question:
    """A question, its answer and its type; `answers` and `scores`: all that is accepted, at what worth."""

    text: str
    answer: str
    type: str
    logic: Logic
    answers: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


def answer_of(facts: Facts, logic: Logic) -> str:
    """The answer, read off the scene; "" where the question presupposes what is not so."""
    found = matches(facts, logic.one)
    if logic.ask == "exists":
        return YES_NO[not found]
    if logic.ask == "count":
        return str(len(found))
    if logic.ask == "attribute":
        return str(facts.things[found[0]][logic.key]) if len(found) == 1 else ""
    if logic.ask == "claim":
        return YES_NO[not (logic.claim is not None and holds(facts, logic.claim))]
    other = len(matches(facts, logic.two)) if logic.two is not None else 0
    return YES_NO[not (len(found) > other if logic.ask == "more" else len(found) == other)]


def questions(facts: Facts, dice: Dice, soft: float = 0.1) -> list[Question]:
    """Up to one question of each type, in random order; always at least "exists".

    `soft`: share of the questions that accept a second answer ("2" / "two", a synonym), at the worth 0.6.
    """
    found = []
    for kind in dice.shuffled(TYPES):
        asked = _ASK[kind](facts, dice)
        if asked is not None:
            text, logic = asked
            answer = answer_of(facts, logic)
            found.append(Question(sentence(text) + "?", answer, kind, logic, *_accepted(answer, dice, soft)))
    return found


def _accepted(answer: str, dice: Dice, soft: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
    if answer.isdigit():
        others = ["zero" if answer == "0" else NUMBERS[int(answer)]]
    else:
        others = list(WORDS.get(answer, ()))[1:]
    if others and dice.chance(soft):
        return (answer, dice.pick(others)), (1.0, 0.6)
    return (answer,), (1.0,)


def _by_answer(facts: Facts, candidates: Sequence[Logic], dice: Dice) -> Logic | None:
    """One of the candidates, yes and no equally likely; None unless both could be had."""
    sides: tuple[list[Logic], list[Logic]] = ([], [])
    for logic in candidates:
        sides[answer_of(facts, logic) == "no"].append(logic)
    return dice.pick(sides[dice.number(2)]) if sides[0] and sides[1] else None


def _alone(facts: Facts, key: str) -> list[Description]:
    return [Description(((key, v),)) for v in values(facts.scenes.config, key)]


def _exists(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    config = facts.scenes.config
    if dice.chance(0.5):  # a colour and a shape; for "no", each of them often is there, on another object
        both = [
            Description((("colour", c), ("shape", s)))
            for c in values(config, "colour")
            for s in values(config, "shape")
        ]
        candidates = [Logic("exists", d) for d in both]
    else:
        candidates = [Logic("exists", d) for d in _alone(facts, dice.pick(("shape", "colour")))]
    logic = _by_answer(facts, candidates, dice)
    if logic is None:
        return None
    return dice.pick(QUESTIONS["exists"]).format(a=an(logic.one, dice)), logic


def _count(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    """How many? All of 0 .. M must be possible answers of the scene, M >= 2, and are equally likely."""
    low, high = facts.scenes.config.objects
    if low < high and dice.chance(0.3):
        one = Description()
    else:
        key = dice.pick(_COUNTED)
        by_number: dict[int, list[Description]] = {}
        for d in _alone(facts, key):
            by_number.setdefault(len(matches(facts, d)), []).append(d)
        most = next((m for m in range(len(facts.things), 1, -1) if all(a in by_number for a in range(m + 1))), 0)
        if not most:
            return None
        one = dice.pick(by_number[dice.number(most + 1)])
    return dice.pick(QUESTIONS["count"]).format(a=noun(one, dice, 2)), Logic("count", one)


def _query(one: Description, dice: Dice, key: str) -> tuple[str, Logic]:
    return dice.pick(QUESTIONS[key]).format(a=the(one, dice)), Logic("attribute", one, key)


def _asked(config: WorldConfig) -> list[str]:
    """Attributes of which there is more than one value: only these are worth a question."""
    return [key for key in KEYS if len(config.values(key)) > 1]


def _attribute(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    key = dice.pick(_asked(facts.scenes.config))
    k = dice.number(len(facts.things))
    one = unique(facts, k, dice, without=(key,))
    return None if one is None else _query(one, dice, key)


def _verify(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    key = dice.pick(_asked(facts.scenes.config))
    one = unique(facts, dice.number(len(facts.things)), dice, without=(key,))
    if one is None:
        return None
    candidates = [Logic("claim", claim=Claim("attribute", one, key, v)) for v in values(facts.scenes.config, key)]
    logic = _by_answer(facts, candidates, dice)
    if logic is None or logic.claim is None:
        return None
    value = value_word(key, logic.claim.value, dice)
    return dice.pick(QUESTIONS["attribute"]).format(a=the(one, dice), v=value), logic


def _compare(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    key = dice.pick((*_COUNTED, "size"))
    ask = dice.pick(("more", "same number"))
    alone = _alone(facts, key)
    logic = _by_answer(facts, [Logic(ask, a, two=b) for a in alone for b in alone if a != b], dice)
    if logic is None or logic.two is None:
        return None
    one, two = noun(logic.one, dice, 2), noun(logic.two, dice, 2)
    return dice.pick(QUESTIONS[ask]).format(a=one, b=two), logic


def _relation(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    """Is A left of B? The converse is asked in half of the cases, about pairs that do stand so."""
    pairs = [(a, p, b) for (a, b), names in facts.held.items() for p in SPATIAL if p in names]
    if not pairs:
        return None
    a, name, b = dice.pick(pairs)
    one, other = unique(facts, a, dice), unique(facts, b, dice)
    if one is None or other is None:
        return None
    asked = name if dice.chance(0.5) else CONVERSE[name]
    slots = {"a": the(one, dice), "r": dice.pick(PREDICATE_WORDS[asked]), "b": the(other, dice)}
    return dice.pick(QUESTIONS["relation"]).format(**slots), Logic(
        "claim", claim=Claim("relation", one, value=asked, other=other)
    )


def _multi_hop(facts: Facts, dice: Dice) -> tuple[str, Logic] | None:
    """What colour is the thing left of the star (above the ring)? One hop or two, each picks one object out."""
    key = dice.pick(("colour", "shape", "texture"))
    start = unique(facts, dice.number(len(facts.things)), dice)
    one = _hop(facts, dice, start, without=key)
    if start is not None and dice.chance(0.5):
        further = _hop(facts, dice, one, without=key)
        if further is not None and matches(facts, further) != matches(facts, start):  # there and back tells the answer
            one = further
    return None if one is None else _query(one, dice, key)


def _hop(facts: Facts, dice: Dice, start: Description | None, without: str) -> Description | None:
    """The one thing (of one size, texture or none named) that stands so to `start`."""
    if start is None:
        return None
    for name in dice.shuffled(SPATIAL):
        plain = Description((), name, start)
        found = matches(facts, plain)
        if len(found) == 1:
            return plain
        for k in found:
            narrower = Description(attributes(facts, k, [a for a in ("size",) if a != without]), name, start)
            if matches(facts, narrower) == (k,):
                return narrower
    return None


_ASK = {
    "exists": _exists,
    "count": _count,
    "attribute": _attribute,
    "compare": _compare,
    "relation": _relation,
    "verify": _verify,
    "multi-hop": _multi_hop,
}


def answer_kind(logic: Logic) -> str:
    """The list of `answer_table` that holds the answer."""
    return logic.key if logic.ask == "attribute" else "count" if logic.ask == "count" else "yes/no"


def answer_table(config: WorldConfig) -> dict[str, tuple[str, ...]]:
    """Every answer that can occur in this world, by what is asked for: "yes/no", "count", "colour", ..."""
    table = {"yes/no": YES_NO, "count": tuple(str(n) for n in range(config.objects[1] + 1))}
    return table | {key: tuple(config.values(key)) for key in KEYS}


def question_words() -> tuple[str, ...]:
    """Every word that a question may hold, lower case, without the question mark, sorted."""
    texts = [form for forms in QUESTIONS.values() for form in forms]
    texts += [form for forms in PREDICATE_WORDS.values() for form in forms]
    texts += [w for _, known in CHOICES.values() for v in known for w in WORDS.get(v, (v,))]
    texts += [*KINDS_OF_THING, *PHRASES.values(), "a an the that is are with marked"]
    texts += [plural(t) for t in (*KINDS_OF_THING, *(w for s in SHAPES for w in WORDS.get(s, (s,))))]
    return tuple(sorted({part for text in texts for part in text.split() if "{" not in part}))
