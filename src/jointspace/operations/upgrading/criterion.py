"""Whether a new Space may query an old gallery: both directions, flips, galleries half replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.metrics.ranking import Positions, rank
from jointspace.metrics.retrieval import hit_rate

DIRECTIONS = ("image to text", "text to image")


@dataclass(frozen=True)
class Verdict:
    """scores: direction -> {cutoff: (old/old, new/old)}; passed: direction -> new is above old at every cutoff."""

    scores: dict[str, dict[str, tuple[float, float]]]
    passed: dict[str, bool]

    def to_json(self) -> dict[str, Any]:
        return {"scores": self.scores, "passed": self.passed}


def criterion(old: Mapping[str, Mapping[str, float]], new: Mapping[str, Mapping[str, float]]) -> Verdict:
    """Strictly above the old Space everywhere (a tie fails). Tables: direction -> metric -> score."""
    scores = {d: {m: (float(old[d][m]), float(new[d][m])) for m in old[d]} for d in old}
    return Verdict(scores, {d: all(after > before for before, after in table.values()) for d, table in scores.items()})


def retrieval(queries: np.ndarray, gallery: np.ndarray, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """R@k of rows whose own partner is the right answer."""
    ranks = own_ranks(queries, gallery)
    return {f"R@{k}": float(hit_rate(ranks, k).mean()) for k in ks}


def own_ranks(queries: np.ndarray, gallery: np.ndarray) -> Positions:
    """Places of each row's own partner."""
    rows = np.arange(len(queries))
    return rank(queries, gallery, rows, rows)


def flips(before: np.ndarray, after: np.ndarray) -> dict[str, int]:
    """Queries that came right and that went wrong, from booleans (Q,): their difference is the gain."""
    before, after = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    return {"positive": int((~before & after).sum()), "negative": int((before & ~after).sum())}


def mixed_gallery(
    queries: np.ndarray,
    old: np.ndarray,
    new: np.ndarray,
    shares: Sequence[float] = (0, 0.25, 0.5, 0.75, 1),
    seed: int = 0,
) -> dict[float, float]:
    """R@1 while the gallery is replaced row by row: share replaced -> score. Rows are drawn once, then accumulate."""
    order = np.random.default_rng(seed).permutation(len(old))
    curve = {}
    for share in shares:
        gallery = old.copy()
        chosen = order[: round(share * len(old))]
        gallery[chosen] = new[chosen]
        curve[float(share)] = retrieval(queries, gallery, (1,))["R@1"]
    return curve
