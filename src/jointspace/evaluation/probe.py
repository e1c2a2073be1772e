"""What labels can be read from frozen vectors: linear probe and nearest neighbours, also with few labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jointspace.data.readers.folder import SPLITS
from jointspace.errors import ConfigError, DataError
from jointspace.evaluation.measuring import Measure, measure
from jointspace.evaluation.roles import Inputs, Role, open_inputs
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import coarsen, encode_role, scorer_of
from jointspace.metrics.knn import knn_right
from jointspace.metrics.probe import draw_rows, linear_probe

ROLES = (
    Role("item", "what is classified", item=True),
    Role("label", "its class", aliases=("label_name", "class", "category", "target")),
)
NAMES = frozenset({"train", "validation", "test", *SPLITS})


class _Probe(Task):
    """What both probes share: the train rows, the vectors, the baseline that always says the commonest class."""

    train: Any

    def _train_inputs(self, inputs: Inputs, context: Context) -> Inputs | None:
        """The labelled rows: a source of its own, or another split (`train`) of what is judged."""
        if self.train is None:
            return None
        split, source = None, self.train
        if isinstance(source, str) and source in NAMES and isinstance(context.source, str | Path):
            split, source = source, context.source
        columns = {
            role: f"{inputs.modality('item')}:{column}" if role == "item" and isinstance(column, str) else column
            for role, column in inputs.columns.items()
        }
        train = open_inputs(source, ROLES, columns, task=self.name, split=split, on_bad=context.on_bad)
        judged, known = (each.data.content_hash(each.fields["item"]) for each in (inputs, train))
        seen = np.isin(judged, known)
        self.facts |= {"train": train.fingerprint, "train_rows": len(train), "items_seen_in_train": int(seen.sum())}
        return train

    def _vectors(self, space: Any, context: Context, *each: Inputs) -> list[np.ndarray]:
        made = [encode_role(space, inputs, "item", context.encoding, choices="first").vectors for inputs in each]
        return coarsen(context.encoding.precision, *made)

    def _scores(
        self, inputs: Inputs, right: np.ndarray, label: np.ndarray, train: np.ndarray, details: dict, context: Context
    ) -> list[Score]:
        kinds, counts = np.unique(train, return_counts=True)
        commonest = float(np.mean(label == kinds[counts.argmax()]))
        units = Units("items", np.asarray(inputs.data.ids), {"right": right, "label": label})
        self.facts |= {"classes": len(kinds)}
        measures = [
            Measure("accuracy", {"value": "right"}, chance=commonest, details=details),
            Measure(
                "class_mean", {"value": "right", "label": "label"}, "class_mean", chance=1 / len(set(label.tolist()))
            ),
        ]
        return measure(units, "item", measures, context.resampling)


@dataclass
class LinearProbe(_Probe):
    """Accuracy of a logistic regression on the vectors. Chance: always the commonest train label.

    train: labelled rows (a source, or a split of the data: `train`); None: 5-fold cross-validation on the rows
    themselves. fraction, shots: a label budget a class, drawn `draws` times (mean; the spread stands in the details).
    c: inverse L2 strength. standardize: columns to variance 1 first. The Space's `features` are read where it has them.
    """

    name: ClassVar[str] = "linear_probe"
    roles: ClassVar[tuple[Role, ...]] = ROLES
    sources: ClassVar[tuple[str, ...]] = ("train",)
    default_output: ClassVar[str] = "features"

    train: Any = None
    fraction: float | None = None
    shots: int | None = None
    draws: int = 1
    c: float = 1.0
    standardize: bool = True
    folds: int = 5
    draw_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1:
            raise ConfigError(f"linear_probe: draws must be at least 1, got {self.draws}")
        if self.fraction is not None and (self.shots is not None or not 0 < self.fraction <= 1):
            raise ConfigError(f"linear_probe: either fraction in (0, 1] or shots, got {self.fraction}, {self.shots}")

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        how: dict[str, Any] = dict(c=self.c, fraction=self.fraction, shots=self.shots, standardize=self.standardize)
        how |= dict(draws=self.draws, seed=self.draw_seed)
        label = inputs.plain("label").astype(str)
        train = self._train_inputs(inputs, context)
        if train is None:
            (x,) = self._vectors(space, context, inputs)
            right, known = self._cross_validate(x, label, how), label
        else:
            x, z = self._vectors(space, context, inputs, train)
            known = train.plain("label").astype(str)
            if len(set(known.tolist())) < 2:
                raise DataError("linear_probe: the train rows hold a single class")
            right = linear_probe(z, known, x, label, **how).right
        spread = {"draws": right.mean(axis=1).tolist()} if self.draws > 1 else {}
        return self._scores(inputs, right.mean(axis=0), label, known, spread, context)

    def _cross_validate(self, x: np.ndarray, label: np.ndarray, how: dict[str, Any]) -> np.ndarray:
        from sklearn.model_selection import StratifiedKFold

        fewest = int(np.unique(label, return_counts=True)[1].min())
        if fewest < 2 or len(set(label.tolist())) < 2:
            raise DataError("linear_probe: cross-validation needs two classes with two items each; or give train=")
        right = np.zeros((self.draws, len(label)))
        folds = StratifiedKFold(min(self.folds, fewest), shuffle=True, random_state=self.draw_seed)
        for train, test in folds.split(x, label):
            right[:, test] = linear_probe(x[train], label[train], x[test], label[test], **how).right
        return right


@dataclass
class NearestNeighbours(_Probe):
    """Accuracy of the vote of the k nearest labelled items. Chance: always the commonest label.

    train: labelled rows (a source, or a split of the data: `train`); None: leave one out. temperature: None = one
    vote each, else weighted by exp(similarity / temperature). fraction, shots, draws: a label budget, as in the probe.
    """

    name: ClassVar[str] = "knn"
    roles: ClassVar[tuple[Role, ...]] = ROLES
    sources: ClassVar[tuple[str, ...]] = ("train",)

    train: Any = None
    k: int = 20
    temperature: float | None = None
    fraction: float | None = None
    shots: int | None = None
    draws: int = 1
    draw_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1 or self.draws < 1:
            raise ConfigError(f"knn: k and draws must be at least 1, got {self.k} and {self.draws}")
        if self.train is None and (self.fraction is not None or self.shots is not None):
            raise ConfigError("knn: a label budget (fraction, shots) needs train=")

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        label = inputs.plain("label").astype(str)
        how: dict[str, Any] = dict(k=self.k, temperature=self.temperature)
        how["scorer"] = scorer_of(space, inputs.modality("item"), context.encoding.output)
        train = self._train_inputs(inputs, context)
        if train is None:
            (x,) = self._vectors(space, context, inputs)
            return self._scores(inputs, knn_right(x, label, **how), label, label, {}, context)
        x, z = self._vectors(space, context, inputs, train)
        known = train.plain("label").astype(str)
        budget = dict(fraction=self.fraction, shots=self.shots)
        rows = [draw_rows(known, **budget, seed=self.draw_seed + draw) for draw in range(self.draws)]  # type: ignore[arg-type]
        right = np.stack([knn_right(z[r], known[r], x, label, **how) for r in rows])
        spread = {"draws": right.mean(axis=1).tolist()} if self.draws > 1 else {}
        return self._scores(inputs, right.mean(axis=0), label, known, spread, context)
