"""Long texts that hide one sentence, with the question that it alone answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.world.language.dice import Dice, dice
from jointspace.world.language.names import made_up, person

KINDS = ("passkey", "needle", "key-value", "scene")
REPEATED = ("The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again.")
_SUBJECTS = "river harvest market bridge garden library winter council tower school road forest museum bakery".split()
_VERBS = "changed grew waited opened closed returned improved rested flourished suffered endured shifted".split()
_WHEN = ("in spring", "that year", "before dawn", "after the rain", "for a while", "once more", "in those days")
_HOW = ("slowly", "quietly", "against all advice", "to everyone's surprise", "as the elders had said", "without haste")
_FACTS = {  # what may be hidden: (sentence, question); {n} who or where, {v} what is asked for
    "favourite dish": ("The favourite dish of {n} is {v}.", "What is the favourite dish of {n}?"),
    "dog": ("{n} calls the dog {v}.", "What does {n} call the dog?"),
    "birthplace": ("{n} was born in {v}.", "Where was {n} born?"),
    "profession": ("{n} works as a {v}.", "What does {n} work as?"),
}
_DISHES = ("lentil soup", "apple pie", "fried rice", "onion bread", "plum cake", "bean stew", "fish curry", "corn soup")
_WORK = ("carpenter", "baker", "weaver", "sailor", "teacher", "gardener", "painter", "smith", "tailor", "miller")


@dataclass(frozen=True)
class Document:
    """A text of at most `words` words (less by no more than one sentence) and its hidden sentence, characters
    start..end. Only that sentence holds the answer; names of persons and places belong to one document each."""

    text: str
    question: str
    answer: str
    start: int
    end: int
    words: int


def documents(
    seed: int, rows: np.ndarray, words: int | np.ndarray, kind: str = "needle", sentences: list[str] | None = None
) -> list[Document]:
    """Documents of the rows (B,), `words` long each (one number or (B,), at least 30); row i is a function of
    (seed, i, words, kind).

    kind: "passkey" (a person's five digits in five sentences over and over), "needle" (a fact about a person in an
    essay), "key-value" (the number of one place among those of many others), "scene" (the `sentences` given, one a row,
    in an essay, with a name; the question asks what the named picture shows). ConfigError otherwise.
    """
    if kind not in KINDS:
        raise ConfigError(f"world: document_kind: no {kind!r}{nearest(kind, KINDS)}")
    lengths = np.broadcast_to(words, (len(rows),))
    if (lengths < 30).any():
        raise ConfigError(f"world: document_words must be at least 30, got {lengths.min()}")
    rolled = dice(seed, rows, f"document {kind}")
    said = [""] * len(rows) if sentences is None else sentences
    return [_document(int(i), int(n), kind, text, d) for i, n, text, d in zip(rows, lengths, said, rolled, strict=True)]


def _document(i: int, words: int, kind: str, said: str, d: Dice) -> Document:
    sentence, question, answer = _hidden(i, kind, said, d)
    filler: list[str] = []
    length = len(sentence.split())
    while True:
        line = _filler(kind, len(filler), d)
        length += len(line.split())
        if length > words:
            length -= len(line.split())
            break
        filler.append(line)
    at = d.number(len(filler) + 1)
    before = " ".join(filler[:at])
    start = len(before) + (1 if before else 0)
    return Document(
        " ".join([*filler[:at], sentence, *filler[at:]]), question, answer, start, start + len(sentence), length
    )


def _hidden(i: int, kind: str, said: str, d: Dice) -> tuple[str, str, str]:
    if kind == "passkey":
        code = " ".join(f"{d.number(100_000):05d}")
        return f"The pass key of {person(i)} is {code}.", f"What is the pass key of {person(i)}?", code
    if kind == "key-value":
        place, code = made_up(i, "place"), f"{d.number(10_000):04d}"
        return f"The number of {place} is {code}.", f"What is the number of {place}?", code
    if kind == "scene":
        name = made_up(i, "picture")
        shown = said.rstrip(".")
        return f"The picture called {name} is described so: {shown}.", f"What does the picture {name} show?", shown
    what = d.pick(tuple(_FACTS))
    value = {
        "favourite dish": d.pick(_DISHES),
        "dog": made_up(d.number(1 << 12), "dog"),
        "birthplace": made_up(d.number(1 << 12), "town"),
        "profession": d.pick(_WORK),
    }[what]
    sentence, question = _FACTS[what]
    return sentence.format(n=person(i), v=value), question.format(n=person(i)), value


def _filler(kind: str, at: int, d: Dice) -> str:
    if kind == "passkey":
        return REPEATED[at % len(REPEATED)]
    if kind == "key-value":  # places from another list of names than the hidden one: no question fits two sentences
        return f"The number of {made_up(d.number(1 << 13), 'other place')} is {d.number(10_000):04d}."
    first = f"{d.pick(_WHEN)}, the {d.pick(_SUBJECTS)} {d.pick(_VERBS)} {d.pick(_HOW)}"
    second = f"the {d.pick(_SUBJECTS)} {d.pick(_VERBS)} {d.pick(_HOW)}"
    if d.chance(0.5):
        return f"{first[0].upper()}{first[1:]}."
    return f"{first[0].upper()}{first[1:]}, and {second}."
