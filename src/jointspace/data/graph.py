"""Graphs: nodes by name, neighbours as one CSR table, read from an edge list by column names.

Graphs are undirected and unweighted: edges given in one direction count in both, repeated edges once, self-loops not at
all. Neighbours are kept in an order that depends on names alone, so that nothing hangs on the order of a file's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data import draws
from jointspace.data.identity import combine, content_hash
from jointspace.errors import DataError, nearest


class Node:
    """One node of a graph: the item of the modality `graph`. Made by `graph[name]`."""

    __slots__ = ("graph", "index")

    def __init__(self, graph: Graph, index: int):
        self.graph, self.index = graph, index

    @property
    def name(self) -> Any:
        return self.graph.names[self.index]

    def __repr__(self) -> str:
        return f"Node({self.name!r} of {self.graph.name} {self.graph.fingerprint})"


class Graph:
    """N named nodes and E undirected edges as CSR: neighbours of node i are `indices[indptr[i]:indptr[i + 1]]`.

    names: list of N names (int or str), told apart by their text; indptr int64 (N + 1,), indices int64 (2 E,); hashes
    uint64 (N,): a number a name, from which random draws and orders come. `name` is for messages.
    """

    def __init__(self, names: Sequence[Any], source: np.ndarray, target: np.ndarray, name: str = "graph"):
        """source, target: (M,) int indices into `names`, in any direction, with or without repeats."""
        self.names, self.name = list(names), name
        n = len(self.names)
        self.hashes = _hashes(self.names)
        source, target = np.asarray(source, dtype=np.int64), np.asarray(target, dtype=np.int64)
        keep = source != target
        low, high = np.minimum(source, target)[keep], np.maximum(source, target)[keep]
        once = np.unique(low * n + high)
        self.self_loops, self.repeated = int((~keep).sum()), int(keep.sum() - len(once))
        low, high = once // max(n, 1), once % max(n, 1)
        row, column = np.concatenate([low, high]), np.concatenate([high, low])
        order = np.lexsort((self.hashes[column], row))
        self.indices = column[order]
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))]).astype(np.int64)

    @classmethod
    def from_edges(cls, source: Iterable[Any], target: Iterable[Any], nodes: Iterable[Any] = (), name: str = "graph"):
        """From two lists of names; `nodes`: further ones that may have no edge. Order: `nodes`, then as they appear."""
        source, target = _plain(source), _plain(target)
        if len(source) != len(target):
            raise DataError(f"{name}: {len(source)} sources, {len(target)} targets")
        for number, value in enumerate([v for pair in zip(source, target, strict=True) for v in pair]):
            if value is None or value != value:
                raise DataError(f"{name} row {number // 2}: an end of the edge is missing")
        place: dict[str, int] = {}
        names: list[Any] = []
        for value in [*_plain(nodes), *(v for pair in zip(source, target, strict=True) for v in pair)]:
            if str(value) not in place:
                place[str(value)] = len(names)
                names.append(value)
        start, end = (np.array([place[str(v)] for v in side], dtype=np.int64) for side in (source, target))
        return cls(names, start, end, name)

    # What it is -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Graph({self.name}: {len(self):,} nodes, {len(self.indices) // 2:,} edges)"

    @cached_property
    def degree(self) -> np.ndarray:
        """(N,) int64."""
        return np.diff(self.indptr)

    @cached_property
    def place(self) -> dict[str, int]:
        """Text of a name -> index."""
        return {str(name): i for i, name in enumerate(self.names)}

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over names and edges, whatever their order."""
        row = np.repeat(np.arange(len(self)), self.degree)
        pairs = np.sort(draws.key(self.hashes[row], self.hashes[self.indices]))
        both = combine(np.concatenate([np.sort(self.hashes), pairs]).view(np.int64))
        return f"{both & 0xFFFFFFFFFFFFFFFF:016x}"

    @property
    def edges(self) -> np.ndarray:
        """(E, 2) int64 indices, each edge once, the smaller index first."""
        row = np.repeat(np.arange(len(self)), self.degree)
        once = row < self.indices
        return np.stack([row[once], self.indices[once]], axis=1)

    def adjacency(self) -> Any:
        """scipy CSR matrix (N, N) of ones."""
        from scipy.sparse import csr_matrix

        return csr_matrix((np.ones(len(self.indices)), self.indices, self.indptr), shape=(len(self), len(self)))

    def edge_keys(self) -> np.ndarray:
        """A uint64 an edge that depends on the two names alone: how edges of two graphs are compared."""
        ends = np.sort(self.hashes[self.edges], axis=1)
        return draws.key(ends[:, 0], ends[:, 1]) if len(ends) else np.zeros(0, dtype=np.uint64)

    # Its nodes --------------------------------------------------------------------------------------------------------

    def index(self, name: Any) -> int:
        """Index of a node by name. DataError with the nearest name where there is none."""
        found = self.place.get(str(name))
        if found is None:
            raise DataError(f"{self.name}: no node {name!r}{nearest(str(name), list(self.place)[:5000])}")
        return found

    def __getitem__(self, name: Any) -> Node:
        return Node(self, self.index(name))

    def nodes(self, names: Iterable[Any] | None = None) -> list[Node]:
        """Nodes as items, all of them by default."""
        if names is None:
            return [Node(self, i) for i in range(len(self))]
        return [self[n.name if isinstance(n, Node) else n] for n in names]

    # Other graphs -----------------------------------------------------------------------------------------------------

    def select(self, keep: np.ndarray) -> Graph:
        """The graph of some nodes (bool (N,) or indices) and the edges between them."""
        index = np.flatnonzero(keep) if np.asarray(keep).dtype == bool else np.asarray(keep, dtype=np.int64)
        new = np.full(len(self), -1, dtype=np.int64)
        new[index] = np.arange(len(index))
        ends = new[self.edges]
        ends = ends[(ends >= 0).all(axis=1)]
        return Graph([self.names[i] for i in index], ends[:, 0], ends[:, 1], self.name)

    def union(self, *others: Graph) -> Graph:
        """All graphs side by side, without edges between them; nodes are called `<graph>/<name>`."""
        every = (self, *others)
        if len({g.name for g in every}) < len(every):
            raise DataError(f"union: graphs need different names, got {', '.join(g.name for g in every)}")
        starts = np.cumsum([0, *(len(g) for g in every)])
        ends = np.concatenate([g.edges + start for g, start in zip(every, starts, strict=False)])
        names = [f"{g.name}/{name}" for g in every for name in g.names]
        return Graph(names, ends[:, 0], ends[:, 1], "+".join(g.name for g in every))

    # Where it lives ---------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """`graph.npz` in `folder`: names (as JSON text) and edges; no pickle."""
        import json

        text = np.frombuffer(json.dumps([self.name, self.names], ensure_ascii=False).encode(), dtype=np.uint8)
        np.savez_compressed(folder / "graph.npz", names=text, edges=self.edges)

    @classmethod
    def load(cls, folder: Path) -> Graph:
        """Read back what `save` wrote. DataError where the file cannot be read."""
        import json

        try:
            with np.load(folder / "graph.npz", allow_pickle=False) as file:
                name, names = json.loads(file["names"].tobytes().decode())
                edges = file["edges"]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{folder / 'graph.npz'}: cannot be read ({error})") from None
        return cls(names, edges[:, 0], edges[:, 1], name)


def load_graph(
    path: Any, source: str = "source", target: str = "target", *, nodes: Any = None, node: str = "node", name: str = ""
) -> Graph:
    """A graph from an edge list: one row an edge, its ends in the columns `source` and `target`.

    path: parquet, CSV, TSV or JSON-lines file, `.npz` with two arrays of these names, catalogue table
    (`airports-usa/edges`), list of dicts, dict of lists, data frame; a Graph is returned as it is. nodes: a table whose
    column `node` lists nodes that may have no edge. Directed edges and repeats: see `Graph`.

    Raises DataError: unknown column (with the nearest name), unreadable file, missing end (with its row).
    """
    from jointspace.data.sources import read_source

    if isinstance(path, Graph):
        return path
    if isinstance(path, Mapping) and "path" in path:
        return load_graph(**_known_options(path))
    if isinstance(path, str | Path) and Path(path).suffix == ".npz":
        ends: list[Any] = [*_arrays(Path(path), source, target)]
        label = Path(path).stem
    else:
        table = read_source(path, {"source": source, "target": target})
        ends, label = [table.column("source"), table.column("target")], table.name
    more = [] if nodes is None else read_source(nodes, {"node": node}).column("node")
    return Graph.from_edges(ends[0], ends[1], nodes=more, name=name or label)


def attach(data: Any, graph: Graph, field: str = "graph") -> Any:
    """The Dataset of the same rows whose `field` holds nodes of `graph` in place of their names; None: all nodes.

    Raises DataError where a row's name is no node (with file and row) or the field is missing.
    """
    from jointspace.data.dataset import load_data

    if data is None:
        return load_data({"id": [str(n) for n in graph.names], field: graph.nodes()})
    if field not in data.fields:
        raise DataError(f"{data.name}: no field {field!r}; name the column with the nodes: columns={{{field}: COLUMN}}")
    items = []
    for i, name in enumerate(data.column(field)):
        if str(name) not in graph.place:
            raise DataError(f"{data.where(i)}: {graph.name} has no node {name!r}{nearest(str(name), graph.place)}")
        items.append(graph[name])
    rest = {f: data.column(f) for f in data.fields if f not in (field, "id")}
    ids = data.column("id") if "id" in data.fields else [str(item.name) for item in items]
    ids = ids if len(set(map(str, ids))) == len(ids) else data.ids
    return load_data({"id": [str(i) for i in ids], field: items, **rest})


def _hashes(names: Sequence[Any]) -> np.ndarray:
    """(N,) uint64, a number a name; 7 and "7" are one name, whichever way a file gives it."""
    texts = [str(name) for name in names]
    if texts and all(t.isdecimal() and len(t) < 19 and str(int(t)) == t for t in texts):
        return draws.key(0, "node", np.array([int(t) for t in texts], dtype=np.int64))
    return np.array([content_hash(t) for t in texts], dtype=np.int64).view(np.uint64)


def _plain(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    known = ("path", "source", "target", "nodes", "node", "name")
    for key in options:
        if key not in known:
            raise DataError(f"graph: unknown option {key!r}{nearest(key, known)}")
    return dict(options)


def _arrays(path: Path, *names: str) -> list[np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in names:
                if name not in file:
                    raise DataError(f"{path}: no array {name!r}{nearest(name, file.files)}")
            return [file[name] for name in names]
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


__all__ = ["Graph", "Node", "attach", "load_graph"]
