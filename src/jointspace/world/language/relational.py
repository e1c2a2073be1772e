"""Scene graphs: all true triplets, one annotated predicate a pair, and what a careless captioner says."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import PREDICATES, Facts
from jointspace.world.language.forms import PREDICATE_WORDS
from jointspace.world.language.paraphrase import between
from jointspace.world.language.words import sentence, with_article, word

BIAS = {  # how readily an annotator says it where it is true: common words win over telling ones
    "near": 100.0, "left of": 60.0, "above": 30.0, "on": 20.0, "in front of": 12.0, "larger than": 10.0,
    "right of": 8.0, "below": 5.0, "behind": 4.0, "same colour as": 3.0, "inside": 3.0, "smaller than": 2.0,
    "touching": 2.0, "same shape as": 1.0, "holding": 1.5, "around": 2.0, "under": 1.0, "held by": 1.0,
}  # fmt: skip
ANNOTATED = 0.7  # share of the pairs that somebody looked at


@dataclass(frozen=True)
class Triplet:
    """`subject` `predicate` `object`, objects by number; `phrase` says it."""

    subject: int
    predicate: str
    object: int
    phrase: str


@dataclass(frozen=True)
class Annotation:
    """The one predicate that an annotator gave an ordered pair, and all that hold of it, in the order of PREDICATES."""

    subject: int
    object: int
    predicate: str
    predicates: tuple[str, ...]


@dataclass(frozen=True)
class Careless:
    """A sentence of a captioner: the true triplet it looked at, the words it used for the three, and if they are true
    of that pair."""

    text: str
    subject: int
    predicate: str
    object: int
    said: tuple[str, str, str]  # shape, predicate, shape
    true: bool


def triplets(facts: Facts, dice: Dice) -> list[Triplet]:
    """Every true triplet of the scene over the 18 of `relations.FACTS`."""
    return [
        Triplet(a, name, b, between(facts, a, name, b, dice))
        for (a, b), names in facts.held.items()
        for name in PREDICATES
        if name in names
    ]


def annotated(facts: Facts, dice: Dice) -> list[Annotation]:
    """One predicate for about 70 % of the ordered pairs, drawn in proportion to `BIAS` among those that hold."""
    found = []
    for (a, b), names in facts.held.items():
        if names and dice.chance(ANNOTATED):
            true = tuple(p for p in PREDICATES if p in names)
            found.append(Annotation(a, b, _biased(true, dice), true))
    return found


def _biased(options: tuple[str, ...], dice: Dice) -> str:
    left = dice.number(1 << 53) / (1 << 53) * sum(BIAS[p] for p in options)
    for p in options:
        left -= BIAS[p]
        if left < 0:
            return p
    return options[-1]


def careless(facts: Facts, dice: Dice, errors: float = 0.2) -> list[Careless]:
    """One or two sentences about true triplets; in a share `errors` of them a shape or the predicate is wrong."""
    held = [(a, p, b) for (a, b), names in facts.held.items() for p in PREDICATES if p in names]
    found = []
    for a, predicate, b in dice.shuffled(held)[: 1 + dice.number(2)]:
        said = (facts.things[a]["shape"], predicate, facts.things[b]["shape"])
        true = True
        if dice.chance(errors):
            said, true = _mistaken(facts, said, (a, b), dice)
        one, other = with_article(word(said[0], dice)), with_article(word(said[2], dice))
        text = sentence(f"{one} is {dice.pick(PREDICATE_WORDS[said[1]])} {other}.")
        found.append(Careless(text, a, predicate, b, said, true))
    return found


def _mistaken(
    facts: Facts, said: tuple[str, str, str], pair: tuple[int, int], dice: Dice
) -> tuple[tuple[str, str, str], bool]:
    which = dice.number(3)
    if which == 1:
        options = [p for p in PREDICATES if p not in facts.held[pair]]
    else:
        options = [s for s in values(facts.scenes.config, "shape") if s != said[which]]
    if not options:
        return said, True
    wrong = list(said)
    wrong[which] = dice.pick(options)
    return (wrong[0], wrong[1], wrong[2]), False
