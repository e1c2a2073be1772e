"""What a data set holds, said after a look: kinds of columns, sizes, scripts, examples."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.data.columns import Column, Part, resolve_fields
from jointspace.data.dataset import Dataset
from jointspace.data.kinds import FIELD_KINDS, LOOK, kind_of, spread
from jointspace.data.sources import read_source
from jointspace.errors import DataError


@dataclass
class ColumnInfo:
    """One column after a look.

    kind: image, audio, text, texts (a list a row), category (few distinct strings), key (strings that name things),
    number, label (few distinct whole numbers), bool, vector, frames (a list of pictures), other. `detail` in words.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int | None
    detail: str
    example: str


def looks(data: Dataset) -> list[ColumnInfo]:
    """A look at every field of a data set (of a union: at its first source). No picture is decoded."""
    part = data.parts[0]
    mine = data.rows[data.source == 0]
    return [
        _look(part, spec.columns[0], name, mine)
        for name, spec in part.fields.items()
        if spec.columns
    ]  # fmt: skip


def _look(part: Part, column_name: str, name: str, rows: np.ndarray) -> ColumnInfo:
    column = part.columns[column_name]
    kind = kind_of(column, column_name)
    sample = [v for v in column.take(spread(rows)) if v is not None]
    missing = int((~column.valid()).sum())
    distinct = _distinct(column) if kind not in ("image", "audio", "frames", "vector", "other", "texts") else None
    detail = _range(column) if kind in ("number", "label", "bool") else _detail(kind, sample, part)
    return ColumnInfo(name, kind, len(rows), missing, distinct, detail, _example(kind, sample))


def _range(column: Column) -> str:
    values = column.values if isinstance(column.values, list) else column.values.to_pylist()
    numbers = np.array([np.nan if v is None else float(v) for v in values])
    gone = int(np.isnan(numbers).sum()) - sum(v is None for v in values)
    if np.isnan(numbers).all():
        return "no number"
    return f"{np.nanmin(numbers):g} to {np.nanmax(numbers):g}" + (f", {gone} NaN" if gone else "")


def _distinct(column: Column) -> int | None:
    import pyarrow.compute as pc

    try:
        return int(pc.count_distinct(column.values).as_py()) if column.type is not None else None
    except pa.ArrowNotImplementedError:
        return None


def _detail(kind: str, values: list[Any], part: Part) -> str:
    if not values:
        return "all missing"
    if kind == "image":
        return _picture_sizes(values[:200], part)
    if kind in ("text", "texts", "category", "key"):
        texts = [w for v in values for w in (v if isinstance(v, list) else [v]) if isinstance(w, str)]
        if not texts:
            return "empty lists"
        words = [len(t.split()) for t in texts]
        out = f"{np.mean(words):.1f} words (longest {max(words)})"
        if kind == "texts":
            out = f"{np.mean([len(v) for v in values]):.1f} a row, {out}"
        return f"{out}, {', '.join(scripts(texts))}"
    if kind == "vector":
        lengths = {len(v) for v in values}
        return f"{min(lengths)} numbers" if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)} numbers"
    if kind == "frames":
        return f"{np.mean([len(v) for v in values]):.0f} pictures a row"
    if kind == "audio":
        return _sound_rates(values[:20], part)
    return type(values[0]).__name__


def _picture_sizes(values: list[Any], part: Part) -> str:
    from PIL import Image

    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    for value in values:
        medium = part._medium(value)
        try:
            if isinstance(medium, bytes | Path):
                with Image.open(io.BytesIO(medium) if isinstance(medium, bytes) else medium) as picture:
                    sizes[picture.size] += 1
                    modes[picture.mode] += 1
            elif hasattr(medium, "size") and isinstance(medium.size, tuple):
                sizes[medium.size] += 1
                modes[medium.mode] += 1
            elif getattr(medium, "ndim", 0) in (2, 3):
                first = medium.ndim == 3 and medium.shape[0] in (1, 3, 4) and medium.shape[2] not in (1, 3, 4)
                height, width = medium.shape[1:] if first else medium.shape[:2]
                sizes[(width, height)] += 1
                modes[str(medium.dtype)] += 1
        except Exception:  # a damaged picture is for `check` to report
            continue
    if not sizes:
        return "no picture could be opened" if values else ""
    widths, heights = [w for w, _ in sizes], [h for _, h in sizes]
    one = len(sizes) == 1
    size = f"{widths[0]}x{heights[0]}" if one else f"{min(widths)}x{min(heights)} to {max(widths)}x{max(heights)}"
    return f"{size}, {'/'.join(sorted(modes))}"


def _sound_rates(values: list[Any], part: Part) -> str:
    from jointspace.data.decode import audio_rate

    rates = set()
    for value in values:
        try:
            rates.add(audio_rate(part._medium(value)))
        except DataError:
            continue
    return " / ".join(f"{rate} Hz" if rate else "rate not stated" for rate in sorted(rates))


def _example(kind: str, values: list[Any]) -> str:
    if not values:
        return ""
    value = values[0]
    if kind in ("image", "audio") and isinstance(value, str):
        return value
    if kind in ("image", "audio", "frames", "vector"):
        return ""
    if isinstance(value, list):
        value = next((", ".join(str(w) for w in v) for v in values if v), "")
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def scripts(texts: Iterable[str], shown: int = 4) -> list[str]:
    """Writing systems of some texts, the most frequent first: `["Latin", "Cyrillic"]`; rough, by Unicode names."""
    count: Counter[str] = Counter()
    for text in list(texts)[:LOOK]:
        for letter in text[:80]:
            if letter.isalpha():
                name = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
                count[{"CJK": "Han"}.get(name, name.capitalize())] += 1
    total = sum(count.values())
    return [name for name, n in count.most_common(shown) if n >= max(2, 0.005 * total)] or ["no letters"]


def guess_fields(data: Dataset) -> dict[str, str]:
    """Column -> modality, for columns that hold pictures, sounds, clips or running text; the others -> ""."""
    return {info.name: FIELD_KINDS.get(info.kind, "") for info in looks(data)}


def open_tables(source: Any, columns: Mapping[str, Any] | None = None, split: str | None = None) -> dict[str, Dataset]:
    """Every table of a source by name (one for a file or a Dataset), with the modality of each column guessed where
    `columns` does not say it. Raises DataError for what cannot be read, or is empty."""
    from jointspace.data import catalogue
    from jointspace.data.readers.folder import METADATA, tables

    if isinstance(source, Dataset):
        return {source.name: source}
    path = Path(str(source)).expanduser()
    if isinstance(source, str) and not path.exists() and source in catalogue.names():
        path = catalogue.find(source)
    names: list[str | None] = [split]
    if isinstance(source, str | Path) and path.is_dir() and split is None:
        if not any((path / name).is_file() for name in METADATA):
            found = tables(path)
            known = [n for n in ("train", "validation", "test") if n in found]
            names = [*known, *(n for n in found if n not in known)] or [None]
    opened = {}
    for name in names:
        data = read_source(source, columns, split=name)
        if len(data) == 0:
            raise DataError(f"{data.name}: the data set is empty")
        opened[name or data.name] = data if columns is not None else with_kinds(data)
    return opened


def with_kinds(data: Dataset) -> Dataset:
    """The same data set, each column knowing its modality, whatever its name."""
    kinds = guess_fields(data)
    parts = [
        replace(part, fields=resolve_fields(None, part.columns, part.where, kinds), _hashes={}) for part in data.parts
    ]
    return Dataset(parts, data.source, data.rows, data.name, data.skipped)


def to_json(data: Dataset) -> dict[str, Any]:
    """Name, rows and a look at each column, for machines."""
    return {"name": data.name, "rows": len(data), "fields": [asdict(info) for info in looks(data)]}
