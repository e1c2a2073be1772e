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
    blank = _mark(data, name, _blank)
    if blank is None:
        rows = enumerate(data._each(name))
        blank = np.array([i for i, values in rows if not values or not all(v.strip() for v in values)], dtype=np.int64)
    return [_problem(data, int(i), name, EMPTY_TEXT) for i in blank]


def _numbers(data: Dataset, name: str) -> list[Problem]:
    bad = _mark(data, name, _nan)
    if bad is None:
        values = enumerate(data.column(name))
        bad = np.array([i for i, v in values if isinstance(v, float) and math.isnan(v)], dtype=np.int64)
    return [_problem(data, int(i), name, NOT_A_NUMBER) for i in bad]


def _blank(values: Any) -> Any:
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(values), ""), True)


def _nan(values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_floating(values.type):
        return pa.nulls(len(values), pa.bool_()).fill_null(False)
    return pc.fill_null(pc.is_nan(values), False)


def _mark(data: Dataset, name: str, test: Callable[[Any], Any]) -> np.ndarray | None:
    """Rows of a field that `test` is true of, judged on whole Arrow columns; None where its values are not so plain."""
    marked = np.zeros(len(data), dtype=bool)
    for k, part in enumerate(data.parts):
        column = part.plain(name)
        if column is None:
            return None
        mine = data.source == k
        marked[mine] = np.asarray(test(column.values))[data.rows[mine]]
    return np.flatnonzero(marked)


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
    None: fields are guessed from names and values, and what is missing there (null, an empty list) is a note, since
    nobody said that it is needed. Raises DataError for what cannot be read, or is empty.
    """
    from jointspace.data.describe import open_tables

    tables = open_tables(source, columns, split)
    report = Report()
    for name, data in tables.items():
        say(f"{name}: {len(data):,} rows, fields {', '.join(data.fields)}")
        report.rows[name] = len(data)
        problems = scan(data, decode=True)
        if columns is None and not isinstance(source, Dataset):
            problems, notes = _optional(name, data, problems)
            report.notes += notes
        report.problems += problems + _rates(data)
        report.notes += _repeats(name, data)
    names = [n for n in ("train", "validation", "test") if n in tables]
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            report.problems += shared(tables[first], tables[second], f"also in {first}")
    others = open_tables(against, columns, None) if against is not None else {}
    for other, theirs in others.items():
        for data in tables.values():
            report.problems += shared(theirs, data, f"also in {other}")
    return report


def _optional(name: str, data: Dataset, problems: list[Problem]) -> tuple[list[Problem], list[str]]:
    """Problems without the values that are just not there, and a note for each field that has such rows."""
    absent = Counter(
        p.field for p in problems if p.reason in (EMPTY_TEXT, MISSING) and not data.values(p.field, p.index)
    )
    kept = [p for p in problems if p.reason not in (EMPTY_TEXT, MISSING) or data.values(p.field, p.index)]
    return kept, [f"{name}: {f}: {count:,} rows without a value" for f, count in absent.items()]


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


def _identities(data: Dataset, fields: list[str]) -> list[list[str]]:
    """Fields that make two rows the same: each picture or sound by itself, else all texts together, else all."""
    media = [f for f in fields if data.modality(f) in ("image", "audio", "video", "points", "volume")]
    return [[f] for f in media] or [[f for f in fields if data.modality(f) == "text"] or fields]


def _repeats(name: str, data: Dataset) -> list[str]:
    out = []
    for fields in _identities(data, [f for f in data.fields if f != "id"]):
        keys = np.stack([data.content_hash(f) for f in fields], axis=1) if fields else np.zeros((0, 1))
        keys = keys[keys.any(axis=1)]
        twice = len(keys) - len(np.unique(keys, axis=0))
        if twice:
            label = fields[0] if len(fields) == 1 else "row"
            out.append(f"{name}: {label}: {twice:,} rows repeat the content of an earlier one")
    return out


def shared(first: Dataset, second: Dataset, reason: str) -> list[Problem]:
    """Rows of `second` that `first` holds too: by each picture or sound, else by all texts together, else, for rows of
    plain columns, by everything but the id."""
    both = [f for f in second.fields if f in first.fields and f != "id"]
    out: list[Problem] = []
    for fields in _identities(second, both):
        if not fields:
            continue
        a, b = (np.stack([d.content_hash(f) for f in fields], axis=1) for d in (first, second))
        known = {row.tobytes() for row in a}
        label = fields[0] if len(fields) == 1 else "row"
        hits = (i for i, row in enumerate(b) if row.any() and row.tobytes() in known)
        out += [_problem(second, i, label, reason) for i in hits]
    return out
