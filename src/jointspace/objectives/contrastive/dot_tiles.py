"""Forward passes over the logits of inner products: sums of exponentials of rows and of columns, a tile at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jointspace.objectives.contrastive.ignoring import Hidden, Rule, hidden
from jointspace.objectives.contrastive.pool import take
from jointspace.objectives.contrastive.tiles import EMPTY, Maxima, Sums, spans


@dataclass(frozen=True)
class Plan:
    """What a call computes; no tensors that need gradients.

    own: None, or the offset of each row's own candidate (row i, column i + own), relative to whose logit the
    log-sum-exps are given.
    """

    ignore: tuple[Rule, ...] = ()
    protect: Rule | None = None
    by_column: bool = False
    sums: bool = False
    own: int | None = None
    size: int = 1024
    keep: bool = False

    def out(self, rows: slice, columns: slice, device: torch.device) -> Hidden | None:
        return hidden(self.ignore, self.protect, rows, columns, device) if self.ignore else None


class Tiles:
    """Logits of one tile at a time in a buffer that is used again."""

    def __init__(self, anchors: Tensor, candidates: Tensor, scale: Tensor, size: int):
        self.anchors, self.candidates, self.scale = anchors, candidates, scale
        self.rows, self.columns = spans(len(anchors), size), spans(len(candidates), size)
        self.area = min(size, len(anchors)) * min(size, len(candidates))
        self.buffers: dict[str, Tensor] = {}

    def buffer(self, name: str, rows: slice, columns: slice) -> Tensor:
        if name not in self.buffers:
            self.buffers[name] = self.anchors.new_empty(self.area)
        return shaped(self.buffers[name], rows, columns)

    def fresh(self) -> Tensor:
        return take(self.anchors, self.area)

    def strips(self) -> Iterator[tuple[slice, Tensor]]:
        """Anchors times scale, a strip at a time."""
        for rows in self.rows:
            yield rows, self.anchors[rows] * self.scale

    def logits(self, strip: Tensor, rows: slice, columns: slice, into: Tensor | None = None) -> Tensor:
        into = self.buffer("logits", rows, columns) if into is None else shaped(into, rows, columns)
        return torch.mm(strip, self.candidates[columns].T, out=into)


def shaped(flat: Tensor, rows: slice, columns: slice) -> Tensor:
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return flat[: height * width].view(height, width)


def own_places(offset: int, rows: slice, columns: slice) -> tuple[slice, slice, int] | None:
    """Rows, columns and number of the diagonal where a tile holds rows' own candidates."""
    first, last = max(rows.start, columns.start - offset), min(rows.stop, columns.stop - offset)
    if first >= last:
        return None
    return slice(first, last), slice(first + offset, last + offset), rows.start + offset - columns.start


@dataclass
class Found:
    """Of each row and column: total = sum of exp(logit - base) over what is not ignored, own = own logit - base."""

    row_base: Tensor
    row: Tensor
    row_own: Tensor
    column_base: Tensor
    column: Tensor
    column_own: Tensor
    sums: Sums | None
    kept: list[Tensor] = field(default_factory=list)

    def logs(self, relative: bool) -> tuple[Tensor, Tensor]:
        """Log-sum-exp of rows and columns; relative: less the own logit, precise where the two are nearly equal."""
        return (
            _log(self.row_base, self.row, self.row_own if relative else None),
            _log(self.column_base, self.column, self.column_own if relative else None),
        )


def _log(base: Tensor, total: Tensor, own: Tensor | None) -> Tensor:
    if own is None:
        log = total.log() + base
    else:
        ratio = total / own.exp()
        log = torch.where(torch.isfinite(ratio), ratio.log(), total.log() - own)
    return torch.where(total == 0, torch.full_like(log, EMPTY), log)


def fixed_shift(tiles: Tiles, plan: Plan, shift: float, least: float) -> Found | None:
    """One exponential a logit for both directions, with one shift for all; None where a total is below `least`."""
    like, device = tiles.anchors, tiles.anchors.device
    n, m = len(tiles.anchors), len(tiles.candidates)
    row, column, row_own, column_own = (like.new_zeros(size) for size in (n, m, n, m))
    found = Found(
        like.new_full((n,), shift), row, row_own, like.new_full((m,), shift), column, column_own,
        Sums.zeros(like, n, m) if plan.sums else None,
    )  # fmt: skip
    for r, strip in tiles.strips():
        for c in tiles.columns:
            if plan.keep:
                found.kept.append(tiles.fresh())
            tile = tiles.logits(strip, r, c, found.kept[-1] if plan.keep else None)
            out = plan.out(r, c, device)
            if found.sums is not None:
                found.sums.add(tile, out, r, c)
            if shift:
                tile.sub_(shift)
            _note_own(plan.own, tile, r, c, row_own, column_own)
            tile.exp_()
            if out is not None:
                out.fill(tile, 0)
            row[r] += tile.sum(1)
            if plan.by_column:
                column[c] += tile.sum(0)
        if least and not bool((row[r] >= least).all()):
            return None
    if least and plan.by_column and not bool((column >= least).all()):
        return None
    return found


def running_maxima(tiles: Tiles, plan: Plan) -> Found:
    """Right at every scale: the base of each row and column is its largest logit. One exponential more a direction."""
    like, device = tiles.anchors, tiles.anchors.device
    n, m = len(tiles.anchors), len(tiles.candidates)
    rows, columns = Maxima(like, n), Maxima(like, m)
    row_own, column_own = like.new_zeros(n), like.new_zeros(m)
    sums = Sums.zeros(like, n, m) if plan.sums else None
    for r, strip in tiles.strips():
        for c in tiles.columns:
            tile = tiles.logits(strip, r, c)
            out = plan.out(r, c, device)
            if sums is not None:
                sums.add(tile, out, r, c)
            _note_own(plan.own, tile, r, c, row_own, column_own)
            if out is not None:
                out.fill(tile, -torch.inf)
            rows.take(tile, r, 1)
            if plan.by_column:
                columns.take(tile, c, 0)
    row_base, column_base = rows.base(), columns.base()
    return Found(
        row_base, rows.total, row_own - row_base, column_base, columns.total, column_own - column_base, sums
    )  # fmt: skip


def _note_own(own: int | None, tile: Tensor, rows: slice, columns: slice, row: Tensor, column: Tensor) -> None:
    places = None if own is None else own_places(own, rows, columns)
    if places is not None:
        r, c, diagonal = places
        row[r] = column[c] = tile.diagonal(diagonal)
