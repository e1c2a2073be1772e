"""Rows a second of every set of the synthetic world, and pictures a second of its renderer, on one thread.

    python benchmarks/world.py [--seconds 2] [--write]

A row is made with the fields named beside it. Pictures are timed by `render` alone on sampled scenes, at the sizes of
the issue (32 and 96 pixels), plain (the defaults) and rich (`RICH`: up to six
objects, parts, materials, planted links, backgrounds, camera).
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np

from jointspace import world
from jointspace.world import image
from jointspace.world.base import read_controls
from jointspace.world.config import RICH
from jointspace.world.scene import sample

SLOW = {"solids": ("points", "label")}  # fields of a set that are not all asked for at once
PICTURES = {"plain": {}, "rich": dict(RICH)}


def rate(step: Callable[[int], int], seconds: float) -> float:
    """Items a CPU second: step(k) makes batch k and returns its size."""
    step(0)
    begin, items, k = time.process_time(), 0, 1
    while time.process_time() - begin < seconds:
        items += step(k)
        k += 1
    return items / (time.process_time() - begin)


def pictures(size: int, seconds: float, **controls: object) -> float:
    """Pictures a CPU second of `render`."""
    config = read_controls(world.kind("scenes").Controls, {"size": size, **controls}, "scenes")
    drawn = [sample(config, 1, np.arange(256 * k, 256 * (k + 1))) for k in range(4)]
    return rate(lambda k: len(image.render(drawn[k % 4])), seconds)


def rows(name: str, seconds: float) -> tuple[str, float]:
    """(fields, rows a CPU second) of a set with its default fields."""
    made = world.make(name, n=1_000_000, seed=1)
    fields = SLOW.get(name, made.fields)
    block = min(made.BLOCK, 64)
    count = rate(lambda k: len(made.block(np.arange(k * block, (k + 1) * block), fields)[fields[0]]), seconds)
    return ("all by default" if fields == made.fields else ", ".join(fields)), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU seconds a line")
    parser.add_argument("--write", action="store_true", help="replace the section of benchmarks/README.md")
    args = parser.parse_args()
    table = []
    for size, goal in ((32, 2000), (96, 300)):
        for kind, controls in PICTURES.items():
            made = pictures(size, args.seconds, **controls)
            table.append((f"pictures {size} x {size}, {kind}", f"{made:,.0f}", f"{made / goal:.2f}"))
    for name in world.names():
        fields, made = rows(name, args.seconds)
        table.append((f"world/{name}, fields {fields}", f"{made:,.0f}", ""))
    for line in table:
        print(f"{line[0]:<44} {line[1]:>10} /s  {line[2]}")
    if args.write:
        from table import write

        about = "Items a CPU second; the last column is the ratio to the goal (2,000 at 32 px, 300 at 96 px)."
        write("world", about, ["what", "items a second", "of the goal"], table, 1)


if __name__ == "__main__":
    main()
