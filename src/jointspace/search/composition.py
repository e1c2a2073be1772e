"""Queries of several parts: picture + text, picture - text (ALIGN, section 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jointspace.errors import SpaceError


def compose(vectors: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """Parts (..., D) -> one query (..., D) of unit length: the sum of w_i * unit(v_i).

    Each part is normalised first, so the scale of a raw embedding does not matter; a weight may be negative ("this
    picture, but not red"); a weight of 0 leaves the other parts' ranking exactly. SpaceError where widths differ or the
    parts cancel out.
    """
    weights = [1.0] * len(vectors) if weights is None else list(weights)
    if len(weights) != len(vectors) or not vectors:
        raise SpaceError(f"compose: {len(vectors)} parts and {len(weights)} weights")
    parts = [np.asarray(v, dtype=np.float32) for v in vectors]
    if len({p.shape[-1] for p in parts}) > 1:
        raise SpaceError(f"compose: widths differ: {', '.join(str(p.shape[-1]) for p in parts)}")
    query = np.sum([w * _unit(p) for w, p in zip(weights, parts, strict=True)], axis=0)
    if float(np.min(np.linalg.norm(query, axis=-1))) < 1e-6:
        raise SpaceError("compose: the parts cancel out; change the weights")
    return _unit(query)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
