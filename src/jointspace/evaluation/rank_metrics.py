"""Retrieval metrics by name (`r@10`, `ndcg@10`, `map`, ...), from positions to scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.evaluation.measuring import Measure
from jointspace.metrics import retrieval
from jointspace.metrics.ranking import Positions

Values = Callable[[Positions], np.ndarray]
WITH_CUT: dict[str, Callable[[Positions, int], np.ndarray]] = {
    "r": retrieval.hit_rate,
    "recall": retrieval.recall,
    "p": retrieval.precision,
    "mrr": retrieval.reciprocal_rank,
    "ndcg": retrieval.ndcg,
}
WITHOUT_CUT: dict[str, Values] = {
    "mrr": retrieval.reciprocal_rank,
    "ndcg": retrieval.ndcg,
    "map": retrieval.average_precision,
    "median_rank": retrieval.first_rank,
    "mean_rank": retrieval.first_rank,
}
EXAMPLES = ("r@1", "r@5", "r@10", "recall@10", "recall@100", "p@1", "mrr", "mrr@10", "ndcg@10", "map", *WITHOUT_CUT)


def values_of(name: str) -> Values:
    """Values of a metric for each query. `r@k`: any right one among the first k; `recall@k`: share of the right ones.

    ConfigError names the nearest metric there is.
    """
    if name in WITHOUT_CUT:
        return WITHOUT_CUT[name]
    match = re.fullmatch(r"([a-z]+)@([1-9]\d*)", name)
    if match is None or match[1] not in WITH_CUT:
        raise ConfigError(f"no metric {name!r}{nearest(name, EXAMPLES)}")
    of, k = WITH_CUT[match[1]], int(match[2])
    return lambda p: of(p, k)


def rank_measures(
    positions: Positions, names: Sequence[str], prefix: str = ""
) -> tuple[list[Measure], dict[str, np.ndarray]]:
    """Measures and the per-query columns they need; chance is the same metric of a scorer that is constant."""
    constant, columns, measures = positions.constant(), {}, []
    for name in names:
        of = values_of(name)
        rank = name in ("median_rank", "mean_rank")
        column = "rank" if rank else name
        columns[column] = of(positions)
        statistic = "median" if name == "median_rank" else "mean"
        reduce = np.median if name == "median_rank" else np.mean
        measures.append(
            Measure(
                prefix + name,
                {"value": column},
                statistic,
                chance=float(reduce(of(constant))),
                higher_is_better=not rank,
                bounds=(1.0, float("inf")) if rank else (0.0, 1.0),
            )
        )
    return measures, columns
