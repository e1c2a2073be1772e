"""Retrieval metrics, one value a query, from `Positions` (see `jointspace.metrics.ranking`).

Ties: every metric is its expectation when candidates of equal score stand in random order, so a constant scorer gets
chance exactly and R@k, P@1 count equals by their share (1 + better + half of the equals is the expected rank). For nDCG
and average precision this is McSherry and Najork, "Computing information retrieval performance measures efficiently in
the presence of tied scores", ECIR 2008. All return (Q',) float64 in the order of `Positions.queries`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from jointspace.metrics.ranking import Positions
from jointspace.metrics.relevance import ragged


@dataclass(frozen=True)
class Ties:
    """Groups of equal score that hold a right candidate, by query, best first. All (G,), but the last two (Q',).

    query: index into `Positions.queries`. above: candidates with a better score. size: candidates in the group.
    right: right ones in it; found: right ones in better groups; gain: summed gain of the group.
    first: index of each query's best group; total: its number of right candidates.
    """

    query: np.ndarray
    above: np.ndarray
    size: np.ndarray
    right: np.ndarray
    found: np.ndarray
    gain: np.ndarray
    first: np.ndarray
    total: np.ndarray


def ties(p: Positions) -> Ties:
    """Group the right candidates of each query by score."""
    queries, query = np.unique(p.query, return_inverse=True)
    order = np.lexsort((p.equal, p.better, query))
    query, better, equal, gain = query[order], p.better[order], p.equal[order], p.gain[order]
    new = np.ones(len(query), dtype=bool)
    new[1:] = (query[1:] != query[:-1]) | (better[1:] != better[:-1]) | (equal[1:] != equal[:-1])
    starts = np.flatnonzero(new)
    right = np.diff(np.append(starts, len(query)))
    total = np.bincount(query, minlength=len(queries))
    first_pair = np.cumsum(total) - total
    of = query[starts]
    first = np.searchsorted(of, np.arange(len(queries)))
    size = np.maximum(equal[starts] + 1, right)
    found = starts - first_pair[of]
    return Ties(of, better[starts], size, right, found, np.add.reduceat(gain, starts), first, total)


def hit_rate(p: Positions, k: int) -> np.ndarray:
    """Chance that any right candidate is among the first k (R@k of cross-modal retrieval)."""
    t = ties(p)
    above, size, right = t.above[t.first], t.size[t.first], t.right[t.first]
    slots = np.clip(k - above, 0, size)
    one = slots / size
    wrong = size - right
    with np.errstate(invalid="ignore"):  # hypergeometric: all slots go to wrong candidates
        log_miss = gammaln(wrong + 1) - gammaln(wrong - slots + 1) + gammaln(size - slots + 1) - gammaln(size + 1)
    several = np.where(slots > wrong, 1.0, -np.expm1(np.where(slots > wrong, 0.0, log_miss)))
    return np.where(right == 1, one, np.where(slots == 0, 0.0, several))


def recall(p: Positions, k: int) -> np.ndarray:
    """Share of a query's right candidates among the first k (recall@k of text retrieval)."""
    return _right_within(p, k) / ties(p).total


def precision(p: Positions, k: int) -> np.ndarray:
    """Share of the first k that are right."""
    return _right_within(p, k) / k


def _right_within(p: Positions, k: int) -> np.ndarray:
    t = ties(p)
    return np.bincount(t.query, t.right * np.clip(k - t.above, 0, t.size) / t.size, minlength=len(t.total))


def first_rank(p: Positions) -> np.ndarray:
    """Expected rank of the best right candidate: 1 + better + half of the equals where there is one right."""
    t = ties(p)
    return t.above[t.first] + (t.size[t.first] + 1) / (t.right[t.first] + 1)


def reciprocal_rank(p: Positions, k: int | None = None) -> np.ndarray:
    """1 / rank of the first right candidate; 0 beyond rank k. Its mean is MRR (MRR@k)."""
    t = ties(p)
    above, size, right = (x[t.first].astype(np.int64) for x in (t.above, t.size, t.right))
    k = int((above + size).max()) if k is None else k
    out = np.zeros(len(above))
    single = size == 1
    out[single] = np.where(above[single] < k, 1 / (above[single] + 1), 0.0)
    tied = np.flatnonzero(~single)
    if len(tied):
        # E = sum over j of P(first right stands at j of the group) / (above + j); patterns repeat, so each once
        pattern, inverse = np.unique(np.stack([above[tied], size[tied], right[tied]]), axis=1, return_inverse=True)
        out[tied] = _expected_reciprocal(pattern[0], pattern[1], pattern[2], k)[inverse.reshape(-1)]
    return out


def _expected_reciprocal(above: np.ndarray, size: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    places = np.clip(np.minimum(size - right + 1, k - above), 0, None)
    out = np.zeros(len(above))
    one = right == 1
    out[one] = (_harmonic(above + places) - _harmonic(above))[one] / size[one]
    several = np.flatnonzero(~one)
    ends = np.cumsum(places[several])
    start = 0
    while start < len(several):  # blocks of about four million terms
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + (4 << 20))))
        part = several[start:stop]
        who = np.repeat(np.arange(len(part)), places[part])
        a, n, r, j = above[part][who], size[part][who], right[part][who], ragged(np.ones(len(part)), places[part])
        log_p = gammaln(n - j + 1) - gammaln(n - j - r + 2) - gammaln(r) - (_log_choose(n, r))
        out[part] = np.bincount(who, np.exp(log_p) / (a + j), minlength=len(part))
        start = stop
    return out


def average_precision(p: Positions) -> np.ndarray:
    """Precision at the rank of each right candidate, averaged over them. Its mean is mAP."""
    t = ties(p)
    plain = (t.found + 1) / (t.above + 1)
    slope = (t.right - 1) / np.maximum(t.size - 1, 1)
    span = np.where(t.size > 1, _harmonic(t.above + t.size) - _harmonic(t.above), 0.0)
    tied = t.right / t.size * (slope * t.size + (t.found + 1 - slope * (t.above + 1)) * span)
    return np.bincount(t.query, np.where(t.size == 1, plain, tied), minlength=len(t.total)) / t.total


def ndcg(p: Positions, k: int | None = None, *, exponential: bool = False) -> np.ndarray:
    """Discounted cumulative gain over the best there is; discount 1 / log2(rank + 1), cut after rank k.

    gain: as it is (trec_eval, scikit-learn), or 2^gain - 1 with `exponential=True`.
    """
    gains = np.exp2(p.gain) - 1 if exponential else p.gain
    t = ties(Positions(p.query, p.item, p.better, p.equal, gains, p.candidates))
    longest = int(max((t.above + t.size).max(), t.total.max()))
    k = longest if k is None else min(k, longest)
    summed = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    within = summed[np.minimum(t.above + t.size, k)] - summed[np.minimum(t.above, k)]
    found = np.bincount(t.query, t.gain / t.size * within, minlength=len(t.total))
    _, query = np.unique(p.query, return_inverse=True)
    order = np.lexsort((-gains, query))
    place = np.arange(len(query)) - np.repeat(np.cumsum(t.total) - t.total, t.total)
    best = np.bincount(query, np.where(place < k, gains[order] / np.log2(place + 2), 0.0), minlength=len(t.total))
    return found / best


def _harmonic(n: np.ndarray) -> np.ndarray:
    return digamma(np.asarray(n, dtype=np.float64) + 1)


def _log_choose(n: np.ndarray, r: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1)
