"""Graphs: edge lists by column names, names, neighbours, unions."""

import numpy as np
import pytest

import jointspace as js
from jointspace.data.graph import Graph, Node, attach, load_graph
from jointspace.errors import DataError


def square():
    return Graph.from_edges(["a", "b", "c", "d"], ["b", "c", "d", "a"], nodes=["lonely"], name="square")


def test_edges_are_symmetric_once_and_never_loops():
    graph = Graph.from_edges([1, 2, 1, 3, 1], [2, 1, 2, 3, 3])
    assert graph.names == [1, 2, 3] and graph.degree.tolist() == [2, 1, 1]
    assert (graph.self_loops, graph.repeated) == (1, 2)
    assert sorted(map(tuple, graph.edges.tolist())) == [(0, 1), (0, 2)]
    assert (graph.adjacency() != graph.adjacency().T).nnz == 0


def test_nothing_hangs_on_the_order_of_the_file():
    graph = square()
    turned = Graph.from_edges(["d", "c", "b", "a"], ["a", "d", "c", "b"], nodes=["d", "lonely"])
    assert graph.fingerprint == turned.fingerprint
    for name in graph.names:
        mine, theirs = ([g.names[j] for j in _neighbours(g, name)] for g in (graph, turned))
        assert mine == theirs
    assert graph.fingerprint != Graph.from_edges(["a"], ["b"]).fingerprint
    assert Graph([7, 8], [0], [1]).fingerprint == Graph(["7", "8"], [0], [1]).fingerprint


def _neighbours(graph, name):
    i = graph.index(name)
    return graph.indices[graph.indptr[i] : graph.indptr[i + 1]]


def test_edge_lists_of_every_form_by_column_names(tmp_path):
    (tmp_path / "flights.csv").write_text("from,to\nATL,JFK\nJFK,LAX\n")
    (tmp_path / "flights.jsonl").write_text('{"from": "ATL", "to": "JFK"}\n{"from": "JFK", "to": "LAX"}\n')
    np.savez(tmp_path / "flights.npz", **{"from": np.array(["ATL", "JFK"]), "to": np.array(["JFK", "LAX"])})
    prints = {load_graph(tmp_path / f"flights.{kind}", "from", "to").fingerprint for kind in ("csv", "jsonl", "npz")}
    rows = [{"from": "ATL", "to": "JFK"}, {"from": "JFK", "to": "LAX"}]
    assert prints == {load_graph(rows, "from", "to").fingerprint}
    again = load_graph({"path": rows, "source": "from", "target": "to", "nodes": [{"node": "SFO"}]})
    assert again.names == ["SFO", "ATL", "JFK", "LAX"]


def test_errors_name_what_is_wrong(tmp_path):
    (tmp_path / "flights.csv").write_text("from,to\nATL,JFK\n")
    with pytest.raises(DataError, match="no column 'form'.*did you mean from"):
        load_graph(tmp_path / "flights.csv", "form", "to")
    with pytest.raises(DataError, match="square: no node 'e'"):
        square().index("e")
    with pytest.raises(DataError, match="unknown option 'sorce'.*did you mean source"):
        load_graph({"path": "x.csv", "sorce": "from"})
    with pytest.raises(DataError, match="row 1: an end of the edge is missing"):
        Graph.from_edges(["a", None], ["b", "c"])
    with pytest.raises(DataError, match="different names"):
        square().union(square())


def test_rows_of_nodes_with_labels():
    data = js.load_data({"graph": ["a", "c"], "label": [0, 1]}, graph=square())
    assert isinstance(data[0]["graph"], Node) and data[1]["graph"].name == "c" and data.column("label") == [0, 1]
    assert data.ids == ["a", "c"]
    everyone = js.load_data(graph=square(), limit=3)
    assert [row["graph"].name for row in everyone] == ["lonely", "a", "b"]
    with pytest.raises(DataError, match="row 1: square has no node 'x'"):
        js.load_data({"graph": ["a", "x"]}, graph=square())
    with pytest.raises(DataError, match="no field 'graph'"):
        attach(js.load_data({"label": [1]}), square())
    other = Graph.from_edges(["a", "a"], ["b", "c"])
    assert js.load_data(graph=square()).fingerprint != js.load_data(graph=other).fingerprint


def test_parts_and_unions():
    graph = square()
    part = graph.select(np.array([n != "b" for n in graph.names]))
    assert len(part) == 4 and len(part.edges) == 2
    other = Graph.from_edges(["a"], ["b"], name="pair")
    both = graph.union(other)
    assert len(both) == 7 and len(both.edges) == 5 and both["pair/a"].name == "pair/a"


def test_saved_and_read_again(tmp_path):
    graph = square()
    graph.save(tmp_path)
    back = Graph.load(tmp_path)
    assert back.names == graph.names and back.fingerprint == graph.fingerprint and back.name == "square"
    (tmp_path / "graph.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read"):
        Graph.load(tmp_path)


def test_catalogue_tables_are_edge_lists():
    from jointspace.data import catalogue

    if catalogue.locate("airports-brazil") is None:
        pytest.skip("airports-brazil is not on this machine")
    graph = load_graph("airports-brazil/edges", nodes="airports-brazil/nodes")
    assert len(graph) == 131 and len(graph.edges) + graph.self_loops + graph.repeated == 1074


def test_an_edge_list_named_on_the_command_line():
    from jointspace.cli.options import parse_graph
    from jointspace.errors import ConfigError

    assert parse_graph(None) is None and parse_graph("a/edges.csv") == {"path": "a/edges.csv"}
    assert parse_graph("e.csv:from,to") == {"path": "e.csv", "source": "from", "target": "to"}
    with pytest.raises(ConfigError, match="EDGES:SOURCE,TARGET"):
        parse_graph("e.csv:from,")
