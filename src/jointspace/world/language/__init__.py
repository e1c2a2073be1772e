"""Scenes -> words: true sentences about what is there, and questions, pairs and documents with known answers."""

from jointspace.world.language.caption import BETWEEN, OPENINGS, SYNONYMS, captions, captions_with_phrases, phrase
from jointspace.world.language.documents import documents
from jointspace.world.language.entities import entities, entity
from jointspace.world.language.questions import answer_table, question_words
from jointspace.world.language.styles import concepts
from jointspace.world.language.words import WORDS

__all__ = [
    "BETWEEN",
    "OPENINGS",
    "SYNONYMS",
    "WORDS",
    "answer_table",
    "captions",
    "captions_with_phrases",
    "concepts",
    "documents",
    "entities",
    "entity",
    "phrase",
    "question_words",
]
