"""Alignment, uniformity and modality gap: closed forms and the definitions written out."""

import math

import numpy as np
import pytest

from jointspace.metrics.geometry import alignment, modality_gap, uniformity

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(30, 5)), rng.normal(size=(30, 5))


def units(x):
    return [row / np.linalg.norm(row) for row in x]


def test_closed_forms():
    axes = np.eye(4)
    assert alignment(X, X) == pytest.approx(0) and alignment(X, -X) == pytest.approx(4)
    assert alignment(axes, axes[[1, 0, 3, 2]]) == pytest.approx(2)
    assert uniformity(np.ones((5, 3))) == pytest.approx(0)
    assert uniformity(axes) == pytest.approx(-4)  # every pair at squared distance 2, t = 2
    assert modality_gap(X, X) == 0 and modality_gap(np.ones((3, 2)), -np.ones((4, 2))) == pytest.approx(2)


def test_agree_with_the_definitions():
    x, y = units(X), units(Y)
    assert alignment(X, Y, power=3) == pytest.approx(np.mean([np.linalg.norm(a - b) ** 3 for a, b in zip(x, y)]))
    pairs = [math.exp(-2 * np.sum((x[i] - x[j]) ** 2)) for i in range(30) for j in range(i)]
    assert uniformity(X) == pytest.approx(math.log(np.mean(pairs)), rel=1e-12)
    assert modality_gap(X, Y) == pytest.approx(np.linalg.norm(np.mean(x, axis=0) - np.mean(y, axis=0)))


def test_blocks_length_and_rotation_do_not_matter():
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert uniformity(X, block=7) == pytest.approx(uniformity(X)) == pytest.approx(uniformity(3 * X @ turn))
    assert alignment(X @ turn, 2 * Y @ turn) == pytest.approx(alignment(X, Y))


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="shapes differ"):
        alignment(X, Y[:3])
    with pytest.raises(ValueError, match="two rows, got 1"):
        uniformity(X[:1])
    with pytest.raises(ValueError, match=r"expected \(N, D\)"):
        modality_gap(X[0], Y)
