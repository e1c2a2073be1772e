"""Graphs with two planted truths: who is near whom (community) and who plays the same part (role).

Every community is one template of 24 nodes: a hub with 8 spokes, two 4-cliques, a 5-chain, a bridge and a filler that
hangs on a spoke; one node of each clique, the chain's end and the bridge are attached to the hub, bridges of the
communities form a ring, and a share of the edges is rewired at random. Communities know nothing of roles and roles
nothing of communities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform

ROLES = ("hub", "spoke", "clique", "chain", "bridge", "filler")
_HUB, _SPOKES, _CLIQUES, _CHAIN, _BRIDGE, _FILLER = 0, range(1, 9), (range(9, 13), range(13, 17)), range(17, 22), 22, 23
TEMPLATE = np.array([0] + [1] * 8 + [2] * 8 + [3] * 5 + [4] + [5])  # role of each node of a community
NODES = len(TEMPLATE)


def _template_edges() -> np.ndarray:
    edges = [(_HUB, s) for s in _SPOKES]
    edges += [(a, b) for clique in _CLIQUES for a in clique for b in clique if a < b]
    edges += [(a, a + 1) for a in _CHAIN[:-1]]
    edges += [(_HUB, clique[0]) for clique in _CLIQUES] + [(_HUB, _CHAIN[0]), (_HUB, _BRIDGE)]
    return np.array([*edges, (_SPOKES[0], _FILLER)])


EDGES = _template_edges()


@dataclass(frozen=True)
class Planted:
    """One graph of N nodes: community (N,), role (N,) index into ROLES, edges (E, 2) source < target and sorted,
    rewired (E,) bool, place (N,) number of the node inside its community's template."""

    community: np.ndarray
    role: np.ndarray
    place: np.ndarray
    edges: np.ndarray
    rewired: np.ndarray


@lru_cache(maxsize=32)
def planted_graph(seed: int, number: int, communities: int, rewire: float) -> Planted:
    """Graph `number` of a seed: nodes in random order, N = 24 * communities, E = 30 * communities."""
    own = key(seed, "graph", number)
    n = NODES * communities
    base = NODES * np.arange(communities)
    inside = (EDGES[None] + base[:, None, None]).reshape(-1, 2)
    ring = np.stack([base + _BRIDGE, np.roll(base, -1) + _BRIDGE], axis=1)
    edges, moved = _rewired(np.concatenate([inside, ring]), n, rewire, own)
    order = permutation(own, n)  # template node -> node
    edges = np.sort(order[edges], axis=1)
    sort = np.lexsort((edges[:, 1], edges[:, 0]))
    back = np.argsort(order)
    return Planted(back // NODES, TEMPLATE[back % NODES], back % NODES, edges[sort], moved[sort])


def _rewired(edges: np.ndarray, n: int, rewire: float, own: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """Each edge with probability `rewire` lets go of one end and takes a random node: no loops, no double edges."""
    keys = key(own, "edge", np.arange(len(edges)))
    moved = uniform(keys, 1)[:, 0] < rewire
    targets, ends = integers(keys, n, 16, stream=1), integers(keys, 2, 1, stream=2)[:, 0]
    out = edges.copy()
    known = {(min(a, b), max(a, b)) for a, b in edges.tolist()}
    for e in np.flatnonzero(moved):
        stays = int(edges[e, ends[e]])
        free = (int(t) for t in targets[e] if t != stays and (min(t, stays), max(t, stays)) not in known)
        target = next(free, None)
        if target is None:  # sixteen taken nodes in a row: a graph too dense to rewire here
            moved[e] = False
            continue
        known.remove((min(edges[e]), max(edges[e])))
        known.add((min(target, stays), max(target, stays)))
        out[e] = stays, target
    return out, moved


def words(seed: int, nodes: np.ndarray, community: np.ndarray, communities: int, share: float) -> list[np.ndarray]:
    """Sorted word numbers of each node, at most 10 out of 10 * communities: `share` of them of its community's ten."""
    keys = key(seed, "words", nodes)
    own = uniform(keys, 10, stream=1) < share
    word = integers(keys, 10 * communities, 10, stream=2)
    word = np.where(own, 10 * community[:, None] + word % 10, word)
    return [np.unique(row) for row in word]


def layout(communities: int) -> np.ndarray:
    """Where the template nodes of all communities lie on a drawing: (communities, 24, 2) in 0..1."""
    degrees = np.zeros(NODES)
    radius = np.zeros(NODES)
    degrees[list(_SPOKES)], radius[list(_SPOKES)] = np.linspace(115, 255, 8), 0.62
    degrees[list(_CHAIN)], radius[list(_CHAIN)] = 30, np.linspace(0.34, 1.1, 5)
    degrees[_BRIDGE], radius[_BRIDGE] = 0, 0.8
    degrees[_FILLER], radius[_FILLER] = 115, 1.0
    local = radius[:, None] * np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    for clique, angle in zip(_CLIQUES, (78, -55), strict=True):
        square = np.array([[-0.17, 0], [0, 0.17], [0.17, 0], [0, -0.17]]) @ _turn(np.radians(angle)).T
        local[list(clique)] = 0.78 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) + square
    angles = 2 * np.pi * np.arange(communities) / communities
    size = 0.95 * min(np.sin(np.pi / communities) / (1 + np.sin(np.pi / communities)), 0.3)
    middle = 0.5 + (0.5 - 0.55 * size) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.stack([m + 0.48 * size * local @ _turn(a + np.pi).T for m, a in zip(middle, angles, strict=True)])


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
