"""What a chain of filters removed, by reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class CleaningReport:
    """`hits`: reason -> rows (indices of the input) that the rule is against, whatever the other rules say; a row may
    break several. `kept`: the rows that break none, in order."""

    rows: int
    hits: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def kept(self) -> np.ndarray:
        good = np.ones(self.rows, dtype=bool)
        for rows in self.hits.values():
            good[rows] = False
        return np.flatnonzero(good)

    def counts(self) -> dict[str, int]:
        """Reason -> number of rows that break the rule."""
        return {reason: len(rows) for reason, rows in self.hits.items()}

    def first(self) -> dict[str, int]:
        """Reason -> rows it was the first to remove, in the order applied; with the kept they sum to all rows."""
        gone = np.zeros(self.rows, dtype=bool)
        out = {}
        for reason, rows in self.hits.items():
            out[reason] = int((~gone[rows]).sum())
            gone[rows] = True
        return out

    def lines(self) -> list[str]:
        first = self.first()
        out = [f"{self.rows:,} rows"]
        out += [
            f"  {reason}: {n:,} rows, {first[reason]:,} of them not removed before"
            for reason, n in self.counts().items()
        ]
        return [*out, f"{len(self.kept):,} rows kept ({100 * len(self.kept) / max(1, self.rows):.1f} %)"]

    def to_json(self) -> dict[str, object]:
        return {"rows": self.rows, "kept": len(self.kept), "removed": self.counts(), "removed_first": self.first()}
