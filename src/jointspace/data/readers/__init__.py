"""Readers: one file a format. Each turns a path into a `Table` of raw columns; nothing is decoded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from jointspace.data.columns import Column
from jointspace.errors import DataError, nearest


@dataclass
class Table:
    """Raw columns of one table; `base` is where relative paths of pictures and sounds start."""

    columns: dict[str, Column]
    rows: int
    where: str
    base: Path | None = None


# suffix -> module in this folder; each has `read(path, wanted=None, as_text=()) -> Table`
FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json_lines",
    ".arrow": "arrow",
    ".feather": "arrow",
}


def file_format(path: Path) -> str | None:
    """Name of the reader for a file, by suffix (`.gz` set aside); None where there is none."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def read_file(path: Path, wanted: Collection[str] | None = None, as_text: Collection[str] = ()) -> Table:
    """Read one file. wanted: only these columns (None = all); as_text: columns whose values must stay strings.

    Raises DataError that names the file and, where the format has them, the line.
    """
    import importlib

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    name = file_format(path)
    if name is None:
        raise DataError(
            f"{path}: no reader for {path.suffix or 'a file without suffix'}{nearest(path.suffix, FORMATS)}"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    return importlib.import_module(f"jointspace.data.readers.{name}").read(path, wanted, as_text)
