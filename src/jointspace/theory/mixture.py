"""B. The Gaussian mixture: z uniform on K components, x | z = k ~ N(u_k, I_d). EM over the means alone."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp
from scipy.stats import norm

from jointspace.errors import ConfigError, DataError
from jointspace.theory.latent import Distance, LatentModel, rows, total_variation


class GaussianMixture(LatentModel):
    """K components of equal weight and unit covariance. means (K, d).

    restarts: starts by k-means++, of which the best likelihood is kept. steps: EM steps at most; tolerance: gain of the
    log-likelihood per row below which a start is done. samples: draws of each law for total variation of marginals.
    """

    def __init__(
        self,
        k: int,
        *,
        means: np.ndarray | None = None,
        restarts: int = 5,
        steps: int = 200,
        tolerance: float = 1e-6,
        samples: int = 20_000,
    ):
        if k < 1:
            raise ConfigError(f"k: needs at least one component, got {k}")
        self.k, self.restarts, self.steps, self.tolerance, self.samples = k, restarts, steps, tolerance, samples
        self.means = None if means is None else np.asarray(means, dtype=np.float64)
        self.trace = []

    def fit(self, x: np.ndarray, s: np.ndarray | None = None, *, seed: int = 0) -> GaussianMixture:
        from sklearn.cluster import kmeans_plusplus

        x = rows(x)
        if len(x) < self.k:
            raise DataError(f"x: {len(x)} rows are too few for {self.k} components")
        best: tuple[list[float], np.ndarray] | None = None
        for start in range(self.restarts):
            means, _ = kmeans_plusplus(x, self.k, random_state=np.random.RandomState((seed * 1009 + start) % 2**32))
            trace, means = self._climb(x, means)
            if best is None or trace[-1] > best[0][-1]:
                best = trace, means
        assert best is not None
        self.trace, self.means = best
        return self

    def _climb(self, x: np.ndarray, means: np.ndarray) -> tuple[list[float], np.ndarray]:
        """EM from one start: (log-likelihood per row after each step, means)."""
        trace: list[float] = []
        for _ in range(self.steps):
            density = _log_densities(x, means)
            total = logsumexp(density, axis=1)
            trace.append(float(total.mean() - np.log(self.k)))
            if len(trace) > 1 and trace[-1] - trace[-2] < self.tolerance:
                break
            share = np.exp(density - total[:, None])
            weight = share.sum(axis=0)
            kept = weight > 1e-12  # a component nobody belongs to stays where it is
            means = np.where(kept[:, None], share.T @ x / np.maximum(weight, 1e-12)[:, None], means)
        return trace, means

    @property
    def u(self) -> np.ndarray:
        if self.means is None:
            raise ConfigError("this mixture is not fitted: call fit first")
        return self.means

    def log_prob(self, x: np.ndarray, s: np.ndarray | None = None) -> np.ndarray:
        return logsumexp(_log_densities(rows(x, self.u.shape[1]), self.u), axis=1) - np.log(self.k)

    def posterior(self, x: np.ndarray) -> np.ndarray:
        density = _log_densities(rows(x, self.u.shape[1]), self.u)
        return np.exp(density - logsumexp(density, axis=1, keepdims=True))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (n, d) and its components (n,)."""
        z = rng.integers(self.k, size=n)
        return self.u[z] + rng.standard_normal((n, self.u.shape[1])), z

    def group_align(self, truth: GaussianMixture) -> GaussianMixture:  # type: ignore[override]
        """Components in the order that is nearest to the truth's in the joint law (Hungarian, exact)."""
        _, order = linear_sum_assignment(_apart(truth.u, self.u))
        return GaussianMixture(self.k, means=self.u[order], samples=self.samples)

    def marginal_distance(self, truth: GaussianMixture, *, seed: int = 0) -> Distance:  # type: ignore[override]
        """Total variation by Monte Carlo."""
        rng = np.random.default_rng(seed)
        return total_variation(self, truth, (self.sample(self.samples, rng)[0], truth.sample(self.samples, rng)[0]))

    def joint_distance(self, truth: GaussianMixture) -> Distance:  # type: ignore[override]
        """Total variation, exact: the mean over components of 2 Phi(|u_k - u'_k| / 2) - 1."""
        return Distance(float(np.diag(_apart(self.u, truth.u)).mean()))

    def complexity(self, m: int) -> float:
        return self.u.size * np.log(m * self.u.shape[1])


def _log_densities(x: np.ndarray, means: np.ndarray) -> np.ndarray:
    """(N, K) log N(x; u_k, I)."""
    far = (x**2).sum(axis=1)[:, None] - 2 * x @ means.T + (means**2).sum(axis=1)
    return -0.5 * (far + x.shape[1] * np.log(2 * np.pi))


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(K, K) total variation of N(a_k, I) and N(b_l, I)."""
    return 2 * norm.cdf(np.linalg.norm(a[:, None] - b[None], axis=-1) / 2) - 1
