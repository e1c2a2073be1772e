"""Random walks on a graph and what is counted on them; everything is vectorised and a pure function of a seed.

A walk of length l has l + 1 nodes w(0) .. w(l), w(0) where it starts, each next node drawn evenly from the neighbours;
at an isolated node the walk stays. Shapes: n nodes, c walks a node, L = l + 1 places.

Anonymous walks: Micali and Zhu, "Reconstructing Markov processes from independent and anonymous experiments", 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jointspace.data import draws

if TYPE_CHECKING:
    from jointspace.data.graph import Graph

CHUNK = 1 << 21  # random numbers made at a time


def random_walks(graph: Graph, nodes: Any, *, count: int, length: int, seed: int = 0) -> np.ndarray:
    """(n, count, length + 1) int64: walks from `nodes` (n,), indices.

    Pure in (seed, name of the node, walk, step) and the neighbourhoods it meets: the order of nodes, other rows of the
    call and larger `count` change none of the walks.
    """
    nodes = np.asarray(nodes, dtype=np.int64)
    out = np.empty((len(nodes), count, length + 1), dtype=np.int64)
    rows = max(1, CHUNK // max(1, count * length))
    for start in range(0, len(nodes), rows):
        part = nodes[start : start + rows]
        lots = draws.uniform(draws.key(seed, "walk", graph.hashes[part]), count * length)
        _walk(graph, part, lots.reshape(len(part), count, length), out[start : start + rows])
    return out


def _walk(graph: Graph, nodes: np.ndarray, lots: np.ndarray, out: np.ndarray) -> None:
    here = np.repeat(nodes, lots.shape[1])
    out[:, :, 0] = nodes[:, None]
    lonely = bool((graph.degree == 0).any())
    last = max(len(graph.indices) - 1, 0)
    for step in range(lots.shape[2]):
        degree = graph.degree[here]
        place = graph.indptr[here] + (lots[:, :, step].ravel() * degree).astype(np.int64)
        if lonely:
            moved = graph.indices[np.minimum(place, last)] if len(graph.indices) else here
            here = np.where(degree > 0, moved, here)
        else:
            here = graph.indices[place]
        out[:, :, step + 1] = here.reshape(out.shape[:2])


def all_walks(graph: Graph, node: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Every walk from a node, (m, length + 1), and its probability, (m,): exact statistics of small graphs."""
    walks, chance = np.array([[node]], dtype=np.int64), np.ones(1)
    for _ in range(length):
        last = walks[:, -1]
        degree = np.maximum(graph.degree[last], 1)
        owner = np.repeat(np.arange(len(walks)), degree)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(degree) - degree, degree)
        lonely = graph.degree[last[owner]] == 0
        place = np.minimum(graph.indptr[last[owner]] + offset, max(len(graph.indices) - 1, 0))
        following = np.where(lonely, last[owner], graph.indices[place] if len(graph.indices) else last[owner])
        walks = np.concatenate([walks[owner], following[:, None]], axis=1)
        chance = chance[owner] / degree[owner]
    return walks, chance


def anonymous(walks: np.ndarray) -> np.ndarray:
    """(..., L) nodes -> (..., L) int64: each node by the rank of its first appearance, (7, 3, 7, 9) -> (0, 1, 0, 2)."""
    places = walks.shape[-1]
    out = np.zeros(walks.shape, dtype=np.int64)
    seen = np.ones(walks.shape[:-1], dtype=np.int64)  # distinct nodes so far
    for j in range(1, places):
        rank = seen.copy()
        for k in range(j):
            np.copyto(rank, out[..., k], where=walks[..., k] == walks[..., j])
        out[..., j] = rank
        seen += rank == seen
    return out


def walk_codes(ranks: np.ndarray) -> np.ndarray:
    """(..., L) anonymous walks -> (...) int64, one number a walk: digits to the base L (L at most 15)."""
    places = ranks.shape[-1]
    return ranks @ (places ** np.arange(places - 1, -1, -1, dtype=np.int64))


def decode_walk(code: int, places: int) -> list[int]:
    """The anonymous walk of a code."""
    return [code // places**k % places for k in range(places - 1, -1, -1)]


def possible_walks(length: int) -> int:
    """Number of anonymous walks of a length without self-loops: 1, 2, 5, 15, 52, ... (Bell numbers)."""
    row = [1]
    for _ in range(length - 1):
        following = [row[-1]]
        for value in row:
            following.append(following[-1] + value)
        row = following
    return row[-1]


def transition_average(graph: Graph, length: int) -> Any:
    """P = (1 / l) sum over t = 1 .. l of (D^-1 A)^t: scipy CSR (N, N) whose rows sum to 1 (isolated nodes stay)."""
    from scipy.sparse import csr_matrix, diags

    lonely = (graph.degree == 0).astype(float)
    step = csr_matrix(diags(1.0 / np.maximum(graph.degree, 1)) @ graph.adjacency() + diags(lonely))
    power, total = step, step
    for _ in range(length - 1):
        power = power @ step
        total = total + power
    return csr_matrix(total / length)
