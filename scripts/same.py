"""Run the debug recipe on the last commit and on the working tree: the first step whose losses differ.

    python scripts/same.py                      # or: make same
    python scripts/same.py HEAD~3 debug training.steps=40

Prints one line and exits with 0 where all losses are equal to the bit, else 1. Nothing in the tree is touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_LOSSES = {"step", "epoch", "learning_rate", "grad_norm", "seconds", "items_per_second", "waited"}


def losses(tree: Path, recipe: str, overrides: list[str], output: Path) -> dict[int, dict[str, float]]:
    """Step -> logged terms of a run with the sources of `tree`."""
    command = [
        sys.executable,
        "-c",
        "from jointspace.cli import main; main()",
        "train",
        recipe,
        f"output={output}",
        *overrides,
    ]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{tree}: the run failed\n{done.stderr[-2000:]}")
    found: dict[int, dict[str, float]] = {}
    for text in (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        found.setdefault(line["step"], {}).update({k: v for k, v in line.items() if k not in NOT_LOSSES})
    return found


def first_difference(
    before: dict[int, dict[str, float]], after: dict[int, dict[str, float]]
) -> tuple[int, str, float | None, float | None] | None:
    """(step, term, value before, value after) of the first loss that is not equal; None where all are."""
    for step in sorted(before.keys() | after.keys()):
        old, new = before.get(step, {}), after.get(step, {})
        for term in dict.fromkeys([*old, *new]):
            if old.get(term) != new.get(term):
                return step, term, old.get(term), new.get(term)
    return None


def export(commit: str, folder: Path) -> None:
    """What a run needs of a commit, without touching the working tree."""
    archive = folder.with_suffix(".tar")
    command = ["git", "archive", "-o", str(archive), commit, "src", "recipes", "pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"git archive {commit}: {done.stderr.strip()}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def main(arguments: list[str]) -> int:
    commit, recipe, *overrides = [*arguments, *["HEAD", "debug"][len(arguments) :]]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        export(commit, folder / "tree")
        before = losses(folder / "tree", recipe, overrides, folder / "before")
        after = losses(ROOT, recipe, overrides, folder / "after")
    difference = first_difference(before, after)
    if difference is None:
        print(f"{recipe}: all {len(after)} logged steps are equal to those of {commit}")
        return 0
    step, term, old, new = difference
    gap = f", relative difference {abs(new - old) / max(abs(old), 1e-30):.1e}" if None not in (old, new) else ""
    print(f"{recipe}: first difference at step {step}, {term}: {old} in {commit}, {new} here{gap}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
