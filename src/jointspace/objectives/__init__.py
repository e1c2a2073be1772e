"""Losses by mechanism: pure functions, tensors in, a scalar out. No data, no models, no devices, no imports of ours.

Names resolve on first use, so that `import jointspace.objectives` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "info_nce": "contrastive",
    "info_nce_two_way": "contrastive",
    "Block": "contrastive",
    "partition": "contrastive",
    "pairwise_sigmoid": "sigmoid",
    "triplet": "ranking",
    "batch_triplet": "ranking",
    "pair_ranking": "ranking",
    "cosent": "ranking",
    "angle_score": "ranking",
    "cosine_regression": "regression",
    "kl_logits": "distillation",
    "kl_similarities": "distillation",
    "grid_loss": "matryoshka",
    "nested_mask": "matryoshka",
    "skip_gram_loss": "skip_gram",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    if name in _LAZY.values():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
