"""What can be said exactly. NumPy and SciPy, float64, seeded; names resolve on first use."""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "LatentModel": "latent",
    "Distance": "latent",
    "FactorModel": "factor",
    "GaussianMixture": "mixture",
    "PairModel": "pairs",
    "LinearHead": "heads",
    "LabelHead": "heads",
    "TwoPhase": "provable_pretraining",
    "informative": "provable_pretraining",
    "bound_terms": "provable_pretraining",
    "FactorExperiment": "experiments",
    "MixtureExperiment": "experiments",
    "PairExperiment": "experiments",
    "SpaceExperiment": "experiments",
    "rates": "curves",
    "slope": "curves",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
