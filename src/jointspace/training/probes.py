"""On-line probes: what an evaluation adds about the space itself, on validation rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jointspace.data.modality import modality_of_field
from jointspace.errors import ConfigError
from jointspace.metrics.collapse import collapse
from jointspace.metrics.geometry import alignment, modality_gap, uniformity
from jointspace.metrics.knn import knn_accuracy
from jointspace.training.callbacks import Callback
from jointspace.training.sweep import make_encode_all

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset
    from jointspace.training.run import Run


class Probe(Callback):
    """Base: needs validation rows. `rows`: at most so many are looked at, evenly spread."""

    def __init__(self, rows: int = 2000):
        self.rows = rows

    def check(self, run: Run) -> None:
        if run.validation is None:
            raise ConfigError(f"probes: {self.name} looks at validation rows; give validation data")

    def _vectors(self, run: Run, data: Dataset) -> dict[str, np.ndarray]:
        """Field -> (n, D) embeddings of the fields that `embed` gives vectors for."""
        encode = make_encode_all(
            run.evaluated, run.collator(data, train=False), len(data), run.config.batch_size, run.devices
        )
        found = {}
        for field in run.fields:
            if modality_of_field(field) is not None:
                try:
                    tensor = encode(field)
                except ConfigError:
                    continue
                if tensor.ndim == 2 and tensor.is_floating_point():
                    found[field] = tensor.float().numpy()
        return found

    def _sample(self, data: Dataset) -> Dataset:
        return data if len(data) <= self.rows else data.select(np.linspace(0, len(data) - 1, self.rows).astype(int))


class GeometryProbe(Probe):
    """uniformity/<field>, alignment/<a>-<b> and gap/<a>-<b> of matching validation rows."""

    name = "geometry"

    def on_evaluate(self, run: Run, scores: Mapping[str, float]) -> Mapping[str, float]:
        assert run.validation is not None
        vectors = self._vectors(run, self._sample(run.validation))
        found = {f"uniformity/{field}": uniformity(x) for field, x in vectors.items()}
        for (a, x), (b, y) in itertools.combinations(vectors.items(), 2):
            if x.shape == y.shape:
                found[f"alignment/{a}-{b}"] = alignment(x, y)
                found[f"gap/{a}-{b}"] = modality_gap(x, y)
        return found


class KNNProbe(Probe):
    """knn/<field>: accuracy of a vote of the k nearest training rows on the validation rows' `label`."""

    name = "knn"

    def __init__(self, rows: int = 2000, k: int = 20, label: str = "label"):
        super().__init__(rows)
        self.k, self.label = k, label

    def check(self, run: Run) -> None:
        super().check(run)
        assert run.validation is not None
        for data in (run.data, run.validation):
            if self.label not in data.fields:
                raise ConfigError(f"probes: knn needs the field {self.label!r}, which {data.name} does not have")

    def on_evaluate(self, run: Run, scores: Mapping[str, float]) -> Mapping[str, float]:
        assert run.validation is not None
        train, test = self._sample(run.data), self._sample(run.validation)
        bank, queries = self._vectors(run, train), self._vectors(run, test)
        known, truth = train.array(self.label).astype(str), test.array(self.label).astype(str)
        k = min(self.k, len(train))
        return {f"knn/{f}": knn_accuracy(bank[f], known, queries[f], truth, k=k) for f in bank if f in queries}


class CollapseProbe(Probe):
    """collapse_<what>/<field>: have the rows become alike (`metrics.collapse`)? On the tokens that the Space gives, or
    on their means where items differ in length."""

    name = "collapse"

    def on_evaluate(self, run: Run, scores: Mapping[str, float]) -> Mapping[str, float]:
        assert run.validation is not None
        space, data = run.evaluated.space().eval(), self._sample(run.validation)
        found: dict[str, float] = {}
        for field in run.fields:
            modality = modality_of_field(field)
            if modality not in space.accepts:
                continue
            how: dict[str, Any] = dict(output="tokens", normalize_embeddings=False, batch_size=run.config.batch_size)
            tokens = space.encode(list(data.items(field)), modality=modality, **how)
            if len({len(item) for item in tokens}) > 1:
                tokens = [item.mean(axis=0, keepdims=True) for item in tokens]
            found |= {f"collapse_{name}/{field}": value for name, value in collapse(np.stack(tokens)).items()}
        return found


PROBES: dict[str, type[Probe]] = {probe.name: probe for probe in (KNNProbe, GeometryProbe, CollapseProbe)}
