"""The fields of a recipe."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from jointspace.errors import nearest
from jointspace.training.config import TrainingConfig

_STRICT = ConfigDict(extra="forbid")


_AFTER = ("path", "filters", "features")  # what happens to the data once it is read


@dataclass(kw_only=True, config=_STRICT)
class DataConfig:
    """What `js.load_data` takes."""

    path: str | None = None  # file, folder, catalogue name (`emoji`) or hub id
    sources: list[dict[str, Any]] | None = None  # several: [{path, columns, weight, prompt}]
    columns: dict[str, Any] | None = None  # field: column | [columns]
    split: str | None = None
    id: str | None = None  # column that holds the row id
    limit: int | None = None  # first so many rows
    on_bad: str = "refuse"  # or skip: rows that cannot be used are left out and counted
    graph: dict[str, Any] | None = None  # edges {path, source, target, nodes, node}; the field graph names its nodes
    filters: dict[str, Any] | None = None  # rules of jointspace.data.cleaning
    features: dict[str, dict[str, Any]] | None = None  # column: {space, field, output}: a frozen Space's, computed once

    def load(self) -> Any:
        """The Dataset."""
        from jointspace.data.dataset import load_data

        options = {k: v for k, v in dataclasses.asdict(self).items() if v is not None and k not in _AFTER}
        data = load_data(self.path, **options)
        if self.filters is not None:
            from jointspace.data.cleaning import clean

            data, _ = clean(data, **self.filters)
        if self.features is not None:
            from jointspace.recipe.features import with_features

            data = with_features(data, self.features)
        return data


@dataclass(kw_only=True, config=_STRICT)
class EvaluationConfig:
    """What `js.evaluate` takes; `data` defaults to the validation data of the recipe."""

    task: str
    data: DataConfig | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, config=_STRICT)
class StageConfig:
    """One stage of several: its own method, data and training; `init_from`: start, previous or a stage's name."""

    name: str
    method: dict[str, Any] | None = None
    data: DataConfig | None = None
    training: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = "previous"  # a stage's name or a folder as well; null = as the method was constructed
    key_map: dict[str, str] = field(default_factory=dict)  # regular expression over names there -> name here
    optimiser: str = "new"  # or kept: go on with the optimiser of the stage that init_from names


@dataclass(kw_only=True, config=_STRICT)
class Recipe:
    """A whole run. `method` is `{name: ..., **fields of its Config}`."""

    method: dict[str, Any]
    data: DataConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    validation: DataConfig | None = None
    evaluation: list[EvaluationConfig] = field(default_factory=list)
    stages: list[StageConfig] = field(default_factory=list)
    init_from: str | None = None  # folder of a Space or run whose weights this run starts from
    output: str = "runs/run"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form, every field resolved."""
        return TypeAdapter(Recipe).dump_python(self, mode="json")

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


def explain(error: ValidationError, root: type) -> str:
    """First problem of a pydantic error in one line: field, what is wrong, nearest valid name."""
    first = error.errors()[0]
    loc = [str(part) for part in first["loc"]]
    name = ".".join(loc) or "value"
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"unknown field {name!r}{nearest(loc[-1], _fields_at(root, loc[:-1]))}"
    if first["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"field {name!r} is missing"
    got = first.get("input")
    shown = repr(got) if len(repr(got)) < 50 else type(got).__name__
    return f"{name}: {first['msg'].removeprefix('Value error, ')}, got {shown}"


def _fields_at(root: type, path: Sequence[str]) -> list[str]:
    for name in path:
        if name.isdigit():
            continue
        hints = typing.get_type_hints(root) if dataclasses.is_dataclass(root) else {}
        options = [hints.get(name), *typing.get_args(hints.get(name))]
        root = next((o for o in options if isinstance(o, type) and dataclasses.is_dataclass(o)), object)
    return [f.name for f in dataclasses.fields(root)] if dataclasses.is_dataclass(root) else []
