"""Parquet files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jointspace.data.columns import Column
from jointspace.data.readers import Table
from jointspace.errors import DataError


def read(path: Path, wanted: Collection[str] | None = None, as_text: Collection[str] = ()) -> Table:
    """Only the wanted columns are read from disk. Raises DataError for a damaged file."""
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        chosen = names if wanted is None else [n for n in names if n in wanted]
        rows = file.metadata.num_rows
        table = file.read(columns=chosen)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable parquet file ({_reason(error)})") from error
    columns = {name: Column(table.column(name)) for name in chosen}
    return Table(columns, rows, path.name, path.parent)


def names(path: Path) -> list[str]:
    """Column names, without reading the data."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable parquet file ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0][:120]
