"""From a role's items to vectors: each distinct content is encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jointspace.errors import ConfigError, DataError, SpaceError, nearest
from jointspace.evaluation.roles import Inputs

PRECISIONS = ("float32", "float16", "int8", "uint8", "binary", "ubinary")


@dataclass(frozen=True)
class Encoding:
    """How items are encoded. prompt and prompt_name may be one for all roles, or `{role: ...}`."""

    prompt: str | Mapping[str, str] | None = None
    prompt_name: str | Mapping[str, str] | None = None
    truncate_dim: int | None = None
    precision: str = "float32"
    output: str | None = None
    batch_size: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision: {self.precision!r}{nearest(self.precision, PRECISIONS)}")

    def protocol(self) -> dict[str, Any]:
        """What of it may change a score."""
        return {k: v for k, v in asdict(self).items() if k not in ("batch_size", "progress")}

    def options(self, role: str) -> dict[str, Any]:
        """Keywords of `Space.encode` for a role; only what was asked for."""
        chosen = {
            "prompt": _of_role(self.prompt, role),
            "prompt_name": _of_role(self.prompt_name, role),
            "truncate_dim": self.truncate_dim,
            "output": self.output,
            "batch_size": self.batch_size,
            "show_progress_bar": self.progress or None,
        }
        return {k: v for k, v in chosen.items() if v is not None}


def _of_role(value: Any, role: str) -> Any:
    return value.get(role) if isinstance(value, Mapping) else value


@dataclass
class Side:
    """Vectors (M, D) float32 of every value of a role; row (M,) which row each belongs to; hash (M,) content hash;
    offsets (N + 1,): row r owns offsets[r]:offsets[r + 1]."""

    vectors: np.ndarray
    row: np.ndarray
    hash: np.ndarray
    offsets: np.ndarray

    @property
    def several(self) -> bool:
        """True where some row has more than one value."""
        return len(self.row) > len(self.offsets) - 1

    def first(self) -> Side:
        """Only the first value of each row."""
        keep = self.offsets[:-1][np.diff(self.offsets) > 0]
        counts = np.minimum(np.diff(self.offsets), 1)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Side(self.vectors[keep], self.row[keep], self.hash[keep], offsets)


def encode_role(
    space: Any, inputs: Inputs, role: str, encoding: Encoding, *, space_role: str | None = None, choices: str = "all"
) -> Side:
    """Encode all values of a role (`choices="first"`: the first of each row). space_role: `role=` of `Space.encode`."""
    if choices not in ("all", "first"):
        raise ConfigError(f"choices: {choices!r} is neither all nor first")
    name = inputs.fields[role]
    hashes, offsets = inputs.data.hashes(name)
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    if choices == "first" and len(row) > len(offsets) - 1:
        keep = offsets[:-1][np.diff(offsets) > 0]
        hashes, row = hashes[keep], row[keep]
        offsets = np.concatenate([[0], np.cumsum(np.minimum(np.diff(offsets), 1))])
    else:
        keep = np.arange(len(row))
    _, once, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    once_sorted = np.sort(once)
    wanted = np.zeros(int(inputs.data.hashes(name)[1][-1]), dtype=bool)
    wanted[keep[once_sorted]] = True
    items = [value for value, take in zip(inputs.data.items(name), wanted, strict=True) if take]
    vectors = encode_items(space, items, inputs.modality(role), encoding, role, space_role)
    place = np.argsort(np.argsort(once, kind="stable"), kind="stable")[inverse]
    if len(items) < len(row):
        vectors = vectors[place]
    return Side(vectors, row, hashes, offsets)


def encode_items(
    space: Any, items: Sequence[Any], modality: str, encoding: Encoding, role: str, space_role: str | None = None
) -> np.ndarray:
    """(N, D) vectors of a list of items, before any loss of precision."""
    options = encoding.options(role)
    if space_role is not None:
        options["role"] = space_role
    vectors = space.encode(list(items), modality=modality, **options)
    if isinstance(vectors, list):
        raise SpaceError(
            f"output {encoding.output!r} gives several vectors an item; this task needs one (output=dense)"
        )
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or len(vectors) != len(items):
        raise SpaceError(f"encode gave {vectors.shape} for {len(items)} items of {modality}")
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise DataError(f"the vector of {modality} {str(items[bad])[:40]!r} is not finite")
    return vectors


def coarsen(precision: str, *sides: np.ndarray) -> list[np.ndarray]:
    """Vectors as a store of lower precision keeps them, back in float: the score such a store would reach.

    int8, uint8: 256 even steps between each column's smallest and largest value among the last array (the documents);
    binary, ubinary: the sign of each entry.
    """
    if precision == "float32":
        return list(sides)
    if precision == "float16":
        return [x.astype(np.float16).astype(np.float32) for x in sides]
    if precision in ("binary", "ubinary"):
        return [np.where(x > 0, np.float32(1), np.float32(-1)) for x in sides]
    low, high = sides[-1].min(axis=0), sides[-1].max(axis=0)
    step = np.where(high > low, (high - low) / 255, 1)
    return [(np.round(np.clip((x - low) / step, 0, 255)) * step + low).astype(np.float32) for x in sides]


def scorer_of(space: Any, modality: str, output: str | None, role: str | None = None) -> str:
    """dot, cosine or euclidean, as the Space's tower says; cosine where it does not say."""
    if not hasattr(space, "tower"):
        return "cosine"
    scorer = space.tower(modality, role).outputs()[output or "dense"].scorer
    if scorer not in ("dot", "cosine", "euclidean"):
        raise SpaceError(f"this output is compared by {scorer}, which this task cannot do; choose output=dense")
    return scorer


def pair_scores(x: np.ndarray, y: np.ndarray, scorer: str) -> np.ndarray:
    """Similarity of matching rows (N, D): (N,) float64, larger = nearer."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if scorer == "euclidean":
        return -np.linalg.norm(x - y, axis=1)
    dot = np.einsum("nd,nd->n", x, y)
    if scorer == "dot":
        return dot
    return dot / np.maximum(np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1), 1e-12)


def describe_space(space: Any, dim: int | None = None) -> dict[str, Any]:
    """Who was judged: fingerprint, method, width."""
    facts: dict[str, Any] = {"fingerprint": space.fingerprint() if hasattr(space, "fingerprint") else None}
    facts["method"] = getattr(space, "method", None) or type(space).__name__
    facts["dim"] = dim if dim is not None else getattr(space, "dim", None)
    return facts
