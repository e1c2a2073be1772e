"""How good a Space is: tasks, scores with their evidence, and comparisons that say which differences are real."""

from __future__ import annotations

from jointspace._lazy import attach

_LAZY = {
    "evaluate": "judge",
    "compare": "comparison",
    "Comparison": "comparison",
    "Score": "score",
    "Units": "score",
    "Scores": "scores",
    "TASKS": "registry",
}

__getattr__, __dir__, __all__ = attach(__name__, _LAZY)
