"""Stores of vectors with their payload: exact, approximate and hybrid search, keyed by the Space that made them."""

from __future__ import annotations

from typing import Any

__all__ = ["Hit", "Index", "compose", "reciprocal_rank_fusion"]

_HOMES = {
    "Hit": "jointspace.search.hits",
    "Index": "jointspace.search.index",
    "compose": "jointspace.search.composition",
    "reciprocal_rank_fusion": "jointspace.search.fusion",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'jointspace.search' has no attribute {name!r}")
