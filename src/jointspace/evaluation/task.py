"""What a task is, and how its options are checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jointspace.errors import ConfigError, nearest
from jointspace.evaluation.measuring import Resampling
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score
from jointspace.evaluation.vectors import Encoding


@dataclass(frozen=True)
class Context:
    """What every task is told beside its rows: how to encode, how to resample, how other sources are to be read."""

    encoding: Encoding
    resampling: Resampling
    source: Any = None  # what the user named as data, for tasks that read a second split of it
    on_bad: str = "refuse"


class Task:
    """Base of the tasks, which are dataclasses: every field is an option. A task that reads its own files (`corpus`,
    `train`) adds what it read to `facts`, which becomes part of the protocol."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    roles: ClassVar[tuple[Role, ...]]
    sources: ClassVar[tuple[str, ...]] = ()  # options that name data; the protocol has their content hash instead

    def __post_init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def adopt(self, data: Any, split: str | None, id: str | None) -> tuple[Any, str | None, str | None]:
        """A look at the data before it is opened: (data, split, id column) to open. May set `roles`."""
        return data, split, id

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        """Encode, score, measure."""
        raise TypeError(f"{type(self).__name__} has no run")

    def options(self) -> dict[str, Any]:
        """Plain JSON form of the options that may change a score."""
        fields = [f.name for f in dataclasses.fields(self) if f.name not in self.sources]  # type: ignore[arg-type]
        return {name: plain(getattr(self, name)) for name in fields}


def build(cls: type[Task], options: Mapping[str, Any]) -> Task:
    """A task from its options. ConfigError names an unknown one and the nearest there is."""
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in options:
        if key not in known:
            raise ConfigError(f"{cls.name}: no option {key!r}{nearest(key, known)}")
    return cls(**options)


def plain(value: Any) -> Any:
    """JSON form: tuples as lists, keys as strings."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
