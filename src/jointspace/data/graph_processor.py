"""Nodes of a graph -> the walks that are read, and a table of statistics of every node they pass."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws
from jointspace.data.graph import Graph, Node
from jointspace.data.processor import Augmentation, Processor
from jointspace.data.walk_statistics import (
    Vocabulary,
    WalkSettings,
    WalkStatistics,
    learn_vocabulary,
    shared_visits,
)
from jointspace.errors import DataError

SAME_GRAPH = 0.5  # share of the training edges from which on a graph is a later state of the training graph


class GraphProcessor(Processor):
    """Learns the vocabulary of anonymous walks and the degree buckets of the training graph, and keeps that graph.

    Items: `Node`, or bare names, which are nodes of the training graph. Of another graph only the neighbourhoods of the
    nodes asked for are walked. Where it holds half of the training graph's edges or more it is taken for a later state
    of it: global codes stay those of training, nodes that came since count for nothing in them. Otherwise it is a new
    graph with global codes of its own, and positions are comparable inside it alone.
    """

    modality: ClassVar[str] = "graph"
    learns = True
    random = True

    def __init__(self, settings: WalkSettings | None = None):
        self.settings = settings or WalkSettings()
        self.vocabulary = Vocabulary()
        self.graph: Graph | None = None
        self._tables: dict[str, WalkStatistics] = {}

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        return self.graph is not None

    def fit(self, items: Iterable[Any]) -> None:
        """From the nodes of the training rows, all of one graph. DataError for bare names or several graphs."""
        graph, nodes = self._of_one_graph(list(items))
        self.vocabulary = learn_vocabulary(graph, np.unique(nodes), self.settings)
        self.graph, self._tables = graph, {}

    def statistics(self, graph: Graph) -> WalkStatistics:
        """The statistics of a graph, kept for the last four graphs asked for."""
        if graph.fingerprint not in self._tables:
            known, salt = None, ""
            if self.graph is not None and graph.fingerprint != self.graph.fingerprint:
                if self.is_later(graph):
                    known = np.isin(graph.hashes, self.graph.hashes)
                else:
                    salt = graph.fingerprint
            self._tables[graph.fingerprint] = WalkStatistics(graph, self.settings, self.vocabulary, known, salt)
            for old in list(self._tables)[:-4]:
                del self._tables[old]
        return self._tables[graph.fingerprint]

    def is_later(self, graph: Graph) -> bool:
        """True for a graph that holds at least half of the training graph's edges."""
        assert self.graph is not None
        ours = self.graph.edge_keys()
        return len(ours) > 0 and float(np.isin(ours, graph.edge_keys()).mean()) >= SAME_GRAPH

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """B nodes -> "" (B, R, L) int64: the walks read from each, as rows of the tables of the U nodes they pass:
        shared_statistics (U, A + L e) and shared_code (U, C) float32.

        With `keys` (training) also `context` and `noise`, (B, R, L): the walks of a node that each row's walks visit
        and of one drawn by degree^.75; `weight` (B, B): how much context j belongs to row i. Contexts are drawn from
        the mean of the rows' visits q, and weigh P_ij / (B q_j): an unbiased estimate of the sum over all nodes.
        """
        graph, nodes = self._of_one_graph(items)
        table = self.statistics(graph)
        if table.graph is not graph:  # the same names and edges, numbered otherwise
            nodes = np.array([table.graph.index(graph.names[i]) for i in nodes], dtype=np.int64)
        parts = {"": table.read(nodes)}
        weight = None
        if keys is not None:
            walks = table.visits(nodes)
            lots = draws.uniform(keys, 2)
            steps = walks[:, :, 1:].reshape(len(nodes), -1)
            context = steps[np.arange(len(nodes)), (lots[:, 0] * steps.shape[1]).astype(np.int64)]
            visited = shared_visits(walks, context)
            weight = visited / visited.sum(axis=0)
            parts |= {"context": table.read(context), "noise": table.read(table.noise(lots[:, 1]))}
        passed, place = np.unique(np.stack(list(parts.values())), return_inverse=True)
        places = torch.from_numpy(place.reshape(len(parts), *parts[""].shape))
        batch = dict(zip(parts, places, strict=True))
        for name, rows in zip(("shared_statistics", "shared_code"), table.rows(passed), strict=True):
            batch[name] = torch.from_numpy(rows)
        return batch if weight is None else {**batch, "weight": torch.from_numpy(weight)}

    def _of_one_graph(self, items: Sequence[Any]) -> tuple[Graph, np.ndarray]:
        """The graph of all items and their indices, (B,) int64."""
        graph = next((item.graph for item in items if isinstance(item, Node)), self.graph)
        if graph is None:
            raise DataError(
                f"graph: {items[0]!r} is the name of a node, but of which graph? Load the rows with "
                "graph={'path': EDGES, 'source': ..., 'target': ...}"
            )
        for item in items:
            if isinstance(item, Node) and item.graph is not graph:
                raise DataError(
                    f"graph: nodes of {graph.name} and of {item.graph.name} in one batch; encode graph by graph, "
                    "train on their union (Graph.union)"
                )
        return graph, np.array([i.index if isinstance(i, Node) else graph.index(i) for i in items], dtype=np.int64)

    # Where it lives ---------------------------------------------------------------------------------------------------

    def config(self) -> dict[str, Any]:
        known = self.graph.fingerprint if self.graph is not None else None
        return {"settings": asdict(self.settings), "vocabulary": asdict(self.vocabulary), "graph": known}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GraphProcessor:
        made = cls(WalkSettings(**config["settings"]))
        made.vocabulary = Vocabulary(**config["vocabulary"])
        return made

    def save(self, folder: Path) -> None:
        """`walks.json` (vocabulary, buckets, scales) and `graph.npz` (the training graph)."""
        if self.graph is not None:
            (folder / "walks.json").write_text(json.dumps(asdict(self.vocabulary)) + "\n", encoding="utf-8")
            self.graph.save(folder)

    def load(self, folder: Path) -> None:
        """Read back what `save` wrote. DataError where a file cannot be read."""
        if not (folder / "walks.json").is_file():
            return
        try:
            self.vocabulary = Vocabulary(**json.loads((folder / "walks.json").read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{folder / 'walks.json'}: cannot be read ({error})") from None
        self.graph, self._tables = Graph.load(folder), {}
