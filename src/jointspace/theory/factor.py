"""A. The factor model: x = B z + u, z ~ N(0, I_r), u ~ N(0, I_d). Maximum likelihood in closed form.

Tipping and Bishop, "Probabilistic principal component analysis", JRSS B 1999, with the noise fixed at I.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import orthogonal_procrustes

from jointspace.errors import ConfigError, DataError
from jointspace.theory.latent import Distance, LatentModel, hellinger, rows


class FactorModel(LatentModel):
    """r factors of d columns. loadings B (d, r).

    standardize: columns are centred and divided by the square root of the mean discarded eigenvalue before the fit, for
    real data: the model's noise is N(0, I), and with another noise B is wrong. False: x is taken as it is.
    """

    def __init__(self, r: int, *, loadings: np.ndarray | None = None, standardize: bool = False):
        if r < 1:
            raise ConfigError(f"r: needs at least one factor, got {r}")
        self.r, self.standardize = r, standardize
        self.loadings = None if loadings is None else np.asarray(loadings, dtype=np.float64)
        self.centre: np.ndarray | float = 0.0
        self.scale = 1.0
        self.trace = []

    def fit(self, x: np.ndarray, s: np.ndarray | None = None, *, seed: int = 0) -> FactorModel:
        """B = U_r (Lambda_r - I)_+^(1/2) of S = X'X / N. DataError for fewer columns than factors."""
        x = rows(x)
        if x.shape[1] < self.r + self.standardize:
            raise DataError(f"x: {x.shape[1]} columns are too few for {self.r} factors")
        if self.standardize:
            self.centre = x.mean(axis=0)
            values = np.linalg.eigvalsh(np.cov(x.T, bias=True))
            self.scale = float(np.sqrt(max(values[: -self.r].mean(), np.finfo(float).tiny)))
            x = (x - self.centre) / self.scale
        self.fit_covariance(x.T @ x / len(x))
        self.trace = [float(self._log_density(x).mean())]
        return self

    def fit_covariance(self, s: np.ndarray) -> FactorModel:
        """The same from the second moments S (d, d) alone."""
        values, vectors = np.linalg.eigh(s)
        top = slice(-1, -self.r - 1, -1)
        self.loadings = vectors[:, top] * np.sqrt(np.maximum(values[top] - 1, 0))
        return self

    @property
    def b(self) -> np.ndarray:
        if self.loadings is None:
            raise ConfigError("this factor model is not fitted: call fit first")
        return self.loadings

    @property
    def covariance(self) -> np.ndarray:
        """BB' + I (d, d) of the standardized columns."""
        return self.b @ self.b.T + np.eye(len(self.b))

    @property
    def posterior_covariance(self) -> np.ndarray:
        """(I + B'B)^-1 (r, r), the same for every row."""
        return np.linalg.inv(np.eye(self.r) + self.b.T @ self.b)

    @property
    def posterior_map(self) -> np.ndarray:
        """M (r, d): the posterior mean is M x."""
        return self.posterior_covariance @ self.b.T

    def posterior(self, x: np.ndarray) -> np.ndarray:
        return (rows(x, len(self.b)) - self.centre) / self.scale @ self.posterior_map.T

    def log_prob(self, x: np.ndarray, s: np.ndarray | None = None) -> np.ndarray:
        x = (rows(x, len(self.b)) - self.centre) / self.scale
        return self._log_density(x) - len(self.b) * np.log(self.scale)

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        """By the r x r matrix I + B'B alone: |C| = |I + B'B|, C^-1 = I - B (I + B'B)^-1 B'."""
        z = x @ self.b
        far = (x**2).sum(axis=1) - (z @ self.posterior_covariance * z).sum(axis=1)
        logdet = np.linalg.slogdet(np.eye(self.r) + self.b.T @ self.b)[1]
        return -0.5 * (len(self.b) * np.log(2 * np.pi) + logdet + far)

    def group_align(self, truth: FactorModel) -> FactorModel:  # type: ignore[override]
        """B O with the orthogonal O nearest to the truth's B (Procrustes)."""
        rotation, _ = orthogonal_procrustes(self.b, truth.b)
        return FactorModel(self.r, loadings=self.b @ rotation)

    def marginal_distance(self, truth: FactorModel, *, seed: int = 0) -> Distance:  # type: ignore[override]
        """Hellinger, exact."""
        return Distance(hellinger(self.covariance, truth.covariance))

    def joint_distance(self, truth: FactorModel) -> Distance:  # type: ignore[override]
        """Hellinger of N(0, [[BB' + I, B], [B', I]]), exact: H^2 = 1 - |I + D'D / 4|^(-1/2), D the gap of the B's."""
        gap = self.b - truth.b
        logdet = np.linalg.slogdet(np.eye(self.r) + gap.T @ gap / 4)[1]
        return Distance(float(np.sqrt(-np.expm1(-logdet / 2))))

    def complexity(self, m: int) -> float:
        d = len(self.b)
        return d * self.r * np.log(m * d)

    # Squared loss, exact ----------------------------------------------------------------------------------------------

    def weights(self, head: np.ndarray) -> np.ndarray:
        """w (d,) with w'x = head' (posterior mean)."""
        return self.posterior_map.T @ head

    def bayes_risk(self, beta: np.ndarray, eps: float) -> float:
        """tau^2 = eps^2 + beta' (I + B'B)^-1 beta: what nobody can predict of y = beta'z + nu."""
        return float(eps**2 + beta @ self.posterior_covariance @ beta)

    def excess(self, w: np.ndarray, best: np.ndarray) -> float:
        """Squared risk of w'x beyond that of best'x when this model is the truth: (w - w*)' (BB' + I) (w - w*)."""
        gap = w - best
        return float(gap @ self.covariance @ gap)

    def population_head(self, fitted: FactorModel, best: np.ndarray) -> np.ndarray:
        """Head (r,) on the fitted posterior means that infinitely many labels would give (this model is the truth)."""
        m = fitted.posterior_map
        return np.linalg.lstsq(m @ self.covariance @ m.T, m @ self.covariance @ best, rcond=None)[0]


def em(x: np.ndarray, r: int, *, steps: int = 2000, seed: int = 0) -> FactorModel:
    """The same maximum by EM, slowly: a check of the closed form, and a fit for families without one."""
    x = rows(x)
    model = FactorModel(r, loadings=np.random.default_rng(seed).standard_normal((x.shape[1], r)))
    s = x.T @ x / len(x)
    for _ in range(steps):
        m = model.posterior_map
        second = model.posterior_covariance + m @ s @ m.T
        model.loadings = np.linalg.solve(second, m @ s).T
        model.trace.append(float(model.log_prob(x).mean()))
    return model
