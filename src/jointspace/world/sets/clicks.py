"""`world/clicks`: a log of shown items, clicked or not, in the order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.errors import ConfigError, nearest
from jointspace.world.base import Columns, WorldSet, check_range
from jointspace.world.click_model import NUMERIC, WIDTH, ClickModel, click_model, sigmoid
from jointspace.world.panel import form

IDS = ("user", "item", "page", "brand", "region", "topic", "hour", "device")


@dataclass(frozen=True)
class ClickControls:
    """sizes: number of values of each id column, 2 to 8 columns named user, item, page, brand, region, topic, hour,
    device. ranks: width of each column's latent vectors, 0 to 8; () = 8, 6, 4, 4, 2, 2, 1, 1 in this order. zipf:
    exponent of the ids' long tail, 0 = all equally frequent. useless: planted share of values without influence.
    rate: share of clicks. drift: radians that tastes turn in 10,000 rows (at most a quarter turn in all). ordered: ids
    by falling frequency instead of shuffled.
    """

    sizes: tuple[int, ...] = (20_000, 8_000, 3_000, 800, 200, 50, 12, 5)
    ranks: tuple[int, ...] = ()
    zipf: float = 1.05
    useless: float = 0.3
    rate: float = 0.25
    drift: float = 0.0
    ordered: bool = False

    def __post_init__(self) -> None:
        if not 2 <= len(self.sizes) <= len(IDS):
            raise ConfigError(f"world/clicks: sizes must name 2 to {len(IDS)} columns, got {len(self.sizes)}")
        for size in self.sizes:
            check_range("clicks", "sizes", size, 2, 5_000_000)
        if self.ranks and len(self.ranks) != len(self.sizes):
            raise ConfigError(f"world/clicks: {len(self.ranks)} ranks for {len(self.sizes)} sizes")
        for rank in self.ranks:
            check_range("clicks", "ranks", rank, 0, WIDTH)
        check_range("clicks", "zipf", self.zipf, 0, 4)
        check_range("clicks", "useless", self.useless, 0, 1)
        check_range("clicks", "rate", self.rate, 0.001, 0.999)
        check_range("clicks", "drift", self.drift, 0, 10)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the id columns."""
        return IDS[: len(self.sizes)]


class ClickSet(WorldSet):
    """Rows of a click log. The population of values (`model`) is a pure function of (seed, controls); row i is the
    i-th thing that was shown."""

    name = "clicks"
    Controls = ClickControls
    BLOCK = 4096
    FIELDS = {
        **{name: f"id of the {name}, int64 from 0" for name in IDS},
        **{name: f"{name}, float32, standard normal" for name in NUMERIC},
        "time": "place of the row in the log, int64",
        "label": "1 = clicked, int64",
        "probability": "the true probability of a click, float64",
    }

    def __init__(self, n: int = 1000, seed: int = 0, controls: Any = None, fields: Sequence[str] | None = None):
        made = ClickControls() if controls is None else controls
        used = [name for name in self.FIELDS if name in made.columns or name not in IDS]
        super().__init__(n, seed, made, used if fields is None else fields)
        for field in self.fields:
            if field not in used:
                raise ConfigError(
                    f"world/clicks: no column {field!r} with {len(made.sizes)} sizes{nearest(field, used)}"
                )

    @cached_property
    def model(self) -> ClickModel:
        """The truth: shares, biases, latent vectors and useless values of every column."""
        c: ClickControls = self.controls
        ranks = c.ranks or (8, 6, 4, 4, 2, 2, 1, 1)[: len(c.sizes)]
        made = dict(zipf=c.zipf, useless=c.useless, rate=c.rate, drift=c.drift)
        return click_model(self.seed, c.sizes, ranks, ordered=c.ordered, **made)

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        keys = key(self.seed, "click", np.asarray(indices, dtype=np.int64))
        ids, numbers = self.model.ids(keys), self.model.numbers(keys)
        out: Columns = {name: ids[:, j] for j, name in enumerate(self.controls.columns)}
        out |= {name: numbers[:, j] for j, name in enumerate(NUMERIC)}
        out["time"] = np.asarray(indices, dtype=np.int64)
        if {"label", "probability"} & set(fields):
            out["probability"] = sigmoid(self.model.logits(ids, numbers, out["time"]))
            out["label"] = (uniform(keys, 1, stream=3)[:, 0] < out["probability"]).astype(np.int64)
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        def said(value: Any) -> str:
            return f"{value:.2f}" if isinstance(value, float | np.floating) else str(value)

        rows = [(name, said(row[name])) for name in self.FIELDS if name in row]
        return form(rows, title="clicked" if row.get("label") else "not clicked")

    def words(self, row: Mapping[str, Any]) -> str:
        if {"user", "item", "label"} <= set(row):
            return f"user {row['user']} {'clicked' if row['label'] else 'passed over'} item {row['item']}"
        return super().words(row)
