"""JSON lines, and JSON files that hold a list of objects or an object of lists."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jointspace.data.readers import Table
from jointspace.data.readers.memory import from_mapping, from_rows
from jointspace.errors import DataError


def read(path: Path, wanted: Collection[str] | None = None, as_text: Collection[str] = ()) -> Table:
    """One object a line; a missing key is a missing value; blank lines are skipped. Strings stay strings, dates too.

    Raises DataError that names the line at fault.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            lines = stream.read().split(b"\n")
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if ".json" in [s.lower() for s in path.suffixes]:
        whole = _parse(b"\n".join(lines), path, None)
        if isinstance(whole, dict) and whole and all(isinstance(v, list) for v in whole.values()):
            kept = {k: v for k, v in whole.items() if wanted is None or k in wanted}
            table = from_mapping(kept, path.name)
        elif isinstance(whole, list):
            table = from_rows(whole, path.name, wanted)
        else:
            raise DataError(f"{path}: neither a list of objects nor an object of lists; JSON lines end in .jsonl")
    else:
        rows = []
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = _parse(line, path, number)
                if not isinstance(row, dict):
                    raise DataError(f"{path}: line {number} holds a {type(row).__name__}, not an object")
                rows.append(row)
        table = from_rows(rows, path.name, wanted)
    table.base = path.parent
    return table


def _parse(text: bytes, path: Path, number: int | None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = error.lineno if number is None else number
        raise DataError(f"{path}: line {line} is not valid JSON ({error.msg}, character {error.colno})") from error
    except UnicodeDecodeError as error:
        where = f"line {number}" if number else f"byte {error.start}"
        raise DataError(f"{path}: {where} is not UTF-8") from error
