"""Learning curves in m and n, and their slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.metrics.bootstrap import Interval, percentile_interval, resample

Size = int | str | None  # "n" = as many unlabelled rows as labels; None = infinitely many labels


class Draw(Protocol):
    """One draw of an experiment: its truth and its data."""

    def risks(self, m: Size, n: int | None) -> Mapping[str, float]: ...


class Experiment(Protocol):
    """What `rates` runs: `draw(seed)` fixes a truth, `risks(m, n)` gives the excess risk of each arm."""

    def draw(self, seed: int) -> Draw: ...


class Slope(NamedTuple):
    """Exponent of risk ~ size^value with a bootstrap interval over draws."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Rates:
    """risks: arm -> (draws, len(ms), len(ns)) excess risks (NaN where an arm has none)."""

    ms: tuple[Size, ...]
    ns: tuple[int | None, ...]
    risks: dict[str, np.ndarray]

    def arm(self, name: str) -> np.ndarray:
        if name not in self.risks:
            raise ConfigError(f"no arm {name!r}{nearest(name, self.risks)}")
        return self.risks[name]

    def mean(self, name: str, m: Size, n: int | None) -> float:
        """Mean over draws at one pair of sizes."""
        return float(self.arm(name)[:, self.ms.index(m), self.ns.index(n)].mean())

    def slope_in_m(self, name: str, n: int | None = None, at_least: int = 1) -> Slope:
        """Exponent in m at fixed n (None = infinitely many labels)."""
        some = [i for i, m in enumerate(self.ms) if isinstance(m, int) and m >= at_least]
        return slope([self.ms[i] for i in some], self.arm(name)[:, some, self.ns.index(n)])  # type: ignore[misc]

    def slope_in_n(self, name: str, m: Size, at_least: int = 1) -> Slope:
        """Exponent in n at fixed m."""
        some = [i for i, n in enumerate(self.ns) if isinstance(n, int) and n >= at_least]
        return slope([self.ns[i] for i in some], self.arm(name)[:, self.ms.index(m), some])  # type: ignore[misc]

    def table(self) -> list[dict[str, Any]]:
        """One row an arm and size: arm, m, n, mean, sd over draws."""
        rows = []
        for name, values in self.risks.items():
            for i, m in enumerate(self.ms):
                for j, n in enumerate(self.ns):
                    cell = values[:, i, j]
                    sd = float(cell.std(ddof=1)) if len(cell) > 1 else float("nan")
                    rows.append({"arm": name, "m": m, "n": n, "mean": float(cell.mean()), "sd": sd})
        return rows


def rates(experiment: Experiment, ms: Sequence[Size], ns: Sequence[int | None], seeds: Sequence[int]) -> Rates:
    """Every arm of `experiment` at every pair of sizes, one draw a seed. ConfigError where a list is empty."""
    if not ms or not ns or not seeds:
        raise ConfigError("rates: ms, ns and seeds need at least one entry each")
    found: dict[str, np.ndarray] = {}
    for k, seed in enumerate(seeds):
        draw = experiment.draw(seed)
        for i, m in enumerate(ms):
            for j, n in enumerate(ns):
                for arm, risk in draw.risks(m, n).items():
                    empty = np.full((len(seeds), len(ms), len(ns)), np.nan)
                    found.setdefault(arm, empty)[k, i, j] = risk
    return Rates(tuple(ms), tuple(ns), found)


def slope(sizes: Sequence[int], risks: np.ndarray, *, samples: int = 1000, seed: int = 0) -> Slope:
    """Least-squares slope of log mean risk over log size. risks (draws, len(sizes)).

    The interval resamples draws. It speaks of the measured risk: the slopes of the bound are another matter, because
    the squared loss is locally quadratic and falls like 1/m where the bound says 1/sqrt(m). ConfigError for less than
    two sizes.
    """
    risks = np.asarray(risks, dtype=np.float64)
    if len(sizes) < 2:
        raise ConfigError(f"slope: needs at least two sizes, got {list(sizes)}")
    x = np.log(np.asarray(sizes, dtype=np.float64))
    x = (x - x.mean()) / ((x - x.mean()) ** 2).sum()

    def of(means: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(means, np.finfo(float).tiny)) @ x

    value = float(of(risks.mean(axis=0)))
    if len(risks) < 2:
        return Slope(value, None)
    counts = np.concatenate(list(resample(len(risks), samples, seed=seed)))
    return Slope(value, percentile_interval(of(counts @ risks / len(risks)), len(risks)))
