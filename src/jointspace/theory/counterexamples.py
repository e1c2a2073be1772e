"""D. Where the paper's two conditions fail: a family whose marginal says nothing, and likelihood in phase 2."""

from __future__ import annotations

import numpy as np

from jointspace.theory.latent import Distance


def zero_informative(cut: float, *, bins: int = 1000) -> tuple[Distance, Distance]:
    """x ~ U[0, 1], z = 1 if x in A_phi, |A_phi| = 1/2: (marginal, joint) total variation of A = [0, 1/2) and the same
    set moved by `cut` around the circle. The marginal is U[0, 1] whatever A is, so no number of rows tells; relabelling
    z (the only group that leaves y's law reachable) is taken into account.
    """
    x = (np.arange(bins) + 0.5) / bins
    one, other = x < 0.5, (x - cut) % 1 < 0.5
    apart = float((one != other).mean())
    return Distance(0.0), Distance(min(apart, 1 - apart))


def coin_frequency(n: int, delta: float = 0.02, *, draws: int = 500, seed: int = 0) -> dict[str, float]:
    """How often phase 2 by likelihood ("mle") and by empirical risk ("erm") leave the right head y = z for a coin.

    x uniform on {1, 2}; in truth z = x, but z = 2 with probability delta where x = 1; y = z. phi^ says z = x always.
    Heads: y = z, or a fair coin. One sample (1, 2) makes the likelihood of y = z zero, so that likelihood takes the
    coin with probability 1 - (1 - delta / 2)^n; the 0-1 risk of y = z stays delta / 2 against 1/2.
    """
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 3, (draws, n))
    y = np.where((x == 1) & (rng.random((draws, n)) < delta), 2, x)
    wrong = (y != x).sum(axis=1)
    likelihood = np.where(wrong > 0, -np.inf, 0.0)  # of y = z; the coin has n log(1/2)
    return {"mle": float((likelihood < n * np.log(0.5)).mean()), "erm": float((wrong / n > 0.5).mean())}
