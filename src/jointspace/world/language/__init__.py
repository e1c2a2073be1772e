"""Scenes -> words: true sentences about what is there, and questions, pairs and documents with known answers."""

from jointspace.world.language.caption import BETWEEN, OPENINGS, SYNONYMS, captions, captions_with_phrases, phrase

__all__ = ["BETWEEN", "OPENINGS", "SYNONYMS", "captions", "captions_with_phrases", "phrase"]
