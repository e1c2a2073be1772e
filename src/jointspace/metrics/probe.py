"""Linear probe: how much of the labels a logistic regression reads from frozen vectors, also with few labels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Probe:
    """right (R, N): 1 where draw r got test item n right. predicted (R, N). train_rows (R,): labels each draw used."""

    right: np.ndarray
    predicted: np.ndarray
    train_rows: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy of each draw: (R,)."""
        return self.right.mean(axis=1)


def draw_rows(labels: np.ndarray, *, fraction: float | None = None, shots: int | None = None, seed: int) -> np.ndarray:
    """Row indices of a label budget: `fraction` of each class (at least one), or `shots` of each (all if fewer)."""
    labels = np.asarray(labels)
    if fraction is None and shots is None:
        return np.arange(len(labels))
    if fraction is not None and (shots is not None or not 0 < fraction <= 1):
        raise ValueError(f"label budget: either fraction in (0, 1] or shots, got fraction={fraction}, shots={shots}")
    if shots is not None and shots < 1:
        raise ValueError(f"label budget: shots must be at least 1, got {shots}")
    _, label = np.unique(labels, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(label[order], kind="stable")]
    sizes = np.bincount(label)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.full(len(sizes), shots) if shots is not None else np.maximum(1, np.round(sizes * float(fraction or 1)))
    return np.sort(order[place < np.repeat(wanted, sizes)])


def linear_probe(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    c: float = 1.0,
    fraction: float | None = None,
    shots: int | None = None,
    draws: int = 1,
    seed: int = 0,
    standardize: bool = True,
    max_iter: int = 1000,
) -> Probe:
    """scikit-learn's LogisticRegression (L2, strength 1 / c) on train (N, D), judged on test (M, D).

    standardize: columns to mean 0 and variance 1 by the train rows in use. fraction, shots: a label budget a class,
    drawn `draws` times (seed, seed + 1, ...). A test label that no train row has counts as wrong. ValueError where the
    train rows hold a single class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    train, labels, test, truth = (np.asarray(x) for x in (train, labels, test, test_labels))
    if len(np.unique(labels)) < 2:
        raise ValueError("linear probe: the train rows hold a single class")
    predicted, used = [], []
    for draw in range(draws):
        rows = draw_rows(labels, fraction=fraction, shots=shots, seed=seed + draw)
        x, z = train[rows].astype(np.float64), test.astype(np.float64)
        if standardize:
            mean, deviation = x.mean(axis=0), x.std(axis=0)
            deviation[deviation < 1e-12] = 1.0
            x, z = (x - mean) / deviation, (z - mean) / deviation
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=c, max_iter=max_iter).fit(x, labels[rows])
        predicted.append(model.predict(z))
        used.append(len(rows))
    answers = np.stack(predicted)
    return Probe((answers == truth).astype(np.float64), answers, np.asarray(used))
