"""Have the embeddings of all items become alike? Four numbers on token embeddings (N, L, D), as T-JEPA logs them."""

from __future__ import annotations

import numpy as np

GRID = 100  # points on which two densities are compared


def collapse(tokens: np.ndarray, *, pairs: int = 20, seed: int = 0) -> dict[str, float]:
    """tokens (N, L, D), N >= 2 -> numbers that are 0 where all rows are alike.

    kl: mean over random pairs of rows of KL(p || q) in nats, p and q the kernel densities of the two rows' L D entries
    on a common grid; distance: mean Euclidean distance of such pairs of flattened rows; variance: mean over tokens and
    channels of the variance across rows; mean_variance: the same of the mean over tokens. ValueError for fewer rows.
    """
    tokens = np.asarray(tokens, dtype=np.float64)
    if tokens.ndim != 3 or len(tokens) < 2:
        raise ValueError(f"collapse: expected (N, L, D) with two rows or more, got {tokens.shape}")
    flat, rng = tokens.reshape(len(tokens), -1), np.random.default_rng(seed)
    chosen = [rng.choice(len(tokens), 2, replace=False) for _ in range(pairs)]
    return {
        "kl": float(np.mean([_kl(flat[i], flat[j]) for i, j in chosen])),
        "distance": float(np.mean([np.linalg.norm(flat[i] - flat[j]) for i, j in chosen])),
        "variance": float(tokens.var(axis=0).mean()),
        "mean_variance": float(tokens.mean(axis=1).var(axis=0).mean()),
    }


def _kl(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import gaussian_kde

    if np.ptp(x) == 0 or np.ptp(y) == 0:  # a density of one point has no width
        return 0.0 if np.array_equal(x, y) else float("inf")
    grid = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), GRID)
    p, q = (np.maximum(gaussian_kde(values)(grid), 1e-12) for values in (x, y))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
