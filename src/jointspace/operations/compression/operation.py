"""Rows of a log -> a Space whose embedding tables fit a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jointspace.data.dataset import Dataset, load_data
from jointspace.errors import DataError, SpaceError
from jointspace.metrics.statistics import auc, mean, value_of
from jointspace.nn.tables.families import find
from jointspace.operations.compression.unified_embedding import collisions
from jointspace.space import Space

TRAINING = dict(epochs=5, learning_rate=0.01, weight_decay=0.0, lr_scheduler_type="constant", max_grad_norm=None)


def compress(
    data: Any,
    *,
    method: str = "unified",
    budget: float = 0.25,
    label: str = "label",
    columns: Sequence[str] | str = "*",
    at_least: float | None = None,
    width: int = 16,
    multiplexed: bool = True,
    private: Sequence[str] | int | None = None,
    numeric: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    network: str = "mlp",
    hidden: Sequence[int] = (128, 64),
    like: Space | str | Path | None = None,
    split: str | None = None,
    training: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    seed: int = 0,
) -> Space:
    """Learn embedding tables of at most `budget` times the floats of full ones, and a click model over them.

    data: rows with a column `label` of 0 and 1, all that `js.load_data` reads; at_least: the label is 1 from this value
    on (ratings). columns: the categorical ones; "*": all others. method: a family of `jointspace.nn.tables.FAMILIES`;
    width, multiplexed, private, numeric, options, network, hidden: as in the config of the method `clicks`. like: a
    Space of such tables (a full one): its columns are taken, and it is judged beside. training: fields of
    `TrainingConfig` that differ from 5 epochs of Adam at .01. A tenth of the rows, drawn from the seed, is kept to
    judge on. output: run folder.

    The Space gives the rows' vectors (`dense`) and the logit (`click`), and remembers its plan, collisions and scores
    in `metadata["compress"]`. Raises ConfigError for an unknown family or a budget too small, DataError for labels that
    are not two.
    """
    import jointspace as js
    from jointspace.methods.tabular.clicks import Clicks, Config

    find(method)
    old = Space.from_pretrained(like) if isinstance(like, str | Path) else like
    if old is not None:
        _check_like(old)
        columns = old.towers["table"].encoder.processor.columns  # type: ignore[union-attr, assignment]
    rows = _rows(data, label, columns, at_least, split)
    order = np.random.default_rng(seed).permutation(len(rows))
    kept = max(1, len(rows) // 10)
    test, train = rows.select(order[:kept]), rows.select(order[kept:])
    config = Config(
        tables=method, budget=budget, width=width, multiplexed=multiplexed, numeric=list(numeric), network=network,
        private=list(private) if isinstance(private, Sequence) else private, options=dict(options or {}),
        hidden=list(hidden),
    )  # fmt: skip
    fields: dict[str, Any] = {**TRAINING, "batch_size": min(8192, max(1, len(train) // 8)), "save_steps": 0}
    how = js.TrainingConfig(**{**fields, "seed": seed, **(training or {})})
    torch.manual_seed(seed)
    clicks = Clicks(config)
    space = js.fit(clicks, train, how, output=output, progress=False).space
    processor, tables = clicks.table_encoder.processor, clicks.table_encoder.tables
    full = sum(processor.sizes.values()) * width  # type: ignore[union-attr]
    ids = processor.whole(train, "table")[""].numpy()  # (N, F)
    vocabulary = {name: np.unique(ids[:, t]) for t, name in enumerate(processor.columns or ())}
    space.method = "compress"
    space.metadata["compress"] = {
        "method": method,
        "budget": budget,
        "floats": tables.floats(),
        "full_floats": full,
        "ratio": tables.floats() / full,
        "plan": {k: v for k, v in clicks.table_encoder.plan.items() if k != "sizes"},
        "collisions": collisions(tables, vocabulary),
        "scores": judge(space, test),
        "like": None if old is None else {"fingerprint": old.fingerprint(), "scores": judge(old, test)},
    }
    if output is not None:
        space.save_pretrained(Path(output) / "space")
    return space


def judge(space: Space, rows: Dataset) -> dict[str, float]:
    """AUC and log loss of the output `click` on labelled rows; rows: how many. NaN where all labels are equal."""
    logit = space.encode(rows.column("table"), modality="table", output="click", batch_size=8192)[:, 0]
    label = rows.array("label").astype(np.float64)
    loss = np.logaddexp(0, logit) - label * logit
    both = 0 < label.mean() < 1
    area = value_of(auc(logit, label), len(label)) if both else float("nan")
    return {"auc": area, "log_loss": value_of(mean(loss), len(label)), "rows": len(label)}


def _rows(data: Any, label: str, columns: Sequence[str] | str, at_least: float | None, split: str | None) -> Dataset:
    """Fields table and label, the label as 0 and 1."""
    rows = load_data(data, {"table": "*" if columns == "*" else list(columns), "label": label}, split=split)
    values = rows.array("label")
    if at_least is not None:
        if values.dtype.kind not in "biuf":
            raise DataError(f"{rows.name}: at_least needs numbers in the column {label!r}")
        held = rows.row_columns("table")
        binary = (values >= at_least).astype(int).tolist()
        plain = {name: v if isinstance(v, list) else v.to_pylist() for name, v in held.items()}
        taken = next(name for name in ("label", "_label") if name not in plain)
        return load_data({**plain, taken: binary}, {"table": list(plain), "label": taken})
    if values.dtype.kind not in "biuf" or not set(values.tolist()) <= {0, 1}:
        found = ", ".join(map(str, sorted(set(values.tolist()), key=str)[:5]))
        raise DataError(f"{rows.name}: the column {label!r} must hold 0 and 1, found {found}; ratings need at_least=")
    return rows


def _check_like(space: Space) -> None:
    tower = space.towers["table"] if "table" in space.towers else None
    kind = getattr(getattr(tower, "encoder", None), "kind", "")
    if kind != "categories" or "click" not in getattr(tower, "heads", {}):
        raise SpaceError("like: needs a Space of categorical tables with the output click, as compress itself gives")
