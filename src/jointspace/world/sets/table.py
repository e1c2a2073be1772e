"""`world/table`: scenes as typed rows with missing values, and targets that depend on stated columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.world import tables
from jointspace.world.base import Columns, WorldSet, check_range
from jointspace.world.config import WorldConfig
from jointspace.world.panel import form
from jointspace.world.scene import sample
from jointspace.world.tables import FEATURES, LABELS, TARGETS


@dataclass(frozen=True)
class TableControls:
    """missing: probability that a cell of a feature column is missing (None), apart from the count. noise: share
    of rows whose label and parity are drawn anew and whose value gets a standard deviation of 1. objects: least and
    most objects a scene. spurious: as of the scenes, how often the colour is the one that belongs to the shape.
    """

    missing: float = 0.1
    noise: float = 0.0
    objects: tuple[int, int] = (1, 6)
    spurious: float = 0.0

    def __post_init__(self) -> None:
        check_range("table", "missing", self.missing, 0, 0.95)
        check_range("table", "noise", self.noise, 0, 1)
        check_range("table", "spurious", self.spurious, 0, 1)
        self.config()

    def config(self) -> WorldConfig:
        """The world that the scenes are of."""
        return WorldConfig(objects=self.objects, spurious=self.spurious)


class TableSet(WorldSet):
    """Rows of a table. With `missing=0` and the same seed the same rows come without a gap: that is the truth."""

    name = "table"
    Controls = TableControls
    BLOCK = 1024
    FIELDS = {
        "shape": "of the first object, 12 kinds, or None = missing as in every column but count",
        "colour": "of the first object, 10 kinds",
        "size": "small or large",
        "texture": "plain, striped, dotted or checked",
        "neighbour_shape": "of the object nearest to the first, none where it stands alone",
        "neighbour_colour": "of the object nearest to the first, none where it stands alone",
        "side": "where the neighbour stands: left, right, above, below, none",
        "batch": "A to E, says nothing",
        "count": "number of objects, float32, never missing",
        "x": "of the first object, 0 to 1, or None = missing as in every column but count",
        "y": "of the first object, 0 to 1, downward",
        "angle": "of the first object, degrees",
        "area": "of the first object, per cent of the picture",
        "distance": "to the neighbour, share of the side; None where it stands alone",
        "crowd": "area of all objects, per cent",
        "brightness": "mean luminance of the objects, 0 to 1",
        "humidity": "says nothing",
        "clock": "0 to 24, says nothing",
        "label": f"one of {', '.join(LABELS)}: depends on {' and '.join(TARGETS['label'])}",
        "parity": "odd or even: depends on colour, shape and x jointly, on no two of them",
        "value": f"float32: depends on {', '.join(TARGETS['value'])}",
    }

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        c: TableControls = self.controls
        scenes = sample(c.config(), self.seed, indices)
        out: Columns = dict(tables.features(scenes, self.seed))
        own = key(self.seed, scenes.keys, "cells")
        if set(TARGETS) & set(fields):
            out |= self._noisy(tables.targets(out), own)
        gone = uniform(own, len(FEATURES), stream=1) < c.missing
        for j, name in enumerate(FEATURES):
            if name != "count":
                missing = gone[:, j] | (out[name] != out[name])  # NaN where there is nothing to measure
                out[name] = [None if m else v for m, v in zip(missing, out[name].tolist(), strict=True)]
        return out

    def _noisy(self, targets: dict[str, np.ndarray], own: np.ndarray) -> Columns:
        wrong = uniform(own, 1, stream=2)[:, 0] < self.controls.noise
        drawn = integers(own, 4, 2, stream=3)
        shift = np.sqrt(12) * (uniform(own, 1, stream=4)[:, 0] - 0.5)
        return {
            "label": np.where(wrong, np.array(LABELS, dtype=object)[drawn[:, 0]], targets["label"]).tolist(),
            "parity": np.where(wrong & (drawn[:, 1] > 1), _other(targets["parity"]), targets["parity"]).tolist(),
            "value": np.where(wrong, targets["value"] + shift, targets["value"]).astype(np.float32),
        }

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        return form([(name, _said(row[name])) for name in self.FIELDS if name in row])

    def words(self, row: Mapping[str, Any]) -> str:
        said = [f"{name} {_said(row[name])}" for name in TARGETS if name in row]
        return ", ".join(said) or ", ".join(f"{name} {_said(value) or 'missing'}" for name, value in row.items())


def _other(parity: np.ndarray) -> np.ndarray:
    return np.where(parity == "odd", "even", "odd").astype(object)


def _said(value: Any) -> str:
    """A cell in words, "" = missing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.4g}"
