"""What can be said exactly. NumPy and SciPy, float64, seeded; names resolve on first use."""

from __future__ import annotations

from jointspace._lazy import attach

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

__getattr__, __dir__, __all__ = attach(__name__, _LAZY)
