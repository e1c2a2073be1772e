"""Positions of the right candidates: against counting by hand, whatever the blocks, with ties and exclusions."""

import numpy as np
import pytest

from jointspace.metrics.ranking import rank, rank_groups, rank_scores
from jointspace.metrics.relevance import indices_of, pairs_with_equal_keys, spread, unique_pairs


def unit(n, d=16, seed=0, dtype=np.float32):
    x = np.random.default_rng(seed).normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)


def by_hand(scores, query, item, dropped=()):
    better, equal = [], []
    for q, i in zip(query, item, strict=True):
        others = [j for j in range(scores.shape[1]) if (q, j) not in dropped and j != i]
        better.append(sum(scores[q, j] > scores[q, i] for j in others))
        equal.append(sum(scores[q, j] == scores[q, i] for j in others))
    return better, equal


@pytest.mark.parametrize("per_query", [1, 3, 9])
@pytest.mark.parametrize("scorer", ["dot", "cosine", "euclidean"])
@pytest.mark.parametrize("block_bytes", [1, 4096, 48 << 20])
def test_counts_as_by_hand_in_any_blocks(per_query, scorer, block_bytes):
    rng = np.random.default_rng(1)
    q, c = rng.integers(-2, 3, (30, 3)).astype(np.float64), rng.integers(-2, 3, (300, 3)).astype(np.float64)
    query, item = np.repeat(np.arange(30), per_query), rng.integers(0, 300, 30 * per_query)
    query, item, _ = unique_pairs(query, item)
    exclude = (rng.integers(0, 30, 200), rng.integers(0, 300, 200))
    dropped = set(zip(*(x.tolist() for x in exclude), strict=True))
    if scorer == "dot":
        scores = q @ c.T
    elif scorer == "cosine":
        u, v = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (q, c))
        scores = np.round(u @ v.T, 9)
    else:
        scores = -np.square(q[:, None] - c[None]).sum(-1)
    p = rank(q, c, query, item, exclude=exclude, scorer=scorer, block_bytes=block_bytes)
    keep = [(a, b) not in dropped for a, b in zip(query, item, strict=True)]
    better, equal = by_hand(scores, query[keep], item[keep], dropped)
    assert p.query.tolist() == query[keep].tolist() and p.item.tolist() == item[keep].tolist()
    assert p.better.tolist() == better and p.equal.tolist() == equal
    assert p.candidates.tolist() == [300 - sum(a == k for a, _ in dropped) for k in range(30)]


def test_scores_that_exist_rank_the_same_way():
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 6, (20, 50)).astype(float)
    query, item = np.repeat(np.arange(20), 4), rng.integers(0, 50, 80)
    query, item, _ = unique_pairs(query, item)
    exclude = (np.arange(20), np.arange(20))
    dropped = {(k, k) for k in range(20)}
    p = rank_scores(scores, query, item, exclude=exclude)
    better, equal = by_hand(scores, p.query, p.item, dropped)
    assert p.better.tolist() == better and p.equal.tolist() == equal


def test_equal_float32_vectors_tie_wherever_they_lie():
    base = unit(1, 384)
    c = np.repeat(base, 1000, axis=0)
    p = rank(unit(50, 384, seed=3), c, np.arange(50), np.arange(50) * 17, block_bytes=1 << 17)
    assert (p.better == 0).all() and (p.equal == 999).all() and (p.ranks == 500.5).all()


def test_a_constant_scorer_is_the_constant_of_positions():
    p = rank(unit(9), unit(40, seed=1), np.arange(9), np.arange(9))
    constant = p.constant()
    assert (constant.ranks == 20.5).all() and (constant.candidates == 40).all()


def test_float32_ranks_agree_with_float64():
    q, c = unit(200, 64), unit(3000, 64, seed=1)
    item = np.arange(200)
    single = rank(q, c, item, item)
    double = rank(q.astype(np.float64), c.astype(np.float64), item, item)
    assert np.abs(single.ranks - double.ranks).max() <= 1


def test_an_orthogonal_map_and_a_permutation_of_candidates_change_nothing():
    q, c = unit(40, dtype=np.float64), unit(200, seed=1, dtype=np.float64)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0]
    order = np.random.default_rng(6).permutation(200)
    place = np.argsort(order)
    item = np.arange(40)
    plain, turned = rank(q, c, item, item), rank(q @ turn, (c @ turn)[order], item, place[item])
    assert (plain.better == turned.better).all() and (plain.equal == turned.equal).all()


def test_groups_rank_within_themselves():
    scores = np.array([0.5, 0.9, 0.5, 0.1, 0.1, 0.1, 0.7])
    group = np.array([0, 1, 0, 0, 1, 1, 1])
    gain = np.array([1, 0, 0, 2, 1, 0, 0])
    p = rank_groups(scores, group, gain)
    assert p.query.tolist() == [0, 0, 1] and p.item.tolist() == [0, 3, 4]
    assert p.better.tolist() == [0, 2, 2] and p.equal.tolist() == [1, 0, 1] and p.candidates.tolist() == [3, 4]


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(q=np.zeros((3, 5))), r"expected \(Q, D\) and \(N, D\)"),
        (dict(item=[0, 1, 99]), "candidate 99 is out of range, there are 40"),
        (dict(gain=[0, 0, 0]), "no query has a right candidate"),
        (dict(scorer="cosin"), "none of dot, cosine, euclidean"),
    ],
)
def test_bad_input_is_named(change, message):
    given = dict(q=unit(3), c=unit(40, seed=1), query=[0, 1, 2], item=[0, 1, 2], gain=None, scorer="dot") | change
    with pytest.raises(ValueError, match=message):
        rank(given["q"], given["c"], given["query"], given["item"], given["gain"], scorer=given["scorer"])


def test_a_vector_that_is_not_finite_is_named():
    c = unit(40, seed=1)
    c[17, 3] = np.nan
    with pytest.raises(ValueError, match="candidates row 17 is not finite"):
        rank(unit(3), c, [0, 1, 2], [0, 1, 2])


def test_pairs_of_equal_keys():
    query, item = pairs_with_equal_keys(np.array(["b", "x", "a"]), np.array(["a", "b", "b", "c"]))
    assert query.tolist() == [0, 0, 2] and item.tolist() == [1, 2, 0]
    query, item = spread(np.array([0, 1, 1]), np.array([1, 0, 2]), np.array([0, 2, 2, 5]))
    assert query.tolist() == [1, 1, 1, 1, 1] and item.tolist() == [0, 1, 2, 3, 4]
    assert indices_of(["c", "z", "a"], ["a", "b", "c"]).tolist() == [2, -1, 0]
    assert [x.tolist() for x in unique_pairs([1, 0, 1], [2, 3, 2], [1, 5, 7])] == [[0, 1], [3, 2], [5, 7]]
