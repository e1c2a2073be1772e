"""Batches in which no two rows share a content: nothing repeated among the negatives, k rows of each label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data import draws
from jointspace.data.samplers.base import BatchSpec, Plan, codes
from jointspace.errors import ConfigError

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

_TRIES = 64  # random partners tried before a repeated content is replaced by a row of another batch


@dataclass(frozen=True)
class UniqueContent(BatchSpec):
    """No content twice in a batch, in any of `fields` (by content hash; `source` and labels work too).

    An epoch has as many batches as the most frequent contents allow: a text that stands in more rows than there are
    batches is seen once a batch, by rows that change from epoch to epoch. With one field no row comes twice in an
    epoch; with several, where rows block each other, one may.
    """

    fields: tuple[str, ...] = ("text",)

    name = "unique"

    def satisfies(self, wanted: BatchSpec | None) -> bool:
        if isinstance(wanted, UniqueContent):
            return set(wanted.fields) <= set(self.fields)
        return wanted is None

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        if not self.fields:
            raise ConfigError("batches: unique needs at least one field")
        table = [codes(data, field) for field in self.fields]
        per_field = [_most_steps(np.bincount(column), batch_size) for column in table]
        for field, column, steps in zip(self.fields, table, per_field, strict=True):
            if steps < 1:
                raise ConfigError(
                    f"batch_size: {batch_size} is larger than the number of different values of {field!r}"
                    f" ({len(np.unique(column))}), and a batch must not hold one twice"
                )
        # The field that binds most comes first: it is laid out exactly, the others are repaired.
        table = [table[i] for i in np.argsort(per_field, kind="stable")]
        steps = min(per_field)
        while steps > 1 and len(_trim(table, np.arange(len(data)), steps)) < steps * batch_size:
            steps -= 1

        def plan(seed: int, epoch: int, _: np.ndarray | None) -> np.ndarray:
            return lay_out(table, steps, batch_size, draws.key(seed, "order", epoch))

        return steps, plan


@dataclass(frozen=True)
class PK(BatchSpec):
    """k rows of each of P = batch size / k different labels; a label's rows lie side by side in the batch.

    Labels with fewer than k rows are left out (`short="skip"`) or fill up by repeating rows (`short="repeat"`). An
    epoch deals out each label's rows in groups of k; rows left over are other ones in each epoch.
    """

    label: str = "label"
    k: int = 2
    short: str = "skip"

    name = "by_label"

    def satisfies(self, wanted: BatchSpec | None) -> bool:
        if isinstance(wanted, PK):
            return wanted.label == self.label and wanted.k <= self.k
        return wanted is None

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        k = self.k
        if k < 1 or batch_size % k:
            raise ConfigError(f"batch_size: {batch_size} does not divide into groups of k={k} rows a label")
        if self.short not in ("skip", "repeat"):
            raise ConfigError(f"batches: short must be skip or repeat, got {self.short!r}")
        label = codes(data, self.label)
        counts = np.bincount(label)
        groups = counts // k
        if self.short == "repeat":
            groups = np.maximum(groups, counts > 0)
        labels_a_batch = batch_size // k
        steps = _most_steps(groups, labels_a_batch)
        if steps < 1:
            enough = int((groups > 0).sum())
            raise ConfigError(
                f"batch_size: {batch_size} needs {labels_a_batch} labels of {self.label!r} with {k} rows each, "
                f"but only {enough} of {len(counts)} have as many"
            )
        group_label = np.repeat(np.arange(len(counts)), groups)  # label of each group
        within = np.arange(len(group_label)) - np.repeat(np.cumsum(groups) - groups, groups)
        first = np.cumsum(counts) - counts

        def plan(seed: int, epoch: int, _: np.ndarray | None) -> np.ndarray:
            order = draws.permutation(draws.key(seed, "rows", epoch), len(label))
            order = order[np.argsort(label[order], kind="stable")]  # by label, random within
            place = within[:, None] * k + np.arange(k)
            members = order[first[group_label][:, None] + place % counts[group_label][:, None]]
            chosen = lay_out([group_label], steps, labels_a_batch, draws.key(seed, "order", epoch))
            return members[chosen].reshape(steps, batch_size)

        return steps, plan


def _most_steps(counts: np.ndarray, batch_size: int) -> int:
    """The most batches of `batch_size` different contents that contents with these counts allow.

    S batches can be filled exactly when sum over contents of min(count, S) >= S x batch size (each content stands at
    most once in each batch); the left side is concave in S, so the largest S is found by halving.
    """
    low, high = 0, int(counts.sum()) // batch_size
    while low < high:
        middle = (low + high + 1) // 2
        if np.minimum(counts, middle).sum() >= middle * batch_size:
            low = middle
        else:
            high = middle - 1
    return low


def _trim(table: list[np.ndarray], order: np.ndarray, steps: int) -> np.ndarray:
    """Rows of `order` of which no content (of any field) is left more than `steps` times; the first ones stay."""
    for column in table:
        content = column[order]
        by_content = np.argsort(content, kind="stable")
        sorted_content = content[by_content]
        new = np.r_[True, sorted_content[1:] != sorted_content[:-1]]
        start = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        keep = np.zeros(len(order), dtype=bool)
        keep[by_content] = np.arange(len(order)) - start < steps
        order = order[keep]
    return order


def lay_out(table: list[np.ndarray], steps: int, batch_size: int, key: np.uint64) -> np.ndarray:
    """Rows in `steps` batches without a content twice: (steps, batch_size). `table`: one code (N,) a field.

    The first field is laid out exactly. Rows are ordered by content (contents in random order) and written column by
    column into the (steps, batch_size) array, each column under its own random order of the batches. A content then
    falls into one column, hence into different batches; one that runs over into the next column is given batches there
    that it has not yet. The other fields are repaired by exchanging rows.
    """
    lead = table[0]
    rows = _trim(table, draws.permutation(draws.key(key, "rows"), len(lead)), steps)[: steps * batch_size]
    short = steps * batch_size - len(rows)
    place = draws.permutation(draws.key(key, "contents"), int(lead.max()) + 1)  # content -> its place in the order
    rows = rows[np.argsort(place[lead[rows]], kind="stable")]
    rows = np.concatenate([rows, np.full(short, -1)])
    content = np.where(rows >= 0, lead[rows], -1)
    grid = np.empty((steps, batch_size), dtype=np.int64)
    batches = draws.permutation(draws.key(key, "columns", np.arange(batch_size)), steps)
    taken = np.zeros(steps, dtype=bool)
    for column in range(batch_size):
        at = column * steps
        order = batches[column]
        if column and content[at] >= 0 and content[at] == content[at - 1]:
            tail = int((content[at : at + steps] == content[at]).sum())
            taken[:] = False
            taken[batches[column - 1][content[at - steps : at] == content[at]]] = True
            free = order[~taken[order]][:tail]
            taken[:] = False
            taken[free] = True
            order = batches[column] = np.concatenate([free, order[~taken[order]]])
        grid[order, column] = rows[at : at + steps]
    if len(table) > 1 or short:
        _repair(grid, table, key)
    within = draws.permutation(draws.key(key, "within", np.arange(steps)), batch_size)
    return np.take_along_axis(grid, within, axis=1)


def _clashes(grid: np.ndarray, table: list[np.ndarray]) -> np.ndarray:
    """Which places hold no row, or one that repeats a content of an earlier place of its batch: bool, grid's shape."""
    bad = grid < 0
    for column in table:
        content = np.where(grid >= 0, column[grid], -1)
        order = np.argsort(content, axis=1, kind="stable")
        ordered = np.take_along_axis(content, order, axis=1)
        again = np.zeros_like(bad)
        np.put_along_axis(again, order[:, 1:], (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0), axis=1)
        bad |= again
    return bad


def _repair(grid: np.ndarray, table: list[np.ndarray], key: np.uint64) -> None:
    """Exchange clashing rows with rows of other batches until nothing clashes; in place.

    Where no exchange is found the row is replaced by any row that fits. Raises ConfigError where there is none.
    """
    steps, batch_size = grid.shape
    of_row = np.stack(table, axis=1)  # (N, fields)
    content = np.where(grid[..., None] >= 0, of_row[grid], -1)  # (steps, batch size, fields), kept up to date

    def fits(row: int, batch: int, place: int) -> bool:
        same = (content[batch] == of_row[row]).any(axis=1)
        same[place] = False
        return not same.any()

    def put(row: int, batch: int, place: int) -> None:
        grid[batch, place], content[batch, place] = row, of_row[row]

    for n, (batch, place) in enumerate(np.argwhere(_clashes(grid, table)).tolist()):
        row = int(grid[batch, place])
        if row >= 0 and fits(row, batch, place):
            continue  # an earlier exchange has freed it
        if row >= 0:
            for slot in draws.integers(draws.key(key, "repair", n), steps * batch_size, _TRIES).tolist():
                other, there = divmod(slot, batch_size)
                theirs = int(grid[other, there])
                if theirs >= 0 and other != batch and fits(row, other, there) and fits(theirs, batch, place):
                    put(theirs, batch, place)
                    put(row, other, there)
                    break
            else:
                row = -1
        if row < 0:
            others = np.delete(content[batch], place, axis=0)
            free = np.ones(len(of_row), dtype=bool)
            for field in range(of_row.shape[1]):
                free &= ~np.isin(of_row[:, field], others[:, field])
            candidates = np.flatnonzero(free)
            if not len(candidates):
                raise ConfigError(f"batch_size: no batch of {batch_size} rows without a repeated content can be filled")
            put(int(candidates[draws.integers(draws.key(key, "fill", n), len(candidates))[0]]), batch, place)
