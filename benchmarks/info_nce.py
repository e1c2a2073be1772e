"""How fast, and in how much memory, the contrastive loss is computed (forward and backward on given embeddings).

    python benchmarks/info_nce.py [--rows 8192] [--dim 256] [--rounds 5] [--threads 1] [--large 80000] [--json]
        [--write]

Arms alternate in one process; seconds are CPU seconds on one thread (wall seconds with more), the median of the rounds.
"limit" is the rate of a large matrix product in the same process. Peaks are those of a fresh process beyond the
embeddings, gradients included. `--large 0` leaves out the long run. --write puts
the table into README.md. THP_MEM_ALLOC_ENABLE=1 (huge pages) helps all arms.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import table
import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives.contrastive import block, info_nce

T = 0.07
PEAK = """
import torch
import torch.nn.functional as F
from jointspace.objectives import info_nce
torch.set_num_threads({threads})
def peak():  # kB; the kernel's ru_maxrss would start from the parent's peak
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
def unit(n): return F.normalize(torch.randn(n, {dim}), dim=-1).requires_grad_()
def full(q, k, temperature, symmetric):
    logits, target = q @ k.T / temperature, torch.arange(len(q))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
q, k = unit({rows}), unit({rows})
{loss}(q[:64], k[:64], temperature=0.07, symmetric=True).backward()
before = peak()
{loss}(q, k, temperature=0.07, symmetric=True).backward()
print((peak() - before) / 2**20)
"""


def unit(n: int, d: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=-1).requires_grad_()


def full_matrix(q: Tensor, k: Tensor, temperature: float = T) -> None:
    logits, target = q @ k.T / temperature, torch.arange(len(q))
    ((F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2).backward()


def plain(q: Tensor, k: Tensor, temperature: float = T) -> None:
    info_nce(q, k, temperature=temperature, symmetric=True).backward()


def recomputed(q: Tensor, k: Tensor) -> None:
    """As for a batch whose tiles do not fit the budget."""
    budget, block.KEEP_BYTES = block.KEEP_BYTES, 0
    try:
        plain(q, k)
    finally:
        block.KEEP_BYTES = budget


def loaded(q: Tensor, k: Tensor) -> None:
    """Content ids of both sides (one row in ten repeats another), row weights, three positives for one row in three."""
    n = len(q)
    generator = torch.Generator().manual_seed(5)
    query_ids, key_ids = torch.randint(0, 10 * n, (2, n), generator=generator)
    place = torch.arange(n)
    more = torch.where((place % 3 == 0)[:, None], torch.stack([place + 1, place + 2], 1) % n, -1)
    positives = torch.cat([place[:, None], more], 1)
    weights = torch.rand(n, generator=generator)
    info_nce(
        q, k, temperature=T, symmetric=True, query_ids=query_ids, key_ids=key_ids, positives=positives, weights=weights
    ).backward()  # fmt: skip


def trained(arm: Callable[[Tensor, Tensor, float], None], rows: int, dim: int, clock: Callable[[], float]) -> float:
    """Seconds at T = 0.01 on vectors of a trained model (own pair near cosine 1, all others near 0)."""
    q = unit(rows, dim, 0)
    k = F.normalize(q.detach() + 0.3 * unit(rows, dim, 1).detach(), dim=-1).requires_grad_()
    start = clock()
    arm(q, k, 0.01)
    return clock() - start


def cached_peer(size: int) -> Callable[[Tensor, Tensor], None] | None:
    try:
        from sentence_transformers.sentence_transformer import losses
    except ImportError:
        return None
    peer = losses.CachedMultipleNegativesRankingLoss(
        [torch.nn.Identity()],  # stands for the model, which embeddings given ready do not need
        scale=1 / T, mini_batch_size=size, directions=("query_to_doc", "doc_to_query"),
        partition_mode="per_direction",
    )  # fmt: skip

    def run(q: Tensor, k: Tensor) -> None:
        peer.calculate_loss([[q], [k]], with_backward=True)

    return run


def seconds(arm: Callable[[Tensor, Tensor], None], q: Tensor, k: Tensor, clock: Callable[[], float]) -> float:
    q.grad = k.grad = None
    start = clock()
    arm(q, k)
    return clock() - start


def limit(clock: Callable[[], float]) -> float:
    """FLOP/s of a 4,096-sided matrix product."""
    a, b, c = torch.randn(4096, 4096), torch.randn(4096, 4096), torch.empty(4096, 4096)
    torch.mm(a, b, out=c)
    start = clock()
    torch.mm(a, b, out=c)
    return 2 * 4096**3 / (clock() - start)


def peak_gb(loss: str, rows: int, dim: int, threads: int) -> float:
    code = PEAK.format(loss=loss, rows=rows, dim=dim, threads=threads)
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def into_readme(result: dict[str, Any], unit_of_time: str) -> None:
    """Seconds, ratios and peaks as one table."""
    rows = [(f"{name}, {unit_of_time}", f"{value:.3f}") for name, value in result["seconds"].items()]
    rows += [(name, f"{value:.2f}") for name, value in result["ratios"].items()]
    rows += [(f"extra peak, {name}, GB", f"{value:.2f}") for name, value in result["extra peak GB"].items()]
    about = (
        f"The contrastive loss, forward and backward, both directions, float32: B = {result['rows']:,}, "
        f"d = {result['dim']}; limit = {result['limit GFLOP/s']:.0f} GFLOP/s, the rate of a large matrix product."
    )
    table.write("info_nce", about, ["what", "measured"], rows, result["threads"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", type=int, default=80_000, help="rows of the run that shows memory; 0 = leave out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", action="store_true", help="also write the table into README.md")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    clock = time.process_time if given.threads == 1 else time.perf_counter
    q, k = unit(given.rows, given.dim, 0), unit(given.rows, given.dim, 1)
    arms: dict[str, Callable[[Tensor, Tensor], None]] = {
        "full matrix": full_matrix,
        "info_nce": plain,
        "info_nce, recomputed": recomputed,
        "info_nce, all options": loaded,
    }
    for size in (32, 512):
        peer = cached_peer(size)
        if peer is not None:
            arms[f"sentence-transformers cached, mini-batch {size}"] = peer
    took: dict[str, list[float]] = {name: [] for name in arms}
    rates = []
    for _ in range(given.rounds):
        rates.append(limit(clock))
        for name, arm in arms.items():
            took[name].append(seconds(arm, q, k, clock))
    time_of = {name: statistics.median(values) for name, values in took.items()}
    rate = statistics.median(rates)
    work = given.rows**2 * given.dim
    ours = time_of["info_nce"]
    ratios = {
        "full matrix / ours (goal 2.5)": time_of["full matrix"] / ours,
        "share of the limit, tiles kept, 6 B^2 d (goal 0.75)": 6 * work / ours / rate,
        "share of the limit, recomputed, 8 B^2 d (goal 0.80)": 8 * work / time_of["info_nce, recomputed"] / rate,
        "all options / plain (goal at most 1.3)": time_of["info_nce, all options"] / ours,
    }
    peers = [value for name, value in time_of.items() if name.startswith("sentence")]
    if peers:
        ratios["sentence-transformers / ours (goal above 1)"] = min(peers) / ours
    small = min(given.rows, 2048)
    ratios[f"full matrix / ours, trained vectors, T = 0.01, B = {small:,}"] = trained(
        full_matrix, small, given.dim, clock
    ) / trained(plain, small, given.dim, clock)
    peaks = {f"{name}, {given.rows:,} rows": peak_gb(loss, given.rows, given.dim, given.threads)
             for name, loss in (("full matrix", "full"), ("info_nce", "info_nce"))}  # fmt: skip
    if given.large:
        peaks[f"info_nce, {given.large:,} rows (goal at most 0.5)"] = peak_gb(
            "info_nce", given.large, given.dim, os.cpu_count() or 1
        )
    result = {
        "threads": given.threads, "rows": given.rows, "dim": given.dim, "limit GFLOP/s": rate / 1e9,
        "huge pages": os.environ.get("THP_MEM_ALLOC_ENABLE") == "1",
        "seconds": time_of, "ratios": ratios, "extra peak GB": peaks,
    }  # fmt: skip
    unit_of_time = "CPU s" if given.threads == 1 else "wall s"
    if given.write:
        into_readme(result, unit_of_time)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    print(
        f"B = {given.rows:,}, d = {given.dim}, symmetric, fp32, threads {given.threads}, limit {rate / 1e9:.0f} GFLOP/s"
    )
    for name, value in time_of.items():
        print(f"  {name:<45} {value:8.3f} {unit_of_time}")
    for name, value in ratios.items():
        print(f"  {name:<55} {value:6.2f}")
    for name, value in peaks.items():
        print(f"  extra peak, {name:<43} {value:6.2f} GB")


if __name__ == "__main__":
    main()
