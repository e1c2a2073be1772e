"""`jointspace upgrade OLD NEW --texts DATA [--pairs DATA] --out SPACE`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, print_table, say


def upgrade(
    old: Annotated[str, typer.Argument(help="The Space that made the vectors there are.")],
    new: Annotated[str, typer.Argument(help="The better Space that shall query them.")],
    texts: Annotated[str, typer.Option(help="Data with texts to learn from: a file, folder or catalogue name.")],
    out: Annotated[Path, typer.Option(help="Folder of the upgraded Space.")],
    text_column: Annotated[str, typer.Option(help="Column of --texts.")] = "text",
    pairs: Annotated[str | None, typer.Option(help="Data with few pictures and texts, for stage 2.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option(help="Of --pairs and --validation: image=column, text=column.")
    ] = None,
    validation: Annotated[str | None, typer.Option(help="Pairs on which the criterion is measured.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of --texts and --pairs.")] = None,
    validation_split: Annotated[str | None, typer.Option(help="Split of --validation.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of stage 1; default: 20 epochs.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same Space.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a new Space query the vectors of an old one: no item has to be encoded again (XBT).

    Example: jointspace upgrade runs/old/space runs/new/space --texts captions.csv --text-column caption --out upgraded
    """
    from jointspace.cli.options import parse_columns
    from jointspace.errors import ConfigError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--out {out}: is there already; name a new folder")
    from jointspace.data.dataset import load_data
    from jointspace.operations.upgrading import upgrade as upgrade_spaces

    wanted = parse_columns(columns)
    made = upgrade_spaces(
        old,
        new,
        load_data(texts, columns={"text": text_column}, split=split),
        load_data(pairs, columns=wanted, split=split) if pairs else None,
        validation=load_data(validation, columns=wanted, split=validation_split) if validation else None,
        stage_1={"steps": steps} if steps else None,
        seed=seed,
        say=say,
    )
    made.save_pretrained(out)
    about = made.metadata["upgrade"]
    if as_json:
        print_json({"out": str(out), "compatible_with": made.metadata["compatible_with"], **about})
        return
    if "criterion" in about:
        rows = [
            {
                "direction": d,
                "score": m,
                "old query": f"{a:.3f}",
                "new query": f"{b:.3f}",
                "better": "yes" if b > a else "no",
            }
            for d, table in about["criterion"]["scores"].items()
            for m, (a, b) in table.items()
        ]
        print_table(rows, ["direction", "score", "old query", "new query", "better"], "on the old gallery")
    print(out)
