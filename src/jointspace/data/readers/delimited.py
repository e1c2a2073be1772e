"""CSV and TSV files with a header line."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from jointspace.data.columns import Column
from jointspace.data.readers import Table
from jointspace.errors import DataError


def read(path: Path, wanted: Collection[str] | None = None, as_text: Collection[str] = ()) -> Table:
    """Types are inferred, save that columns in `as_text` stay strings (a text "007" is no number).

    Values may hold line breaks inside quotes. Raises DataError that names the line at fault.
    """
    separator = "\t" if ".tsv" in path.name.lower() else ","
    header = _header(path, separator)
    types = {name: pa.string() for name in header if name in as_text}
    options = pa_csv.ConvertOptions(
        column_types=types,
        include_columns=None if wanted is None else [n for n in header if n in wanted],
        strings_can_be_null=False,
    )
    try:
        with pa.input_stream(str(path)) as stream:
            table = pa_csv.read_csv(
                stream,
                parse_options=pa_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                convert_options=options,
            )
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {_fault(path, separator, len(header), str(error))}") from error
    names = table.column_names
    if wanted is not None and not [n for n in header if n in wanted]:
        names = []
    columns = {}
    for name in names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type) or pa.types.is_null(column.type):
            column = column.cast(pa.string())
        columns[name] = Column(column)
    return Table(columns, table.num_rows, path.name, path.parent)


def names(path: Path) -> list[str]:
    """The header."""
    return _header(path, "\t" if ".tsv" in path.name.lower() else ",")


def _open(path: Path, errors: str = "strict"):
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="")
    return open(path, encoding="utf-8-sig", errors=errors, newline="")


def _header(path: Path, separator: str) -> list[str]:
    try:
        with _open(path, errors="replace") as lines:
            header = next(csv.reader(lines, delimiter=separator), [])
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if not header:
        raise DataError(f"{path}: line 1 holds no column names")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise DataError(f"{path}: line 1 names the column {sorted(twice)[0]!r} twice")
    return header


def _fault(path: Path, separator: str, width: int, reason: str) -> str:
    """The first line that does not fit, found by a slow second reading."""
    try:
        with _open(path) as lines:
            reader = csv.reader(lines, delimiter=separator)
            for row in reader:
                if row and len(row) != width:
                    return f"line {reader.line_num} has {len(row)} values, the header names {width} columns"
    except UnicodeDecodeError:
        with open(path, "rb") as raw:
            for number, line in enumerate(raw, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return f"line {number} is not UTF-8 (byte {error.start + 1})"
    except csv.Error as error:
        return f"line {reader.line_num}: {error}"
    return reason.splitlines()[0][:160]
