"""Heads that minimise the empirical risk exactly."""

from __future__ import annotations

import itertools

import numpy as np

from jointspace.errors import ConfigError, DataError

EXACT = 12  # up to so many components every labelling is tried


class LinearHead:
    """y = head' features by least squares (N, r) -> (r,); the least norm where labels are too few.

    truncate: the loss of a row counts up to this; rows beyond it are left out and the fit repeated until they stay the
    same, which never raises the truncated loss. None: plain squared loss. intercept: a free constant beside it.
    """

    def __init__(self, *, truncate: float | None = None, intercept: bool = False):
        if truncate is not None and truncate <= 0:
            raise ConfigError(f"truncate: must be above 0, got {truncate}")
        self.truncate, self.intercept = truncate, intercept

    def fit(self, features: np.ndarray, y: np.ndarray) -> LinearHead:
        features, y = self._design(features), np.asarray(y, dtype=np.float64)
        if len(features) != len(y):
            raise DataError(f"y: {len(y)} labels for {len(features)} rows")
        kept = np.ones(len(y), dtype=bool)
        for _ in range(100):
            solved = np.linalg.lstsq(features[kept], y[kept], rcond=None)[0]
            if self.truncate is None:
                break
            now = (features @ solved - y) ** 2 <= self.truncate
            if not now.any() or (now == kept).all():
                break
            kept = now
        self.coefficients = solved
        return self

    def _design(self, features: np.ndarray) -> np.ndarray:
        features = np.asarray(features, dtype=np.float64)
        return np.column_stack([features, np.ones(len(features))]) if self.intercept else features

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self._design(features) @ self.coefficients


class LabelHead:
    """A 0 or 1 for each component: predicts 1 if sum_k p(k | x) psi(k) > 1/2. Minimises the 0-1 loss itself.

    Up to 12 components all 2^K labellings are tried, those with fewer ones first, so that ties fall alike everywhere;
    beyond that, coordinate descent from the weighted majority. A majority vote alone is not this minimiser.
    """

    def fit(self, probabilities: np.ndarray, y: np.ndarray) -> LabelHead:
        """probabilities (N, K) of the components, y (N,) of 0 and 1."""
        p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(y)
        if len(p) != len(y) or not np.isin(y, (0, 1)).all():
            raise DataError("y: one 0 or 1 a row is needed")
        y = y.astype(bool)
        if p.shape[1] > EXACT:
            self.labels = _descend(p, y)
            return self
        choices = np.array(sorted(itertools.product((0, 1), repeat=p.shape[1]), key=sum))
        wrong = ((p @ choices.T > 0.5) != y[:, None]).sum(axis=0)
        self.labels = choices[int(np.argmin(wrong))]
        return self

    def predict(self, probabilities: np.ndarray) -> np.ndarray:
        return (probabilities @ self.labels > 0.5).astype(int)


def _descend(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Labels that no change of a single component improves."""
    labels = (p[y].sum(axis=0) > p[~y].sum(axis=0)).astype(int)
    least = ((p @ labels > 0.5) != y).sum()
    moved = True
    while moved:
        moved = False
        for k in range(len(labels)):
            labels[k] ^= 1
            wrong = ((p @ labels > 0.5) != y).sum()
            if wrong < least:
                least, moved = wrong, True
            else:
                labels[k] ^= 1
    return labels
