"""What random walks say of a node: anonymous walks, degrees along the way, nodes visited.

Shapes: n nodes, c walks a node, L = length + 1 places, A slots of the vocabulary, e buckets, C width of a global code.
Source: the walk statistics of IRWE (Qin and Yeung, arXiv 2401.00651).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data import draws
from jointspace.data.walks import anonymous, decode_walk, possible_walks, random_walks, walk_codes
from jointspace.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from jointspace.data.graph import Graph

SAMPLE = 20_000  # nodes whose walks make the vocabulary of a larger graph
SCALES = ("log", "linear")


@dataclass
class WalkSettings:
    """length: steps of a walk; walks: walks a node that are counted; read: of these, how many are read as sentences;
    buckets: of degrees; bucket_scale: log (most airports share one linear bucket) or linear; max_walks: anonymous walks
    kept at most, the rest share one slot; code_dim: width of a global code; seed: of walks and codes."""

    length: int = 5
    walks: int = 1000
    read: int = 5
    buckets: int = 16
    bucket_scale: str = "log"
    max_walks: int = 1000
    code_dim: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.length <= 14:
            raise ConfigError(f"length: walks have 1 to 14 steps, got {self.length}")
        if not 1 <= self.read <= self.walks:
            raise ConfigError(f"read: from 1 to walks ({self.walks}), got {self.read}")
        if self.bucket_scale not in SCALES:
            raise ConfigError(f"bucket_scale: {self.bucket_scale!r}{nearest(self.bucket_scale, SCALES)}")
        if self.buckets < 1 or self.max_walks < 2 or self.code_dim < 1:
            raise ConfigError("buckets and code_dim must be at least 1, max_walks at least 2")

    @property
    def places(self) -> int:
        return self.length + 1

    @property
    def slots(self) -> int:
        """Width A of the walk counts: all that are possible, one for isolated nodes, at most `max_walks`."""
        return min(possible_walks(self.length) + 1, self.max_walks)

    @property
    def features(self) -> int:
        """Width of [s || delta]."""
        return self.slots + self.places * self.buckets


@dataclass
class Vocabulary:
    """What the training graph fixes. codes: anonymous walks by falling count; edges: inner borders of the degree
    buckets; scale: root mean squares of s, delta and the global code on the training rows."""

    codes: list[int] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    crowded: bool = False  # more walks were seen than there are slots: the last slot is for all others

    def one_hot(self, settings: WalkSettings) -> tuple[np.ndarray, np.ndarray]:
        """rho (A, L * L) float32, the rank at each place one-hot, and which slots are in use, (A,) bool."""
        places = settings.places
        rho = np.zeros((settings.slots, places, places), dtype=np.float32)
        for slot, code in enumerate(self.codes):
            rho[slot, np.arange(places), decode_walk(code, places)] = 1
        used = np.arange(settings.slots) < len(self.codes) + self.crowded
        return rho.reshape(settings.slots, -1), used


def learn_vocabulary(graph: Graph, nodes: np.ndarray, settings: WalkSettings) -> Vocabulary:
    """From the walks of training nodes (a sample where there are more than `SAMPLE`). DataError for no node."""
    if len(nodes) == 0:
        raise DataError(f"{graph.name}: no node to learn from")
    some = np.sort(draws.permutation(draws.key(settings.seed, "sample"), len(nodes))[:SAMPLE])
    walks = random_walks(graph, nodes[some], count=settings.walks, length=settings.length, seed=settings.seed)
    codes, counts = np.unique(walk_codes(anonymous(walks)), return_counts=True)
    order = np.lexsort((codes, -counts))
    crowded = len(codes) > settings.slots
    kept = codes[order][: settings.slots - crowded]
    degree = graph.degree[nodes]
    low, high = max(1, int(degree.min())), max(2, int(degree.max()))
    space = np.geomspace if settings.bucket_scale == "log" else np.linspace
    found = Vocabulary(kept.tolist(), space(low, high + 1, settings.buckets + 1)[1:-1].tolist(), crowded=bool(crowded))
    table = WalkStatistics(graph, settings, found)
    features, code = table.rows(nodes[some])
    parts = (features[:, : settings.slots], features[:, settings.slots :], code)
    found.scale = [float(np.sqrt(np.mean(np.square(part)))) or 1.0 for part in parts]
    return found


class WalkStatistics:
    """Statistics of the nodes of one graph under a vocabulary; each node is counted once, when first asked for.

    known: bool (N,), the nodes whose visits count for the global code and their codes' names (None = all): a graph that
    grew keeps the codes of the nodes it was learnt on. salt: another one = other global codes.
    """

    def __init__(
        self,
        graph: Graph,
        settings: WalkSettings,
        vocabulary: Vocabulary,
        known: np.ndarray | None = None,
        salt: str = "",
    ):
        self.graph, self.settings, self.vocabulary, self.known, self.salt = graph, settings, vocabulary, known, salt
        self._done = np.zeros(len(graph), dtype=bool)
        self._features = np.zeros((len(graph), settings.features), dtype=np.float32)
        self._codes = np.zeros((len(graph), settings.code_dim), dtype=np.float32)
        self._theta: np.ndarray | None = None
        self._noise: np.ndarray | None = None
        self.bucket = np.searchsorted(np.asarray(vocabulary.edges), graph.degree, side="right")

    def visits(self, nodes: np.ndarray) -> np.ndarray:
        """All walks (n, c, L) int64 of some nodes."""
        s = self.settings
        return random_walks(self.graph, nodes, count=s.walks, length=s.length, seed=s.seed)

    def read(self, nodes: np.ndarray) -> np.ndarray:
        """The walks that are read, (n, read, L) int64: the first of `visits`."""
        s = self.settings
        return random_walks(self.graph, nodes, count=s.read, length=s.length, seed=s.seed)

    def rows(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[s || delta] (n, A + L e) float32 and global codes r Theta (n, C) float32. s, and each step's part of delta,
        are shares of the walks: they sum to 1, s by less where walks are not in the vocabulary."""
        nodes = np.asarray(nodes, dtype=np.int64)
        missing = np.unique(nodes[~self._done[nodes]])
        rows = max(1, (1 << 21) // (self.settings.walks * self.settings.places))
        for start in range(0, len(missing), rows):
            part = missing[start : start + rows]
            walks = self.visits(part)
            weight = np.full(walks.shape[:2], 1.0 / walks.shape[1])
            self._features[part] = self.count(walks, weight)
            self._codes[part] = self.global_code(walks, weight)
            self._done[part] = True
        return self._features[nodes], self._codes[nodes]

    def count(self, walks: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """walks (n, c, L) of weight (n, c) -> [s || delta] (n, A + L e)."""
        s, n = self.settings, len(walks)
        row = np.repeat(np.arange(n), walks.shape[1])
        codes = walk_codes(anonymous(walks)).ravel()
        known = np.asarray(self.vocabulary.codes, dtype=np.int64)
        order = np.argsort(known)
        found = np.minimum(np.searchsorted(known[order], codes), len(known) - 1)
        slot = np.where(known[order][found] == codes, order[found], s.slots - 1 if self.vocabulary.crowded else -1)
        keep = slot >= 0
        shares = np.bincount(row[keep] * s.slots + slot[keep], weight.ravel()[keep], n * s.slots).reshape(n, s.slots)
        parts = [shares]
        for step in range(s.places):
            cell = row * s.buckets + self.bucket[walks[:, :, step].ravel()]
            parts.append(np.bincount(cell, weight.ravel(), n * s.buckets).reshape(n, s.buckets))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def global_code(self, walks: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """r Theta (n, C): r the shares of visits over the nodes that count, together 1 (0 where none is visited); Theta
        (N, C) from N(0, 1 / C), fixed."""
        from scipy.sparse import csr_matrix

        n, places = len(walks), walks.shape[2]
        row = np.repeat(np.arange(n), walks.shape[1] * places)
        if self.known is not None:  # a new node's code would be short, since walks come back to it most
            counted = np.einsum("nc,nc->n", weight, self.known[walks].mean(axis=2))
            weight = weight / np.maximum(counted, 1e-12)[:, None]
        share = np.repeat(weight.ravel() / places, places)
        r = csr_matrix((share, (row, walks.ravel())), shape=(n, len(self.graph)))
        return (r @ self.theta).astype(np.float32)

    @property
    def theta(self) -> np.ndarray:
        """(N, C) float32: a row for each node, made from its name; 0 for nodes that are not `known`."""
        if self._theta is None:
            s = self.settings
            keys = draws.key(s.seed, "theta", self.salt, self.graph.hashes)
            blocks = [draws.normal(keys[i : i + 65536], s.code_dim) for i in range(0, len(keys), 65536)]
            theta = np.concatenate(blocks or [np.zeros((0, s.code_dim))]) / np.sqrt(s.code_dim)
            if self.known is not None:
                theta[~self.known] = 0
            self._theta = theta.astype(np.float32)
        return self._theta

    def noise(self, lots: np.ndarray) -> np.ndarray:
        """Nodes drawn in proportion to degree^.75, one for each number of [0, 1)."""
        if self._noise is None:
            self._noise = np.cumsum(np.maximum(self.graph.degree, 1e-9) ** 0.75)
        return np.minimum(np.searchsorted(self._noise, lots * self._noise[-1], side="right"), len(self.graph) - 1)


def shared_visits(walks: np.ndarray, contexts: Sequence[int] | np.ndarray) -> np.ndarray:
    """walks (n, c, L), contexts (m,) nodes -> (n, m) float32: share of the steps 1 .. l from each row that are at each
    context, an estimate of P = (1 / l) sum (D^-1 A)^t that needs no matrix of the whole graph."""
    nodes, place = np.unique(np.asarray(contexts), return_inverse=True)
    flat = walks[:, :, 1:].reshape(len(walks), -1)
    slot = np.full(int(max(flat.max(initial=0), nodes.max(initial=0))) + 1, len(nodes))  # the last slot: no context
    slot[nodes] = np.arange(len(nodes))
    cell = slot[flat] + (len(nodes) + 1) * np.arange(len(walks))[:, None]
    counts = np.bincount(cell.ravel(), minlength=len(walks) * (len(nodes) + 1)).reshape(len(walks), -1)
    return (counts[:, place] / flat.shape[1]).astype(np.float32)


__all__ = ["Vocabulary", "WalkSettings", "WalkStatistics", "learn_vocabulary", "shared_visits"]
