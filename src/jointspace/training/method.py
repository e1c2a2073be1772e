"""The protocol of a method: one published way to learn a space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from jointspace.data.modality import modality_of_field
from jointspace.data.processor import Processor
from jointspace.encoders.base import Encoder
from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset
    from jointspace.space import Space

Batch = Mapping[str, Any]
EncodeAll = Callable[[str], Tensor]  # field -> (N, D) embeddings of every training row, in row order


@dataclass(frozen=True)
class Progress:
    """Where a run stands; handed to every hook. Schedules are functions of `fraction`.

    step: optimiser steps done before this one, 0 .. steps - 1; epoch likewise; fraction = step / (steps - 1);
    phase: index of the update in `phases()` that a hook is called for.
    """

    step: int
    steps: int
    epoch: int = 0
    epochs: int = 1
    phase: int = 0

    @property
    def fraction(self) -> float:
        return min(1.0, self.step / (self.steps - 1)) if self.steps > 1 else 1.0


@dataclass(frozen=True)
class Phase:
    """One alternating update of a step: which parameters, which optimiser, on which batch.

    params: regular expression over parameter names; optimiser: fields that override the run's own (None = the run's);
    terms: which of `losses` count (None = all); batches: "train" or "validation"; times: updates a step;
    same_batch: reuse the batch of the phase before.
    """

    params: str = ".*"
    optimiser: dict[str, Any] | None = None
    terms: tuple[str, ...] | None = None
    batches: str = "train"
    times: int = 1
    same_batch: bool = False


class Method(nn.Module):
    """One way to learn a space. A subclass gives `Config`, its modules, `embed`, `terms` and `space`.

    fields: batch fields it cannot do without; optional_fields: used where the data has them. Only these are collated
    (beside `row`, `<field>_id`, `source`). views: field -> how many differently augmented views a row
    (`{"image": 2}` gives `image` and `image_view_2`). batches: what its batches must be (`jointspace.data.samplers`),
    None = any. frozen: names of child modules kept in eval mode, without gradient of their own, outside checkpoints.
    contrastive: True when a batch of one teaches nothing (`fit` refuses it).
    """

    Config: ClassVar[type]
    fields: ClassVar[tuple[str, ...]] = ()
    optional_fields: ClassVar[tuple[str, ...]] = ()
    views: ClassVar[dict[str, int]] = {}
    batches: ClassVar[Any] = None
    frozen: ClassVar[tuple[str, ...]] = ()
    contrastive: ClassVar[bool] = True

    counted: tuple[str, ...] | None = None  # terms of the update at hand, set by `fit`; None = all
    notes: Mapping[str, float] = {}  # set by `losses`: numbers of the batch that are logged beside its terms

    def __init__(self, config: Any):
        super().__init__()
        self.config = config

    def wants(self, term: str) -> bool:
        """Whether a term counts in the update at hand: `losses` may leave out what only other phases need."""
        return self.counted is None or term in self.counted

    # What the data must be turned into --------------------------------------------------------------------------------

    def encoders(self) -> Iterator[tuple[str, Encoder]]:
        """(name, encoder) of every encoder that is a direct child."""
        for name, child in self.named_children():
            if isinstance(child, Encoder):
                yield name, child

    def processors(self) -> dict[str, Processor]:
        """Processor by field or by modality; the collator looks for the field's own entry first."""
        return {encoder.modality: encoder.processor for _, encoder in self.encoders()}

    def prepare(self, data: Dataset) -> None:
        """Called by `fit` before optimisers are made: processors that learn see the training rows."""
        for _, encoder in self.encoders():
            fields = [f for f in data.fields if modality_of_field(f) == encoder.modality]
            if fields:
                encoder.prepare(item for field in fields for item in data.items(field))

    def check_fields(self, data: Dataset) -> None:
        """ConfigError that names the field the data lacks and the ones it has."""
        for field in self.fields:
            if field not in data.fields:
                raise ConfigError(
                    f"{type(self).__name__} needs the field {field!r}, which the data does not have"
                    f"{nearest(field, data.fields)}; name it with columns={{{field}: COLUMN}}"
                )

    # What is learnt ---------------------------------------------------------------------------------------------------

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Row-aligned tensors (vectors, tokens, ids, weights) of a batch: all that `terms` may look at."""
        raise TypeError(f"{type(self).__name__} defines neither embed nor losses")

    def terms(self, **embeddings: Tensor) -> dict[str, Tensor]:
        """Named scalar terms; their sum is the loss."""
        raise TypeError(f"{type(self).__name__} defines no terms")

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named scalar terms of a batch."""
        return self.terms(**self.embed(batch))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Same as `losses`: distributed wrappers synchronise only through `forward`."""
        return self.losses(batch)

    def phases(self) -> list[Phase]:
        """Alternating updates of one step; one plain update by default."""
        return [Phase()]

    # Hooks ------------------------------------------------------------------------------------------------------------

    def before_epoch(self, progress: Progress, encode_all: EncodeAll) -> Any:
        """A pass over the whole set between epochs; keep what it gives in buffers indexed by `row`.

        `encode_all(name)` is the entry `name` of `embed` for every row. Where `batches` go by a table (neighbours),
        return it: integers (N, K), the rows that belong to each row; it is part of the checkpoint.
        """

    def before_step(self, progress: Progress) -> None:
        """Before the batch of this step is embedded."""

    def after_backward(self, progress: Progress) -> None:
        """Gradients are there, not yet clipped: the place to edit them. Once for each update of the step."""

    def after_step(self, progress: Progress) -> None:
        """The optimiser has stepped: clamps, EMA teachers, queues. Once a step, after its last update."""

    # What comes out ---------------------------------------------------------------------------------------------------

    def space(self) -> Space:
        """The learnt Space, sharing this method's modules."""
        raise TypeError(f"{type(self).__name__} defines no space")
