"""`jointspace encode SPACE DATA --out OUT`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def encode(
    space: Annotated[str, typer.Argument(help="A Space folder or hub id.")],
    data: Annotated[str, typer.Argument(help="A file, folder or catalogue name.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write: id, field, vector.")],
    columns: Annotated[list[str] | None, typer.Option(help="field=column[,column]; may be repeated.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data.")] = None,
    graph: Annotated[
        str | None, typer.Option(help="EDGES or EDGES:SOURCE,TARGET: an edge list whose nodes the field graph names.")
    ] = None,
    output: Annotated[str, typer.Option(help="Output of the Space: dense, features, ...")] = "dense",
    role: Annotated[str | None, typer.Option(help="query or document.")] = None,
    batch_size: Annotated[int, typer.Option(help="Items a batch.")] = 64,
    limit: Annotated[int | None, typer.Option(help="First so many rows.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps; default: the best there is.")] = None,
    as_json: Json = False,
) -> None:
    """Write the vectors of a data set's rows to a parquet file, one row an item and field.

    Example: jointspace encode runs/demo/space emoji --split test --out vectors.parquet
    """
    from jointspace.cli.options import parse_columns, parse_graph, refuse_existing_folder
    from jointspace.data.dataset import load_data

    refuse_existing_folder(out)
    from jointspace.space.export import encode_dataset
    from jointspace.space.space import Space

    opened = Space.from_pretrained(space, device=device)
    rows = load_data(data, columns=parse_columns(columns), split=split, limit=limit, graph=parse_graph(graph))
    written = encode_dataset(opened, rows, out, output=output, role=role, batch_size=batch_size)
    if as_json:
        print_json({"out": str(out), **written})
        return
    say(f"{written['items']:,} vectors of {written['dim']} dimensions from {', '.join(written['fields'])}")
    print(out)
