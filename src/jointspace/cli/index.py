"""`jointspace index STORE SPACE DATA`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def index(
    store: Annotated[Path, typer.Argument(help="Folder of the new store.")],
    space: Annotated[str, typer.Argument(help="A Space folder or hub id.")],
    data: Annotated[str, typer.Argument(help="A file, folder or catalogue name.")],
    field: Annotated[str | None, typer.Option(help="Field to index; default: the first the Space accepts.")] = None,
    columns: Annotated[list[str] | None, typer.Option(help="field=column[,column]; may be repeated.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data.")] = None,
    full_text: Annotated[list[str] | None, typer.Option(help="Payload columns for full-text search.")] = None,
    approximate: Annotated[bool, typer.Option("--approximate", help="Build the approximate index too.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a store that is there.")] = False,
    limit: Annotated[int | None, typer.Option(help="First so many rows.")] = None,
    as_json: Json = False,
) -> None:
    """Encode a data set and store its vectors with every other column as payload.

    Example: jointspace index store runs/debug/space emoji --split test --field image --full-text text
    """
    from jointspace.cli.options import parse_columns
    from jointspace.data.dataset import load_data
    from jointspace.search.building import index_dataset
    from jointspace.space import Space

    opened = Space.from_pretrained(space)
    rows = load_data(data, columns=parse_columns(columns), split=split, limit=limit)
    built = index_dataset(store, opened, rows, field=field, overwrite=overwrite)
    if full_text or approximate:
        built.optimize(text=full_text or ())
    if as_json:
        print_json({"store": str(store), "items": len(built), "columns": built.columns, **built.about})
        return
    say(f"{len(built):,} items, payload {', '.join(built.columns) or 'none'}")
    print(store)
