"""`jointspace init DATA`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json


def init(
    data: Annotated[str, typer.Argument(help="A file, a folder or a catalogue name.")],
    out: Annotated[Path, typer.Option(help="Where the recipe goes.")] = Path("recipe.yaml"),
    split: Annotated[str | None, typer.Option(help="Table of a folder to train on.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the recipe.")] = False,
    as_json: Json = False,
) -> None:
    """Look at your data, say what is in it, and write a commented recipe that `jointspace train` runs as it is.

    Example: jointspace init pairs.csv --out pairs.yaml
    """
    from jointspace.init import write

    found = write(data, out, split=split, force=force)
    if as_json:
        fields = {name: vars(info) for name, info in found.infos.items()}
        print_json({"recipe": str(out), "method": found.method, "columns": found.columns, "rows": len(found.train),
                    "on_bad": found.on_bad, "fields": fields})  # fmt: skip
        return
    print("\n".join(found.lines))
    columns = ", ".join(f"{k} = {' | '.join(v) if isinstance(v, list) else v}" for k, v in found.columns.items())
    print(f"method: {found.method}; {columns}")
    print(f"recipe: {out}\nnext: jointspace train {out} --dry-run")
