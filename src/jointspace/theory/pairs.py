"""C. Contrastive pairs: x, x' independent, P(s = 1) = sigmoid(f(x)' f(x')); z = f(x) + N(0, I_r).

The loss is the library's sigmoid pair loss (`objectives.pairwise_sigmoid`) on one pair a row, at temperature 1 without
bias; it is written here in NumPy because nothing in this room needs torch. The two are held equal by a test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize
from scipy.special import expit

from jointspace.errors import ConfigError, DataError
from jointspace.theory.latent import Distance, LatentModel, rows


class PairModel(LatentModel):
    """f(x) = Theta x, Theta (r, d), by logistic regression on pairs (L-BFGS from `spread` N(0, 1), best of `restarts`).

    Rows of x hold both sides: (N, 2, d). For any other encoder f use a Space: `SpaceExperiment`.
    """

    def __init__(self, r: int, *, theta: np.ndarray | None = None, restarts: int = 2, spread: float = 0.3):
        if r < 1:
            raise ConfigError(f"r: needs at least one dimension, got {r}")
        self.r, self.restarts, self.spread = r, restarts, spread
        self.theta = None if theta is None else np.asarray(theta, dtype=np.float64)
        self.trace = []

    def fit(self, x: np.ndarray, s: np.ndarray | None = None, *, seed: int = 0) -> PairModel:
        left, right, s = sides(x, s)
        rng, d = np.random.default_rng(seed), left.shape[1]
        starts = self.spread * rng.standard_normal((self.restarts, self.r * d))
        self.trace, flat = max((_climb(start, left, right, s) for start in starts), key=lambda found: found[0][-1])
        self.theta = flat.reshape(self.r, d)
        return self

    @property
    def f(self) -> np.ndarray:
        """Theta (r, d). ConfigError before `fit`."""
        if self.theta is None:
            raise ConfigError("this pair model is not fitted: call fit first")
        return self.theta

    def log_prob(self, x: np.ndarray, s: np.ndarray | None = None) -> np.ndarray:
        """log p(s | x, x'): the law of x itself is the same in the whole family."""
        left, right, s = sides(x, s)
        return -_pair_losses(_logits(self.f, left, right), s)

    def posterior(self, x: np.ndarray) -> np.ndarray:
        return rows(x, self.f.shape[1]) @ self.f.T

    def group_align(self, truth: PairModel) -> PairModel:  # type: ignore[override]
        rotation, _ = orthogonal_procrustes(self.f.T, truth.f.T)
        return PairModel(self.r, theta=rotation.T @ self.f)

    def marginal_distance(self, truth: PairModel, *, seed: int = 0, samples: int = 20_000) -> Distance:  # type: ignore[override]
        """Hellinger of (x, x', s) for x ~ N(0, I), by Monte Carlo: H^2 = 1 - E sum_s sqrt(p(s) p'(s))."""
        x = np.random.default_rng(seed).standard_normal((2, samples, self.f.shape[1]))
        p, q = expit(_logits(self.f, *x)), expit(_logits(truth.f, *x))
        apart = 1 - np.sqrt(p * q) - np.sqrt((1 - p) * (1 - q))
        value = float(np.sqrt(max(0.0, apart.mean())))
        return Distance(value, float(apart.std(ddof=1) / np.sqrt(samples) / (2 * value)) if value else 0.0)

    def joint_distance(self, truth: PairModel) -> Distance:  # type: ignore[override]
        """Hellinger of (x, z) for x ~ N(0, I), exact: H^2 = 1 - |I + D'D / 4|^(-1/2), D the gap of the Thetas."""
        gap = self.f - truth.f
        logdet = np.linalg.slogdet(np.eye(self.r) + gap @ gap.T / 4)[1]
        return Distance(float(np.sqrt(-np.expm1(-logdet / 2))))

    def complexity(self, m: int) -> float:
        return self.f.size * np.log(m * self.f.shape[1])


def sides(x: np.ndarray, s: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (N, 2, d), s (N,) of 0 and 1 -> both sides and s as float64. DataError where they do not fit."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 3 or x.shape[1] != 2:
        raise DataError(f"x: pairs have shape (N, 2, d), got {x.shape}")
    if s is None or np.shape(s) != (len(x),) or not np.isin(s, (0, 1)).all():
        raise DataError("s: one 0 or 1 a pair is needed")
    return rows(x[:, 0]), rows(x[:, 1]), np.asarray(s, dtype=np.float64)


def loss_and_gradient(
    theta: np.ndarray, left: np.ndarray, right: np.ndarray, s: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean of -log p(s | x, x') and its gradient (r, d): (g f(x'))' x + (g f(x))' x', g = sigmoid - s."""
    a, b = left @ theta.T, right @ theta.T
    logits = (a * b).sum(axis=1)
    g = ((expit(logits) - s) / len(s))[:, None]
    return float(_pair_losses(logits, s).mean()), (g * b).T @ left + (g * a).T @ right


def _climb(start: np.ndarray, left: np.ndarray, right: np.ndarray, s: np.ndarray) -> tuple[list[float], np.ndarray]:
    """L-BFGS from one start: (log-likelihood per pair after each step, Theta flat)."""

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = loss_and_gradient(flat.reshape(-1, left.shape[1]), left, right, s)
        return loss, gradient.ravel()

    trace = [-objective(start)[0]]

    def note(intermediate_result: Any) -> None:
        trace.append(-float(intermediate_result.fun))

    found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=note)
    return trace, found.x


def _logits(theta: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return ((left @ theta.T) * (right @ theta.T)).sum(axis=1)


def _pair_losses(logits: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, logits) - s * logits
