"""What a merge recipe may say: mergekit's keys. Torch-free."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from jointspace.errors import ConfigError, nearest
from jointspace.training.config import one_line_errors

METHODS = {  # name -> what it is
    "linear": "weighted mean of the models' weights",
    "slerp": "two models' weights along the arc between them, tensor by tensor",
    "task_arithmetic": "base + weighted sum of the task vectors",
    "nuslerp": "base + spherical interpolation of the task vectors, any number, in the order given",
    "ties": "task vectors trimmed, signs elected, those that agree averaged",
    "dare_linear": "task vectors with entries dropped at random and the rest rescaled, then added up",
    "dare_ties": "the same with signs elected",
    "fisher": "task vectors weighted entry by entry by what each model's data say matters",
    "regmean": "linear layers in closed form from their inputs, the rest averaged",
    "self_positioning": "spherical interpolation with weights and length learnt on a small probe set",
}
WITHOUT_BASE = ("linear", "slerp", "regmean")  # the first model serves as reference
WITH_PROBE = ("fisher", "regmean", "self_positioning")


@one_line_errors
@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class MergedModel:
    """One entry of `models`."""

    model: str  # Space folder or hub id
    parameters: dict[str, float] = field(default_factory=dict)  # weight, density


@one_line_errors
@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class MergeRecipe:
    """A merge as a file: `merge_method`, `models`, `base_model`, `parameters`, `dtype` as in mergekit, and `probe`."""

    merge_method: str
    models: list[MergedModel]
    base_model: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)  # t, weight, density, normalize, lambda, those of a search
    probe: dict[str, Any] | None = None  # {sources: [...]} one a model, or {path, columns}; {method: ...} its loss
    training: dict[str, Any] = field(default_factory=dict)  # fields of the search, e.g. {steps: 200}
    dtype: str | None = None  # float32, bfloat16, float16; None = the base's
    seed: int = 0

    def __post_init__(self) -> None:
        if self.merge_method not in METHODS:
            raise ConfigError(f"merge_method: no method {self.merge_method!r}{nearest(self.merge_method, METHODS)}")
        if self.base_model is None and self.merge_method not in WITHOUT_BASE:
            raise ConfigError(f"base_model: {self.merge_method} needs the model that the others were trained from")
        if self.probe is None and self.merge_method in WITH_PROBE:
            raise ConfigError(f"probe: {self.merge_method} needs data: probe: {{sources: [{{path, columns}}, ...]}}")
        for entry in self.models:
            for name in entry.parameters:
                if name not in ("weight", "density"):
                    raise ConfigError(f"models: no parameter {name!r}{nearest(name, ('weight', 'density'))}")


def read(path: str | Path, overrides: dict[str, Any] | None = None) -> MergeRecipe:
    """A recipe file. ConfigError names the file, field and nearest valid name."""
    import yaml

    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: no such merge recipe")
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(said, dict):
        raise ConfigError(f"{path}: a merge recipe is a table with merge_method and models")
    return MergeRecipe(**{**said, **(overrides or {})})
