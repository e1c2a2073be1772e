"""Linear probe and label budgets."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from jointspace.metrics.probe import draw_rows, linear_probe


def data(n, seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    return np.eye(3)[label] @ np.random.default_rng(5).normal(size=(3, 6)) + rng.normal(size=(n, 6)), label


def test_equals_scikit_learn_on_plain_vectors():
    (x, y), (z, t) = data(120, 0), data(80, 1)
    want = LogisticRegression(C=0.5, max_iter=1000).fit(x, y).predict(z)
    probe = linear_probe(x, y, z, t, c=0.5, standardize=False)
    assert (probe.predicted[0] == want).all() and probe.accuracy[0] == np.mean(want == t)


def test_standardised_probe_ignores_scale_and_shift():
    (x, y), (z, t) = data(120, 0), data(80, 1)
    scale, shift = np.array([1e3, 1, 1e-3, 7, 1, 2]), np.arange(6) * 10.0
    plain, moved = linear_probe(x, y, z, t), linear_probe(x * scale + shift, y, z * scale + shift, t)
    assert (plain.predicted == moved.predicted).all()


def test_budgets_hold_for_each_class_and_differ_by_draw():
    label = np.repeat([0, 1, 2], [100, 50, 3])
    for rows, want in [
        (draw_rows(label, shots=5, seed=0), [5, 5, 3]),
        (draw_rows(label, fraction=0.1, seed=0), [10, 5, 1]),
        (draw_rows(label, seed=0), [100, 50, 3]),
    ]:
        assert np.bincount(label[rows]).tolist() == want and len(set(rows.tolist())) == len(rows)
    assert draw_rows(label, shots=5, seed=0).tolist() == draw_rows(label, shots=5, seed=0).tolist()
    assert draw_rows(label, shots=5, seed=0).tolist() != draw_rows(label, shots=5, seed=1).tolist()


def test_draws_are_kept_apart():
    (x, y), (z, t) = data(120, 0), data(80, 1)
    probe = linear_probe(x, y, z, t, shots=2, draws=3)
    assert probe.right.shape == (3, 80) and probe.train_rows.tolist() == [6, 6, 6]
    assert len(set(probe.accuracy.tolist())) > 1
    alone = linear_probe(x, y, z, t, shots=2, draws=1, seed=2)
    assert (alone.predicted[0] == probe.predicted[2]).all()


def test_bad_budgets_are_named():
    with pytest.raises(ValueError, match="single class"):
        linear_probe(np.eye(3), [1, 1, 1], np.eye(3), [1, 1, 1])
    for wrong in (dict(fraction=0.0), dict(fraction=0.5, shots=3)):
        with pytest.raises(ValueError, match="either fraction in"):
            draw_rows(np.arange(4), **wrong, seed=0)
    with pytest.raises(ValueError, match="shots must be at least 1"):
        draw_rows(np.arange(4), shots=0, seed=0)
