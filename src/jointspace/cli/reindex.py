"""`jointspace reindex STORE SPACE --column C [--cut-over] | --roll-back`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def reindex(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    space: Annotated[str | None, typer.Argument(help="The Space that the store moves to.")] = None,
    column: Annotated[str | None, typer.Option(help="Payload column that holds the items; default: image.")] = None,
    cut: Annotated[bool, typer.Option("--cut-over", help="Let the new vectors answer once all are made.")] = False,
    back: Annotated[
        bool, typer.Option("--roll-back", help="Let the vectors of the Space before answer again.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Stop after so many rows; call again to go on.")] = None,
    batch_size: Annotated[int, typer.Option(help="Rows a batch.")] = 256,
    as_json: Json = False,
) -> None:
    """Make a second vector of every item with a new Space while the old ones answer; then cut over, or roll back.

    Example: jointspace reindex store runs/new/space --cut-over
    """
    from jointspace.errors import ConfigError
    from jointspace.search.index import Index
    from jointspace.search.reindexing import cut_over, roll_back
    from jointspace.search.reindexing import reindex as fill

    if (space is None) != back or (back and cut):
        raise ConfigError("reindex takes a Space, or --roll-back alone")
    index = Index.open(store)
    left = 0
    if back:
        roll_back(index)
    else:
        from jointspace.space.space import Space

        left = fill(
            index, Space.from_pretrained(str(space)), column=column, batch_size=batch_size, limit=limit, say=say
        )
        if cut:
            cut_over(index)
    if as_json:
        print_json({"store": str(store), "missing": left, "fingerprint": index.about["fingerprint"]})
        return
    print(f"{store}: answers with the Space {index.about['fingerprint']}" + (f"; {left:,} rows to go" if left else ""))
