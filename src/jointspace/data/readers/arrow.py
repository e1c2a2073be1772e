"""Arrow IPC and Feather files, memory-mapped."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from jointspace.data.columns import Column
from jointspace.data.readers import Table
from jointspace.errors import DataError


def read(path: Path, wanted: Collection[str] | None = None, as_text: Collection[str] = ()) -> Table:
    """File or stream format. Raises DataError for a damaged file."""
    try:
        source = pa.memory_map(str(path))
        try:
            table = pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            table = pa.ipc.open_stream(source).read_all()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Arrow file ({str(error).splitlines()[0][:120]})") from error
    chosen = [n for n in table.column_names if wanted is None or n in wanted]
    return Table({name: Column(table.column(name)) for name in chosen}, table.num_rows, path.name, path.parent)
