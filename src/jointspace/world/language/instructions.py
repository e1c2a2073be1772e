"""Tasks put as instruction, query and target text, with wrong candidates that come close."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.language.claims import values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Description, Facts, attributes, matches, related, unique
from jointspace.world.language.questions import Question, answer_kind, answer_table
from jointspace.world.language.say import an, the
from jointspace.world.language.words import sentence

TASKS = {  # task -> ways of asking for it
    "classify shape": ("Name the shape of the object.", "Which shape is it? Give the class.", "Identify the shape."),
    "classify colour": (
        "Name the colour of the object.",
        "Which colour is it? Give the class.",
        "Identify the colour.",
    ),
    "classify texture": ("Name the texture of the object.", "Which pattern has it? Give it.", "Identify the texture."),
    "answer": ("Answer the question about the picture.", "Look at the picture and reply to the question."),
    "find caption": ("Find a caption that fits the picture.", "Retrieve the description of this picture."),
    "find picture": ("Find the picture that the text describes.", "Retrieve a picture that fits these words."),
    "locate": ("Select the part of the picture that the words name.", "Find the crop that the words refer to."),
    "locate by relation": ("Select the part that stands as the words say.", "Find the crop by its place among others."),
}


@dataclass(frozen=True)
class Instruction:
    """query: what follows the instruction beside the picture, may be empty; target: the right text; candidates: wrong
    ones of the same kind; object: the one asked about, -1 = the whole picture (for "locate" it is the target)."""

    task: str
    instruction: str
    query: str
    target: str
    candidates: tuple[str, ...]
    object: int


def instructions(facts: Facts, asked: list[Question], caption: str, wrong: list[str], dice: Dice) -> list[Instruction]:
    """One item for each task that the scene allows. `asked`: its questions; `caption` and false captions `wrong`."""
    found = []
    for key in ("shape", "colour", "texture"):
        k = dice.number(len(facts.things))
        one = unique(facts, k, dice, without=(key,))
        if one is not None:
            true = facts.things[k][key]
            others = tuple(v for v in values(facts.scenes.config, key) if v != true)
            found.append(_made(f"classify {key}", sentence(the(one, dice)), true, others, k, dice))
    if asked:
        question = dice.pick(asked)
        options = answer_table(facts.scenes.config)[answer_kind(question.logic)]
        others = tuple(a for a in options if a != question.answer)
        found.append(_made("answer", question.text, question.answer, others, -1, dice))
    found.append(_made("find caption", "", caption, tuple(wrong), -1, dice))
    found.append(_made("find picture", caption, caption, tuple(wrong), -1, dice))
    for task, make in (("locate", unique), ("locate by relation", related)):
        k = dice.number(len(facts.things))
        description = make(facts, k, dice)
        if description is not None:
            found.append(_made(task, the(description, dice), _whole(facts, k), _rivals(facts, k, dice), k, dice))
    return found


def _made(task: str, query: str, target: str, candidates: tuple[str, ...], k: int, dice: Dice) -> Instruction:
    return Instruction(task, dice.pick(TASKS[task]), query, target, candidates, k)


def _whole(facts: Facts, k: int) -> str:
    return an(Description(attributes(facts, k)))


def _rivals(facts: Facts, k: int, dice: Dice) -> tuple[str, ...]:
    """Hard ones: the same object in another colour, another shape, another texture; none of them fits object k."""
    found = []
    for key in ("colour", "shape", "texture"):
        others = [v for v in values(facts.scenes.config, key) if v != facts.things[k][key]]
        if others:
            changed = dice.pick(others)
            pairs = tuple((a, changed if a == key else v) for a, v in attributes(facts, k))
            if k not in matches(facts, Description(pairs)):
                found.append(an(Description(pairs)))
    return tuple(found)
