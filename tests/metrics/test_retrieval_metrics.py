"""Retrieval metrics: the definitions written out, parity with scikit-learn, ties as the mean over random orders."""

import math
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from jointspace.metrics import retrieval as m
from jointspace.metrics.ranking import rank_scores

GAINS = np.array([[3, 0, 1, 0, 2, 0, 0], [0, 0, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0]], dtype=float)


def positions(scores, gains):
    query, item = np.nonzero(gains)
    return rank_scores(scores, query, item, gains[query, item])


def slow(order, gains, k):
    """All metrics of one ranking (list of candidates, best first), straight from the definitions."""
    right = [gains[c] > 0 for c in order]
    total = sum(g > 0 for g in gains)
    first = right.index(True) + 1
    dcg = sum(gains[c] / math.log2(r + 2) for r, c in enumerate(order[:k]))
    ideal = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(gains, reverse=True)[:k]))
    precision_at = [sum(right[: r + 1]) / (r + 1) for r in range(len(order)) if right[r]]
    return {
        "hit_rate": float(any(right[:k])),
        "recall": sum(right[:k]) / total,
        "precision": sum(right[:k]) / k,
        "reciprocal_rank": 1 / first,
        "reciprocal_rank_k": 1 / first if first <= k else 0.0,
        "first_rank": first,
        "average_precision": sum(precision_at) / total,
        "ndcg": dcg / ideal,
    }


def fast(p, k):
    return {
        "hit_rate": m.hit_rate(p, k),
        "recall": m.recall(p, k),
        "precision": m.precision(p, k),
        "reciprocal_rank": m.reciprocal_rank(p),
        "reciprocal_rank_k": m.reciprocal_rank(p, k),
        "first_rank": m.first_rank(p),
        "average_precision": m.average_precision(p),
        "ndcg": m.ndcg(p, k),
    }


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_agrees_with_the_definitions(k):
    scores = np.random.default_rng(0).permuted(np.tile(np.arange(7.0), (3, 1)), axis=1)
    want = [slow(np.argsort(-row).tolist(), gains, k) for row, gains in zip(scores, GAINS, strict=True)]
    for name, values in fast(positions(scores, GAINS), k).items():
        np.testing.assert_allclose(values, [w[name] for w in want], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_ties_are_the_mean_over_all_orders(k, levels):
    scores = np.random.default_rng(levels).integers(0, levels, (3, 7)).astype(float)
    rows = []
    for row, gains in zip(scores, GAINS, strict=True):
        orders = {tuple(sorted(p, key=lambda c: -row[c])) for p in permutations(range(7))}  # stable: all tie orders
        each = [slow(list(order), gains, k) for order in orders]
        rows.append({name: np.mean([e[name] for e in each]) for name in each[0]})
    for name, values in fast(positions(scores, GAINS), k).items():
        np.testing.assert_allclose(values, [r[name] for r in rows], rtol=1e-10, err_msg=name)


def test_a_constant_scorer_gets_chance():
    n, gains = 50, np.eye(50)
    p = positions(np.zeros((n, n)), gains)
    assert m.first_rank(p).tolist() == [25.5] * n
    for k in (1, 5, 10):
        np.testing.assert_allclose(m.hit_rate(p, k), k / n, rtol=1e-14)
    np.testing.assert_allclose(m.reciprocal_rank(p), sum(1 / r for r in range(1, n + 1)) / n, rtol=1e-12)
    five = positions(np.zeros((1, 100)), np.r_[np.ones(5), np.zeros(95)][None])
    assert m.hit_rate(five, 10)[0] == pytest.approx(1 - math.comb(95, 10) / math.comb(100, 10), rel=1e-12)
    assert m.precision(five, 1)[0] == pytest.approx(0.05, rel=1e-14)
    ranked = positions(np.random.default_rng(0).normal(size=(n, n)), gains)
    np.testing.assert_allclose(m.hit_rate(ranked.constant(), 10), 10 / n, rtol=1e-14)


@pytest.mark.parametrize("k", [1, 5, 10, None])
@pytest.mark.parametrize("tied", [False, True])
def test_ndcg_equals_scikit_learn(k, tied):
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 8, (40, 60)).astype(float) if tied else rng.normal(size=(40, 60))
    gains = rng.integers(0, 4, (40, 60)) * (rng.random((40, 60)) < 0.2)
    gains[:, 0] = 1
    ours = m.ndcg(positions(scores, gains.astype(float)), k).mean()
    assert ours == pytest.approx(ndcg_score(gains, scores, k=k), rel=1e-12)


def test_average_precision_equals_scikit_learn():
    rng = np.random.default_rng(4)
    scores, gains = rng.normal(size=(30, 80)), (rng.random((30, 80)) < 0.1).astype(float)
    gains[:, 0] = 1
    want = [average_precision_score(g, s) for g, s in zip(gains, scores, strict=True)]
    np.testing.assert_allclose(m.average_precision(positions(scores, gains)), want, rtol=1e-12)


def test_exponential_gain_and_queries_without_answer():
    gains = np.array([[2.0, 0, 1], [0, 0, 0], [0, 1, 0]])
    scores = np.array([[1.0, 3, 2], [1, 2, 3], [1, 2, 3]])
    p = positions(scores, gains)
    assert p.queries.tolist() == [0, 2]
    want = (1 / math.log2(3) + 3 / math.log2(4)) / (3 + 1 / math.log2(3))
    np.testing.assert_allclose(m.ndcg(p, exponential=True), [want, 1 / math.log2(3)], rtol=1e-12)


def test_many_right_candidates_in_a_large_tie_stay_exact():
    p = positions(np.zeros((1, 4000)), np.r_[np.ones(1500), np.zeros(2500)][None])
    assert m.first_rank(p)[0] == pytest.approx(4001 / 1501)
    expected, alive = 0.0, 1.0
    for j in range(1, 2502):
        share = 1500 / (4001 - j)
        expected += alive * share / j
        alive *= 1 - share
    assert m.reciprocal_rank(p)[0] == pytest.approx(expected, rel=1e-9)
