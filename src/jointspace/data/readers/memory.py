"""Rows and columns that are in memory already: lists of dicts, dicts of lists, data frames, `datasets` objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jointspace.data.columns import Column
from jointspace.data.readers import Table
from jointspace.errors import DataError


def from_rows(rows: Sequence[Any], where: str = "rows", wanted: Collection[str] | None = None) -> Table:
    """A list of dicts; a key that a row lacks is a missing value there. Raises DataError for a row that is no dict."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(f"{where}: row {number} is a {type(row).__name__}, not a dict of fields")
        names.update(dict.fromkeys(str(k) for k in row))
    chosen = [n for n in names if wanted is None or n in wanted]
    return Table({n: Column.of([row.get(n) for row in rows]) for n in chosen}, len(rows), where)


def from_mapping(columns: Mapping[str, Any], where: str = "columns") -> Table:
    """A dict of equally long sequences. Raises DataError that names the odd one."""
    lengths = {str(name): len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        first, *rest = lengths
        odd = next(n for n in rest if lengths[n] != lengths[first])
        raise DataError(f"{where}: column {odd!r} has {lengths[odd]} values, column {first!r} has {lengths[first]}")
    made = {str(name): Column.of(_listed(values)) for name, values in columns.items()}
    return Table(made, next(iter(lengths.values()), 0), where)


def _listed(values: Any) -> list[Any]:
    """Entries as a list: numbers of an array become Python numbers, the rows of a matrix stay arrays."""
    if hasattr(values, "tolist") and getattr(values, "ndim", 1) == 1:
        return values.tolist()
    return list(values)


def from_object(source: Any) -> Table | None:
    """A `datasets.Dataset`, Arrow table, data frame or any indexable set of rows; None where it is none of these."""
    kind = f"{type(source).__module__}.{type(source).__name__}"
    if hasattr(source, "with_format") and hasattr(source, "column_names"):
        if isinstance(source.column_names, dict):
            raise DataError(f"{kind}: holds several splits; pass one of them, e.g. data[{next(iter(source))!r}]")
        source = source.with_format("arrow")[:]  # undecoded, memory-mapped where it lies on disk
        return from_arrow(source, kind)
    if hasattr(source, "schema") and hasattr(source, "column_names"):
        return from_arrow(source, kind)
    if hasattr(source, "to_dict") and hasattr(source, "iloc"):
        frame = source.reset_index(drop=True)
        return from_mapping({str(name): _objects(frame[name]) for name in frame.columns}, "data frame")
    if isinstance(source, Mapping):
        return from_mapping(source)
    if isinstance(source, list | tuple):
        return from_rows(source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and hasattr(source, "fields"):
        return from_rows([source[i] for i in range(len(source))], type(source).__name__)
    return None


def _objects(series: Any) -> list[Any]:
    """Values of a pandas series with its missing marks as None."""
    missing = series.isna().tolist()
    numbers = series.dtype.kind in "fc"
    return [v if numbers or not gone else None for v, gone in zip(series.tolist(), missing, strict=True)]


def from_arrow(table: Any, where: str) -> Table:
    """An Arrow table."""
    return Table({n: Column(table.column(n)) for n in table.column_names}, table.num_rows, where)
