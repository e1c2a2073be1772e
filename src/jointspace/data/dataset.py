"""The data a method sees: rows of raw values by field name, with ids, content hashes, sources and a fingerprint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.data.columns import Column, FieldSpec, Part
from jointspace.data.identity import combine, content_hash, hash_array, hash_bytes, unique_ids
from jointspace.errors import DataError, nearest


class Dataset:
    """Rows of raw values. Nothing is decoded here; that is a worker's task (`jointspace.data.decode`).

    A value of a picture or sound is `bytes`, a `Path`, a PIL picture, an array or `(array, rate)`; of a text `str`.
    A field made of several columns, or of a column of lists, has *several values a row* (choices: captions, names).
    Pickling is cheap for worker processes: large columns travel as a memory-mapped file.

    `parts`: the sources; `part` (N,) int16 and `rows` (N,) int64 say which row of which part each row is.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        part: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        name: str = "data",
        skipped: Mapping[str, int] | None = None,
    ):
        self.parts = list(parts)
        if part is None or rows is None:
            part = np.repeat(np.arange(len(self.parts)), [p.rows for p in self.parts])
            rows = np.concatenate([np.arange(p.rows) for p in self.parts] or [np.zeros(0, dtype=np.int64)])
        self.source = part.astype(np.int16)
        self.rows = rows.astype(np.int64)
        self.name = name
        self.skipped: dict[str, int] = dict(skipped or {})  # reason -> rows left out by on_bad="skip"

    # Shape -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Dataset({self.name}: {len(self):,} rows, fields {', '.join(self.fields)})"

    @cached_property
    def fields(self) -> list[str]:
        """Field names of all sources, in order; a source may lack some."""
        return list(dict.fromkeys(name for part in self.parts for name in part.fields))

    @property
    def source_names(self) -> list[str]:
        return [part.name for part in self.parts]

    @property
    def weights(self) -> list[float] | None:
        """Sampling weight of each source; None where no source names one (then: union without replacement)."""
        if all(part.weight is None for part in self.parts):
            return None
        return [1.0 if part.weight is None else part.weight for part in self.parts]

    @property
    def prompts(self) -> list[Any]:
        """Prompt of each source (None, a string, or `{role: string}`)."""
        return [part.prompt for part in self.parts]

    def is_multi(self, field: str) -> bool:
        """True where a row may have several values of `field`, of which one is drawn at a time."""
        return any(spec.multi for spec in self._specs(field))

    def modality(self, field: str) -> str | None:
        """Modality of a field (of its name, unless the reader knew better); None for a plain column."""
        return self._specs(field)[0].modality

    def _specs(self, field: str) -> list[FieldSpec]:
        if field not in self.fields:
            raise DataError(f"{self.name}: no field {field!r}{nearest(field, self.fields)}")
        return [part.fields[field] for part in self.parts if field in part.fields]

    # Values ------------------------------------------------------------------------------------------------------

    def __getitem__(self, index: int) -> dict[str, Any]:
        index = range(len(self))[int(index)]  # negative indices, IndexError
        row: dict[str, Any] = {"id": self.ids[index]}
        for field in self.fields:
            if field != "id":
                values = self.values(field, index)
                row[field] = values if self.is_multi(field) else (values[0] if values else None)
        return row

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def values(self, field: str, index: int) -> list[Any]:
        """All values of a field in one row, as a list: choices, one value, or [] where it is missing."""
        return self.parts[self.source[index]].raw(field, int(self.rows[index]))

    def value(self, field: str, index: int, choice: int = 0) -> Any:
        """`values(field, index)[choice]`; of rows with hundreds of choices only this one is read."""
        return self.parts[self.source[index]].one(field, int(self.rows[index]), int(choice))

    def column(self, field: str) -> list[Any]:
        """One entry a row: the value (None where missing), or the list of choices."""
        self._specs(field)
        multi = self.is_multi(field)
        return [values if multi else (values[0] if values else None) for values in self._each(field)]

    def items(self, field: str) -> Iterator[Any]:
        """Every value of a field over all rows, choices flattened, in row order."""
        self._specs(field)
        for values in self._each(field):
            yield from values

    def _each(self, field: str) -> Iterator[list[Any]]:
        breaks = np.flatnonzero(np.diff(self.source)) + 1
        for block in np.split(np.arange(len(self)), breaks):
            if len(block):
                yield from self.parts[self.source[block[0]]].batch(field, self.rows[block])

    def row_columns(self, field: str) -> dict[str, Any]:
        """Whole columns of a field whose items are rows (`table`), in the order of this data set: name -> Arrow array,
        or a list of Python values. DataError for a field of another kind.
        """
        specs = self._specs(field)
        if not all(spec.row for spec in specs):
            raise DataError(f"{self.name}: the field {field!r} is not made of columns")
        names = list(dict.fromkeys(name for spec in specs for name in spec.columns))
        if len(self.parts) == 1:
            part = self.parts[0]
            held = {name: part.columns[name].values for name in names}
            taken = pa.array(self.rows)
            return {
                name: [values[i] for i in self.rows] if isinstance(values, list) else values.take(taken)
                for name, values in held.items()
            }
        rows = self.column(field)
        return {name: [row.get(name) for row in rows] for name in names}

    def array(self, field: str) -> np.ndarray:
        """A plain column as (N,) array: numbers (missing = NaN), bools or strings (missing = "")."""
        values = self.column(field)
        if any(isinstance(v, str) for v in values):
            return np.array(["" if v is None else str(v) for v in values], dtype=str)
        if any(v is None for v in values):
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return np.array(values)

    def classes(self, field: str) -> list[str]:
        """Sorted distinct values of a field as strings, over all rows that were read (selections keep the list)."""
        self._specs(field)
        values = set(Dataset(self.parts, name=self.name).items(field))
        numbers = all(isinstance(v, int | float) for v in values)
        return [str(v) for v in sorted(values, key=None if numbers else str)]

    # Identity ----------------------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> list[str]:
        """Stable row ids: of the source's `id` column, else of the content; unique within a data set."""
        per_part = [self._part_ids(part) for part in self.parts]
        ids = [per_part[s][r] for s, r in zip(self.source.tolist(), self.rows.tolist(), strict=True)]
        if len(self.parts) > 1 and len(set(ids)) < len(ids):
            names = self.source_names
            ids = [f"{names[s]}:{i}" for s, i in zip(self.source.tolist(), ids, strict=True)]
        if len(set(ids)) < len(ids):
            seen: dict[str, int] = {}
            for k, value in enumerate(ids):
                seen[value] = seen.get(value, -1) + 1
                ids[k] = f"{value}-{seen[value]}" if seen[value] else value
        return ids

    def _part_ids(self, part: Part) -> list[str]:
        if part.id_column is not None:
            return [str(v) for v in part.columns[part.id_column].take(np.arange(part.rows))]
        names = [name for name in part.fields if name != "id"]
        if not names:
            return [str(i) for i in range(part.rows)]
        table = np.stack([part.row_hash(name) for name in names], axis=1)
        return unique_ids(np.fromiter((hash_bytes(r.tobytes()) for r in table), dtype=np.int64, count=part.rows))

    def content_hash(self, field: str) -> np.ndarray:
        """One 64-bit hash a row: (N,) int64. Of a field with choices the hash of the whole list; missing = 0."""
        self._specs(field)
        out = np.zeros(len(self), dtype=np.int64)
        for k, part in enumerate(self.parts):
            mine = self.source == k
            if mine.any():
                out[mine] = part.row_hash(field)[self.rows[mine]]
        return out

    def hashes(self, field: str) -> tuple[np.ndarray, np.ndarray]:
        """Hash of every single value: flat (M,) int64 and offsets (N + 1,) int64.

        Row i owns flat[offsets[i]:offsets[i+1]], which equals `content_hash(value)` of each of `values(field, i)`.
        """
        self._specs(field)
        lengths = np.zeros(len(self), dtype=np.int64)
        pieces = []
        for k, part in enumerate(self.parts):
            mine = np.flatnonzero(self.source == k)
            if len(mine):
                flat, offsets = part.hashes(field)
                rows = self.rows[mine]
                lengths[mine] = offsets[rows + 1] - offsets[rows]
                pieces.append((mine, flat, offsets[rows]))
        ends = np.concatenate([[0], np.cumsum(lengths)])
        out = np.zeros(int(ends[-1]), dtype=np.int64)
        for mine, flat, starts in pieces:
            counts = lengths[mine]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            out[np.repeat(ends[mine], counts) + within] = flat[np.repeat(starts, counts) + within]
        return out, ends

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over ids, content of all fields and which columns they were read from."""
        columns = [{n: [list(s.columns), repr(s.literal)] for n, s in part.fields.items()} for part in self.parts]
        parts = [hash_bytes(json.dumps(columns, sort_keys=True).encode()), combine(self.source.tolist())]
        parts.append(combine(hash_array(pa.array(self.ids)).tolist()))
        parts += [hash_bytes(self.content_hash(field).tobytes()) for field in self.fields]
        return f"{combine(parts) & 0xFFFFFFFFFFFFFFFF:016x}"

    def where(self, index: int) -> str:
        """`pairs.csv row 12`: for messages. Rows of the file count from 0."""
        part = self.parts[self.source[index]]
        return f"{part.where or part.name} row {int(self.rows[index])}"

    # Other data sets ---------------------------------------------------------------------------------------------

    def select(self, indices: Any) -> Dataset:
        """The rows at `indices` (integers, a slice's range or a boolean mask), sharing all columns."""
        index = np.asarray(indices)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        return Dataset(self.parts, self.source[index], self.rows[index], self.name, self.skipped)

    def concat(self, *others: Dataset) -> Dataset:
        """All rows of self, then of the others; every source stays apart in `source`."""
        every = [self, *others]
        starts = np.cumsum([0] + [len(d.parts) for d in every])
        source = [d.source.astype(np.int64) + start for d, start in zip(every, starts, strict=False)]
        skipped: dict[str, int] = {}
        for data in every:
            for reason, count in data.skipped.items():
                skipped[reason] = skipped.get(reason, 0) + count
        name = "+".join(dict.fromkeys(d.name for d in every))
        parts = [part for d in every for part in d.parts]
        return Dataset(parts, np.concatenate(source), np.concatenate([d.rows for d in every]), name, skipped)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("fingerprint", None)
        return state


def load_data(
    source: Any = None,
    columns: Mapping[str, Any] | None = None,
    *,
    split: str | None = None,
    sources: Sequence[Mapping[str, Any]] | None = None,
    on_bad: str = "refuse",
    limit: int | None = None,
    id: str | None = None,
    graph: Any = None,
) -> Dataset:
    """Read a data set; values stay raw (see `Dataset`).

    source: path of a parquet, CSV, TSV or JSON-lines file; folder of pictures or sounds (`metadata.csv` adds columns,
    class sub-folders give `label`); folder of `<split>.parquet`; catalogue name (`emoji`, `cora/nodes`); hub name
    (`owner/name`) or `datasets` object; list of dicts; dict of lists; data frame.
    columns: `{field: column | [columns] | literal}`; several columns or a column of lists = several values a row.
    None: every column under its own name. A literal is a number, a bool or `{"value": anything}`.
    split: which table of a folder (`train`, or several: `train+validation`); by default the only one, else `train`.
    sources: instead of `source`, a list of `{path, columns, weight, prompt, split, name, limit, id}`: their union.
    on_bad: `refuse` raises at the first empty text, missing value, NaN or missing file (a picture that cannot be
    decoded is refused when it is reached); `skip` looks at every row, decodes every picture and sound, and leaves bad
    rows out, counted in `Dataset.skipped`.
    limit: the first so many rows. id: the column with row ids (default `id`, else the content).
    graph: a `Graph`, or `{path, source, target}` of its edge list (`load_graph`): the field `graph` of each row names
    one of its nodes; with no other source the rows are all nodes.

    Raises DataError: unknown column (with the nearest name), unreadable file (with the line), empty data set, bad row.
    """
    from jointspace.data.sources import read_source, read_sources

    if on_bad not in ("refuse", "skip"):
        raise DataError(f"on_bad: {on_bad!r} is neither refuse nor skip")
    if graph is not None:
        return _with_graph(graph, source, columns, split=split, sources=sources, on_bad=on_bad, limit=limit, id=id)
    if (source is None) == (sources is None):
        raise DataError("load_data: give either a source or sources=[{path, columns, ...}]")
    if sources is not None:
        data = read_sources(sources, columns, split=split, id=id)
    else:
        data = read_source(source, columns, split=split, id=id)
    if len(data) == 0:
        raise DataError(f"{data.name}: the data set is empty")
    from jointspace.data.check import drop_bad

    if limit is not None and on_bad == "refuse":  # rows that nobody will see need no look
        data = data.select(np.arange(min(limit, len(data))))
    data = drop_bad(data, on_bad)
    return data if limit is None else data.select(np.arange(min(limit, len(data))))


def _with_graph(graph: Any, source: Any, columns: Any, **how: Any) -> Dataset:
    from jointspace.data.graph import attach, load_graph

    opened = load_graph(graph)
    if source is None and how["sources"] is None:
        data = attach(None, opened)
        return data if how["limit"] is None else data.select(np.arange(min(how["limit"], len(data))))
    return attach(load_data(source, columns, **how), opened)


__all__ = ["Column", "Dataset", "content_hash", "load_data"]
