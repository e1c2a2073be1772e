"""Bad rows: empty texts, missing values, NaN, undecodable pictures and sounds, odd sampling rates, shared rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jointspace.data.columns import ONE_ITEM
from jointspace.data.dataset import Dataset
from jointspace.errors import DataError

EMPTY_TEXT, MISSING, NOT_A_NUMBER = "empty text", "missing", "NaN"
UNDECODABLE, RATE = "cannot be decoded", "other sampling rate"
KINDS = {"text": "text", "image": "picture", "audio": "sound"}


@dataclass(frozen=True)
class Problem:
    """One bad value: `row` counts from 0 in the file `where` names."""

    where: str
    row: int
    field: str
    reason: str
    detail: str = ""
    index: int = -1  # position in the data set that was looked at

    def __str__(self) -> str:
        return f"{self.where} row {self.row}: {self.field}: {self.reason}" + (
            f" ({self.detail})" if self.detail else ""
        )


@dataclass
class Report:
    """What a check found. `problems` in row order by table; `notes`: worth knowing, no fault; `rows` by table."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems

    def counts(self) -> dict[tuple[str, str, str], list[int]]:
        """(table, field, reason) -> row numbers, each once."""
        found: dict[tuple[str, str, str], dict[int, None]] = {}
        for p in self.problems:
            found.setdefault((p.where, p.field, p.reason), {})[p.row] = None
        return {key: list(rows) for key, rows in found.items()}

    def lines(self, shown: int = 8) -> list[str]:
        """Readable summary, a line a kind of problem; rows count from 0."""
        out = [f"{where}: {rows:,} rows" for where, rows in self.rows.items()]
        details = {(p.where, p.field, p.reason): p.detail for p in reversed(self.problems) if p.detail}
        for (where, name, reason), rows in self.counts().items():
            numbers = ", ".join(str(r) for r in rows[:shown]) + (", ..." if len(rows) > shown else "")
            detail = details.get((where, name, reason))
            plural = "row" if len(rows) == 1 else f"{len(rows)} rows:"
            out.append(f"  {where}: {name}: {reason}: {plural} {numbers}" + (f"  [{detail}]" if detail else ""))
        out += [f"  note: {note}" for note in self.notes]
        out.append("no problem found" if self.ok else f"{len(self.problems)} problems (rows count from 0)")
        return out

    def to_json(self) -> dict[str, Any]:
        problems = [
            {"table": w, "field": f, "reason": r, "rows": rows} for (w, f, r), rows in self.counts().items()
        ]  # fmt: skip
        return {"ok": self.ok, "rows": self.rows, "problems": problems, "notes": self.notes}


def scan(data: Dataset, fields: Iterable[str] | None = None, *, decode: bool = False) -> list[Problem]:
    """Bad values of a data set, in row order within each field.

    Texts: missing or blank (with choices: no text left). Pictures and sounds: missing, 0 bytes, file not there; with
    `decode` also whether each can be decoded, on threads. Plain numbers: NaN. Fields of other modalities may hold
    missing values and are not looked at.
    """
    found: list[Problem] = []
    for name in data.fields if fields is None else fields:
        modality = data.modality(name)
        if modality in ONE_ITEM or name == "id":
            continue
        if modality == "text":
            found += _texts(data, name)
        elif modality in ("image", "audio"):
            found += _media(data, name, modality, decode)
        elif not data.is_multi(name):
            found += _numbers(data, name)
    return found


def _problem(data: Dataset, index: int, name: str, reason: str, detail: str = "") -> Problem:
    part = data.parts[data.source[index]]
    return Problem(part.where or part.name, int(data.rows[index]), name, reason, detail, index)


def _texts(data: Dataset, name: str) -> list[Problem]:
    out = []
    for index, values in enumerate(data._each(name)):
        if not values or not all(v.strip() for v in values):
            out.append(_problem(data, index, name, EMPTY_TEXT))
    return out


def _numbers(data: Dataset, name: str) -> list[Problem]:
    out = []
    for index, values in enumerate(data._each(name)):
        if values and isinstance(values[0], float) and math.isnan(values[0]):
            out.append(_problem(data, index, name, NOT_A_NUMBER))
    return out


def _media(data: Dataset, name: str, modality: str, decode: bool) -> list[Problem]:
    """Every picture or sound of every row; several values a row are all looked at."""

    def look(task: tuple[int, Any]) -> Problem | None:
        index, value = task
        if value is None:
            return _problem(data, index, name, MISSING)
        if hasattr(value, "is_file") and not value.is_file():
            return _problem(data, index, name, MISSING, f"no file {value.name}")
        if isinstance(value, bytes) and not value:
            return _problem(data, index, name, UNDECODABLE, "0 bytes")
        return _decoding(data, index, name, modality, value) if decode else None

    def tasks() -> Iterable[tuple[int, Any]]:
        for index, values in enumerate(data._each(name)):
            for value in values or [None]:
                yield index, value

    if not decode:
        return [p for p in map(look, tasks()) if p is not None]
    with ThreadPoolExecutor(4) as pool:
        out: list[Problem] = []
        block: list[tuple[int, Any]] = []
        for task in tasks():  # blocks: a pool's map would hold all values at once
            block.append(task)
            if len(block) == 1024:
                out += [p for p in pool.map(look, block) if p is not None]
                block = []
        out += [p for p in pool.map(look, block) if p is not None]
    return out


def _decoding(data: Dataset, index: int, name: str, modality: str, value: Any) -> Problem | None:
    from jointspace.data.decode import decode_image, read_audio

    try:
        if modality == "image":
            decode_image(value)
            return None
        samples, _ = read_audio(value)
        if samples.size == 0:
            return _problem(data, index, name, UNDECODABLE, "no samples")
        return None if np.isfinite(samples).all() else _problem(data, index, name, NOT_A_NUMBER)
    except Exception as error:  # soundfile and Pillow raise many kinds
        detail = str(error)
        detail = detail[detail.find("(") + 1 : -1] if isinstance(error, DataError) else " ".join(detail.split())[:120]
        return _problem(data, index, name, UNDECODABLE, detail)


def drop_bad(data: Dataset, on_bad: str, fields: Iterable[str] | None = None) -> Dataset:
    """`refuse`: DataError at the first bad value that a look without decoding finds; `skip`: a data set without the
    bad rows (decoding included), counted by reason in `skipped`. Raises DataError where no row is left."""
    problems = scan(data, fields, decode=on_bad == "skip")
    if not problems:
        return data
    if on_bad == "refuse":
        first = min(problems, key=lambda p: p.index)
        rows = len({p.index for p in problems})
        more = f"; {rows - 1} more bad rows" if rows > 1 else ""
        raise DataError(f"{first}{more}; leave bad rows out with on_bad: skip")
    reasons: dict[int, str] = {}
    for problem in problems:
        kind = KINDS.get(data.modality(problem.field) or "", problem.field)
        text = problem.reason if kind in problem.reason else f"{kind}: {problem.reason}"
        reasons.setdefault(problem.index, text)
    good = np.ones(len(data), dtype=bool)
    good[list(reasons)] = False
    if not good.any():
        raise DataError(f"{data.name}: the data set is empty once its {len(reasons)} bad rows are left out")
    kept = data.select(good)
    kept.skipped = {**data.skipped, **Counter(reasons.values())}
    return kept


def check(
    source: Any,
    against: Any = None,
    *,
    columns: Mapping[str, Any] | None = None,
    split: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Look at every row of a file, folder, catalogue set or Dataset. A folder with several splits is checked whole.

    Reports undecodable pictures and sounds, empty texts, missing pictures, NaN, sounds whose rate is not the most
    frequent one, and rows that another split (or `against`) holds too, all by row number. columns: as in `load_data`;
    None: fields are guessed from names and values. Raises DataError for what cannot be read, or is empty.
    """
    from jointspace.data.describe import open_tables

    tables = open_tables(source, columns, split)
    report = Report()
    for name, data in tables.items():
        say(f"{name}: {len(data):,} rows, fields {', '.join(data.fields)}")
        report.rows[name] = len(data)
        report.problems += scan(data, decode=True)
        report.problems += _rates(data)
        report.notes += _repeats(name, data)
    others = open_tables(against, columns, None) if against is not None else {}
    names = [n for n in ("train", "validation", "test") if n in tables]
    pairs = [(tables[a], a, tables[b], b) for i, a in enumerate(names) for b in names[i + 1 :]]
    pairs += [(d, f"{against}" if len(others) == 1 else n, t, m) for n, d in others.items() for m, t in tables.items()]
    for first, first_name, second, second_name in pairs:
        report.problems += shared(first, second, f"also in {first_name}")
        del second_name
    return report


def _rates(data: Dataset) -> list[Problem]:
    from jointspace.data.decode import audio_rate

    out = []
    for name in (f for f in data.fields if data.modality(f) == "audio"):
        rates = []
        for index, value in ((i, v) for i, values in enumerate(data._each(name)) for v in values):
            try:
                rates.append((index, audio_rate(value)))
            except DataError:
                continue  # reported as undecodable
        if rates:
            usual = Counter(rate for _, rate in rates).most_common(1)[0][0]
            out += [
                _problem(data, i, name, RATE, f"{rate} Hz, most have {usual} Hz") for i, rate in rates if rate != usual
            ]
    return out


def _content_fields(data: Dataset) -> list[str]:
    return [f for f in data.fields if data.modality(f) in ("text", "image", "audio", "video", "points", "volume")]


def _repeats(name: str, data: Dataset) -> list[str]:
    out = []
    for field_name in _content_fields(data):
        hashes = data.content_hash(field_name)
        hashes = hashes[hashes != 0]
        twice = len(hashes) - len(np.unique(hashes))
        if twice:
            out.append(f"{name}: {field_name}: {twice:,} rows repeat the content of an earlier one")
    return out


def shared(first: Dataset, second: Dataset, reason: str) -> list[Problem]:
    """Rows of `second` whose content `first` holds too: each item field by itself, and the row as a whole."""
    both = [f for f in second.fields if f in first.fields]
    out: list[Problem] = []
    for name in _content_fields(second):
        if name in both:
            a, b = first.content_hash(name), second.content_hash(name)
            hits = np.flatnonzero(np.isin(b, a) & (b != 0))
            out += [_problem(second, int(i), name, reason) for i in hits]
    whole = [f for f in both if f != "id"]
    if whole and not out:
        a = np.stack([first.content_hash(f) for f in whole], axis=1)
        b = np.stack([second.content_hash(f) for f in whole], axis=1)
        known = {row.tobytes() for row in a}
        out += [_problem(second, i, "row", reason) for i, row in enumerate(b) if row.tobytes() in known]
    return out
