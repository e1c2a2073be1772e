"""Clusters against labels: parity with scikit-learn, permutations, the best assignment by trying all."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import v_measure_score

from jointspace.metrics.clustering import cluster, contingency, right_by_assignment, v_measure

rng = np.random.default_rng(0)
LABEL, CLUSTER = rng.integers(0, 3, 60), rng.integers(0, 4, 60)


def test_v_measure_equals_scikit_learn():
    tables = [contingency(LABEL, CLUSTER), contingency(LABEL, LABEL), contingency(LABEL, np.zeros(60))]
    want = [v_measure_score(LABEL, c) for c in (CLUSTER, LABEL, np.zeros(60))]
    np.testing.assert_allclose([v_measure(t) for t in tables], want, atol=1e-12)
    stack = np.stack([contingency(LABEL, CLUSTER), contingency(LABEL[::-1], CLUSTER)])
    assert v_measure(stack).shape == (2,)


def test_assignment_is_the_best_of_all():
    best = max(np.mean(np.array([*p, -1])[CLUSTER] == LABEL) for p in permutations([0, 1, 2, -1], 3))
    best = max(best, *(np.mean(np.array(p)[CLUSTER] == LABEL) for p in permutations([0, 1, 2, -1], 4)))
    assert right_by_assignment(LABEL, CLUSTER).mean() == pytest.approx(best)


def test_names_of_clusters_do_not_matter():
    turned = np.array([2, 0, 3, 1])[CLUSTER]
    assert v_measure(contingency(LABEL, CLUSTER)) == pytest.approx(v_measure(contingency(LABEL, turned)))
    assert right_by_assignment(LABEL, CLUSTER).mean() == right_by_assignment(LABEL, turned).mean()
    assert right_by_assignment(LABEL, np.array([5, 9, 7])[LABEL]).all()


@pytest.mark.parametrize("batch_size", [None, 256])
def test_k_means_finds_what_is_apart(batch_size):
    label = np.repeat(np.arange(3), 40)
    x = 20 * np.eye(3)[label] + np.random.default_rng(1).normal(size=(120, 3))
    found = cluster(x, 3, batch_size=batch_size)
    assert right_by_assignment(label, found).all() and (found == cluster(x, 3, batch_size=batch_size)).all()


def test_impossible_k_is_named():
    with pytest.raises(ValueError, match="k must be from 1 to 5, got 6"):
        cluster(np.zeros((5, 2)), 6)
