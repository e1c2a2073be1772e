"""Random walks, anonymous walks and the statistics counted on them: IRWE's exact checks."""

import numpy as np
import pytest

from jointspace.data.graph import Graph
from jointspace.data.walk_statistics import (
    Vocabulary,
    WalkSettings,
    WalkStatistics,
    learn_vocabulary,
    shared_visits,
)
from jointspace.data.walks import (
    all_walks,
    anonymous,
    decode_walk,
    possible_walks,
    random_walks,
    transition_average,
    walk_codes,
)
from jointspace.errors import ConfigError

K3 = Graph([0, 1, 2], [0, 1, 2], [1, 2, 0])


def star(leaves=4):
    return Graph(range(leaves + 1), [0] * leaves, range(1, leaves + 1))


def ring(n=7):
    return Graph(range(n), range(n), (np.arange(n) + 1) % n)


def exact(graph, node, length):
    """Anonymous walk -> probability."""
    walks, chance = all_walks(graph, node, length)
    found = {}
    for ranks, p in zip(anonymous(walks).tolist(), chance, strict=True):
        found[tuple(ranks)] = found.get(tuple(ranks), 0.0) + p
    return found


def test_anonymous_walk_of_the_sheet():
    assert anonymous(np.array([7, 3, 7, 9, 3])).tolist() == [0, 1, 0, 2, 1]
    assert anonymous(np.array([[4, 4, 4], [1, 2, 1]])).tolist() == [[0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("length", "count"), zip(range(1, 8), (1, 2, 5, 15, 52, 203, 877), strict=True))
def test_number_of_anonymous_walks_by_brute_force(length, count):
    complete = Graph(range(length + 1), *np.triu_indices(length + 1, 1))
    walks = all_walks(complete, 0, length)[0] if length < 6 else None
    if walks is None:  # growth strings without repeats of a neighbour, grown one place at a time
        grown = [[0]]
        for _ in range(length):
            grown = [g + [r] for g in grown for r in range(max(g) + 2) if r != g[-1]]
        walks = np.array(grown)
    assert len(np.unique(walk_codes(anonymous(walks)))) == count == possible_walks(length)


def test_codes_can_be_read_back():
    ranks = anonymous(all_walks(K3, 0, 4)[0])
    assert [decode_walk(code, 5) for code in walk_codes(ranks).tolist()] == ranks.tolist()


def test_exact_probabilities_of_triangle_and_star():
    assert exact(K3, 0, 2) == pytest.approx({(0, 1, 0): 0.5, (0, 1, 2): 0.5})
    k = 4
    assert exact(star(k), 0, 2) == pytest.approx({(0, 1, 0): 1.0})
    assert exact(star(k), 1, 2) == pytest.approx({(0, 1, 0): 1 / k, (0, 1, 2): (k - 1) / k})


def test_sampling_agrees_with_enumeration_within_four_standard_errors():
    for graph, node in ((K3, 0), (star(), 1), (star(), 0)):
        walks = random_walks(graph, [node], count=4000, length=2, seed=3)[0]
        for ranks, p in exact(graph, node, 2).items():
            share = (anonymous(walks) == ranks).all(axis=1).mean()
            assert abs(share - p) <= 4 * np.sqrt(p * (1 - p) / 4000) + 1e-12


def test_walks_follow_edges_and_an_isolated_walk_stays():
    graph = Graph(range(5), [0, 1, 2], [1, 2, 0])  # 3 and 4 are isolated
    walks = random_walks(graph, np.arange(5), count=50, length=4)
    linked = graph.adjacency().toarray()
    assert (linked[walks[:3, :, :-1], walks[:3, :, 1:]] == 1).all()
    assert (walks[3:] == np.array([3, 4])[:, None, None]).all()
    assert exact(graph, 3, 3) == {(0, 0, 0, 0): 1.0}
    assert (random_walks(Graph([0], [], []), [0], count=2, length=3) == 0).all()


def test_walks_are_pure_in_seed_and_name():
    graph = ring(40)
    some = random_walks(graph, [5, 9], count=6, length=5, seed=1)
    assert (some[::-1] == random_walks(graph, [9, 5], count=6, length=5, seed=1)).all()
    assert (some[:, :3] == random_walks(graph, [5, 9], count=3, length=5, seed=1)).all()
    assert (some != random_walks(graph, [5, 9], count=6, length=5, seed=2)).any()
    order = np.random.default_rng(0).permutation(40)  # the same nodes and edges, numbered otherwise
    place = np.argsort(order)
    turned = Graph([graph.names[i] for i in order], place[graph.edges[:, 0]], place[graph.edges[:, 1]])
    theirs = random_walks(turned, place[[5, 9]], count=6, length=5, seed=1)
    assert (order[theirs] == some).all()


def test_transitions_sum_to_one_and_k2_is_even():
    assert transition_average(Graph([0, 1], [0], [1]), 2).toarray() == pytest.approx(np.full((2, 2), 0.5))
    graph = Graph(range(6), [0, 0, 1, 2], [1, 2, 3, 3])  # 4 and 5 are isolated
    assert transition_average(graph, 5).sum(axis=1).A1 == pytest.approx(np.ones(6))


def test_visits_estimate_the_transitions():
    graph = star(6)
    walks = random_walks(graph, np.arange(7), count=3000, length=3)
    want = transition_average(graph, 3).toarray()
    found = shared_visits(walks, np.array([2, 0, 0, 5]))
    assert found == pytest.approx(want[:, [2, 0, 0, 5]], abs=0.02)
    assert shared_visits(walks, np.arange(7)).sum(axis=1) == pytest.approx(np.ones(7), abs=1e-6)


def settings(**fields):
    return WalkSettings(**{"length": 3, "walks": 300, "read": 2, "buckets": 4, "code_dim": 8, **fields})


def test_shares_sum_to_one():
    graph, s = star(9), settings()
    features, codes = WalkStatistics(graph, s, learn_vocabulary(graph, np.arange(10), s)).rows(np.arange(10))
    assert features.shape == (10, s.slots + 4 * s.buckets) and codes.shape == (10, 8)
    assert features[:, : s.slots].sum(axis=1) == pytest.approx(np.ones(10), abs=1e-5)
    blocks = features[:, s.slots :].reshape(10, 4, s.buckets)
    assert blocks.sum(axis=2) == pytest.approx(np.ones((10, 4)), abs=1e-5)


def test_unknown_walks_are_dropped_or_share_a_slot():
    path = Graph([0, 1], [0], [1])
    lean = learn_vocabulary(path, np.arange(2), settings())  # only (0, 1, 0, 1)
    features, _ = WalkStatistics(K3, settings(), lean).rows(np.arange(3))
    assert (features[:, : settings().slots].sum(axis=1) < 0.5).all()
    few = settings(max_walks=2)
    crowded = learn_vocabulary(K3, np.arange(3), few)
    assert crowded.crowded and len(crowded.codes) == 1
    features, _ = WalkStatistics(K3, few, crowded).rows(np.arange(3))
    assert features[:, :2].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_exact_statistics_are_equal_for_automorphic_nodes():
    graph, s = ring(), settings()
    table = WalkStatistics(graph, s, learn_vocabulary(graph, np.arange(7), s))
    rows = [table.count(*(x[None] for x in all_walks(graph, v, 3))) for v in range(7)]
    assert np.ptp(np.concatenate(rows), axis=0).max() < 1e-6


def test_global_codes_keep_inner_products():
    """E[Theta Theta^T] = I: the mean over 2,000 draws within 5 standard errors."""
    n, width = 4, 8
    graph = Graph(range(n), [0, 1, 2], [1, 2, 3])
    draws = np.stack(
        [
            WalkStatistics(graph, settings(code_dim=width, seed=seed), Vocabulary(codes=[0])).theta
            for seed in range(2000)
        ]
    )
    products = np.einsum("kic,kjc->kij", draws, draws)
    error = products.std(axis=0) / np.sqrt(2000)
    assert (np.abs(products.mean(axis=0) - np.eye(n)) < 5 * error).all()


def test_buckets_are_spread_on_a_log_scale():
    graph = star(200)
    log, linear = (learn_vocabulary(graph, np.arange(201), settings(bucket_scale=k)) for k in ("log", "linear"))
    assert log.edges[0] < 4 < 50 < linear.edges[0]
    with pytest.raises(ConfigError, match="bucket_scale: 'lag'.*did you mean log"):
        settings(bucket_scale="lag")
    with pytest.raises(ConfigError, match="1 to 14 steps"):
        settings(length=15)
    with pytest.raises(ConfigError, match="read"):
        settings(read=301)
