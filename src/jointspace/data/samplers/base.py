"""What every sampler is: a declaration of what a batch must be, bound to data, a batch size and a seed.

`BatchSpec` is the declaration (`UniqueContent(("text",))`, `PK("identity", k=2)`): a method names one as its
`batches`, a recipe as `training.batches`. `spec.bind(data, batch_size, seed)` gives the `Sampler` that a run asks for
batches. Batches are a pure function of (seed, epoch, step): nothing is consumed, so any step can be asked for first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

# (seed, epoch, table or None) -> the row indices of all batches of that epoch, (steps per epoch, batch size)
Plan = Callable[[int, int, "np.ndarray | None"], np.ndarray]


@dataclass(frozen=True)
class BatchSpec(ABC):
    """What a batch must be. `name` is its name in recipes; `table` tells that it wants a table made by a hook."""

    name: ClassVar[str]
    table: ClassVar[bool] = False

    @abstractmethod
    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        """Steps per epoch and the plan of an epoch. Raises ConfigError where the data cannot give such a batch."""

    def satisfies(self, wanted: BatchSpec | None) -> bool:
        """True where batches made by self are what a method that declares `wanted` needs (None = any batch)."""
        return wanted is None or self == wanted

    def bind(
        self, data: Dataset, batch_size: int, seed: int, process_index: int = 0, num_processes: int = 1
    ) -> Sampler:
        """The sampler of a run; see `Sampler`."""
        return Sampler(self, data, batch_size, seed, process_index, num_processes)

    def describe(self) -> dict[str, Any]:
        """The recipe's form: `{name: unique, fields: [text]}`."""
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"name": self.name, **options}


class Sampler:
    """Batches of a run: `batch(step)` is a pure function of (seed, step) and the data.

    batch_size: the global batch; of it this process gets the contiguous share of `process_index` out of
    `num_processes`. steps_per_epoch: whole batches only (the rows left over are other ones in each epoch).
    The plan of one epoch is kept, so that a step costs a slice.

    Raises ConfigError: a batch larger than the data set, or not divisible by the number of processes.
    """

    def __init__(
        self, spec: BatchSpec, data: Dataset, batch_size: int, seed: int, process_index: int = 0, num_processes: int = 1
    ):
        if batch_size < 1:
            raise ConfigError(f"batch_size: must be at least 1, got {batch_size}")
        if batch_size > len(data):
            raise ConfigError(f"batch_size: {batch_size} is larger than the data set ({data.name}, {len(data)} rows)")
        if batch_size % num_processes:
            raise ConfigError(f"batch_size: {batch_size} does not divide among {num_processes} processes")
        self.spec, self.seed, self.batch_size = spec, seed, batch_size
        self.process_index, self.num_processes = process_index, num_processes
        self.rows = len(data)
        self.steps_per_epoch, self._plan = spec.prepare(data, batch_size)
        self.table: np.ndarray | None = None
        self._kept: tuple[int, np.ndarray] | None = None

    def epoch(self, step: int) -> int:
        """The epoch that a step lies in, from 0."""
        return step // self.steps_per_epoch

    def plan(self, epoch: int) -> np.ndarray:
        """Row indices of a whole epoch: int64 (steps_per_epoch, batch_size)."""
        if self._kept is None or self._kept[0] != epoch:
            self._kept = (epoch, self._plan(self.seed, epoch, self.table))
        return self._kept[1]

    def global_batch(self, step: int) -> tuple[int, np.ndarray]:
        """Epoch and row indices of the whole batch of a step: int64 (batch_size,)."""
        epoch, within = divmod(step, self.steps_per_epoch)
        return epoch, self.plan(epoch)[within]

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """Epoch and row indices of this process's share of a step: int64 (batch_size / num_processes,)."""
        epoch, indices = self.global_batch(step)
        share = self.batch_size // self.num_processes
        return epoch, indices[self.process_index * share : (self.process_index + 1) * share]

    def set_table(self, table: np.ndarray) -> None:
        """Give the table a hook has built (row -> its rows, int64 (N, K)); it holds from the next epoch on.

        Raises ConfigError where this kind of batch takes none or the table does not have one line a row.
        """
        if not self.spec.table:
            raise ConfigError(f"batches {self.spec.name!r} take no table")
        table = np.asarray(table, dtype=np.int64)
        if table.ndim != 2 or len(table) != self.rows or table.min() < 0 or table.max() >= self.rows:
            raise ConfigError(f"batches {self.spec.name!r}: the table must be ({self.rows}, K) row indices")
        self.table, self._kept = table, None

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs beside the step: what it was made from and the table, if any."""
        state: dict[str, Any] = {"spec": self.spec.describe(), "seed": self.seed, "batch_size": self.batch_size}
        state["rows"] = self.rows
        if self.table is not None:
            state["table"] = self.table
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up `state_dict` again. Raises ConfigError where seed, batch size, data or kind of batch differ."""
        mine = self.state_dict()
        for name in ("spec", "seed", "batch_size", "rows"):
            if state[name] != mine[name]:
                raise ConfigError(f"resume: the order of data differs ({name} was {state[name]}, is {mine[name]})")
        table = state.get("table")
        self.table, self._kept = (None if table is None else np.asarray(table, dtype=np.int64)), None


def codes(data: Dataset, field: str) -> np.ndarray:
    """A column as class numbers 0 .. K - 1: int64 (N,). `source` is the source of a row; media go by content.

    Raises ConfigError for an unknown field.
    """
    if field == "source":
        return np.unique(data.source, return_inverse=True)[1].astype(np.int64)
    if field not in data.fields:
        raise ConfigError(f"batches: the data has no field {field!r}{nearest(field, [*data.fields, 'source'])}")
    return np.unique(data.content_hash(field), return_inverse=True)[1].astype(np.int64)
