"""Shared tables against one `nn.Embedding` a column: lookups, and whole training steps under the same network.

    python benchmarks/tables.py [--rows 4096] [--columns 26] [--values 20000] [--repeat 30]

Every column has `values` values. The separate tables have a row for each and ids that are row numbers already; the
unified ones hold a quarter of the floats and hash on the spot. Both in one process, turn by turn; prints ratios (ours /
theirs, below 1 = ours is faster) of the median time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.nn.click_heads import ClickHead
from jointspace.nn.hashing import hash_values
from jointspace.nn.tables import build, plan


class Separate(nn.Module):
    """One `nn.Embedding` a column, as models are usually written."""

    def __init__(self, columns: int, values: int, width: int):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(values, width) for _ in range(columns)])

    def forward(self, ids: Tensor) -> Tensor:
        return torch.cat([table(ids[:, t]) for t, table in enumerate(self.tables)], dim=1)


def measure(ways: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Median seconds of each way, turn by turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 3):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn >= 3:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def step(tables: nn.Module, head: nn.Module, ids: Tensor, label: Tensor) -> Callable[[], None]:
    optimiser = torch.optim.Adam([*tables.parameters(), *head.parameters()], lr=0.01)

    def go() -> None:
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(head(tables(ids))[:, 0], label).backward()
        optimiser.step()

    return go


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=26)
    parser.add_argument("--values", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=30)
    a = parser.parse_args()
    torch.manual_seed(0)
    names = [f"c{t}" for t in range(a.columns)]
    sizes = dict.fromkeys(names, a.values)
    raw = torch.randint(a.values, (a.rows, a.columns))
    hashed = torch.from_numpy(hash_values(raw.numpy().ravel())).view_as(raw)
    label = torch.randint(2, (a.rows,)).float()
    separate = Separate(a.columns, a.values, a.width)
    unified = {c: build(**plan("unified", sizes, width=a.width, budget=0.25, chunks=c)) for c in (1, 2)}
    widths = [a.width] * a.columns
    forward = {"nn.Embedding": lambda: separate(raw), **{f"unified {c}": _call(t, hashed) for c, t in unified.items()}}
    with torch.no_grad():
        lookups = measure(forward, a.repeat)
    steps = measure(
        {
            "nn.Embedding": step(separate, ClickHead(widths), raw, label),
            **{f"unified {c}": step(t, ClickHead(widths), hashed, label) for c, t in unified.items()},
        },
        a.repeat,
    )
    for what, took in (("lookup", lookups), ("training step", steps)):
        for name, seconds in took.items():
            ratio = seconds / took["nn.Embedding"]
            print(json.dumps({"what": what, "tables": name, "ms": round(seconds * 1e3, 2), "ratio": round(ratio, 2)}))
    floats = {
        "nn.Embedding": a.columns * a.values * a.width,
        **{f"unified {c}": t.floats() for c, t in unified.items()},
    }
    print(json.dumps({"floats": floats, "threads": torch.get_num_threads()}))


def _call(tables: nn.Module, ids: Tensor) -> Callable[[], Tensor]:
    return lambda: tables(ids)


if __name__ == "__main__":
    main()
