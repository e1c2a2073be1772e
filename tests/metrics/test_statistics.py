"""Weighted statistics equal scipy's and scikit-learn's on the resampled rows themselves."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score, v_measure_score

from jointspace.metrics.statistics import STATISTICS, statistic, value_of

rng = np.random.default_rng(0)
N = 80
X, Y = rng.normal(size=N), rng.normal(size=N).round(1)
LABEL = rng.integers(0, 2, N)
TIED = rng.integers(0, 9, N).astype(float)
CLASS, CLUSTER = rng.integers(0, 4, N), rng.integers(0, 5, N)


def best_accuracy(score, label):
    return max(np.mean((score >= t) == label) for t in [*score, np.inf])


def best_f1(score, label):
    def f1(t):
        tp = np.sum((score >= t) & (label == 1))
        return 2 * tp / (np.sum(score >= t) + label.sum())

    return max(f1(t) for t in score)


CASES = {
    "mean": (dict(value=X), np.mean),
    "median": (dict(value=Y), np.median),
    "class_mean": (dict(value=LABEL, label=CLASS), lambda v, c: np.mean([v[c == k].mean() for k in np.unique(c)])),
    "pearson": (dict(x=X, y=Y), lambda a, b: pearsonr(a, b).statistic),
    "spearman": (dict(x=X.round(1), y=Y), lambda a, b: spearmanr(a, b).statistic),
    "average_precision": (dict(score=TIED, label=LABEL), lambda s, l: average_precision_score(l, s)),
    "auc": (dict(score=TIED, label=LABEL), lambda s, l: roc_auc_score(l, s)),
    "best_accuracy": (dict(score=TIED, label=LABEL), best_accuracy),
    "best_f1": (dict(score=TIED, label=LABEL), best_f1),
    "v_measure": (dict(label=CLASS, cluster=CLUSTER), v_measure_score),
}


def test_every_statistic_has_a_case():
    assert set(CASES) == set(STATISTICS)


@pytest.mark.parametrize("name", CASES)
def test_counts_stand_for_repeated_rows(name):
    columns, slow = CASES[name]
    of = statistic(name, columns)
    assert value_of(of, N) == pytest.approx(slow(*columns.values()), abs=1e-12)
    rows = np.random.default_rng(1).integers(0, N, (5, N))
    counts = np.stack([np.bincount(r, minlength=N) for r in rows]).astype(float)
    want = [slow(*(c[r] for c in columns.values())) for r in rows]
    np.testing.assert_allclose(of(counts), want, atol=1e-12)


def test_class_mean_is_balanced_accuracy():
    right = (LABEL == (TIED > 4)).astype(float)
    of = statistic("class_mean", dict(value=right, label=LABEL))
    assert value_of(of, N) == pytest.approx(balanced_accuracy_score(LABEL, TIED > 4))


def test_constant_scores_have_no_correlation():
    for name in ("pearson", "spearman"):
        assert value_of(statistic(name, dict(x=np.full(N, 0.3), y=Y)), N) == 0


def test_unknown_names_and_missing_columns_are_named():
    with pytest.raises(ValueError, match="'meen' is none of mean"):
        statistic("meen", {})
    with pytest.raises(ValueError, match="spearman: no column for y"):
        statistic("spearman", dict(x=X))
