"""Which columns decide where a row lies in a Space: no labels are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jointspace.errors import DataError


def column_relevance(
    space: Any, rows: Sequence[Mapping[str, Any]], *, seed: int = 0, output: str = "features", batch_size: int = 256
) -> dict[str, float]:
    """Column -> share (they sum to 1) of how far rows move when this column's values are shuffled among them.

    Permutation importance with the Space's own vectors in place of a model's score: mean Euclidean distance between a
    row's vector and its vector with the value of another row. DataError for fewer than two rows.
    """
    if len(rows) < 2:
        raise DataError(f"column_relevance: needs two rows or more, got {len(rows)}")
    how: dict[str, Any] = dict(modality="table", output=output, batch_size=batch_size, normalize_embeddings=False)
    before, rng = space.encode(list(rows), **how), np.random.default_rng(seed)
    moved = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        other = rng.permutation(len(rows))
        shuffled = [{**row, name: rows[i].get(name)} for row, i in zip(rows, other, strict=True)]
        moved[name] = float(np.linalg.norm(space.encode(shuffled, **how) - before, axis=1).mean())
    total = sum(moved.values())
    return {name: value / total if total else 1 / len(moved) for name, value in moved.items()}
