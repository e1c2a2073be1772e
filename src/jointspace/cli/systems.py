"""`jointspace systems`"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, print_table


def systems(
    status: Annotated[str | None, typer.Option(help="Only those: planned, built, reproduced or failed.")] = None,
    as_json: Json = False,
) -> None:
    """List the 67 published systems with their status, read from the tree and the committed results.

    Example: jointspace systems --status reproduced
    """
    from jointspace.errors import ConfigError, nearest
    from jointspace.systems import STATUSES, table

    if status is not None and status not in STATUSES:
        raise ConfigError(f"--status {status}: no such status{nearest(status, STATUSES)}")
    rows = [row for row in table() if status in (None, row["status"])]
    if as_json:
        print_json(rows)
        return
    print_table(rows, ["slug", "status", "family", "year", "arxiv", "title"])
    count = Counter(row["status"] for row in rows)
    print(", ".join(f"{count[s]} {s}" for s in STATUSES if count[s]))
