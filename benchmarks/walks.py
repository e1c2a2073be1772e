"""How fast random walks are made on a graph of a million edges, beside pecanpy and a plain Python loop.

    python benchmarks/walks.py [--edges 1000000] [--nodes 100000] [--count 5] [--length 20] [--pecanpy PYTHON]
        [--write]

pecanpy wants an older NumPy, so it runs in an environment of its own: `python -m venv E && E/bin/pip install pecanpy`,
then `--pecanpy E/bin/python`. Its compilation is not counted (one walk a node is made first); both run on one thread.
Prints steps a second of CPU time, best of three, and the ratio ours / theirs; --write puts them into README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import table

from jointspace.data.graph import Graph
from jointspace.data.walks import random_walks

PECANPY = """
import json, sys, time
import numba
numba.set_num_threads(1)
from pecanpy.pecanpy import FirstOrderUnweighted
path, count, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
graph = FirstOrderUnweighted(p=1, q=1, workers=1)
graph.read_edg(path, weighted=False, directed=False)
graph.preprocess_transition_probs()
graph.simulate_walks(1, length)
seconds = []
for _ in range(3):
    begun = time.process_time()
    walks = graph.simulate_walks(count, length)
    seconds.append(time.process_time() - begun)
print(json.dumps({"walks": len(walks), "seconds": min(seconds)}))
"""


def town(nodes: int, edges: int, seed: int = 0) -> Graph:
    """Random edges whose ends follow a heavy-tailed law, as real graphs have them."""
    rng = np.random.default_rng(seed)
    ends = (nodes * rng.random((2, int(edges * 1.06))) ** 1.5).astype(np.int64)
    return Graph(range(nodes), ends[0], ends[1], "town")


def plain(graph: Graph, count: int, length: int, seed: int = 0) -> list[list[int]]:
    """The loop that one would write."""
    rng = np.random.default_rng(seed)
    neighbours = np.split(graph.indices, graph.indptr[1:-1])
    walks = []
    for node in range(len(graph)):
        for _ in range(count):
            walk = [node]
            for _ in range(length):
                around = neighbours[walk[-1]]
                walk.append(int(around[int(rng.random() * len(around))]) if len(around) else walk[-1])
            walks.append(walk)
    return walks


def best(function: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        function()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def pecanpy(python: str, graph: Graph, count: int, length: int) -> float:
    """Seconds of pecanpy in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.edg"
        np.savetxt(path, graph.edges, fmt="%d", delimiter="\t")
        done = subprocess.run(
            [python, "-c", PECANPY, str(path), str(count), str(length)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"pecanpy failed: {done.stderr.strip().splitlines()[-1]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=5, help="walks a node")
    parser.add_argument("--length", type=int, default=20, help="steps a walk")
    parser.add_argument("--pecanpy", help="a Python that has pecanpy")
    parser.add_argument("--write", action="store_true", help="also write the table into README.md")
    asked = parser.parse_args()
    graph = town(asked.nodes, asked.edges)
    steps = len(graph) * asked.count * asked.length
    print(f"{len(graph):,} nodes, {len(graph.edges):,} edges, {steps:,} steps")
    everyone = np.arange(len(graph))
    ours = best(lambda: random_walks(graph, everyone, count=asked.count, length=asked.length))
    slow = best(lambda: plain(graph, 1, asked.length), times=1) * asked.count
    found = {"jointspace": ours, "Python loop": slow}
    if asked.pecanpy:
        found["pecanpy"] = pecanpy(asked.pecanpy, graph, asked.count, asked.length)
    rows = [(name, f"{steps / seconds / 1e6:.2f}", f"{seconds / ours:.2f}") for name, seconds in found.items()]
    for name, speed, ratio in rows:
        print(f"{name:12} {speed:>8} M steps/s   ratio ours / theirs {ratio:>6}")
    if asked.write:
        about = (
            f"Random walks of {asked.length} steps, {asked.count} a node, on {len(graph):,} nodes and "
            f"{len(graph.edges):,} edges; pecanpy (p = q = 1) as it returns them, lists of names. CPU time."
        )
        table.write("walks", about, ["what", "M steps/s", "ours / theirs"], rows, 1)


if __name__ == "__main__":
    main()
