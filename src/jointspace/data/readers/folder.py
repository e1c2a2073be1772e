"""Folders: tables by split, pictures or sounds with class sub-folders and a metadata file."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from jointspace.data.columns import Column
from jointspace.data.modality import AUDIO_SUFFIXES, IMAGE_SUFFIXES
from jointspace.data.readers import Table, file_format, read_file
from jointspace.errors import DataError, nearest

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
SPLITS = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}
_SHARD = re.compile(r"^(.*?)[-_]\d{4,}(?:[-_]of[-_]\d+)?$")


def tables(folder: Path) -> dict[str, list[Path]]:
    """Tables of a folder by name: `train.parquet` -> train, `train-00000-of-00004.parquet` -> shards of train."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and file_format(path) and path.name not in METADATA and not path.name.startswith((".", "_")):
            stem = path.name.split(".")[0] if path.suffix == ".gz" else path.stem
            shard = _SHARD.match(stem)
            name = shard.group(1) if shard else stem
            found.setdefault(SPLITS.get(name, name), []).append(path)
    inner = folder / "data"
    return tables(inner) if not found and inner.is_dir() else found


def choose(names: Collection[str], split: str | None, where: str) -> list[str]:
    """Names of the tables to read: those of `split` (`train+validation`), else the only one, else train or data."""
    if split is not None:
        wanted = [SPLITS.get(s.strip(), s.strip()) for s in split.split("+")]
        for name in wanted:
            if name not in names:
                raise DataError(f"{where}: no split or table {name!r}{nearest(name, sorted(names))}")
        return wanted
    for name in ("train", "data"):
        if name in names:
            return [name]
    if len(names) == 1:
        return list(names)
    raise DataError(f"{where}: holds several tables, say which: split={' | '.join(sorted(names))}")


def media(folder: Path) -> tuple[str, list[Path]] | None:
    """("image" | "audio", files below the folder, sorted); None where there are none."""
    pictures, sounds = [], []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        suffix = path.suffix.lower()
        if suffix in IMAGE_SUFFIXES and path.is_file():
            pictures.append(path)
        elif suffix in AUDIO_SUFFIXES and path.is_file():
            sounds.append(path)
    if not pictures and not sounds:
        return None
    return ("image", pictures) if len(pictures) >= len(sounds) else ("audio", sounds)


def read_media(folder: Path, as_text: Collection[str] = ()) -> Table:
    """A folder of pictures or sounds as a table: `image` or `audio` (path), `file_name`, `label`, metadata columns.

    `metadata.csv` (or `.jsonl`, `.parquet`) has `file_name` relative to the folder and decides rows and order; else
    every file is a row and the first sub-folder, where all files have one, is its `label`. Raises DataError.
    """
    for name in METADATA:
        if (folder / name).is_file():
            return _with_metadata(folder, name, as_text)
    found = media(folder)
    if found is None:
        raise DataError(f"{folder}: no table, picture or sound in this folder")
    kind, files = found
    inside = [path.relative_to(folder) for path in files]
    columns = {kind: Column(pa.array([p.as_posix() for p in inside])), "file_name": Column.of([p.name for p in inside])}
    if all(len(p.parts) > 1 for p in inside):
        columns["label"] = Column.of([p.parts[0] for p in inside])
    return Table(columns, len(files), folder.name, folder)


def _with_metadata(folder: Path, name: str, as_text: Collection[str]) -> Table:
    table = read_file(folder / name, None, as_text)
    key = next((k for k in ("file_name", "image", "audio", "path") if k in table.columns), None)
    if key is None:
        raise DataError(f"{folder / name}: no column 'file_name' that names the files")
    values = table.columns[key]
    first = next((str(v) for v in values.take(range(table.rows)) if v), "")  # type: ignore[arg-type]
    kind = "audio" if Path(first).suffix.lower() in AUDIO_SUFFIXES else "image"
    if kind not in table.columns:
        table.columns[kind] = values
    table.base = folder
    table.where = f"{folder.name}/{name}"
    return table
