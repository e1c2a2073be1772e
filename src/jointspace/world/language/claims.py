"""Claims about a scene: statements in logical form, true or false of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from jointspace.world.config import BACKGROUNDS, WorldConfig
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import CONVERSE, UNSAID, Description, Facts, attributes, matches

PLACES = (
    "upper left corner", "upper middle", "upper right corner", "middle left", "centre", "middle right",
    "lower left corner", "lower middle", "lower right corner",
)  # fmt: skip
SPATIAL = ("left of", "right of", "above", "below")


@dataclass(frozen=True)
class Claim:
    """kind: "exists" (there is at least one `subject`), "absent", "count" (exactly `number`), "attribute" (the `key` of
    `subject` is `value`), "place" (`value` of `PLACES`), "relation" (`subject` `value` `other`), "background" (it is
    `value`). Where one object is spoken of, `subject` and `other` must each fit exactly one; else the claim is false.
    """

    kind: str
    subject: Description
    key: str = ""
    value: str = ""
    number: int = 0
    other: Description | None = None


def place(x: float, y: float) -> str:
    """The ninth of the picture in which a point lies."""
    return PLACES[min(2, int(3 * y)) * 3 + min(2, int(3 * x))]


def background(facts: Facts) -> str:
    """What the scene's objects stand on, a name of `BACKGROUNDS`."""
    return facts.scenes.config.backgrounds[facts.scenes.background[facts.index]]


def objects_of(facts: Facts, claim: Claim) -> list[int]:
    """Objects that a claim speaks of, in order."""
    if claim.kind == "background":
        return []
    found = set(matches(facts, claim.subject))
    return sorted(found | set(matches(facts, claim.other)) if claim.other is not None else found)


def holds(facts: Facts, claim: Claim) -> bool:
    """Is it true of the scene?"""
    if claim.kind == "background":
        return background(facts) == claim.value
    found = matches(facts, claim.subject)
    if claim.kind in ("exists", "absent", "count"):
        return {"exists": len(found) > 0, "absent": not found, "count": len(found) == claim.number}[claim.kind]
    if len(found) != 1:
        return False
    thing = facts.things[found[0]]
    if claim.kind == "attribute":
        return bool(thing[claim.key] == claim.value)
    if claim.kind == "place":
        return place(thing["x"], thing["y"]) == claim.value
    others = matches(facts, claim.other) if claim.other is not None else ()
    return len(others) == 1 and others != found and claim.value in facts.held[found[0], others[0]]


def values(config: WorldConfig, key: str) -> tuple[str, ...]:
    """What an attribute may be in this world, as far as it is said (no part is no part)."""
    return tuple(v for v in config.values(key) if v != UNSAID.get(key))


def falsified(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    """The claim with one thing changed so that it is false of the scene; None where no such change was found."""
    for change in dice.shuffled(_CHANGES[claim.kind]):
        for _ in range(4):
            wrong = change(facts, claim, dice)
            if wrong is not None and wrong != claim and not holds(facts, wrong):
                return wrong
    return None


def _value(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    if claim.kind in ("place", "background"):
        return replace(claim, value=dice.pick(PLACES if claim.kind == "place" else BACKGROUNDS))
    options = values(facts.scenes.config, claim.key)
    return replace(claim, value=dice.pick(options)) if options else None


def _described(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    """Another value in the description: "there is a red star" -> "there is a green star"."""
    pairs = list(claim.subject.attributes)
    if not pairs:
        return None
    j = dice.number(len(pairs))
    pairs[j] = (pairs[j][0], dice.pick(values(facts.scenes.config, pairs[j][0])))
    return replace(claim, subject=replace(claim.subject, attributes=tuple(pairs)))


def _present(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    """Deny what is there."""
    keys = [a for a, _ in claim.subject.attributes]
    pairs = attributes(facts, dice.number(len(facts.things)), keys)
    return replace(claim, subject=Description(pairs)) if pairs else None


def _number(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    return replace(claim, number=max(1, claim.number + dice.pick((-1, 1, 2))))


def _opposite(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    return replace(claim, value=CONVERSE[claim.value]) if claim.value in CONVERSE else None


def _other_relation(facts: Facts, claim: Claim, dice: Dice) -> Claim | None:
    return replace(claim, value=dice.pick(SPATIAL))


_CHANGES: dict[str, Sequence[Callable[[Facts, Claim, Dice], Claim | None]]] = {
    "exists": (_described,),
    "absent": (_present,),
    "count": (_number,),
    "attribute": (_value,),
    "place": (_value,),
    "background": (_value,),
    "relation": (_opposite, _other_relation),
}
