"""`jointspace compare A B ...`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def compare(
    systems: Annotated[
        list[str],
        typer.Argument(
            help="Saved scores: folders, JSON files, or Spaces and runs that hold some; [NAME=]A,B,C are seeds of one."
        ),
    ],
    score: Annotated[list[str] | None, typer.Option(help="Only these scores; may be repeated.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A protocol field that may differ: encoding.truncate_dim.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="JSON file to write, and a picture of the same name beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which differences between Spaces are real: paired by unit, corrected for many, ties named.

    Example: jointspace compare runs/a/scores runs/b/scores --score r@10
    """
    from jointspace.errors import DataError
    from jointspace.evaluation.comparison import compare as judge

    named, plain = {}, []
    for entry in systems:
        label, equals, rest = entry.partition("=")
        seeds = [part for part in (rest if equals else entry).split(",") if part]
        if equals:
            named[label] = seeds
        plain.append(seeds if len(seeds) > 1 else seeds[0] if seeds else entry)
    if named and len(named) < len(systems):
        raise DataError("compare: name all systems (NAME=PATH), each by its own name, or none")
    result = judge(named or plain, scores=score, allow=allow or ())
    if out is not None:
        result.save(out.with_suffix(".json"))
        result.plot(out.with_suffix(".png"))
        say(f"saved to {out.with_suffix('.json')} and {out.with_suffix('.png').name}")
    print_json(result.to_json()) if as_json else print(result.table())
