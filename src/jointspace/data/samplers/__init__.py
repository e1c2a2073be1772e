"""Samplers: which rows make up the batch of a step. See `base` for how they work.

In a recipe: `training: {batches: {name: unique, fields: [text]}}`; in a method: `batches = PK("identity", k=2)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from jointspace.data.samplers.base import BatchSpec, Sampler
from jointspace.data.samplers.distinct import PK, UniqueContent
from jointspace.data.samplers.groups import Groups, Neighbours
from jointspace.data.samplers.plain import ByLength, RandomBatches
from jointspace.data.samplers.report import SourceUse, source_use
from jointspace.data.samplers.sources import Alternate, BalancedSources, Homogeneous
from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

REGISTRY: dict[str, type[BatchSpec]] = {
    spec.name: spec
    for spec in (
        RandomBatches,
        UniqueContent,
        PK,
        BalancedSources,
        Homogeneous,
        Alternate,
        Groups,
        Neighbours,
        ByLength,
    )
}


def register(spec: type[BatchSpec]) -> type[BatchSpec]:
    """Make a kind of batch known to recipes under its `name`; usable as a class decorator."""
    REGISTRY[spec.name] = spec
    return spec


def batch_spec(value: BatchSpec | str | Mapping[str, Any] | None) -> BatchSpec:
    """A spec from a recipe's form: None = random, a name, or `{name: NAME, option: value, ...}`.

    Raises ConfigError for an unknown name or option (with the nearest valid one) or a value of the wrong type.
    """
    if isinstance(value, BatchSpec):
        return value
    if isinstance(value, type) and issubclass(value, BatchSpec):
        return value()
    options = {"name": value} if isinstance(value, str) else dict(value or {"name": "random"})
    name = options.pop("name", None)
    if name not in REGISTRY:
        raise ConfigError(f"batches: unknown name {name!r}{nearest(str(name), REGISTRY)}")
    spec = REGISTRY[name]()
    for option, given in options.items():
        valid = [f.name for f in fields(spec)]
        if option not in valid:
            raise ConfigError(f"batches {name!r}: unknown option {option!r}{nearest(option, valid)}")
        spec = replace(spec, **{option: _typed(name, option, given, getattr(spec, option))})
    return spec


def _typed(name: str, option: str, given: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return (given,) if isinstance(given, str) else tuple(given)
    if default is None or (isinstance(default, float) and isinstance(given, int) and not isinstance(given, bool)):
        return given
    if type(given) is not type(default):
        raise ConfigError(f"batches {name!r}: {option} must be {type(default).__name__}, got {given!r}")
    return given


def build_sampler(
    spec: BatchSpec | str | Mapping[str, Any] | None,
    data: Dataset,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    num_processes: int = 1,
) -> Sampler:
    """The sampler of a run. None: random batches, or `balanced` where the data's sources have weights.

    Raises ConfigError: see `batch_spec` and `Sampler`.
    """
    if spec is None:
        spec = BalancedSources() if data.weights is not None else RandomBatches()
    return batch_spec(spec).bind(data, batch_size, seed, process_index, num_processes)


__all__ = [
    "PK",
    "REGISTRY",
    "Alternate",
    "BalancedSources",
    "BatchSpec",
    "ByLength",
    "Groups",
    "Homogeneous",
    "Neighbours",
    "RandomBatches",
    "Sampler",
    "SourceUse",
    "UniqueContent",
    "batch_spec",
    "build_sampler",
    "register",
    "source_use",
]
