"""From what the user names (a path, a catalogue or hub name, objects in memory, several sources) to a `Dataset`."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data import catalogue
from jointspace.data.columns import Part, resolve_fields
from jointspace.data.dataset import Dataset
from jointspace.data.kinds import FIELD_KINDS, kind_of
from jointspace.data.modality import MODALITIES, modality_of_field
from jointspace.data.readers import Table, file_format, read_file
from jointspace.data.readers.folder import SPLITS, choose, read_media, tables
from jointspace.data.readers.memory import from_arrow, from_object
from jointspace.errors import DataError, nearest

SOURCE_KEYS = ("path", "columns", "weight", "prompt", "split", "name", "limit", "id")


def read_source(
    source: Any,
    columns: Mapping[str, Any] | None = None,
    *,
    split: str | None = None,
    id: str | None = None,
    name: str | None = None,
) -> Dataset:
    """One source as a Dataset (see `load_data`); nothing is checked or left out yet. Raises DataError."""
    if isinstance(source, Dataset):
        if columns is None:
            return source
        return _remap(source, columns)
    read = _needed(columns, id)
    if isinstance(source, str | Path):
        found = read_path(source, split, *read)
        label = name or _label(source, split)
    else:
        table = from_object(source)
        if table is None:
            raise DataError(f"data: cannot read a {type(source).__name__}; a path, a list of dicts or a dict of lists?")
        found, label = [table], name or "data"
    parts = [_part(table, columns, id, label if len(found) == 1 else f"{label}/{table.where}") for table in found]
    return Dataset(parts, name=label)


def read_sources(
    sources: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any] | None = None,
    *,
    split: str | None = None,
    id: str | None = None,
) -> Dataset:
    """The union of several sources, each `{path, columns, weight, prompt, split, name, limit, id}`.

    Raises DataError.
    """
    if not sources:
        raise DataError("sources: the list is empty")
    made = []
    for number, entry in enumerate(sources):
        if not isinstance(entry, Mapping):
            entry = {"path": entry}
        for key in entry:
            if key not in SOURCE_KEYS:
                raise DataError(f"sources[{number}]: unknown key {key!r}{nearest(key, SOURCE_KEYS)}")
        if "path" not in entry:
            raise DataError(f"sources[{number}]: no path")
        weight = entry.get("weight")
        if weight is not None and not (isinstance(weight, int | float) and weight > 0):
            raise DataError(f"sources[{number}]: weight must be a number above 0, got {weight!r}")
        data = read_source(
            entry["path"],
            entry.get("columns", columns),
            split=entry.get("split", split),
            id=entry.get("id", id),
            name=entry.get("name"),
        )
        if entry.get("limit") is not None:
            data = data.select(np.arange(min(int(entry["limit"]), len(data))))
        for part in data.parts:
            # one source may be several tables: its weight is theirs together, by their rows
            part.weight = (
                None if weight is None else float(weight) * part.rows / max(1, sum(p.rows for p in data.parts))
            )
            part.prompt = entry.get("prompt")
        made.append(data)
    _rename_twins([part for data in made for part in data.parts])
    union = made[0].concat(*made[1:]) if len(made) > 1 else made[0]
    return union


def _rename_twins(parts: Sequence[Part]) -> None:
    seen: dict[str, int] = {}
    for part in parts:
        seen[part.name] = seen.get(part.name, 0) + 1
        if seen[part.name] > 1:
            part.name = f"{part.name}-{seen[part.name]}"


def _label(source: str | Path, split: str | None) -> str:
    path = Path(source)
    name = (path.resolve().name if path.exists() else str(source)).removesuffix(".gz")
    return f"{name}/{split}" if split else name


def _needed(columns: Mapping[str, Any] | None, id: str | None) -> tuple[set[str] | None, set[str]]:
    """Columns to read (None = all) and those whose values must stay strings."""
    if columns is None:
        return None, {"text", "id"}
    if "*" in columns.values():
        return None, {"text", "id"}
    wanted, as_text = {"id"} | ({id} if id else set()), {"id"} | ({id} if id else set())
    for field, source in columns.items():
        names = [source] if isinstance(source, str) else source if isinstance(source, list | tuple) else []
        wanted.update(n for n in names if isinstance(n, str))
        if modality_of_field(field) in ("text", "image", "audio"):
            as_text.update(n for n in names if isinstance(n, str))
    return wanted, as_text


def read_path(source: str | Path, split: str | None, wanted: set[str] | None, as_text: Collection[str]) -> list[Table]:
    """The tables a path or name stands for. Raises DataError where it stands for nothing."""
    text = str(source)
    path = Path(source).expanduser()
    if not path.exists():
        if text.startswith("world/"):
            return [_world(text.removeprefix("world/"), split)]
        known, _, table = text.partition("/")
        if isinstance(source, str) and known in catalogue.names() and "/" not in table:
            path, split = catalogue.find(known), table or split
        elif isinstance(source, str) and text.count("/") == 1 and not file_format(path) and not path.parent.exists():
            return [_hub(text, split, wanted)]
        else:
            kind = "no such file or folder" if "/" in text or path.suffix else "neither a file nor a known data set"
            raise DataError(f"{text}: {kind}{nearest(text, catalogue.names()) if kind.startswith('nei') else ''}")
    if path.is_file():
        return [_checked(read_file(path, wanted, as_text), path, wanted)]
    if (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file():
        return [_saved(path, split)]
    found = tables(path)
    if found and not any((path / name).is_file() for name in ("metadata.csv", "metadata.jsonl", "metadata.parquet")):
        made = []
        for name in choose(found, split, text):
            made += [_checked(read_file(file, wanted, as_text), file, wanted) for file in found[name]]
        return made
    if split is not None:
        folders = {p.name: p for p in path.iterdir() if p.is_dir()}
        by_split = {SPLITS.get(name, name): folder for name, folder in folders.items()}
        return [read_media(by_split[name], as_text) for name in choose(by_split, split, text)]
    return [read_media(path, as_text)]


def _checked(table: Table, path: Path, wanted: set[str] | None) -> Table:
    """Names the nearest column: the reader left out what nobody wants, so the whole header is asked."""
    if wanted is not None and any(name not in table.columns for name in wanted - {"id"}):
        full = read_file(path).columns
        for name in wanted - {"id"}:
            if name not in full:
                raise DataError(f"{path.name}: no column {name!r}{nearest(name, full)}")
    return table


def _world(name: str, split: str | None) -> Table:
    """A set of the synthetic world, made on the spot with its default size and seed: `scenes`, `graph/edges`."""
    name, _, table = name.partition("/")
    tables = importlib.import_module("jointspace.world").make(name).tables()
    wanted = table or split or next(iter(tables))
    if wanted not in tables:
        raise DataError(f"world/{name}: no table {wanted!r}{nearest(wanted, tables)}")
    made = from_object(tables[wanted])
    if made is None:
        raise DataError(f"world/{name}: gave no rows")
    made.where = f"world/{name}"
    return made


def _saved(path: Path, split: str | None) -> Table:
    """A folder written by `datasets`' save_to_disk."""
    datasets = importlib.import_module("datasets")
    data = datasets.load_from_disk(str(path))
    if isinstance(data.column_names, dict):
        data = data[choose(list(data), split, str(path))[0]]
    return from_arrow(data.with_format("arrow")[:], path.name)


def _hub(name: str, split: str | None, wanted: set[str] | None) -> Table:
    """A data set of the Hugging Face hub. Raises DataError where the hub or the set cannot be reached."""
    datasets = importlib.import_module("datasets")
    try:
        data = datasets.load_dataset(name, split=split or "train")
    except Exception as error:  # the hub client raises many kinds
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{name}: neither a file nor a reachable data set of the hub ({reason})") from error
    return from_arrow(data.with_format("arrow")[:], name)


def _part(table: Table, columns: Mapping[str, Any] | None, id: str | None, name: str) -> Part:
    kinds = None
    if columns is None:  # a column that is merely named like a modality (`image_license`) is a plain one
        named = [n for n in table.columns if n not in MODALITIES and modality_of_field(n)]
        kinds = {n: _modality_by_look(table, n) for n in named}
    fields = resolve_fields(columns, table.columns, table.where, kinds)
    if id is not None and id not in table.columns:
        raise DataError(f"{table.where}: no column {id!r} for the row ids{nearest(id, table.columns)}")
    spec = fields.get("id")
    key = id or (spec.columns[0] if spec and spec.columns else "id" if "id" in table.columns else None)
    return Part(name, table.columns, fields, table.rows, table.base, table.where, key)


def _modality_by_look(table: Table, name: str) -> str:
    kind = kind_of(table.columns[name], name)
    if modality_of_field(name) == "text" and kind in ("text", "texts", "key", "category"):
        return "text"
    return FIELD_KINDS.get(kind, "")


def _remap(data: Dataset, columns: Mapping[str, Any]) -> Dataset:
    """A data set under other field names; names are those of its fields, else of its columns."""
    parts = []
    for part in data.parts:
        known: dict[str, Any] = {**part.columns, **{n: s for n, s in part.fields.items() if s.columns}}

        def expand(name: str, part: Part = part, known: dict[str, Any] = known) -> list[str]:
            if name not in known:
                raise DataError(f"{part.name}: no field or column {name!r}{nearest(name, known)}")
            return list(part.fields[name].columns) if name in part.fields else [name]

        wanted: dict[str, Any] = {}
        for field, source in columns.items():
            if source == "*":
                wanted[field] = source
            elif isinstance(source, str):
                names = expand(source)
                row = source in part.fields and part.fields[source].row
                wanted[field] = names if len(names) > 1 or row else names[0]
            elif isinstance(source, list | tuple):
                wanted[field] = [column for name in source for column in expand(str(name))]
            else:
                wanted[field] = source
        parts.append(replace(part, fields=resolve_fields(wanted, part.columns, part.name), _hashes={}))
    return Dataset(parts, data.source, data.rows, data.name, data.skipped)
