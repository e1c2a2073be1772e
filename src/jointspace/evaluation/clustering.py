"""Clustering: k-means on the vectors, compared with the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import ConfigError, DataError
from jointspace.evaluation.measuring import Measure, measure
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import coarsen, encode_role, scorer_of
from jointspace.metrics.clustering import cluster, contingency, right_by_assignment, v_measure

CHANCE_DRAWS = 20


@dataclass
class Clustering(Task):
    """V-measure and accuracy (clusters assigned to labels one to one) of k-means.

    k: number of clusters (default: of labels). kmeans_seed, restarts: of k-means; mini_batch: its size, for large
    sets. Chance: the same clusters dealt out at random, mean of 20 draws.
    """

    name: ClassVar[str] = "clustering"
    roles: ClassVar[tuple[Role, ...]] = (
        Role("item", "what is clustered", item=True),
        Role("label", "its class", aliases=("label_name", "class", "category", "target")),
    )

    k: int | None = None
    kmeans_seed: int = 0
    restarts: int = 4
    mini_batch: int | None = None

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        label = inputs.plain("label").astype(str)
        kinds = len(set(label.tolist()))
        k = self.k or kinds
        if kinds < 2:
            raise DataError(f"clustering: all {len(label)} items have the same label")
        if not 2 <= k <= len(label):
            raise ConfigError(f"clustering: k must be from 2 to {len(label)}, got {k}")
        side = encode_role(space, inputs, "item", context.encoding, choices="first")
        (x,) = coarsen(context.encoding.precision, side.vectors)
        if scorer_of(space, inputs.modality("item"), context.encoding.output) == "cosine":
            x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        found = cluster(x, k, seed=self.kmeans_seed, restarts=self.restarts, batch_size=self.mini_batch)
        columns = {"label": label, "cluster": found, "right": right_by_assignment(label, found)}
        rng = np.random.default_rng(self.kmeans_seed)
        dealt = [rng.permutation(found) for _ in range(CHANCE_DRAWS)]
        measures = [
            Measure(
                "v_measure",
                {"label": "label", "cluster": "cluster"},
                "v_measure",
                chance=float(np.mean([v_measure(contingency(label, d)) for d in dealt])),
            ),
            Measure(
                "accuracy",
                {"value": "right"},
                chance=float(np.mean([right_by_assignment(label, d).mean() for d in dealt])),
            ),
        ]
        self.facts |= {"labels": kinds, "clusters": k}
        return measure(Units("items", np.asarray(inputs.data.ids), columns), "item", measures, context.resampling)
