"""Statistics of weighted rows, for resampling: `make(**columns)` gives a function counts (B, N) -> values (B,).

counts[b, i] says how often row i occurs in resample b; a row of ones gives the statistic itself. All sorting is done
once, so that a thousand resamples cost a few cumulative sums, never a Python loop over rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]


def mean(value: np.ndarray) -> Statistic:
    """Mean of `value` (N,)."""
    value = np.asarray(value, dtype=np.float64)
    return lambda counts: counts @ value / counts.sum(axis=1)


def median(value: np.ndarray) -> Statistic:
    """Median of `value` (N,); the middle of the two middle ones where there are two."""
    value = np.asarray(value, dtype=np.float64)
    order = np.argsort(value, kind="stable")
    ordered = value[order]

    def of(counts: np.ndarray) -> np.ndarray:
        summed = np.cumsum(counts[:, order], axis=1)
        half = summed[:, -1:] / 2
        last = len(ordered) - 1
        return (
            ordered[np.minimum((summed < half).sum(axis=1), last)]
            + ordered[np.minimum((summed <= half).sum(axis=1), last)]
        ) / 2

    return of


def class_mean(value: np.ndarray, label: np.ndarray) -> Statistic:
    """Mean over classes of the class's mean of `value` (N,); classes absent from a resample are left out."""
    value = np.asarray(value, dtype=np.float64)
    _, label = np.unique(label, return_inverse=True)
    belongs = np.zeros((len(value), int(label.max()) + 1))
    belongs[np.arange(len(value)), label] = 1

    def of(counts: np.ndarray) -> np.ndarray:
        size = counts @ belongs
        total = (counts * value) @ belongs
        return np.nanmean(np.where(size > 0, total / np.maximum(size, 1e-12), np.nan), axis=1)

    return of


def pearson(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Pearson correlation of x, y (N,); 0 where one of them is constant."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return lambda counts: _correlation(counts, x - x.mean(), y - y.mean())


def spearman(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Spearman rank correlation of x, y (N,), equal values at their mean rank; 0 where one of them is constant."""
    rank_x, rank_y = _ranks(np.asarray(x)), _ranks(np.asarray(y))
    return lambda counts: _correlation(counts, rank_x(counts), rank_y(counts))


def _correlation(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    n = counts.sum(axis=1, keepdims=True)
    dx = x - (counts * x).sum(axis=1, keepdims=True) / n
    dy = y - (counts * y).sum(axis=1, keepdims=True) / n
    xy, xx, yy = ((counts * a * b).sum(axis=1) for a, b in ((dx, dy), (dx, dx), (dy, dy)))
    scale = np.sqrt(xx * yy)
    tiny = 1e-14 * np.maximum(n[:, 0], 1) * max(1e-300, float(np.abs(x).max() * np.abs(y).max()))
    return np.where(scale > tiny, xy / np.maximum(scale, tiny), 0.0)


def _ranks(x: np.ndarray) -> Statistic:
    """counts (B, N) -> mean rank of every row in its resample (B, N)."""
    order, of_group, starts, ends = _groups(x)
    back = np.empty(len(x), dtype=np.int64)
    back[order] = of_group

    def of(counts: np.ndarray) -> np.ndarray:
        summed = np.cumsum(counts[:, order], axis=1)
        upto = summed[:, ends - 1]
        before = np.concatenate([np.zeros((len(counts), 1)), upto[:, :-1]], axis=1)
        return ((before + upto + 1) / 2)[:, back]

    return of


def _groups(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ascending order of x; the tie group of each ordered entry; where groups start and end (exclusive)."""
    order = np.argsort(x, kind="stable")
    new = np.ones(len(x), dtype=bool)
    new[1:] = x[order][1:] != x[order][:-1]
    starts = np.flatnonzero(new)
    return order, np.cumsum(new) - 1, starts, np.append(starts[1:], len(x))


def average_precision(score: np.ndarray, label: np.ndarray) -> Statistic:
    """Average precision of binary `label` (N,) ranked by `score`, equal scores as one threshold (as scikit-learn)."""
    above = _above(score, label)

    def of(counts: np.ndarray) -> np.ndarray:
        right, every = above(counts)
        gained = np.diff(right, axis=1, prepend=0.0)
        total = right[:, -1]
        summed = (gained * right / np.maximum(every, 1)).sum(axis=1)
        return np.where(total > 0, summed / np.maximum(total, 1), 0.0)

    return of


def auc(score: np.ndarray, label: np.ndarray) -> Statistic:
    """Area under the ROC curve of binary `label` (N,): chance that a positive outranks a negative, ties by half.

    .5 where a resample has one kind only.
    """
    above = _above(score, label)

    def of(counts: np.ndarray) -> np.ndarray:
        right, every = above(counts)
        wrong = every - right
        new = np.diff(wrong, axis=1, prepend=0.0)  # negatives at each threshold; positives above count 1, equal ones .5
        before = np.concatenate([np.zeros((len(counts), 1)), right[:, :-1]], axis=1)
        pairs = right[:, -1] * wrong[:, -1]
        return np.where(pairs > 0, (new * (before + right) / 2).sum(axis=1) / np.maximum(pairs, 1), 0.5)

    return of


def best_accuracy(score: np.ndarray, label: np.ndarray) -> Statistic:
    """Accuracy at the threshold that is best on these very rows (also: all negative, all positive)."""
    above = _above(score, label)

    def of(counts: np.ndarray) -> np.ndarray:
        right, every = above(counts)
        n, positives = every[:, -1], right[:, -1]
        negatives = n - positives
        correct = right + negatives[:, None] - (every - right)
        return np.maximum(correct.max(axis=1), negatives) / n

    return of


def best_f1(score: np.ndarray, label: np.ndarray) -> Statistic:
    """F1 of the positive class at the threshold that is best on these very rows."""
    above = _above(score, label)

    def of(counts: np.ndarray) -> np.ndarray:
        right, every = above(counts)
        return (2 * right / np.maximum(every + right[:, -1:], 1)).max(axis=1)

    return of


def _above(score: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """counts -> rows (positives, all) at or above each distinct score, highest first: two (B, G)."""
    score, label = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    order, _, _, ends = _groups(-score)
    positive = label[order]

    def of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ordered = counts[:, order]
        return np.cumsum(ordered * positive, axis=1)[:, ends - 1], np.cumsum(ordered, axis=1)[:, ends - 1]

    return of


def v_measure(label: np.ndarray, cluster: np.ndarray) -> Statistic:
    """V-measure of cluster indices against labels (see `metrics.clustering`)."""
    from jointspace.metrics.clustering import v_measure as of_tables

    _, label = np.unique(label, return_inverse=True)
    _, cluster = np.unique(cluster, return_inverse=True)
    shape = (int(label.max()) + 1, int(cluster.max()) + 1)
    cells, cell = np.unique(label * shape[1] + cluster, return_inverse=True)
    step = max(1, (4 << 20) // (shape[0] * shape[1]))

    def of(counts: np.ndarray) -> np.ndarray:
        out = np.empty(len(counts))
        for start in range(0, len(counts), step):
            part = counts[start : start + step]
            rows = np.arange(len(part))[:, None] * len(cells) + cell
            sums = np.bincount(rows.ravel(), part.ravel(), minlength=len(part) * len(cells))
            table = np.zeros((len(part), shape[0] * shape[1]))
            table[:, cells] = sums.reshape(len(part), -1)
            out[start : start + step] = of_tables(table.reshape(-1, *shape))
        return out

    return of


STATISTICS: dict[str, Callable[..., Statistic]] = {
    f.__name__: f
    for f in (mean, median, class_mean, pearson, spearman, average_precision, auc, best_accuracy, best_f1, v_measure)
}


def statistic(name: str, columns: Mapping[str, Any]) -> Statistic:
    """The statistic `name` on its columns (by argument name). ValueError for an unknown name or a missing column."""
    if name not in STATISTICS:
        raise ValueError(f"statistic: {name!r} is none of {', '.join(STATISTICS)}")
    wanted = list(inspect.signature(STATISTICS[name]).parameters)
    missing = [w for w in wanted if w not in columns]
    if missing:
        raise ValueError(f"statistic {name}: no column for {', '.join(missing)}")
    return STATISTICS[name](*(np.asarray(columns[w]) for w in wanted))


def value_of(of: Statistic, n: int) -> float:
    """The statistic of the rows as they are."""
    return float(of(np.ones((1, n)))[0])
