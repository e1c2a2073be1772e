"""`world/graph`: two tables, nodes and edges, of graphs with planted communities and structural roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.world import graphs
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.graphs import NODES, ROLES, Planted, planted_graph
from jointspace.world.panel import INK, PALE, blank, font

COLOURS = {
    "hub": (214, 40, 40),
    "spoke": (240, 165, 60),
    "clique": (38, 80, 200),
    "chain": (44, 150, 60),
    "bridge": (126, 50, 160),
    "filler": (110, 110, 110),
}


@dataclass(frozen=True)
class GraphControls:
    """communities: communities of 24 nodes in a graph. rewire: share of edges moved at random. label: which truth the
    column `label` holds, community or role. features: share of a node's words that are its community's own.
    """

    communities: int = 12
    rewire: float = 0.05
    label: str = "community"
    features: float = 0.3

    def __post_init__(self) -> None:
        check_range("graph", "communities", self.communities, 3, 10_000)
        check_range("graph", "rewire", self.rewire, 0, 1)
        check_range("graph", "features", self.features, 0, 1)
        check_names("graph", "label", self.label, ("community", "role"))


class _Graphs(WorldSet):
    """Both tables: graph g has the nodes g * size .. (g + 1) * size - 1, size = 24 * communities."""

    name = "graph"
    Controls = GraphControls
    BLOCK = 1024

    @property
    def size(self) -> int:
        """Nodes of one graph."""
        return NODES * self.controls.communities

    def planted(self, number: int) -> Planted:
        """The truth of graph `number`."""
        return planted_graph(self.seed, int(number), self.controls.communities, self.controls.rewire)

    def drawn(self, number: int, nodes: Sequence[int]) -> np.ndarray:
        """Graph `number` as a picture, nodes by colour of their role, `nodes` (numbers inside the graph) ringed."""
        p, side = self.planted(number), 320
        where = graphs.layout(self.controls.communities)[p.community, p.place] * (side - 24) + 12
        sheet, pen = blank(2 * side, 2 * side)  # drawn twice as large, then halved: smooth lines
        for (a, b), moved in zip(p.edges, p.rewired, strict=True):
            line = [tuple(2 * where[a]), tuple(2 * where[b])]
            pen.line(line, fill=(228, 170, 160) if moved else (150, 155, 165), width=1 if moved else 3)
        for v, (x, y) in enumerate(2 * where):
            r = 9 if p.role[v] == 0 else 6
            if v in nodes:
                pen.ellipse((x - 18, y - 18, x + 18, y + 18), outline=INK, width=4)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=COLOURS[ROLES[p.role[v]]])
        for j, role in enumerate(ROLES):
            y = side - 60 + 22 * j
            pen.ellipse((side - 50, y, side - 38, y + 12), fill=COLOURS[role])
            pen.text((side - 30, y - 5), role, fill=PALE, font=font(20))
        return np.asarray(sheet.resize((side, side)))


class GraphSet(_Graphs):
    """The nodes. Row i is node i; 24 * communities rows make a graph, a pure function of (seed, its number, controls).

    `tables()` and `edges()` hold whole graphs: nodes are written up to the end of the last graph that n reaches into.
    """

    FIELDS = {
        "node": "number of the node, int64",
        "label": "community or role (control `label`), int64",
        "split": "train (20 %), validation (20 %) or test",
        "feature_index": "numbers of the node's words, at most 10 of 10 * communities, sorted",
        "graph": "number of the graph the node is in, int64",
        "community": "community inside the graph, int64",
        "role": "hub, spoke, clique, chain, bridge or filler",
    }

    def tables(self) -> dict[str, WorldSet]:
        whole = self.size * -(-self.n // self.size)
        return {"nodes": GraphSet(whole, self.seed, self.controls, self.fields), "edges": self.edges()}

    def edges(self) -> EdgeSet:
        """The edges of the graphs that these nodes are in."""
        return EdgeSet(self.n, self.seed, self.controls)

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        nodes = np.asarray(indices, dtype=np.int64)
        number, inside = nodes // self.size, nodes % self.size
        community, role = np.empty_like(nodes), np.empty_like(nodes)
        for g in np.unique(number):
            these, planted = number == g, self.planted(g)
            community[these], role[these] = planted.community[inside[these]], planted.role[inside[these]]
        out: Columns = {"node": nodes, "graph": number, "community": community}
        out["label"] = community if self.controls.label == "community" else role
        out["role"] = [ROLES[r] for r in role]
        if "split" in fields:
            u = uniform(key(self.seed, "split", nodes), 1)[:, 0]
            out["split"] = np.array(["train", "validation", "test"])[np.searchsorted([0.2, 0.4], u, "right")].tolist()
        if "feature_index" in fields:
            c = self.controls
            out["feature_index"] = graphs.words(self.seed, nodes, community, c.communities, c.features)
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        return self.drawn(row["node"] // self.size, [row["node"] % self.size])

    def words(self, row: Mapping[str, Any]) -> str:
        return f"node {row['node']}, {row['role']} of community {row['community']}" if "role" in row else str(row)


class EdgeSet(_Graphs):
    """The edges of the graphs that the first `nodes` nodes are in, each once, source < target, 30 a community."""

    FIELDS = {
        "source": "number of a node, int64",
        "target": "number of a node, int64",
        "rewired": "the edge was moved at random, bool",
    }

    def __init__(self, nodes: int = 1000, seed: int = 0, controls: Any = None, fields: Sequence[str] | None = None):
        super().__init__(nodes, seed, controls, fields)
        self.n = self.per_graph * -(-self.n // self.size)

    @property
    def per_graph(self) -> int:
        """Edges of one graph."""
        return (len(graphs.EDGES) + 1) * self.controls.communities

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        edges = np.asarray(indices, dtype=np.int64)
        number, inside = edges // self.per_graph, edges % self.per_graph
        ends, rewired = np.empty((len(edges), 2), dtype=np.int64), np.empty(len(edges), dtype=bool)
        for g in np.unique(number):
            these, planted = number == g, self.planted(g)
            ends[these] = planted.edges[inside[these]] + g * self.size
            rewired[these] = planted.rewired[inside[these]]
        return {"source": ends[:, 0], "target": ends[:, 1], "rewired": rewired}

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        return self.drawn(row["source"] // self.size, [row["source"] % self.size, row["target"] % self.size])

    def words(self, row: Mapping[str, Any]) -> str:
        return f"{row['source']} - {row['target']}"
