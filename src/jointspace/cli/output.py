"""Results to stdout, progress to stderr, `--json` for machines."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class _Pipe(io.FileIO):
    """A file whose writes are dropped once nobody reads them."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def outlive_the_reader() -> None:
    """`jointspace demo | head`: a reader who has seen enough stops neither the work nor turns it into a failure."""
    out = sys.stdout
    if out is not sys.__stdout__ or out is None or out.isatty():
        return  # somebody else's object, or a terminal
    out.flush()
    raw = io.BufferedWriter(_Pipe(out.fileno(), "w", closefd=False))
    sys.stdout = io.TextIOWrapper(raw, encoding=out.encoding, errors=out.errors)


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """JSON on stdout, non-ASCII as it is."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None, title: str | None = None) -> None:
    """A rich table of dict rows on stdout; plain text where stdout is no terminal."""
    from rich.console import Console
    from rich.table import Table

    names = list(columns or (rows[0] if rows else []))
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in names:
        numeric = bool(rows) and all(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return str(value)
