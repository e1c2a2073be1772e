"""`jointspace demo`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the Space, the store and the report.")] = Path("demo"),
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Do without the picture weights.")] = False,
    steps: Annotated[int | None, typer.Option(help="Training steps; default: what takes about two minutes.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    as_json: Json = False,
) -> None:
    """Train a text-picture Space on the emoji that ship, judge it, index it, search it, write its report.

    Example: jointspace demo --out demo
    """
    import sys

    from jointspace.demo.running import run

    facts = run(out, from_scratch=from_scratch, steps=steps, seed=seed, stream=sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(facts)
