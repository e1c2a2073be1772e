"""Which pairs are left out of the denominator, as rules that are asked tile by tile.

A rule is any callable `rule(rows: slice, columns: slice) -> bool (r, c) | None`, True = ignored, None = nothing ignored
here. A rule must give the same answer when asked again (backward asks again). A guide's threshold, say:

    lambda rows, columns: guide_q[rows] @ guide_k[columns].T > own[rows, None]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import ObjectiveError

Rule = Callable[[slice, slice], Tensor | None]


class SameContent:
    """Pairs with equal ids (64-bit content hashes): the same content is never its own negative.

    Only ids that both sides hold and that occur at more than their own place can ever match, so tiles without such
    rows are answered at once. `own_place`: row i and column i are the same item, whose match with itself is no news.
    `columns`: number of columns where only the first have an id.
    """

    def __init__(self, row_ids: Tensor, column_ids: Tensor, own_place: bool = False, columns: int | None = None):
        ids, code = torch.unique(torch.cat([row_ids, column_ids]), return_inverse=True)
        row, column = code[: len(row_ids)].int(), code[len(row_ids) :].int()
        count = torch.bincount(column, minlength=len(ids))
        busy = count[row] > (1 if own_place else 0)
        self.row = row.where(busy, row.new_tensor(-1))
        wanted = torch.zeros(len(ids), dtype=torch.bool, device=row.device)
        wanted[row[busy]] = True
        self.column = column.where(wanted[column], column.new_tensor(-2))
        if columns is not None and columns > len(self.column):
            self.column = F.pad(self.column, (0, columns - len(self.column)), value=-2)

    def __call__(self, rows: slice, columns: slice) -> Tensor | None:
        row, column = self.row[rows], self.column[columns]
        if bool((row < 0).all()) or bool((column < 0).all()):
            return None
        return row[:, None] == column[None, :]


@dataclass(frozen=True)
class Masked:
    """A dense matrix (True = ignored), for small batches: at 80,000 rows it alone would take 6 GB."""

    mask: Tensor

    def __call__(self, rows: slice, columns: slice) -> Tensor | None:
        return self.mask[rows, columns]


@dataclass(frozen=True)
class Itself:
    """The diagonal: in a block whose two sides are the same items, an item is never its own negative."""

    def __call__(self, rows: slice, columns: slice) -> Tensor | None:
        first, last = max(rows.start, columns.start), min(rows.stop, columns.stop)
        if first >= last:
            return None
        return torch.arange(rows.start, rows.stop)[:, None] == torch.arange(columns.start, columns.stop)[None, :]


def swapped(rule: Rule) -> Rule:
    """The same rule with anchors and candidates exchanged."""

    def ask(rows: slice, columns: slice) -> Tensor | None:
        answer = rule(columns, rows)
        return None if answer is None else answer.T

    return ask


def moved(rule: Rule, rows: int = 0, columns: int = 0) -> Rule:
    """The same rule for a part of its table that starts at (rows, columns)."""
    if not rows and not columns:
        return rule

    def ask(r: slice, c: slice) -> Tensor | None:
        return rule(slice(r.start + rows, r.stop + rows), slice(c.start + columns, c.stop + columns))

    return ask


def hidden(
    ignore: tuple[Rule, ...], protect: Rule | None, rows: slice, columns: slice, device: torch.device
) -> Tensor | None:
    """What all rules together ignore in this tile, less what is protected (the positives)."""
    answer = None
    for rule in ignore:
        told = rule(rows, columns)
        if told is not None:
            told = told.to(device)
            answer = told if answer is None else answer | told
    if answer is not None and protect is not None:
        spared = protect(rows, columns)
        if spared is not None:
            answer = answer & ~spared.to(device)
    return answer


class Ids(NamedTuple):
    """64-bit content ids: of queries (B,), of keys (N,), of negatives (B, H)."""

    queries: Tensor | None = None
    keys: Tensor | None = None
    negatives: Tensor | None = None


def rules_of(
    ids: Ids,
    ignore: Tensor | Rule | None,
    rows: int,
    columns: int,
    n_negatives: int,
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Rules for the block of keys (B, N) and for the block of negatives (B, M); see `info_nce` for what is ignored.

    Raises ObjectiveError on a mask of another type or shape.
    """
    query_ids, key_ids, negative_ids = ids
    key_rules: list[Rule] = []
    negative_rules: list[Rule] = []
    if query_ids is not None:
        key_rules.append(SameContent(query_ids, query_ids, own_place=True, columns=columns))
    if key_ids is not None:
        key_rules.append(SameContent(key_ids[:rows], key_ids, own_place=True))
    if query_ids is not None and key_ids is not None:
        key_rules.append(SameContent(query_ids, key_ids))
    if negative_ids is not None:
        negative_rules += [SameContent(s[:rows], negative_ids.flatten()) for s in (query_ids, key_ids) if s is not None]
    if isinstance(ignore, Tensor):
        allowed = {(rows, columns), (rows, columns + n_negatives)}
        if ignore.dtype != torch.bool or tuple(ignore.shape) not in allowed:
            found = f"{str(ignore.dtype).removeprefix('torch.')} {tuple(ignore.shape)}"
            raise ObjectiveError(
                f"ignore: expected bool of shape {' or '.join(map(str, sorted(allowed)))}, got {found}"
            )
        key_rules.append(Masked(ignore[:, :columns]))
        if ignore.shape[1] > columns:
            negative_rules.append(Masked(ignore[:, columns:]))
    elif ignore is not None:
        key_rules.append(ignore)
        negative_rules.append(moved(ignore, columns=columns))
    return tuple(key_rules), tuple(negative_rules)
