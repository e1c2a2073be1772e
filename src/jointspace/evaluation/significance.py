"""Is a difference real? Paired resampling of units, seeds around them, correction for many, what would settle it.

Seeds and items are crossed (every run is judged on the same items): a resample draws seeds outside and items inside,
the same items for all runs of it (pigeonhole bootstrap; Owen, Annals of Applied Statistics 2007). Of S seeds S - 1 are
drawn, so that the spread of their mean is unbiased (Rao and Wu, JASA 1988).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from jointspace.evaluation.measuring import CENTRED
from jointspace.metrics.bootstrap import CELLS, bootstrap, normal_interval, percentile_interval
from jointspace.metrics.statistics import Statistic, value_of

EXACT = 12  # up to so many units all sign patterns are tried
MANY = 5000  # from so many units on sign flips equal the normal test


@dataclass(frozen=True)
class Result:
    """difference of b over a, its interval and p-value; error: standard error; of_units, of_seeds: its two parts."""

    difference: float
    interval: tuple[float, float]
    p: float
    error: float
    of_units: float
    of_seeds: float


def paired(
    a: Statistic,
    b: Statistic,
    n: int,
    *,
    kind: str,
    values: tuple[np.ndarray, np.ndarray] | None,
    groups: np.ndarray | None = None,
    samples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """One run each, on the same n units. kind: name of the statistic; values: per-unit values where it is a mean.

    p of a mean: sign flips of the paired differences (exact for up to 12 units); of others: normal, with the bootstrap
    standard error.
    """
    units = n if groups is None else int(groups.max()) + 1
    if units < 2:
        raise ValueError(f"a comparison needs at least two units, got {units}")
    difference = value_of(b, n) - value_of(a, n)
    draws = min(samples, 2000) if units > MANY else samples
    off = _replicates([a, b], n, draws, seed, groups)
    replicates = off[1] - off[0]
    error = float(replicates.std())
    if kind in CENTRED or units > MANY:
        interval = normal_interval(difference, error, level=level, freedom=units - 1)
    else:
        interval = percentile_interval(replicates, units, level=level)
    if values is not None:
        change = values[1] - values[0]
        p = sign_flip(change if groups is None else np.bincount(groups, change), samples=samples, seed=seed)
    else:
        p = _two_sided(difference, error, units - 1)
    return Result(difference, (interval[0], interval[1]), p, error, error, 0.0)


def over_seeds(
    a: Sequence[Statistic],
    b: Sequence[Statistic],
    n: int,
    *,
    same_seeds: bool,
    groups: np.ndarray | None = None,
    samples: int = 4000,
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Several runs (seeds) of each side, all on the same n units. same_seeds: run s of a and of b belong together.

    Interval and p by Student's t with the resampled standard error and Satterthwaite's degrees of freedom.
    """
    units = n if groups is None else int(groups.max()) + 1
    values = [np.array([value_of(of, n) for of in side]) for side in (a, b)]
    difference = float(values[1].mean() - values[0].mean())
    reps = _replicates([*a, *b], n, samples, seed, groups)
    left, right = reps[: len(a)], reps[len(a) :]
    by_units = float((right.mean(axis=0) - left.mean(axis=0)).std())
    rng = np.random.default_rng(seed + 1)
    sides = [right - left] if same_seeds else [right, -left]
    total = np.zeros(reps.shape[1])
    seed_parts = []
    for runs, raw in zip(sides, [values[1] - values[0]] if same_seeds else [values[1], values[0]], strict=True):
        total += (_drawn(len(runs), reps.shape[1], rng) * runs).sum(axis=0)
        if len(runs) > 1:
            seed_parts.append((float(raw.var(ddof=1)) / len(runs), len(runs) - 1))
    error = float(total.std())
    of_seeds = math.sqrt(max(0.0, error**2 - by_units**2))
    bottom = by_units**4 / max(1, units - 1) + sum(v**2 / df for v, df in seed_parts)
    freedom = (by_units**2 + sum(v for v, _ in seed_parts)) ** 2 / bottom if bottom > 0 else max(1, units - 1)
    interval = normal_interval(difference, error, level=level, freedom=freedom)
    p = _two_sided(difference, error, freedom)
    return Result(difference, (interval[0], interval[1]), p, error, by_units, of_seeds)


def _drawn(seeds: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (S, R) of a mean over S - 1 drawn seeds; of the one seed there is where there is one."""
    if seeds == 1:
        return np.ones((1, samples))
    return rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=samples).T / (seeds - 1)


def _replicates(made: list[Statistic], n: int, samples: int, seed: int, groups: np.ndarray | None) -> np.ndarray:
    return bootstrap(made, n, samples=samples, seed=seed, groups=groups)


def sign_flip(change: np.ndarray, *, samples: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of "the mean of the paired differences (N,) is 0": share of sign patterns at least as far out.

    Fisher's randomisation test: all 2^N patterns up to 12 units, random ones above, the normal limit above 5,000.
    """
    change = np.asarray(change, dtype=np.float64)
    change = change[change != 0]  # a unit without a difference has nothing to flip
    n = len(change)
    if n == 0:
        return 1.0
    far = abs(change.sum()) * (1 - 1e-12)
    if n <= EXACT:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ change) >= far))
    if n > MANY:
        return float(2 * norm.sf(far / np.sqrt(np.square(change).sum())))
    rng = np.random.default_rng(seed)
    beyond, block = 0, max(1, CELLS // n)
    for start in range(0, samples, block):
        rows = min(block, samples - start)
        signs = 1.0 - 2.0 * rng.integers(0, 2, (rows, n), dtype=np.int8)
        beyond += int((np.abs(signs @ change) >= far).sum())
    return (beyond + 1) / (samples + 1)


def _two_sided(difference: float, error: float, freedom: float) -> float:
    if error <= 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * t.sf(abs(difference) / error, freedom))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the given order (Scandinavian J. of Statistics, 1979)."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    out = np.empty(len(values))
    out[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return out.tolist()


def more_needed(
    result: Result, units: int, seeds: int, *, alpha: float = 0.05, power: float = 0.8
) -> tuple[int | None, int | None]:
    """How many more units, or else more seeds, make a true difference of this size show with this power.

    (units, None) where units alone do it; (None, seeds) where the spread over seeds is what hides it; (None, None)
    where nothing of the two alone suffices or the difference is 0.
    """
    if result.difference == 0:
        return None, None
    target = (result.difference / float(norm.ppf(1 - alpha / 2) + norm.ppf(power))) ** 2
    by_units, by_seeds = result.of_units**2, result.of_seeds**2
    if by_seeds < target:
        return max(0, math.ceil(by_units * units / (target - by_seeds)) - units), None
    if by_units < target:
        return None, max(0, math.ceil(by_seeds * seeds / (target - by_units)) - seeds)
    return None, None
