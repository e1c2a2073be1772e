"""Row indices -> batch of tensors: values drawn, decoded, augmented, padded; with the ids that tell contents apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws
from jointspace.data.augment.base import box_and_flip
from jointspace.data.batch import is_shared, pad
from jointspace.data.mapped import MappedColumn, mapped_columns
from jointspace.data.plain_columns import PlainColumn
from jointspace.data.prompts import fill, prompt_of
from jointspace.errors import ConfigError, DataError, JointspaceError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset
    from jointspace.data.processor import Augmentation, Processor


class Collator:
    """`collator(indices, epoch)` -> `dict[str, Tensor]`, a pure function of (seed, epoch, index) row by row.

    Which processor serves a field: the field's own entry of `processors`, else its modality's. A field of a modality
    gives `<field>` (and `<field>_mask` ...) as its processor makes it, and `<field>_id` (B,) int64, the content hash of
    the very value used. Of several values a row one is drawn in training, the first is taken otherwise. A processor
    with `whole(data, field)` makes a field of table rows by whole columns, once. Plain fields: see `PlainColumn`.
    Always there: `row` (B,) int64, the index in `data`, and `source` (B,) int64.

    augment: by view (`image_view_2`; such a view may have a size of its own), field or modality; in training only.
    Where it moves pixels the batch says from where: `<field>_box` (B, 4) and `<field>_flip` (B,), see
    `jointspace.data.augment.box_and_flip`. views: field -> number of views: `image`, `image_view_2`, ... each with its
    own augmentation, and of several values a row another one as long as there are any.
    A source's prompt goes in front of its texts (`jointspace.data.prompts.prompt_of`); ids are of the text alone.
    shared: `shared_*` entries put into every batch as they are. Picklable: worker processes get a copy.

    Raises ConfigError for a field that the data lacks or no processor serves; when called, DataError that names the
    row and field of a missing or unreadable value.
    """

    def __init__(
        self,
        data: Dataset,
        processors: Mapping[str, Processor],
        fields: Sequence[str],
        *,
        seed: int,
        augment: Mapping[str, Augmentation] | None = None,
        views: Mapping[str, int] | None = None,
        train: bool = True,
        shared: Mapping[str, Any] | None = None,
    ):
        self.data, self.seed, self.train = data, seed, train
        self.prompts = data.prompts
        self.views = dict(views or {})
        self.shared = dict(shared or {})
        for name in self.shared:
            if not is_shared(name):
                raise ConfigError(f"collator: shared fields are named shared_*, got {name!r}")
        self.items: dict[str, Processor] = {}
        self.augment = dict(augment or {})
        self.plain: dict[str, PlainColumn] = {}
        self.whole: dict[str, tuple[dict[str, Tensor], np.ndarray]] = {}  # tensors of all rows, content hashes
        self.cached: dict[str, MappedColumn] = {}
        self.hashes: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for field in dict.fromkeys(fields):
            if field not in data.fields:
                raise ConfigError(f"{data.name}: no field {field!r}{nearest(field, data.fields)}")
            modality = data.modality(field)
            processor = processors.get(field) or processors.get(modality or "")
            cached = mapped_columns(data, field)
            if cached:
                self.cached[field] = cached[0]
            elif hasattr(processor, "whole") and self._is_row(field):
                self.whole[field] = (processor.whole(data, field), data.hashes(field)[0])  # type: ignore[union-attr]
            elif processor is not None:
                self.items[field] = processor
                self.hashes[field] = data.hashes(field)
            elif modality is not None:
                raise ConfigError(f"no encoder takes the field {field!r}{nearest(field, processors)}")
            else:
                self.plain[field] = PlainColumn(data, field)
        for field in self.views:
            if field not in self.items:
                raise ConfigError(f"views: {field!r} is not among the item fields{nearest(field, self.items)}")
        known = {name for field in self.items for name in (field, data.modality(field), *self._view_names(field))}
        for name in self.augment:
            if name not in known:
                raise ConfigError(f"augment: {name!r} is no field of the batch{nearest(name, map(str, known))}")
        for field, column in self.cached.items():
            self.hashes.setdefault(column.origin, data.hashes(column.origin))
            if train and any(self._augmentation(column.origin, name) for name in self._view_names(column.origin)):
                raise ConfigError(
                    f"{field!r} was computed from {column.origin!r} as it is, which training augments: leave out one "
                    "of the two, or keep what computed it inside the method (frozen)"
                )

    def __call__(self, indices: np.ndarray, epoch: int = 0) -> dict[str, Any]:
        indices = np.asarray(indices, dtype=np.int64)
        batch: dict[str, Any] = {"row": torch.from_numpy(indices.copy())}
        batch["source"] = torch.from_numpy(self.data.source[indices].astype(np.int64))
        for field in self.items:
            for view, name in enumerate(self._view_names(field), start=1):
                batch.update(self._view(field, name, view, indices, epoch))
        for field, cached in self.cached.items():
            for view, name in enumerate(self._view_names(field, cached.origin), start=1):
                batch.update(self._cached(field, name, view, indices, epoch))
        for field, (tensors, hashes) in self.whole.items():
            batch.update({_join(field, part): tensor[indices] for part, tensor in tensors.items()})
            batch[f"{field}_id"] = torch.from_numpy(hashes[indices])
        for field, column in self.plain.items():
            batch.update({_join(field, part): tensor for part, tensor in column.batch(indices).items()})
        return {**batch, **self.shared}

    def _is_row(self, field: str) -> bool:
        return all(part.fields[field].row for part in self.data.parts if field in part.fields)

    def _view_names(self, field: str, of: str | None = None) -> list[str]:
        return [field, *(f"{field}_view_{view}" for view in range(2, self.views.get(of or field, 1) + 1))]

    def _augmentation(self, field: str, view_name: str) -> Augmentation | None:
        keys = (view_name, field, self.data.modality(field) or "")
        return next((self.augment[key] for key in keys if key in self.augment), None)

    def _view(self, field: str, name: str, view: int, indices: np.ndarray, epoch: int) -> dict[str, Tensor]:
        processor, augment = self.items[field], self._augmentation(field, name)
        choice, ids = self._drawn(field, view, indices, epoch)
        values = [self.data.value(field, int(i), int(c)) for i, c in zip(indices, choice, strict=True)]
        if self.data.modality(field) == "text":
            values = [self._prompted(field, int(i), value) for i, value in zip(indices, values, strict=True)]
        how: dict[str, Any] = {}
        recorder = None
        if augment is not None and self.train:
            recorder = _Recorder(augment, keeps_size=name in self.augment and name != field)
            how = {"augment": recorder, "keys": draws.key(self.seed, "augment", field, view, epoch, indices)}
        elif self.train and getattr(processor, "random", False):
            how = {"keys": draws.key(self.seed, "draw", field, view, epoch, indices)}
        tensors = self._process(processor, values, how, field, indices)
        if recorder is not None and recorder.theta is not None:
            tensors["box"], tensors["flip"] = box_and_flip(recorder.theta)
        out = {_join(name, part): tensor for part, tensor in tensors.items()}
        out[f"{name}_id"] = torch.from_numpy(ids)
        return out

    def _drawn(self, field: str, view: int, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Which of its values each row uses, and its content hash, (B,) int64 each.

        In training the view-th of a random order of the row's values, else the view-th of the given order.
        """
        flat, offsets = self.hashes[field]
        counts = offsets[indices + 1] - offsets[indices]
        if not counts.all():
            raise DataError(f"{self.data.where(int(indices[np.argmin(counts)]))}: field {field!r} has no value")
        choice = (view - 1) % counts
        most = int(counts.max(initial=1))
        if most > 1 and self.train:
            lot = draws.uniform(draws.key(self.seed, "choice", field, epoch, indices), most)
            lot[np.arange(most) >= counts[:, None]] = np.inf
            choice = np.argsort(lot, axis=1, kind="stable")[np.arange(len(choice)), choice]
        return choice, flat[offsets[indices] + choice]

    def _cached(self, field: str, name: str, view: int, indices: np.ndarray, epoch: int) -> dict[str, Tensor]:
        """What was computed of the very values drawn: (B, ...), or padded (B, L, ...) with a mask."""
        choice, _ = self._drawn(self.cached[field].origin, view, indices, epoch)
        found = [self.data.values(field, int(i)) for i in indices]
        for index, values, c in zip(indices, found, choice, strict=True):
            if c >= len(values):
                raise DataError(f"{self.data.where(int(index))}: field {field!r} has no cached value")
        arrays = [values[c] for values, c in zip(found, choice, strict=True)]
        if not self.cached[field].shards.ragged:
            return {name: torch.from_numpy(np.stack(arrays))}
        tensor, mask = pad(arrays)
        return {name: tensor, f"{name}_mask": mask}

    def _prompted(self, field: str, index: int, text: str) -> str:
        prompt = prompt_of(self.prompts[self.data.source[index]], field)
        return text if prompt is None else fill(prompt, text)

    def _process(
        self,
        processor: Callable[..., dict[str, Tensor]],
        values: list[Any],
        how: dict[str, Any],
        field: str,
        indices: Any,
    ) -> dict[str, Tensor]:
        try:
            return processor(values, **how)
        except (JointspaceError, OSError, ValueError, TypeError) as error:
            for index, value in zip(indices, values, strict=True):  # which row was it?
                try:
                    processor([value])
                except (JointspaceError, OSError, ValueError, TypeError) as cause:
                    raise DataError(f"{self.data.where(int(index))}: field {field!r}: {cause}") from cause
            raise error


class _Recorder:
    """An augmentation that remembers where its last view came from; one lives as long as one call.

    keeps_size: the view has a size of its own, not the processor's.
    """

    def __init__(self, augment: Augmentation, keeps_size: bool):
        self.augment, self.keeps_size, self.theta = augment, keeps_size, None

    def __call__(self, x: Tensor, keys: np.ndarray) -> Tensor:
        if not hasattr(self.augment, "run"):
            return self.augment(x, keys)
        x, self.theta = self.augment.run(x, keys)
        return x


def _join(field: str, part: str) -> str:
    if is_shared(part):
        return f"shared_{field}_{part.removeprefix('shared_')}"
    return f"{field}_{part}" if part else field
