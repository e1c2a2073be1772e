"""What is hidden for prediction: tokens, whole words, phrases, regions, patches, blocks, tubes.

Pure functions of keys, one a row (`draws.key(seed, "mask", epoch, row)`): a row is hidden alike whatever stands beside
it or how far it is padded. `hidden` (True = to be predicted) is apart from `corrupt`, which puts mask or random tokens
in place, and which is drawn anew for each input (MECHANISMS, rulings 11, 16, 21). Shapes: B rows, L positions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws


def hide(keys: np.ndarray, allowed: Any, count: Any, *, first: Any = None) -> Tensor:
    """Exactly `count` of the allowed positions of each row, each set as likely: bool (B, L).

    keys (B,) uint64; allowed (B, L) bool; count: a number or (B,), cut to what is allowed. first (B, L) bool: positions
    taken before all others, as far as `count` reaches (the hard patches of a curriculum); the rest is random.
    """
    may = _numpy(allowed).astype(bool)
    lot = draws.uniform(keys, may.shape[1])
    if first is not None:
        lot = np.where(_numpy(first).astype(bool), lot - 1, lot)
    lot[~may] = np.inf
    rank = np.empty(may.shape, dtype=np.int64)
    np.put_along_axis(rank, np.argsort(lot, axis=1, kind="stable"), np.arange(may.shape[1])[None], axis=1)
    return _like(may & (rank < np.broadcast_to(_numpy(count), len(may))[:, None]), allowed)


def hide_each(keys: np.ndarray, allowed: Any, p: float, *, at_least: int = 0) -> Tensor:
    """Each allowed position with probability p, apart from the others; filled up to `at_least`: bool (B, L)."""
    may = _numpy(allowed).astype(bool)
    hidden = may & (draws.uniform(keys, may.shape[1], stream=1) < p)
    missing = np.maximum(at_least - hidden.sum(axis=1), 0)
    return _like(hidden | hide(keys, may & ~hidden, missing).numpy(), allowed)


def hide_words(
    keys: np.ndarray,
    words: Any,
    rates: float | Sequence[float],
    *,
    budget: str = "tokens",
    at_least: int = 1,
    at_most: int | None = None,
) -> list[Tensor]:
    """Whole words (phrases, spans): bool (B, L) for each rate, all pieces of a word or none.

    words (B, L) int64: number of the word of each token, -1 = never hidden (special tokens, padding, the query); give
    each token its own number to hide single tokens. Words are shuffled once and taken until the budget is full: so many
    tokens as rate x tokens that belong to words, rounded (the last word may reach beyond), or, `budget="words"`, so
    many words. Smaller rates hide a subset of what larger ones hide. at_least words or tokens are taken even where the
    rate asks for fewer; at_most tokens are never exceeded.
    """
    if budget not in ("tokens", "words"):
        raise ValueError(f"hide_words: budget must be tokens or words, got {budget!r}")
    number = _numpy(words).astype(np.int64)
    rows = np.arange(len(number))[:, None]
    real = number >= 0
    total = max(1, int(number.max(initial=0)) + 1)
    length = np.zeros((len(number), total), dtype=np.int64)
    np.add.at(length, (np.broadcast_to(rows, number.shape)[real], number[real]), 1)
    lot = draws.uniform(keys, total)
    lot[length == 0] = np.inf
    order = np.argsort(lot, axis=1, kind="stable")
    pieces = length[rows, order]
    after = np.cumsum(pieces, axis=1)
    before = after - pieces if budget == "tokens" else np.arange(total)[None]
    units = length.sum(axis=1) if budget == "tokens" else (length > 0).sum(axis=1)
    answers = []
    for rate in [rates] if isinstance(rates, int | float) else rates:
        wanted = np.maximum(np.floor(rate * units + 0.5), at_least)
        taken = (before < wanted[:, None]) & (pieces > 0)
        if at_most is not None:
            taken &= after <= at_most
        of_word = np.zeros((len(number), total), dtype=bool)
        of_word[rows, order] = taken
        answers.append(_like(real & of_word[rows, np.maximum(number, 0)], words))
    return answers


def hide_blocks(
    keys: np.ndarray,
    grid: tuple[int, int],
    count: int,
    *,
    smallest: int = 4,
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
) -> Tensor:
    """Exactly `count` patches of a (rows, columns) grid in rectangles that may overlap: bool (B, rows x columns).

    Rectangles of at least `smallest` patches and a ratio of height to width in `aspect` are added until the count is
    reached; of the last one only as many patches, at random, as are wanted (Bao et al., BEiT, arXiv 2106.08254).
    """
    rows, columns = grid
    if not 0 <= count <= rows * columns:
        raise ValueError(f"hide_blocks: count {count} of {rows} x {columns} patches")
    y, x = np.divmod(np.arange(rows * columns), columns)
    hidden = np.zeros((len(keys), rows * columns), dtype=bool)
    for block in range(4 * rows * columns):  # far more than are needed: each adds a patch at least now and then
        left = count - hidden.sum(axis=1)
        if not left.any():
            break
        own = draws.key(keys, "block", block)
        u = draws.uniform(own, 4, stream=1)
        area = smallest + u[:, 0] * np.maximum(left - smallest, 0)
        ratio = np.exp(np.log(aspect[0]) + u[:, 1] * (np.log(aspect[1]) - np.log(aspect[0])))
        height = np.clip(np.rint(np.sqrt(area * ratio)), 1, rows).astype(np.int64)
        width = np.clip(np.rint(np.sqrt(area / ratio)), 1, columns).astype(np.int64)
        top, start = (
            (u[:, 2] * (rows - height + 1)).astype(np.int64),
            (u[:, 3] * (columns - width + 1)).astype(np.int64),
        )
        inside = (y >= top[:, None]) & (y < (top + height)[:, None])
        inside &= (x >= start[:, None]) & (x < (start + width)[:, None])
        hidden |= hide(own, inside & ~hidden, left).numpy()
    # A grid too small for blocks to find the last patches: any others.
    hidden |= hide(keys, ~hidden, count - hidden.sum(axis=1)).numpy()
    return torch.from_numpy(hidden)


def context_and_targets(
    keys: np.ndarray, total: int, context: int, target: int, sets: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """`context` places of `total`, and `sets` target sets of `target` places outside them: (B, context), (B, sets,
    target) int64, ascending.

    Targets may overlap each other, never the context, and no two sets of a row are equal as long as there are so many
    different ones. ValueError where context and target do not fit.
    """
    if context < 1 or target < 1 or context + target > total:
        raise ValueError(f"context_and_targets: {context} + {target} of {total} places")
    inside = hide(keys, np.ones((len(keys), total), dtype=bool), context).numpy()
    possible = math.comb(total - context, target)
    drawn: list[np.ndarray] = []
    for number in range(sets):
        chosen = np.zeros_like(inside)
        left, again = np.ones(len(keys), dtype=bool), 0
        while left.any():
            chosen[left] = hide(draws.key(keys[left], "target", number, again), ~inside[left], target).numpy()
            again += 1
            same = [(chosen == other).all(axis=1) for other in drawn]
            left &= np.any(same, axis=0) if drawn and number < possible else False
        drawn.append(chosen)
    places = [np.nonzero(chosen)[1].reshape(len(keys), target) for chosen in drawn]
    return np.nonzero(inside)[1].reshape(len(keys), context), np.stack(places, axis=1)


def context_and_target_sizes(
    key: Any, total: int, context: tuple[float, float], target: tuple[float, float]
) -> tuple[int, int]:
    """How many places a batch sees and how many it predicts at a time, drawn together until both fit into `total`.

    context, target: smallest and largest share; counts are rounded, at least 1. ValueError where the smallest ones do
    not fit.
    """
    (c_low, c_high), (t_low, t_high) = (
        (low, max(low, round(share[1] * total)))
        for share, low in ((s, max(1, round(s[0] * total))) for s in (context, target))
    )
    if c_low + t_low > total:
        raise ValueError(f"{total} places do not hold a context of {c_low} and a target of {t_low}")
    for again in itertools.count():
        u = draws.uniform(draws.key(key, "sizes", again), 2)
        seen, hidden = c_low + round((c_high - c_low) * u[0]), t_low + round((t_high - t_low) * u[1])
        if seen + hidden <= total:
            return int(seen), int(hidden)
    raise AssertionError("count() does not end")


def tubes(hidden: Tensor, frames: int) -> Tensor:
    """The same places in every frame: (B, P) -> (B, frames x P), frame by frame."""
    return hidden.repeat(1, frames)


def corrupt(
    ids: Tensor,
    hidden: Tensor,
    keys: np.ndarray,
    *,
    mask_id: int,
    vocabulary: int | Sequence[int],
    shares: tuple[float, float] = (0.8, 0.1),
) -> Tensor:
    """Hidden tokens become the mask token (share .8), a random token (.1) or stay (the rest): (B, L), ids untouched.

    ids (B, L) int64; hidden (B, L) bool; vocabulary: its size, or the ids a random token may be. Another input of the
    same rows (a decoder's) is drawn anew by other keys.
    """
    length = ids.shape[1]
    lot = torch.from_numpy(draws.uniform(keys, length, stream=3)).to(ids.device)
    pool = np.arange(vocabulary) if isinstance(vocabulary, int) else np.asarray(vocabulary)
    other = torch.from_numpy(pool[draws.integers(keys, len(pool), length, stream=4)]).to(ids)
    out = torch.where(hidden & (lot < shares[0]), torch.full_like(ids, mask_id), ids)
    return torch.where(hidden & (lot >= shares[0]) & (lot < sum(shares)), other, out)


def word_table(word_ids: Sequence[Sequence[int | None]], length: int | None = None) -> Tensor:
    """`words` of `hide_words` from a tokenizer's `word_ids()` of each text: int64 (B, L); None and padding = -1."""
    longest = max((len(row) for row in word_ids), default=0) if length is None else length
    table = np.full((len(word_ids), longest), -1, dtype=np.int64)
    for i, row in enumerate(word_ids):
        numbers = [-1 if word is None else word for word in row[:longest]]
        table[i, : len(numbers)] = numbers
    return torch.from_numpy(table)


def _numpy(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _like(hidden: np.ndarray, given: Any) -> Tensor:
    tensor = torch.from_numpy(hidden)
    return tensor.to(given.device) if isinstance(given, Tensor) else tensor
