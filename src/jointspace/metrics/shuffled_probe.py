"""Node classification as graph papers do it: logistic regression on a small random share, several shuffles, F1."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ShuffledProbe:
    """micro (R,), macro (R,): F1 of each shuffle, on the rows that were not trained on."""

    micro: np.ndarray
    macro: np.ndarray


def shuffled_probe(
    x: np.ndarray,
    labels: np.ndarray,
    *,
    fraction: float = 0.2,
    shuffles: int = 10,
    seed: int = 0,
    test: np.ndarray | None = None,
    c: float = 1.0,
) -> ShuffledProbe:
    """x (N, D); labels (N,) classes, or (N, K) bool for several labels a row.

    The first `fraction` of each shuffle trains a LogisticRegression (strength 1 / c, columns standardised by
    these rows), the others are judged; `test` (N,) bool: only these are judged, the others train on.
    Several labels: one classifier a label, and a row gets as many labels as it has, those of highest score (the
    protocol of Perozzi et al., "DeepWalk", KDD 2014). Labels without a trained row are never given.
    ValueError where fewer than two classes can be trained on.
    """
    x, labels = np.asarray(x, dtype=np.float64), np.asarray(labels)
    if test is not None and len(test) != len(x):
        raise ValueError(f"shuffled probe: {len(test)} marks for {len(x)} rows")
    scores = []
    for shuffle in range(shuffles):
        order = np.random.default_rng([seed, shuffle]).permutation(len(x))
        if test is not None:
            order = order[~test[order]]
        rows = order[: max(2, round(fraction * len(order)))]
        judged = np.setdiff1d(order, rows) if test is None else np.flatnonzero(test)
        scores.append(_scores(x, labels, rows, judged, c))
    micro, macro = np.array(scores).T
    return ShuffledProbe(micro, macro)


def _scores(x: np.ndarray, labels: np.ndarray, rows: np.ndarray, judged: np.ndarray, c: float) -> tuple[float, float]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    deviation = x[rows].std(axis=0)
    deviation[deviation < 1e-12] = 1.0
    z = (x - x[rows].mean(axis=0)) / deviation
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")
        if labels.ndim == 1:
            if len(np.unique(labels[rows])) < 2:
                raise ValueError("shuffled probe: the trained rows hold a single class")
            said = LogisticRegression(C=c, max_iter=500).fit(z[rows], labels[rows]).predict(z[judged])
            truth = labels[judged]
        else:
            truth = labels[judged].astype(bool)
            score = np.full(truth.shape, -np.inf)
            for k in range(labels.shape[1]):
                if 0 < labels[rows, k].sum() < len(rows):
                    model = LogisticRegression(C=c, max_iter=500).fit(z[rows], labels[rows, k])
                    score[:, k] = model.decision_function(z[judged])
            if not np.isfinite(score).any():
                raise ValueError("shuffled probe: no label can be trained on")
            rank = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1)
            said = (rank < truth.sum(axis=1, keepdims=True)) & np.isfinite(score)
    micro, macro = (f1_score(truth, said, average=kind, zero_division=0) for kind in ("micro", "macro"))
    return float(micro), float(macro)
