"""InfoNCE: the one contrastive loss, with everything that published systems add to it, at linear memory.

van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, arXiv 1807.03748 (the loss);
Radford et al., 2021, arXiv 2103.00020 (both directions); Khosla et al., 2020, arXiv 2004.11362 (several positives, mean
outside the log); Szegedy et al., 2016, arXiv 1512.00567 (label smoothing).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from jointspace.objectives._door import ObjectiveError, check, no_autocast
from jointspace.objectives.contrastive.block import Score
from jointspace.objectives.contrastive.cost import (
    Costs,
    Parts,
    among_own,
    average,
    by_columns,
    own_scores,
    positive_scores,
)
from jointspace.objectives.contrastive.gather import gather_rows, world
from jointspace.objectives.contrastive.ignoring import Ids, Rule, moved, rules_of, swapped
from jointspace.objectives.contrastive.positives import read_positives


def info_nce(
    queries: Tensor | Parts,
    keys: Tensor | Parts,
    *,
    temperature: float | Tensor = 1.0,
    symmetric: bool = False,
    label_smoothing: float = 0.0,
    negatives: Tensor | Parts | None = None,
    positives: Tensor | tuple[Tensor, Tensor] | None = None,
    weights: Tensor | None = None,
    query_ids: Tensor | None = None,
    key_ids: Tensor | None = None,
    negative_ids: Tensor | None = None,
    ignore: Tensor | Rule | None = None,
    gather: bool = False,
    in_batch: bool = True,
    denominator: str = "all",
    score: Score | None = None,
    shared: Parts = (),
    tile: int | None = None,
) -> Tensor:
    """Softmax cross-entropy of each query's positives among its candidates, averaged over queries.

        loss = -1/B sum_i sum_j y_ij log( exp(s_ij) / sum_{l not ignored for i} exp(s_il) ),   s_ij = q_i . k_j / T

    queries (B, D), keys (N, D), N >= B: any real vectors; they are not normalised. Computed in at least float32 (also
    under autocast); float64 stays. Returns a scalar of that type; B = 1 costs 0, with a gradient (of zeros).

    temperature: T > 0, a float or a tensor of one element that receives its gradient.
    symmetric: the mean of both directions (every key against all queries) from the same exponentials.
    label_smoothing: e in [0, 1): y = (1 - e) of the positives' share + e spread evenly over all candidates that are not
        ignored, hence cost_e = (1 - e) cost_0 + e mean_j(-log p_ij).
    negatives: (B, H, D) hard negatives. In-batch (default) those of all queries are candidates of every query, as in
        sentence-transformers' MultipleNegativesRankingLoss; never anchors of the other direction.
    positives: None = key i is the positive of query i. Several share the target evenly (mean outside the log):
        a bool matrix (B, N); a float matrix (B, N) of soft targets (rows are scaled to sum 1); integers (B, P), columns
        of keys, padded with -1; or (query labels (B,), key labels (N,)): equal labels are positives, at linear memory.
        A row without a positive does not count.
    weights: (B,) >= 0, constants: the weighted mean over queries (and, if symmetric, over their keys; needs N = B).
    query_ids (B,), key_ids (N,), negative_ids (B, H): 64-bit integer hashes of the content. A pair is ignored where the
        candidate has the content of the query or of the query's own key, or belongs to a query of the same content.
    ignore: further pairs to leave out: a bool matrix (B, N) or, with negatives, (B, N + B H); or a callable
        `rule(rows: slice, columns: slice) -> bool (r, c) or None`, asked tile by tile, where columns count the keys
        first and then the negatives row by row.
    A positive is never ignored.
    gather: candidates of all processes, with gradient (see `gather.py`: the value is the mean over the global batch on
        every process, and DDP's averaging yields that mean's gradient). Needs N = B and equal B. Matrices and index
        lists have local rows and global columns; a callable sees global rows and columns.
    in_batch: False = the candidates of a query are its positives and its own negatives alone (O(B (P + H) D) memory).
    denominator: "all", or "negatives": each positive competes with the negatives only, log(exp(s_ip) + sum_n exp(s_in))
        - s_ip, averaged over the positives (decoupled form; memory grows by O(B P D), P = most positives of a row).
    score: None = inner product; else `score(*query_parts, *key_parts, *shared) -> (b, n)` on tiles, differentiated by
        autograd (MaxSim, gates: see `Block`); queries, keys, negatives are then tensors or tuples of row-aligned
        tensors. One direction, in-batch. shared: tensors that every tile uses, with gradient. tile: side of a tile.

    Memory: O((B + N) D) and one tile of logits, with exponentials kept for backward while they fit `block.KEEP_BYTES`.
    Not twice differentiable. Raises ObjectiveError (a ValueError) naming the argument that does not fit.
    """
    forward, reverse = _directions(
        queries, keys, symmetric, temperature=temperature, label_smoothing=label_smoothing, negatives=negatives,
        positives=positives, weights=weights, query_ids=query_ids, key_ids=key_ids, negative_ids=negative_ids,
        ignore=ignore, gather=gather, in_batch=in_batch, denominator=denominator, score=score, shared=shared, tile=tile,
    )  # fmt: skip
    return forward if reverse is None else (forward + reverse) / 2


def info_nce_two_way(queries: Tensor | Parts, keys: Tensor | Parts, **options: Any) -> tuple[Tensor, Tensor]:
    """(queries -> keys, keys -> queries): the two terms of the symmetric form apart, from the same work.

    Options, shapes and errors as in `info_nce`; the mean of the two is `info_nce(..., symmetric=True)`.
    """
    forward, reverse = _directions(queries, keys, True, **options)
    assert reverse is not None
    return forward, reverse


def _directions(
    queries: Tensor | Parts,
    keys: Tensor | Parts,
    symmetric: bool,
    *,
    temperature: float | Tensor = 1.0,
    label_smoothing: float = 0.0,
    negatives: Tensor | Parts | None = None,
    positives: Tensor | tuple[Tensor, Tensor] | None = None,
    weights: Tensor | None = None,
    query_ids: Tensor | None = None,
    key_ids: Tensor | None = None,
    negative_ids: Tensor | None = None,
    ignore: Tensor | Rule | None = None,
    gather: bool = False,
    in_batch: bool = True,
    denominator: str = "all",
    score: Score | None = None,
    shared: Parts = (),
    tile: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    q, k, h = _parts(queries), _parts(keys), _parts(negatives)
    n, n_keys = _check_shapes(q, k, h, weights, query_ids, key_ids, negative_ids, score)
    _check_options(temperature, label_smoothing, denominator)
    _check_together(n == n_keys, symmetric, label_smoothing, denominator, h, weights, ignore, in_batch, gather, score)
    rank, processes = world() if gather else (0, 1)
    spread = gather_rows if processes > 1 else _as_is
    here = slice(rank * n, rank * n + n)  # our rows among those of all processes
    with no_autocast(q[0].device):
        q, k, h = _one_type(q, k, h)
        all_k, all_h = tuple(map(spread, k)), tuple(map(spread, h))
        ids = Ids(*(None if x is None else spread(x) for x in (query_ids, key_ids, negative_ids)))
        everyone = read_positives(positives, n * processes, len(all_k[0]), q[0].device, spread)
        pairs = everyone.part(here)
        costs = Costs(_scale(temperature, q[0]), label_smoothing, denominator == "negatives", score, shared, tile)

        if not in_batch:
            own, target = positive_scores(q[0], all_k[0], pairs, costs.scale)
            negative = own_scores(q[0], h[0]) * costs.scale
            cost = among_own(own, target, negative, _own_ignored(ids, here), label_smoothing, costs.negatives_only)
            return average(cost, weights, pairs, processes > 1), None

        mask = spread(ignore) if isinstance(ignore, Tensor) else ignore
        n_negatives = all_h[0].shape[0] * all_h[0].shape[1] if all_h else 0
        key_rules, negative_rules = rules_of(ids, mask, n * processes, len(all_k[0]), n_negatives, everyone)
        blocks = [costs.block(q, all_k, [moved(rule, rows=here.start) for rule in key_rules], pairs)]
        if n_negatives:
            flat = tuple(x.flatten(0, 1) for x in all_h)
            blocks.append(costs.block(q, flat, [moved(rule, rows=here.start) for rule in negative_rules]))
        at_once = symmetric and processes == 1  # both directions from the same exponentials
        found = costs.statistics(blocks, pairs, by_column=at_once)
        forward = average(costs.of(q, all_k, pairs, found), weights, pairs, processes > 1)
        if not symmetric:
            return forward, None
        back = everyone.swapped.part(slice(here.start, here.start + n_keys))
        if at_once:
            return forward, average(costs.of(k, q, back, [by_columns(found[0])]), weights, back, False)
        all_q = tuple(map(spread, q))
        rules = [moved(swapped(rule, n_keys * processes), rows=here.start) for rule in key_rules]
        found = costs.statistics([costs.block(k, all_q, rules, back)], back)
        return forward, average(costs.of(k, all_q, back, found), weights, back, True)


def _as_is(x: Tensor) -> Tensor:
    return x


def _parts(x: Tensor | Parts | None) -> Parts:
    return () if x is None else (x,) if isinstance(x, Tensor) else tuple(x)


def _one_type(*sides: Parts) -> list[Parts]:
    """All floating parts in the widest type among them, at least float32."""
    floating = [x.dtype for side in sides for x in side if x.is_floating_point()]
    dtype = torch.float64 if torch.float64 in floating else torch.float32
    return [tuple(x.to(dtype) if x.is_floating_point() else x for x in side) for side in sides]


def _scale(temperature: float | Tensor, like: Tensor) -> Tensor:
    return 1 / torch.as_tensor(temperature, dtype=like.dtype, device=like.device).reshape(())


def _own_ignored(ids: Ids, here: slice) -> Tensor | None:
    """(B, H): own negatives with the content of the query or of its key."""
    if ids.negatives is None:
        return None
    same = [ids.negatives[here] == side[here, None] for side in (ids.queries, ids.keys) if side is not None]
    return torch.stack(same).any(0) if same else None


def _check_shapes(
    q: Parts, k: Parts, h: Parts, weights: Any, query_ids: Any, key_ids: Any, negative_ids: Any, score: Any
) -> tuple[int, int]:
    """B and N. Raises ObjectiveError naming the argument and the axis."""
    if score is None:
        for name, parts in (("queries", q), ("keys", k), ("negatives", h)):
            if len(parts) > 1:
                raise ObjectiveError(f"{name}: {len(parts)} tensors, but the inner product takes one (see score=)")
        check("queries: B D, keys: N D, negatives: B H D", queries=q[0], keys=k[0], negatives=h[0] if h else None)
    n, n_keys = len(q[0]), len(k[0])
    for name, parts, rows in (("queries", q, n), ("keys", k, n_keys), ("negatives", h, n)):
        if any(len(x) != rows for x in parts):
            raise ObjectiveError(f"{name}: expected {rows} rows, got {[len(x) for x in parts]}")
    if not n:
        raise ObjectiveError("queries: an empty batch has no loss")
    wanted: dict[str, tuple[Any, tuple[int, ...]]] = {
        "weights": (weights, (n,)),
        "query_ids": (query_ids, (n,)),
        "key_ids": (key_ids, (n_keys,)),
    }
    if negative_ids is not None and not h:
        raise ObjectiveError("negative_ids: there are no negatives")
    if h:
        wanted["negative_ids"] = (negative_ids, (n, h[0].shape[1]))
    for name, (x, shape) in wanted.items():
        if x is not None and tuple(x.shape) != shape:
            raise ObjectiveError(f"{name}: expected shape {shape}, got {tuple(x.shape)}")
    return n, n_keys


def _check_options(temperature: float | Tensor, smoothing: float, denominator: str) -> None:
    if isinstance(temperature, Tensor):
        if temperature.numel() != 1:
            raise ObjectiveError(f"temperature: expected one element, got shape {tuple(temperature.shape)}")
    elif not temperature > 0:
        raise ObjectiveError(f"temperature: must be > 0, got {temperature}")
    if not 0 <= smoothing < 1:
        raise ObjectiveError(f"label_smoothing: must lie in [0, 1), got {smoothing}")
    if denominator not in ("all", "negatives"):
        raise ObjectiveError(f"denominator: {denominator!r} is none of 'all', 'negatives'")


def _check_together(
    square: bool, symmetric: bool, smoothing: float, denominator: str, h: Parts, weights: Any, ignore: Any,
    in_batch: bool, gather: bool, score: Any,
) -> None:  # fmt: skip
    """Combinations that have no meaning."""
    if smoothing and denominator == "negatives":
        raise ObjectiveError("label_smoothing: has no meaning with denominator='negatives' (no shared softmax)")
    if symmetric and weights is not None and not square:
        raise ObjectiveError("weights: both directions need as many keys as queries")
    if gather and not square and world()[1] > 1:
        raise ObjectiveError("gather: needs as many keys as queries")
    if score is not None and (symmetric or not in_batch):
        raise ObjectiveError(
            "score: one direction among the batch; call again for the other, with that direction's score"
        )
    if not in_batch:
        for name, wrong in (("negatives", not h), ("symmetric", symmetric), ("ignore", ignore is not None)):
            if wrong:
                raise ObjectiveError(
                    f"{name}: in_batch=False takes own negatives, one direction, and no pairs to ignore"
                )
