"""From per-unit columns to scores with intervals: all scores of a table share one set of resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jointspace.evaluation.score import Score, Units
from jointspace.metrics.bootstrap import (
    LARGE,
    Interval,
    agreeing_interval,
    bootstrap,
    mean_error,
    normal_interval,
    percentile_interval,
)
from jointspace.metrics.statistics import Statistic, statistic, value_of

# maxima over thresholds and plug-in entropies grow when rows repeat: the interval is centred on the value instead
CENTRED = frozenset({"v_measure", "best_accuracy", "best_f1"})


@dataclass(frozen=True)
class Resampling:
    """samples: number of resamples; level: of the interval; seed: of the resampling."""

    samples: int = 2000
    level: float = 0.95
    seed: int = 0


@dataclass
class Measure:
    """A score to be computed from the columns of a `Units` table."""

    name: str
    columns: dict[str, str]
    statistic: str = "mean"
    chance: float | None = None
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    details: dict[str, Any] = field(default_factory=dict)


def measure(units: Units, unit: str, measures: Sequence[Measure], how: Resampling) -> list[Score]:
    """Scores of one table. unit: what an independent unit is called."""
    made = [statistic(m.statistic, {k: units.columns[c] for k, c in m.columns.items()}) for m in measures]
    intervals = _intervals(units, measures, made, how)
    return [
        Score(
            m.name,
            value_of(of, len(units)),
            None if interval is None else (max(interval.low, m.bounds[0]), min(interval.high, m.bounds[1])),
            units.number,
            unit,
            m.chance,
            statistic=m.statistic,
            columns=m.columns,
            higher_is_better=m.higher_is_better,
            details=m.details,
            units=units,
        )
        for m, of, interval in zip(measures, made, intervals, strict=True)
    ]


def _intervals(
    units: Units, measures: Sequence[Measure], made: Sequence[Statistic], how: Resampling
) -> list[Interval | None]:
    number = units.number
    if number < 2:
        return [None] * len(measures)
    out: list[Interval | None] = [None] * len(measures)
    open_ = []
    for i, m in enumerate(measures):
        if m.statistic == "mean":
            value = np.asarray(units.columns[m.columns["value"]], dtype=np.float64)
            if value.min() == value.max() and value[0] in (0.0, 1.0) and m.bounds == (0.0, 1.0):
                out[i] = agreeing_interval(float(value[0]), number, level=how.level)
                continue
            if number > LARGE:
                out[i] = normal_interval(float(value.mean()), mean_error(value, units.group), level=how.level)
                continue
        open_.append(i)
    if open_:
        samples = how.samples if number <= LARGE else min(how.samples, 200)
        values = bootstrap([made[i] for i in open_], len(units), samples=samples, seed=how.seed, groups=units.group)
        for i, replicates in zip(open_, values, strict=True):
            if number > LARGE or measures[i].statistic in CENTRED:
                centre = value_of(made[i], len(units))
                out[i] = normal_interval(centre, float(replicates.std()), level=how.level, freedom=number - 1)
            else:
                out[i] = percentile_interval(replicates, number, level=how.level)
    return out
