"""Planted graphs: the truths are what the edges say, and neither truth is read off degrees or words alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.graphs import ROLES, planted_graph


def colours(n, edges, rounds=6):
    """Weisfeiler-Lehman: nodes that look alike to 6 hops get the same number."""
    near = [[] for _ in range(n)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    colour = [0] * n
    for _ in range(rounds):
        seen = [(colour[v], tuple(sorted(colour[u] for u in near[v]))) for v in range(n)]
        names = {s: k for k, s in enumerate(sorted(set(seen)))}
        colour = [names[s] for s in seen]
    return np.array(colour)


def test_pinned():
    rows = world.make("graph", n=288, seed=5)
    assert (rows.digest(), rows.edges().digest()) == ("8dee20386195171d", "1b7fe98328ccdd97")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), communities=st.integers(3, 12), rewire=st.sampled_from([0.0, 0.05, 0.5]))
def test_counts_loops_and_double_edges(seed, communities, rewire):
    p = planted_graph(seed, 0, communities, rewire)
    n = 24 * communities
    assert len(p.community) == n and len(p.edges) == 30 * communities
    assert (p.edges[:, 0] < p.edges[:, 1]).all() and 0 <= p.edges.min() and p.edges.max() < n
    assert len(np.unique(p.edges, axis=0)) == len(p.edges)
    assert (np.bincount(p.community) == 24).all()
    assert np.bincount(p.role).tolist() == [c * communities for c in (1, 8, 8, 5, 1, 1)]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_oracle_reads_both_truths_off_a_graph_without_rewiring(seed):
    p = planted_graph(seed, 0, 12, 0.0)
    assert not p.rewired.any()
    alike = colours(288, p.edges)
    assert all(len(set(p.role[alike == c])) == 1 for c in set(alike)), "who looks alike plays the same role"
    bridge = p.role == ROLES.index("bridge")
    inside = p.edges[~(bridge[p.edges[:, 0]] & bridge[p.edges[:, 1]])]
    graph = coo_matrix((np.ones(len(inside)), inside.T), shape=(288, 288))
    parts, label = connected_components(graph, directed=False)
    assert parts == 12 and len(set(zip(label, p.community, strict=True))) == 12, "cut the ring: communities fall apart"


def test_rewiring_has_its_share():
    share = np.mean([planted_graph(seed, 0, 12, 0.05).rewired.mean() for seed in range(40)])
    assert share == pytest.approx(0.05, abs=0.008)


def test_tables_hold_whole_graphs():
    rows = world.make("graph", n=300, seed=1)
    tables = rows.tables()
    assert list(tables) == ["nodes", "edges"] and len(rows) == 300
    assert len(tables["nodes"]) == 576 and len(tables["edges"]) == 720
    edges = tables["edges"].columns()
    assert (edges["source"] // 288 == edges["target"] // 288).all(), "graphs are apart"
    nodes = tables["nodes"].columns()
    assert (nodes["node"] == np.arange(576)).all() and (nodes["label"] == nodes["community"]).all()
    assert {"train", "validation", "test"} == set(nodes["split"])
    roles = world.make("graph", n=288, seed=1, label="role").columns("label", "role")
    assert [ROLES[k] for k in roles["label"]] == roles["role"] == nodes["role"][:288]


def probe(x, y, train):
    model = LogisticRegression(max_iter=300).fit(x[train], y[train])
    return f1_score(y[~train], model.predict(x[~train]), average="macro")


def test_ceilings_of_degree_number_and_words():
    tables = world.make("graph", n=10 * 288, seed=0).tables()
    nodes, edges = tables["nodes"].columns(), tables["edges"].columns()
    degree = np.bincount(np.concatenate([edges["source"], edges["target"]]), minlength=2880)
    role = np.array([ROLES.index(r) for r in nodes["role"]])
    train = nodes["graph"] < 5
    one_hot = np.eye(degree.max() + 1)[degree]
    words = np.zeros((2880, 120))
    for v, index in enumerate(nodes["feature_index"]):
        words[v, index] = 1
    assert probe(one_hot, role, train) < 0.65
    assert probe(words, role, train) < 0.2
    assert probe(words, nodes["community"], train) < 0.8  # words help, they do not tell
    within = np.arange(288) % 5 != 0
    assert probe(one_hot[:288], nodes["community"][:288], within) < 0.2
    assert probe(np.arange(288)[:, None] / 288, nodes["community"][:288], within) < 0.2


def test_bad_controls():
    with pytest.raises(ConfigError, match="communities must be in 3"):
        world.make("graph", n=1, communities=2)
    with pytest.raises(ConfigError, match="label: no 'roles'.*role"):
        world.make("graph", n=1, label="roles")
