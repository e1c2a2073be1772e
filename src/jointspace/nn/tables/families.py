"""The families of tables as rows of data, and the planner: a budget of floats -> the sizes that meet it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jointspace.errors import ConfigError, nearest
from jointspace.nn.tables.base import Tables
from jointspace.nn.tables.full import FullTables
from jointspace.nn.tables.private import PrivateTables


@dataclass(frozen=True)
class Family:
    """name: as recipes say it. home: `module:class` in this folder. size: the argument that a budget decides. floor:
    least size of a space. both: has a separate and a multiplexed form. fixed: further arguments that make it this one.
    """

    name: str
    home: str
    about: str
    size: str = "rows"
    floor: int = 1
    both: bool = True
    fixed: Mapping[str, Any] | None = None

    def load(self) -> Any:
        module, cls = self.home.split(":")
        return getattr(importlib.import_module(f"jointspace.nn.tables.{module}"), cls)


FAMILIES = {
    row.name: row
    for row in (
        Family("full", "full:FullTables", "a row for every value seen in training", size="", both=False),
        Family("hash", "hashed:HashTables", "one row by hash"),
        Family("multi_hash", "hashed:HashTables", "the sum of two rows by hash", fixed={"lookups": 2}),
        Family("qr", "hashed:QuotientRemainderTables", "quotient row times remainder row", floor=2),
        Family("hashed_net", "hashed:FlatTables", "every entry a signed draw", size="size", fixed={"block": 1}),
        Family("robe", "hashed:FlatTables", "signed blocks of consecutive weights", size="size", fixed={"block": 8}),
        Family("unified", "unified:UnifiedEmbedding", "several rows side by side", size="buckets", both=False),
    )
}


def find(name: str) -> Family:
    """ConfigError with the nearest name."""
    if name not in FAMILIES:
        raise ConfigError(f"no family of tables is called {name!r}{nearest(name, FAMILIES)}")
    return FAMILIES[name]


def plan(
    family: str,
    sizes: Mapping[str, int],
    *,
    width: int,
    budget: float = 1.0,
    multiplexed: bool = True,
    private: Sequence[str] = (),
    **options: Any,
) -> dict[str, Any]:
    """Arguments of `build` whose tables hold at most `budget` times the floats of full ones: {family, columns, ...}.

    sizes: column -> number of its values. width: of
    every column's vector (for `unified` of one with `chunks` lookups, 2 by default: chunk_width = width / chunks).
    private: columns with full tables of their own, paid first. Separate spaces share the rest in proportion to the
    columns' values, and none gets more rows than values. options: further arguments of the family; the one that a
    budget decides (`rows`, `size`, `buckets`) goes before it. ConfigError where the budget cannot be met: it says the
    least one that can.
    """
    row = find(family)
    if not 0 < budget <= 1:
        raise ConfigError(f"budget: a share of the full tables, above 0 and at most 1, got {budget}")
    for name in private:
        if name not in sizes:
            raise ConfigError(f"private: no column {name!r}{nearest(name, sizes)}")
    total = sum(sizes.values()) * width
    spent = sum(sizes[name] for name in private) * width
    shared = [name for name in sizes if name not in private]
    made: dict[str, Any] = dict(family=family, columns=list(sizes), private=list(private), sizes=dict(sizes))
    if family == "full" or not shared:
        return {**made, "family": "full", "width": width, "private": []}
    floats = int(budget * total) - spent
    made |= dict(row.fixed or {}, **options)
    if family == "unified":
        chunks, tables = made.pop("chunks", 2), made.pop("tables", None)
        least = min([chunks] if isinstance(chunks, int) else [chunks[name] for name in shared])
        chunk_width = made.pop("chunk_width", None) or width // least
        tables = tables or least
        made |= dict(chunk_width=chunk_width, tables=tables, chunks=chunks, buckets=floats // (tables * chunk_width))
        enough = made["buckets"] >= 1
    else:
        unit = 1 if row.size == "size" else width
        made |= dict(width=width, multiplexed=multiplexed)
        made[row.size] = floats // unit if multiplexed else _shares(floats // unit, shared, sizes, unit, width, row)
        enough = floats // unit >= row.floor * (1 if multiplexed else len(shared))
    if row.size in options:
        return {**made, row.size: options[row.size]}
    if not enough:
        need = (spent + row.floor * width * (1 if multiplexed else len(shared))) / total
        raise ConfigError(f"budget: {budget:g} is too little for {family}; the least is about {need:.2g}")
    return made


def _shares(
    units: int, columns: Sequence[str], sizes: Mapping[str, int], unit: int, width: int, row: Family
) -> list[int]:
    """Units for each column, in proportion to its values, at least the floor, at most one row a value."""
    most = {name: max(row.floor, sizes[name] * width // unit) for name in columns}
    total = sum(sizes[name] for name in columns)
    shares = {name: min(most[name], max(row.floor, units * sizes[name] // total)) for name in columns}
    for name in sorted(columns, key=lambda c: -sizes[c]):  # the largest get what rounding left
        shares[name] = min(most[name], max(row.floor, shares[name] + units - sum(shares.values())))
    return [shares[name] for name in columns]


def build(
    family: str,
    columns: Sequence[str],
    *,
    sizes: Mapping[str, int],
    vocabulary: Mapping[str, Any] | None = None,
    private: Sequence[str] = (),
    **options: Any,
) -> Tables:
    """Tables from a plan. sizes and vocabulary (hashes): of full and private columns; others need neither."""
    row = find(family)
    own = list(columns) if family == "full" else list(private)
    shared = [name for name in columns if name not in own]
    alone = None
    if own:
        width = options.get("width") or _unified_width(options, shared, columns)
        alone = FullTables(own, width, [sizes[name] for name in own], vocabulary=vocabulary)
    if not shared:
        assert alone is not None
        return alone
    if isinstance(options.get("chunks"), Mapping):
        options["chunks"] = [options["chunks"][name] for name in shared]
    try:
        tables = row.load()(shared, **options)
    except TypeError as error:
        raise ConfigError(f"tables {family}: {error}") from None
    return tables if alone is None else PrivateTables(columns, alone, tables)


def _unified_width(options: Mapping[str, Any], shared: Sequence[str], columns: Sequence[str]) -> int:
    """Width of private columns beside unified ones: that of a column with the commonest number of chunks."""
    chunks = options.get("chunks", 1)
    each = [chunks] * len(columns) if isinstance(chunks, int) else [chunks[name] for name in shared]
    return max(set(each), key=each.count) * options["chunk_width"]
