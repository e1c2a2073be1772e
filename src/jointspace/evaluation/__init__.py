"""How good a Space is: tasks, scores with their evidence, and comparisons that say which differences are real."""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "evaluate": "judge",
    "compare": "comparison",
    "Comparison": "comparison",
    "Score": "score",
    "Units": "score",
    "Scores": "scores",
    "TASKS": "registry",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"jointspace.evaluation.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'jointspace.evaluation' has no attribute {name!r}")
