"""Intervals by resampling units (queries, items, pairs) with replacement, vectorised.

Efron and Tibshirani, "An introduction to the bootstrap", 1993; small samples: Hesterberg, "What teachers should know
about the bootstrap", The American Statistician 2015 (expanded percentile interval).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jointspace.metrics.statistics import Statistic

CELLS = 2 << 20  # entries of one block of counts
LARGE = 20_000  # from so many units on a mean has the normal interval, which resampling would only repeat


class Interval(NamedTuple):
    low: float
    high: float


def resample(n: int, samples: int, *, seed: int = 0, groups: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Blocks of counts (B, n) float64, `samples` rows in all: how often each row occurs in each resample.

    groups (n,): group index 0 .. G-1 of each row; whole groups are then drawn (the captions of one picture, say).
    """
    rng = np.random.default_rng(seed)
    units = n if groups is None else int(groups.max()) + 1
    block = max(1, CELLS // max(n, units))
    for start in range(0, samples, block):
        rows = min(block, samples - start)
        drawn = rng.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
        counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)
        yield counts if groups is None else counts[:, groups]


def bootstrap(
    statistics: list[Statistic], n: int, *, samples: int = 2000, seed: int = 0, groups: np.ndarray | None = None
) -> np.ndarray:
    """Values of several statistics of the same n rows in the same resamples: (len(statistics), samples)."""
    blocks = [np.stack([of(counts) for of in statistics]) for counts in resample(n, samples, seed=seed, groups=groups)]
    return np.concatenate(blocks, axis=1)


def percentile_interval(replicates: np.ndarray, units: int, *, level: float = 0.95) -> Interval:
    """Percentile interval of bootstrap values (S,), widened for few units as Student's t is against the normal."""
    from scipy.stats import norm, t

    if units < 2:
        raise ValueError(f"interval: needs at least two units, got {units}")
    tail = (1 - level) / 2
    wide = float(norm.cdf(np.sqrt(units / (units - 1)) * t.ppf(tail, units - 1)))
    low, high = np.quantile(replicates, [wide, 1 - wide])
    return Interval(float(low), float(high))


def normal_interval(value: float, error: float, *, level: float = 0.95, freedom: float = np.inf) -> Interval:
    """value -+ t * standard error."""
    from scipy.stats import t

    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    return Interval(value - reach, value + reach)


def agreeing_interval(value: float, units: int, *, level: float = 0.95) -> Interval:
    """All units agree on 0 or on 1: resampling would claim certainty; the exact binomial bound (Clopper-Pearson)."""
    reach = 1 - ((1 - level) / 2) ** (1 / units)
    return Interval(0.0, reach) if value <= 0 else Interval(1 - reach, 1.0)


def mean_interval(
    value: np.ndarray, *, level: float = 0.95, samples: int = 2000, seed: int = 0, groups: np.ndarray | None = None
) -> Interval:
    """Interval of the mean of `value` (N,): bootstrap; exact where all agree on 0 or 1; normal for large N."""
    from jointspace.metrics.statistics import mean

    value = np.asarray(value, dtype=np.float64)
    units = len(value) if groups is None else len(np.unique(groups))
    if value.min() == value.max() and value[0] in (0.0, 1.0):
        return agreeing_interval(float(value[0]), units, level=level)
    if units > LARGE:
        return normal_interval(float(value.mean()), mean_error(value, groups), level=level)
    return percentile_interval(
        bootstrap([mean(value)], len(value), samples=samples, seed=seed, groups=groups)[0], units
    )


def mean_error(value: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Standard error of a mean of (N,), by groups where rows of a group belong together (ratio estimator)."""
    off = np.asarray(value, dtype=np.float64) - np.mean(value)
    if groups is not None:
        off = np.bincount(groups, off)
    units = len(off)
    return float(np.sqrt(np.square(off).sum() * units / (units - 1)) / len(value)) if units > 1 else float("nan")
