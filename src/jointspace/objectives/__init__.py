"""Losses by mechanism: pure functions, tensors in, a scalar out. No data, no models, no devices, no imports of ours.

Names resolve on first use, so that `import jointspace.objectives` costs nothing.
"""

from __future__ import annotations

from jointspace._lazy import attach

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
    "latent_regression": "latent",
    "kl_logits": "distillation",
    "kl_similarities": "distillation",
    "grid_loss": "matryoshka",
    "nested_mask": "matryoshka",
    "compressed": "matryoshka",
    "in_batch": "angle",
    "angle_pairs": "angle",
    "angle_triplets": "angle",
    "skip_gram_loss": "skip_gram",
}

__getattr__, __dir__, __all__ = attach(__name__, _LAZY)
