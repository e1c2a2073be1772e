"""What a search gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hit:
    """One item found. score: similarity (higher is better), or the fused score of a hybrid search; part: which of the
    item's several vectors matched best; payload: the item's other columns."""

    id: str
    score: float
    rank: int
    part: int = 0
    payload: dict[str, Any] = field(default_factory=dict)


def best_per_item(rows: Sequence[dict[str, Any]], k: int) -> list[dict[str, Any]]:
    """The first row of each item, best first; at most k."""
    seen: set[str] = set()
    kept = []
    for row in rows:
        if row["item"] not in seen:
            seen.add(row["item"])
            kept.append(row)
            if len(kept) == k:
                break
    return kept
