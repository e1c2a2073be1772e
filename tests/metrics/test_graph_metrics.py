"""Modularity, normalised cut, link prediction, node classification by shuffles: closed forms and slow definitions."""

import networkx
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from jointspace.metrics.graph import link_prediction, modularity, normalised_cut
from jointspace.metrics.shuffled_probe import shuffled_probe

TWO = np.kron(np.eye(2), 1 - np.eye(4))  # two 4-cliques


def test_two_cliques():
    labels = np.repeat([0, 1], 4)
    assert modularity(csr_matrix(TWO), labels) == pytest.approx(0.5)
    assert normalised_cut(csr_matrix(TWO), labels) == 0
    assert modularity(csr_matrix(TWO), np.zeros(8)) == pytest.approx(0)
    assert modularity(csr_matrix((3, 3)), np.arange(3)) == 0 == normalised_cut(csr_matrix((3, 3)), np.arange(3))
    split = TWO.copy()
    split[0, 4] = split[4, 0] = 1
    assert normalised_cut(csr_matrix(split), labels) == pytest.approx(2 / 13)


def test_agrees_with_networkx():
    graph = networkx.karate_club_graph()
    matrix = csr_matrix(networkx.to_numpy_array(graph, weight=None))
    labels = np.arange(34) % 4
    groups = [set(np.flatnonzero(labels == k)) for k in range(4)]
    want = networkx.community.modularity(graph, groups, weight=None)
    assert modularity(matrix, labels) == pytest.approx(want)
    want = sum(networkx.cut_size(graph, g, weight=None) / networkx.volume(graph, g, weight=None) for g in groups)
    assert normalised_cut(matrix, labels) == pytest.approx(want)


def test_links_between_like_nodes_are_predicted():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 60)
    x = np.stack([2.0 * group - 1, np.ones(60)], axis=1)
    pairs = rng.integers(0, 60, (600, 2))
    pairs = pairs[(group[pairs[:, 0]] == group[pairs[:, 1]]) & (pairs[:, 0] != pairs[:, 1])]
    assert link_prediction(x, pairs[:150], pairs[150:200]) > 0.7
    assert link_prediction(rng.normal(size=(60, 2)), pairs[:150], pairs[150:200]) < 0.7
    with pytest.raises(ValueError, match="too dense"):
        link_prediction(np.ones((3, 1)), np.array([[0, 1], [1, 2]]), np.array([[0, 2]]))


def test_shuffles_read_what_is_there_and_noise_gives_chance():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    clear = np.eye(4)[labels] + 0.1 * rng.normal(size=(200, 4))
    probe = shuffled_probe(clear, labels, shuffles=3)
    assert probe.micro.shape == (3,) and probe.macro.min() == 1.0
    assert abs(shuffled_probe(rng.normal(size=(200, 4)), labels).macro.mean() - 0.25) < 0.06
    test = np.arange(200) % 5 == 0
    assert shuffled_probe(clear, labels, shuffles=2, test=test).macro.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="single class"):
        shuffled_probe(clear, np.zeros(200))
    with pytest.raises(ValueError, match="3 marks for 200 rows"):
        shuffled_probe(clear, labels, test=test[:3])


def test_several_labels_a_node_give_as_many_as_there_are():
    rng = np.random.default_rng(0)
    truth = rng.random((150, 3)) < 0.5
    truth[~truth.any(axis=1), 0] = True
    probe = shuffled_probe(truth * 4.0 + 0.1 * rng.normal(size=(150, 3)), truth, fraction=0.5, shuffles=2)
    assert probe.micro.min() > 0.98
    with pytest.raises(ValueError, match="no label"):
        shuffled_probe(truth * 1.0, np.zeros((150, 2), dtype=bool))
