"""What the three latent-variable models share: fit without labels, say the latent, be compared with a truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from jointspace.errors import DataError


class Distance(NamedTuple):
    """value: total variation or Hellinger distance, 0 to 1. error: Monte Carlo standard error, 0 where exact."""

    value: float
    error: float = 0.0


class LatentModel(ABC):
    """p(x, s, z) of one family, fitted by maximum likelihood of what is seen. N rows, d columns, r latent dimensions.

    trace: log-likelihood per row after each step of the fit (one entry where the fit is closed form).
    """

    trace: list[float]

    @abstractmethod
    def fit(self, x: np.ndarray, s: np.ndarray | None = None, *, seed: int = 0) -> LatentModel:
        """Maximum likelihood on unlabelled rows x (N, d), side information s where the family has it."""

    @abstractmethod
    def log_prob(self, x: np.ndarray, s: np.ndarray | None = None) -> np.ndarray:
        """(N,) log density of what is seen, the latent summed out."""

    @abstractmethod
    def posterior(self, x: np.ndarray) -> np.ndarray:
        """(N, r): mean of z given x; of a mixture the probability of each component."""

    @abstractmethod
    def group_align(self, truth: LatentModel) -> LatentModel:
        """The model of equal marginal whose latent lies nearest to the truth's: the group T of the paper."""

    @abstractmethod
    def marginal_distance(self, truth: LatentModel, *, seed: int = 0) -> Distance:
        """Distance of the two laws of what is seen."""

    @abstractmethod
    def joint_distance(self, truth: LatentModel) -> Distance:
        """Distance of the two joint laws of (x, z), as they stand: align first."""

    @abstractmethod
    def complexity(self, m: int) -> float:
        """log N: bracketing number of the family at scale 1/m, up to constants (parameters x log)."""


def rows(x: np.ndarray, columns: int | None = None, what: str = "x") -> np.ndarray:
    """x as finite float64 (N, d). DataError names the first row that is not, or the wrong width."""
    x = np.atleast_2d(np.asarray(x, dtype=np.float64))
    if columns is not None and x.shape[1] != columns:
        raise DataError(f"{what}: {x.shape[1]} columns, the model has {columns}")
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise DataError(f"{what}: row {int(np.argmax(bad))} holds a value that is not a finite number")
    return x


def hellinger(covariance: np.ndarray, other: np.ndarray) -> float:
    """Hellinger distance of N(0, S) and N(0, T), closed form: H^2 = 1 - |S|^(1/4) |T|^(1/4) / |(S + T) / 2|^(1/2)."""
    logs = [np.linalg.slogdet(c)[1] for c in (covariance, other, (covariance + other) / 2)]
    return float(np.sqrt(max(0.0, -np.expm1(logs[0] / 4 + logs[1] / 4 - logs[2] / 2))))


def total_variation(p: LatentModel, q: LatentModel, draws: tuple[np.ndarray, np.ndarray]) -> Distance:
    """Monte Carlo total variation of two marginals from samples of each: mean of |p - q| / (p + q), which is bounded.

    draws: (x from p, x from q), as many of each. Half of the mean over both samples estimates 1/2 int |p - q|.
    """
    x = np.concatenate(draws)
    value = np.abs(np.tanh((p.log_prob(x) - q.log_prob(x)) / 2))
    halves = value.reshape(2, -1)
    error = np.sqrt((halves.var(axis=1, ddof=1) / halves.shape[1]).sum()) / 2
    return Distance(float(value.mean()), float(error))
