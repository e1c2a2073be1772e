"""The one training loop and what belongs to it. Names are resolved on first use: importing this brings no torch."""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "Callback": "callbacks",
    "FitResult": "result",
    "Interrupted": "interrupts",
    "Method": "method",
    "ParameterGroup": "config",
    "Phase": "method",
    "Progress": "method",
    "Stage": "stages",
    "TrainingConfig": "config",
    "check_method": "checks",
    "dry_run": "trial",
    "fit": "loop",
    "fit_stages": "stages",
    "replay": "capture",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'jointspace.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"jointspace.training.{_LAZY[name]}"), name)
