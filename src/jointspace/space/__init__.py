"""The artefact: a Space of named towers, saved as one folder."""

from jointspace.space.space import Space
from jointspace.space.tower import Output, Tower

__all__ = ["Output", "Space", "Tower"]
