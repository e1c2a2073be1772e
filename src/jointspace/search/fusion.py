"""Several rankings made into one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Hashable]], *, constant: float = 60.0, weights: Sequence[float] | None = None
) -> list[tuple[Hashable, float]]:
    """(key, score) best first; score = sum over rankings of weight / (constant + rank), ranks from 1.

    Cormack, Clarke and Buettcher, SIGIR 2009. Equal scores keep the order in which keys first appear.
    """
    scores: dict[Hashable, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (constant + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
