"""The one training loop and what belongs to it. Names are resolved on first use: importing this brings no torch."""

from __future__ import annotations

from jointspace._lazy import attach

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

__getattr__, __dir__, __all__ = attach(__name__, _LAZY)
