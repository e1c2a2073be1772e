"""A score with its evidence: value, interval, chance, protocol and the value of every unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jointspace.metrics.statistics import Statistic, statistic


@dataclass
class Units:
    """What was counted one by one: ids (N,) strings; group (N,) or None: rows that belong together (captions of one
    picture) and are resampled as one; columns: name -> (N,) values from which scores are computed."""

    name: str
    ids: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    group: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.ids = np.asarray(self.ids, dtype=str)
        if self.group is not None:
            _, self.group = np.unique(self.group, return_inverse=True)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def number(self) -> int:
        """Independent units: groups where there are some, else rows."""
        return len(self.ids) if self.group is None else int(self.group.max()) + 1


@dataclass
class Score:
    """One number and what it stands on.

    interval: 95 % by resampling the units; None for a single unit. n: independent units; unit: what one is (query,
    item, pair). chance: what a scorer that knows nothing gets. statistic, columns: how `value` follows from `units`
    (argument of the statistic -> column). protocol: everything that must be equal for two scores to be comparable.
    details: further facts (spread over draws, the best threshold).
    """

    name: str
    value: float
    interval: tuple[float, float] | None
    n: int
    unit: str
    chance: float | None = None
    protocol: dict[str, Any] = field(default_factory=dict)
    statistic: str = "mean"
    columns: dict[str, str] = field(default_factory=dict)
    higher_is_better: bool = True
    details: dict[str, Any] = field(default_factory=dict)
    units: Units | None = field(default=None, repr=False)

    @property
    def per_unit(self) -> np.ndarray | None:
        """(N,) value of every unit, or (N, C) of the columns that the statistic needs; None where not loaded."""
        if self.units is None:
            return None
        arrays = [self.units.columns[c] for c in self.columns.values()]
        return arrays[0] if len(arrays) == 1 else np.stack([np.asarray(a, dtype=object) for a in arrays], axis=1)

    def prepared(self, order: np.ndarray | None = None) -> Statistic:
        """The statistic on this score's units (in another order), as a function of counts."""
        if self.units is None:
            raise ValueError(f"score {self.name}: its per-unit values are not loaded")
        arrays = {k: self.units.columns[c] for k, c in self.columns.items()}
        return statistic(self.statistic, {k: a if order is None else a[order] for k, a in arrays.items()})

    def to_json(self) -> dict[str, Any]:
        """Plain dict, without the per-unit values."""
        return {
            "name": self.name,
            "value": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "n": self.n,
            "unit": self.unit,
            "chance": self.chance,
            "statistic": self.statistic,
            "columns": self.columns,
            "units": self.units.name if self.units is not None else None,
            "higher_is_better": self.higher_is_better,
            **({"details": self.details} if self.details else {}),
        }
