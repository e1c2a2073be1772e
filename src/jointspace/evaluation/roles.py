"""From columns named by the user to the fields a task needs; what is not named is found by name, then by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data.check import drop_bad
from jointspace.data.columns import Column
from jointspace.data.dataset import Dataset
from jointspace.data.identity import combine, hash_bytes
from jointspace.data.kinds import FIELD_KINDS, kind_of
from jointspace.data.modality import MODALITIES, modality_of_field
from jointspace.data.sources import read_source
from jointspace.errors import DataError, nearest

LOOSELY_TYPED = frozenset({".csv", ".tsv", ".gz"})  # read again once it is known which columns are text


@dataclass(frozen=True)
class Role:
    """One thing a task needs of every row. item: the Space encodes it; else it is a plain column (label, score)."""

    name: str
    help: str
    item: bool = False
    required: bool = True
    aliases: tuple[str, ...] = ()  # column names taken for it where the user names none


@dataclass
class Inputs:
    """Rows for a task: a Dataset whose fields stand for the roles. columns: role -> columns they came from."""

    data: Dataset
    fields: dict[str, str]
    columns: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.data)

    def has(self, role: str) -> bool:
        return role in self.fields

    def modality(self, role: str) -> str:
        return str(modality_of_field(self.fields[role]))

    def plain(self, role: str) -> np.ndarray:
        """A plain role as (N,) array."""
        return self.data.array(self.fields[role])

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the content of every role, row by row."""
        parts = [hash_bytes(role.encode()) for role in self.fields]
        parts += [hash_bytes(self.data.content_hash(name).tobytes()) for name in self.fields.values()]
        return f"{combine(parts) & 0xFFFFFFFFFFFFFFFF:016x}"


def open_inputs(
    data: Any,
    roles: Sequence[Role],
    columns: Mapping[str, Any] | None = None,
    *,
    task: str,
    split: str | None = None,
    on_bad: str = "refuse",
    limit: int | None = None,
    id: str | None = None,
) -> Inputs:
    """Read `data` (all that `js.load_data` reads, or `Inputs` as they are) for the roles of a task.

    columns: `{role: column | [columns]}`; `modality:column` says what a column holds where that cannot be told. Keys
    that are no role but named after a modality (`image`, `text`) are fields, from which missing roles are found.
    Raises DataError for an unknown role or column (with the nearest name) and for a role that stays open.
    """
    if isinstance(data, Inputs):
        return data
    look = read_source(data, None, split=split, id=id)
    if len(look) == 0:
        raise DataError(f"{look.name}: the data set is empty")
    known = _Known(look)
    given, fields = _split_columns(columns or {}, roles, task, known)
    _complete(given, fields, roles, task, known)
    wanted, named = {}, {}
    for role in roles:
        if role.name in given:
            modality, source = known.split_modality(given[role.name])
            if role.item:
                modality = modality or known.modality(source, task, role.name)
            named[role.name] = f"{modality}_{role.name}" if role.item else role.name
            wanted[named[role.name]] = source
    again = isinstance(data, str | Path) and Path(data).suffix.lower() in LOOSELY_TYPED
    rows = read_source(data, wanted, split=split, id=id) if again else read_source(look, wanted)
    if limit is not None and on_bad == "refuse":  # rows that nobody will see need no look
        rows = rows.select(np.arange(min(limit, len(rows))))
    rows = drop_bad(rows, on_bad)
    if limit is not None:
        rows = rows.select(np.arange(min(limit, len(rows))))
    return Inputs(rows, named, {role: source for role, source in zip(named, wanted.values(), strict=True)})


def _split_columns(
    columns: Mapping[str, Any], roles: Sequence[Role], task: str, known: _Known
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the user said: by role, and by field name."""
    names = {role.name for role in roles}
    given = {k: v for k, v in columns.items() if k in names}
    fields = {}
    for key, source in columns.items():
        if key in names or key == "id":
            continue
        if modality_of_field(key) is None:
            raise DataError(f"{task}: no role {key!r}{nearest(key, [*names, *MODALITIES])}")
        fields[f"{modality_of_field(key)}:{source}" if isinstance(source, str) else key] = source
    for source in columns.values():
        known.require(known.split_modality(source)[1])
    return given, fields


def _complete(
    given: dict[str, Any], fields: Mapping[str, Any], roles: Sequence[Role], task: str, known: _Known
) -> None:
    """Fill roles that the user left open: by alias, then by the fields or columns that hold items."""
    for role in roles:
        for alias in (role.name, *role.aliases):
            if role.name not in given and alias in known.names and alias not in given.values():
                given[role.name] = alias
    open_items = [role for role in roles if role.item and role.required and role.name not in given]
    pool = [key if isinstance(source, str) else source for key, source in fields.items()]
    pool = pool or [name for name in known.items(guess=False) if name not in given.values()]
    if len(pool) < len(open_items):
        pool = [name for name in known.items(guess=True) if name not in given.values()]
    if len(open_items) > 1 and any(known.is_text(p) for p in pool):
        pool = sorted(pool, key=lambda p: not known.is_text(p))  # text asks, the other modality answers
    if open_items and len(pool) == len(open_items):
        given.update({role.name: source for role, source in zip(open_items, pool, strict=True)})
        open_items = []
    missing = [role for role in roles if role.required and role.name not in given]
    if missing:
        names = ", ".join(str(n) for n in known.names)
        wants = "; ".join(f"{role.name} ({role.help})" for role in missing)
        raise DataError(f"{task}: no column for {wants}; say columns={{{missing[0].name!r}: ...}}; there are: {names}")


class _Known:
    """Fields and columns of a data set, and what each holds."""

    def __init__(self, data: Dataset):
        self.data = data
        self.columns: dict[str, Column] = {}
        for part in data.parts:
            self.columns = {**part.columns, **self.columns}
        self.names = list(dict.fromkeys([*data.fields, *self.columns]))

    def require(self, source: Any) -> None:
        for name in source if isinstance(source, list | tuple) else [source]:
            if isinstance(name, str) and name not in self.names and name != "*":
                raise DataError(f"{self.data.name}: no column {name!r}{nearest(name, self.names)}")

    def split_modality(self, source: Any) -> tuple[str | None, Any]:
        """`image:photo` -> (image, photo), unless a column has that very name."""
        if isinstance(source, str) and source not in self.names:
            head, _, rest = source.partition(":")
            if head in MODALITIES and rest:
                return head, rest
        return None, source

    def modality(self, source: Any, task: str, role: str) -> str:
        name = source[0] if isinstance(source, list | tuple) else source
        found = self._of(name, guess=True)
        if found is None and self._strings(name):
            found = "text"
        if found is None:
            raise DataError(
                f"{task}: cannot tell what {name!r} holds; say {role}=MODALITY:{name}{nearest('', MODALITIES)}"
            )
        return found

    def _of(self, name: str, *, guess: bool) -> str | None:
        if name in self.data.fields:
            found = self.data.modality(name)
            if found is not None:
                return found
        elif name in MODALITIES:
            return name
        column = self._column(name)
        return FIELD_KINDS.get(kind_of(column, name)) if guess and column is not None else None

    def _column(self, name: str) -> Column | None:
        for part in self.data.parts:
            if name in part.fields and part.fields[name].columns:
                return part.columns[part.fields[name].columns[0]]
        return self.columns.get(name)

    def _strings(self, name: str) -> bool:
        column = self._column(name)
        values = [] if column is None else column.take(np.arange(min(20, len(column))))
        flat = [w for v in values for w in (v if isinstance(v, list) else [v]) if w is not None]
        return bool(flat) and all(isinstance(v, str) for v in flat)

    def items(self, *, guess: bool) -> list[str]:
        return [name for name in self.data.fields if name != "id" and self._of(name, guess=guess) is not None]

    def is_text(self, source: Any) -> bool:
        modality, name = self.split_modality(source)
        name = name[0] if isinstance(name, list | tuple) else name
        return (modality or self._of(name, guess=True)) == "text"
