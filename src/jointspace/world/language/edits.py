"""One attribute of one object changed: the words of the change and the scene after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Facts, unique
from jointspace.world.language.say import the, value_word
from jointspace.world.language.words import sentence
from jointspace.world.scene import Scenes

KEYS = ("colour", "texture", "shape")
_FORMS = (
    "make {a} {v}.",
    "the same picture, but {a} is {v}.",
    "change {a} so that it is {v}.",
    "as before, except that {a} is {v} now.",
)


@dataclass(frozen=True)
class Edit:
    """`text` asks for object `object`'s `key` to become `new` instead of `old`; empty where no words single one out."""

    text: str
    object: int
    key: str
    old: str
    new: str


def edit(facts: Facts, dice: Dice) -> Edit:
    """A change of one object that words can single out; `Edit("", -1, "", "", "")` where there is none."""
    config = facts.scenes.config
    options = {"colour": config.colours, "texture": config.textures, "shape": config.shapes}
    for k in dice.shuffled(range(len(facts.things))):
        one = unique(facts, k, dice)
        for key in dice.shuffled(KEYS) if one is not None else ():
            old = facts.things[k][key]
            others = [v for v in options[key] if v != old]
            if others and one is not None:
                new = dice.pick(others)
                said = dice.pick(_FORMS).format(a=the(one, dice), v=value_word(key, new, dice))
                return Edit(sentence(said), k, key, old, new)
    return Edit("", -1, "", "", "")


def edited(scenes: Scenes, edits: list[Edit]) -> Scenes:
    """The scenes after their edits, all else equal to the last pixel's noise."""
    arrays = {key: getattr(scenes, key).copy() for key in KEYS}
    names = {"colour": scenes.config.colours, "texture": scenes.config.textures, "shape": scenes.config.shapes}
    for i, change in enumerate(edits):
        if change.object >= 0:
            arrays[change.key][i, change.object] = names[change.key].index(change.new)
    return replace(scenes, **arrays)
