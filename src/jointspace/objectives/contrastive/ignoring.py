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
from torch import Tensor

from jointspace.objectives._door import ObjectiveError
from jointspace.objectives.contrastive.positives import Positives
from jointspace.objectives.contrastive.same_content import SamePairs, same_content

Rule = Callable[[slice, slice], Tensor | None]


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
        return torch.arange(rows.start, rows.stop)[:, None] == torch.arange(columns.start, columns.stop)


def swapped(rule: Rule, columns: int) -> Rule:
    """The same rule with anchors and candidates exchanged; `columns` = number of the anchors that result."""
    if isinstance(rule, SamePairs):
        return rule.swapped(columns)

    def ask(rows: slice, columns: slice) -> Tensor | None:
        answer = rule(columns, rows)
        return None if answer is None else answer.T

    return ask


def moved(rule: Rule, rows: int = 0, columns: int = 0) -> Rule:
    """The same rule for a part of its table that starts at (rows, columns)."""
    if not rows and not columns:
        return rule
    if isinstance(rule, SamePairs) and not columns:
        return rule.moved(rows)

    def ask(r: slice, c: slice) -> Tensor | None:
        return rule(slice(r.start + rows, r.stop + rows), slice(c.start + columns, c.stop + columns))

    return ask


class Hidden(NamedTuple):
    """What is ignored in one tile: a bool matrix, or a list of places, or both."""

    mask: Tensor | None
    places: tuple[Tensor, Tensor] | None

    def fill(self, tile: Tensor, value: float) -> Tensor:
        """`value` in place of what is ignored, in place."""
        if self.mask is not None:
            tile.masked_fill_(self.mask, value)
        if self.places is not None:
            tile[self.places] = value
        return tile

    def dense(self, like: Tensor) -> Tensor:
        mask = torch.zeros_like(like, dtype=torch.bool) if self.mask is None else self.mask.clone()
        if self.places is not None:
            mask[self.places] = True
        return mask


def hidden(
    ignore: tuple[Rule, ...], protect: Rule | None, rows: slice, columns: slice, device: torch.device
) -> Hidden | None:
    """What all rules together ignore in this tile, less what is protected (the positives); None = nothing."""
    mask = places = None
    for rule in ignore:
        if isinstance(rule, SamePairs) and places is None:
            places = rule.places(rows, columns)
            continue
        told = rule(rows, columns)
        if told is not None:
            told = told.to(device)
            mask = told if mask is None else mask | told
    if mask is not None and protect is not None:
        spared = protect(rows, columns)
        if spared is not None:
            mask = mask & ~spared.to(device)
    return None if mask is None and places is None else Hidden(mask, places)


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
    positives: Positives,
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Rules for the block of keys (B, N) and for the block of negatives (B, M); see `info_nce` for what is ignored.

    Raises ObjectiveError on a mask of another type or shape.
    """
    query, key, negative = ids
    own_key = None if key is None else key[:rows]
    relations = [(query, query)] if query is not None else []
    if own_key is not None and key is not None and not (query is not None and _equal(query, key)):
        relations += [(own_key, key)] + ([(query, key)] if query is not None else [])
    key_rules: list[Rule] = [*same_content(relations, rows, columns, positives)]
    negative_rules: list[Rule] = []
    if negative is not None:
        sides = [side for side in (query, own_key) if side is not None]
        negative_rules += same_content([(side, negative.flatten()) for side in sides], rows, n_negatives, None)
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


def _equal(a: Tensor, b: Tensor) -> bool:
    return a is b or (a.shape == b.shape and bool((a == b).all()))
