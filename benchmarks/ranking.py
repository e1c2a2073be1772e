"""How fast and in how much memory right candidates are ranked among a million.

    python benchmarks/ranking.py [--candidates 1000000] [--dim 384] [--queries 1000] [--right 1] [--write]

Prints seconds, pairs scored a second and the peak of memory beyond the vectors (limit 200 MB), and beside it the plain
way for as many queries as fit: all scores at once, sorted. --write puts the table into README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time

import numpy as np
import table

from jointspace.metrics import retrieval
from jointspace.metrics.ranking import rank


def resident() -> int:
    """Bytes of memory this process holds now."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Peak:
    """The most memory held inside a `with` block beyond what was held at its start, sampled every 5 ms."""

    def __enter__(self) -> Peak:
        self.start = self.most = resident()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.005):
            self.most = max(self.most, resident())

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    @property
    def megabytes(self) -> float:
        return (self.most - self.start) / 1e6


def threads() -> int:
    """Of matrix products."""
    return int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))


def unit(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((n, d), dtype=np.float32)
    x /= np.sqrt(np.einsum("nd,nd->n", x, x))[:, None]
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("candidates", 1_000_000), ("dim", 384), ("queries", 1000), ("right", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--write", action="store_true", help="also write the table into README.md")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    candidates = unit(args.candidates, args.dim, rng)
    item = rng.integers(0, args.candidates, (args.queries, args.right))
    queries = candidates[item[:, 0]] + 5.0 * unit(args.queries, args.dim, rng)
    query = np.repeat(np.arange(args.queries), args.right)
    rank(queries[:2], candidates[:1000], [0, 1], [0, 1])  # libraries loaded, thread pool up
    with Peak() as peak:
        start = time.perf_counter()
        positions = rank(queries, candidates, query, item.ravel())
        seconds = time.perf_counter() - start
    few = max(1, min(args.queries, 200_000_000 // args.candidates))
    with Peak() as plain_peak:
        start = time.perf_counter()
        order = np.argsort(-(queries[:few] @ candidates.T), axis=1)
        place = (order == item[:few, :1]).argmax(axis=1) + 1
        plain = time.perf_counter() - start
    here = np.searchsorted(positions.query, np.arange(few))  # the first right candidate of each query
    better, equal = positions.better[here], positions.equal[here]  # scores within rounding count as equal
    agrees = (place - 1 >= better - 1) & (place - 1 <= better + equal + 1)
    found = {
        "candidates": args.candidates,
        "dim": args.dim,
        "queries": args.queries,
        "right_per_query": args.right,
        "seconds": round(seconds, 2),
        "million_pairs_a_second": round(args.queries * args.candidates / seconds / 1e6),
        "megabytes_beyond_vectors": round(peak.megabytes, 1),
        "plain_queries": few,
        "plain_million_pairs_a_second": round(few * args.candidates / plain / 1e6),
        "plain_megabytes": round(plain_peak.megabytes, 1),
        "ratio_speed": round(plain / few / (seconds / args.queries), 1),
        "ranks_agree_within_rounding": bool(args.right > 1 or agrees.all()),
        "r@10": float(retrieval.hit_rate(positions, 10).mean()),
    }
    if args.write:
        rows = [(name.replace("_", " "), f"{v:,}" if type(v) is int else v) for name, v in found.items()]
        about = "Right candidates ranked among all by blocks, and the plain way (all scores at once, sorted) beside it."
        table.write("ranking", about, ["what", "measured"], rows, threads())
    print(json.dumps(found))
    if peak.megabytes > 200:
        sys.exit(f"{peak.megabytes:.0f} MB beyond the vectors, the limit is 200")


if __name__ == "__main__":
    main()
