"""What language adds to the rows of `world/scenes`: made only when asked for, each from its own draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jointspace.world.base import Columns, check_names, check_range
from jointspace.world.language.caption import captions_with_phrases
from jointspace.world.language.describe import LongCaption, long_caption
from jointspace.world.language.dice import Dice, dice
from jointspace.world.language.distractors import Distractor, distractors
from jointspace.world.language.documents import KINDS, Document, documents
from jointspace.world.language.edits import Edit, edit
from jointspace.world.language.entities import entity, entity_id
from jointspace.world.language.facts import Facts, read
from jointspace.world.language.instructions import instructions
from jointspace.world.language.pairs import pairs
from jointspace.world.language.paraphrase import paraphrases, partial
from jointspace.world.language.questions import Question, questions
from jointspace.world.language.referring import referring
from jointspace.world.language.relational import annotated, careless, triplets
from jointspace.world.language.say import Span
from jointspace.world.language.statements import statements
from jointspace.world.language.styles import styled
from jointspace.world.scene import Scenes, sample

PARTNER = 1 << 41  # the second picture of row i is scene number i + PARTNER, beyond the rows of any set
FIELDS = {
    "caption_spans": "start, end (characters of caption) and objects (numbers) of each phrase",
    "paraphrases": "8 captions that say the same",
    "partial_captions": "captions that name one, two, three of the objects: text, objects",
    "long_caption": "6 to 12 sentences",
    "sentences": "each sentence of long_caption: text, start, end, kind, objects, true",
    "spans": "phrases of long_caption: start, end, objects, sentence (number)",
    "referring": "expressions that fit one object alone: text, object, kind, rivals (others of its shape)",
    "triplets": "all true relations: subject, predicate, object, phrase",
    "annotations": "one predicate a pair as an annotator would say it, and all true predicates",
    "careless_captions": "a captioner's sentences, some wrong, with the true triplet behind each",
    "entities": "the entity of each object: id, name, alias, description",
    "questions": "up to one of each type: question, answer, type, answers and scores (all accepted)",
    "question": "one of questions",
    "answer": "its answer",
    "question_type": "its type",
    "pairs": "premise, hypothesis, label, similarity 0 to 5, true (is the hypothesis?)",
    "distractors": "false captions with the words of the caption: text, swapped (attribute), objects",
    "styles": "caption by style: clean, rich, formal, telegraphic, child, headline, technical, chatty",
    "statements": "on image (left) and image_2 (right): text, true, kind",
    "edit": "a change asked for: text, object, key, old, new; image_edited shows it",
    "instructions": "task, instruction, query, target, candidates (wrong ones), object (-1 = whole picture)",
    "document": "a long text hiding one sentence: text, question, answer, start, end, words",
}


@dataclass(frozen=True)
class LanguageControls:
    """wrong_sentences: share of false sentences in long captions. longest_caption: most sentences, 6 to 12.
    caption_errors: share of a careless captioner's sentences that are wrong. soft_answers: share of questions with a
    second accepted answer. rich_noise: share of unrelated words in the style "rich". document_words: least and most
    words of a document; document_kind: passkey, needle, key-value or scene (hides the caption).
    """

    wrong_sentences: float = 0.0
    longest_caption: int = 12
    caption_errors: float = 0.2
    soft_answers: float = 0.1
    rich_noise: float = 0.3
    document_words: tuple[int, int] = (100, 400)
    document_kind: str = "needle"

    def __post_init__(self) -> None:
        for name in ("wrong_sentences", "caption_errors", "soft_answers"):
            check_range("scenes", name, getattr(self, name), 0, 1)
        check_range("scenes", "rich_noise", self.rich_noise, 0, 0.9)
        check_range("scenes", "longest_caption", self.longest_caption, 6, 12)
        low, high = self.document_words
        check_range("scenes", "document_words", low, 30, high)
        check_names("scenes", "document_kind", self.document_kind, KINDS)


@dataclass(frozen=True)
class Told:
    """The texts of the scenes of rows `indices`; what several fields need is made once, and only if asked for."""

    scenes: Scenes
    seed: int
    indices: np.ndarray
    controls: LanguageControls

    def columns(self, fields: Sequence[str]) -> Columns:
        """Those of `fields` that are language's."""
        return {name: _MAKE[name](self) for name in fields if name in _MAKE}

    @cached_property
    def facts(self) -> list[Facts]:
        """The truth of each scene."""
        return read(self.scenes)

    @cached_property
    def captions(self) -> list[tuple[str, list[tuple[int, int, int]]]]:
        """The default caption and its phrases."""
        return captions_with_phrases(self.scenes, self.seed)

    @cached_property
    def long_captions(self) -> list[LongCaption]:
        """The long captions."""
        wrong, longest = self.controls.wrong_sentences, self.controls.longest_caption
        return self.each("long caption", lambda f, d: long_caption(f, d, wrong, longest))

    @cached_property
    def questions(self) -> list[list[Question]]:
        """The questions."""
        return self.each("questions", lambda f, d: questions(f, d, self.controls.soft_answers))

    @cached_property
    def asked(self) -> list[Question]:
        """One question a scene."""
        return [d.pick(some) for some, d in zip(self.questions, self.dice("question"), strict=True)]

    @cached_property
    def distractors(self) -> list[list[Distractor]]:
        """False captions."""
        rolled = self.dice("distractors")
        return [distractors(f, c, d) for f, c, d in zip(self.facts, self.captions, rolled, strict=True)]

    @cached_property
    def edits(self) -> list[Edit]:
        """One change a scene."""
        return self.each("edit", edit)

    @cached_property
    def partners(self) -> list[Facts]:
        """The truth of the second pictures."""
        return read(self.second_scenes)

    @cached_property
    def second_scenes(self) -> Scenes:
        """The scenes of the second pictures: of the same world, in no set of rows."""
        return sample(self.scenes.config, self.seed, np.asarray(self.indices) + PARTNER)

    def dice(self, purpose: str) -> list[Dice]:
        """Dice of each scene for one purpose."""
        return dice(self.seed, self.scenes.keys, purpose)

    def each(self, purpose: str, make: Callable[[Facts, Dice], Any]) -> list[Any]:
        """`make` for each scene."""
        return [make(f, d) for f, d in zip(self.facts, self.dice(purpose), strict=True)]


def _rows(found: Sequence[Any], *names: str) -> list[dict[str, Any]]:
    """Records with these attributes; tuples become lists."""
    return [{name: _plain(getattr(one, name)) for name in names} for one in found]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _span(span: Span, sentence: int) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "objects": list(span.objects), "sentence": sentence}


def _sentences(told: Told) -> list[list[dict[str, Any]]]:
    names = ("text", "start", "end", "objects", "true")
    return [
        [row | {"kind": s.claim.kind} for row, s in zip(_rows(long.sentences, *names), long.sentences, strict=True)]
        for long in told.long_captions
    ]


def _questions(told: Told) -> list[list[dict[str, Any]]]:
    return [
        [
            {"question": q.text} | row
            for q, row in zip(some, _rows(some, "answer", "type", "answers", "scores"), strict=True)
        ]
        for some in told.questions
    ]


def _statements(told: Told) -> list[list[dict[str, Any]]]:
    both = zip(told.facts, told.partners, told.dice("statements"), strict=True)
    return [_rows(statements(left, right, d), "text", "true", "kind") for left, right, d in both]


def _instructions(told: Told) -> list[list[dict[str, Any]]]:
    names = ("task", "instruction", "query", "target", "candidates", "object")
    made = zip(told.facts, told.questions, told.captions, told.distractors, told.dice("instructions"), strict=True)
    return [_rows(instructions(f, q, c[0], [x.text for x in wrong], d), *names) for f, q, c, wrong, d in made]


def _entities(told: Told) -> list[list[dict[str, Any]]]:
    config = told.scenes.config
    return [[asdict(entity(entity_id(thing, config), config)) for thing in f.things] for f in told.facts]


def _documents(told: Told) -> list[dict[str, Any]]:
    low, high = told.controls.document_words
    words = np.array([low + d.number(high - low + 1) for d in told.dice("document words")])
    said = [text for text, _ in told.captions] if told.controls.document_kind == "scene" else None
    made: list[Document] = documents(told.seed, told.indices, words, told.controls.document_kind, said)
    return [asdict(one) for one in made]


_MAKE: dict[str, Callable[[Told], Any]] = {
    "caption_spans": lambda told: [
        [{"start": start, "end": end, "objects": [k]} for start, end, k in spans] for _, spans in told.captions
    ],
    "paraphrases": lambda told: told.each("paraphrases", paraphrases),
    "partial_captions": lambda told: [
        _rows(found, "text", "objects") for found in told.each("partial captions", partial)
    ],
    "long_caption": lambda told: [long.text for long in told.long_captions],
    "sentences": _sentences,
    "spans": lambda told: [
        [_span(span, j) for j, s in enumerate(long.sentences) for span in s.spans] for long in told.long_captions
    ],
    "referring": lambda told: [
        _rows(found, "text", "object", "kind", "rivals") for found in told.each("referring", referring)
    ],
    "triplets": lambda told: [
        _rows(found, "subject", "predicate", "object", "phrase") for found in told.each("triplets", triplets)
    ],
    "annotations": lambda told: [
        _rows(found, "subject", "object", "predicate", "predicates") for found in told.each("annotations", annotated)
    ],
    "careless_captions": lambda told: [
        _rows(found, "text", "subject", "predicate", "object", "said", "true")
        for found in told.each("careless", lambda f, d: careless(f, d, told.controls.caption_errors))
    ],
    "entities": _entities,
    "questions": _questions,
    "question": lambda told: [q.text for q in told.asked],
    "answer": lambda told: [q.answer for q in told.asked],
    "question_type": lambda told: [q.type for q in told.asked],
    "pairs": lambda told: [
        _rows(found, "premise", "hypothesis", "label", "similarity", "true") for found in told.each("pairs", pairs)
    ],
    "distractors": lambda told: [_rows(found, "text", "swapped", "objects") for found in told.distractors],
    "styles": lambda told: told.each("styles", lambda f, d: styled(f, d, told.controls.rich_noise)),
    "statements": _statements,
    "edit": lambda told: [asdict(change) for change in told.edits],
    "instructions": _instructions,
    "document": _documents,
}
