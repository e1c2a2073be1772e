"""Losses on scores: hinge and triplet with mining, pair ranking, CoSENT, AnglE.

All take scores (higher = closer), not vectors; a distance enters as its negative. Means are over rows; factors and
sums stand in the method.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import ObjectiveError, check, row_mean, wide

MINING = ("mean", "hardest", "semi_hard")


def triplet(
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float,
    mining: str = "mean",
    ignore: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Hinge on scores, max(0, margin + s(neg) - s(pos)), averaged over rows.

    positive (B,); negative (B,) or (B, H), several a row. ignore: bool like negative, True = no negative; a row without
    any negative costs 0 and counts. weights (B,).
    mining: what a row with several negatives takes: "mean" of its hinges; "hardest" negative (highest score);
        "semi_hard": the hardest negative below the positive, or where there is none the easiest of all (Schroff et al.,
        "FaceNet", 2015, arXiv 1503.03832; the choice of the last case is TensorFlow's).
    Raises ObjectiveError on unlike shapes or an unknown `mining`.
    """
    negative = negative[:, None] if negative.ndim == 1 else negative
    ignore = ignore[:, None] if ignore is not None and ignore.ndim == 1 else ignore
    check(
        "positive: B, negative: B H, ignore: B H, weights: B",
        positive=positive, negative=negative, ignore=ignore, weights=weights,
    )  # fmt: skip
    return row_mean(_hinge(wide(positive), wide(negative), margin, mining, ignore), weights)


def _hinge(positive: Tensor, negative: Tensor, margin: float, mining: str, ignore: Tensor | None) -> Tensor:
    """(B,), (B, H) -> (B,) cost of each row after mining."""
    if mining not in MINING:
        raise ObjectiveError(f"mining: {mining!r} is none of {', '.join(map(repr, MINING))}")
    valid = torch.ones_like(negative, dtype=torch.bool) if ignore is None else ~ignore
    if mining == "mean":
        cost = F.relu(margin + negative - positive[:, None]) * valid
        return cost.sum(1) / valid.sum(1).clamp_min(1)
    hardest = negative.masked_fill(~valid, -torch.inf).max(1)
    if mining == "semi_hard":
        below = valid & (negative < positive[:, None])
        best = negative.masked_fill(~below, -torch.inf).max(1)
        easiest = negative.masked_fill(~valid, torch.inf).min(1)
        place = torch.where(below.any(1), best.indices, easiest.indices)
    else:
        place = hardest.indices
    chosen = negative.gather(1, place[:, None])[:, 0]
    return F.relu(margin + chosen - positive).where(valid.any(1), positive * 0)


def batch_triplet(
    scores: Tensor,
    *,
    margin: float,
    mining: str = "hardest",
    positives: Tensor | None = None,
    ignore: Tensor | None = None,
    symmetric: bool = False,
) -> Tensor:
    """Triplets mined from a matrix of scores (B, N): rows are anchors, columns candidates.

    positives: bool (B, N), default the diagonal; all that is neither positive nor in `ignore` (bool (B, N)) is
    negative.
    mining (see `triplet`): "hardest" takes the positive of lowest score and the negative of highest; "mean" and
    "semi_hard" average over a row's positives. Rows without a positive do not count. symmetric: the mean of rows and
    columns. Same items on both sides: pass `positives` without the diagonal and `ignore` with it.
    """
    check("scores: B N, positives: B N, ignore: B N", scores=scores, positives=positives, ignore=ignore)
    scores = wide(scores)
    if positives is None:
        positives = torch.zeros_like(scores, dtype=torch.bool)
        positives.fill_diagonal_(True)
    out = positives if ignore is None else positives | ignore
    loss = _mined(scores, positives, out, margin, mining)
    return (loss + _mined(scores.T, positives.T, out.T, margin, mining)) / 2 if symmetric else loss


def _mined(scores: Tensor, positives: Tensor, out: Tensor, margin: float, mining: str) -> Tensor:
    if mining == "hardest":
        lowest = scores.masked_fill(~positives, torch.inf).min(1).indices
        own = scores.gather(1, lowest[:, None])[:, 0]
        return row_mean(_hinge(own, scores, margin, mining, out), positives.any(1))
    anchor, column = positives.nonzero(as_tuple=True)
    cost = _hinge(scores[anchor, column], scores[anchor], margin, mining, out[anchor])
    share = 1 / positives.sum(1)[anchor].to(scores.dtype)  # each anchor counts once
    return (cost * share).sum() / positives.any(1).sum().clamp_min(1)


def pair_ranking(better: Tensor, worse: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """mean log(1 + exp(worse - better)) over pairs of scores (B,): the logistic pair ranking of RankNet.

    Burges et al., "Learning to Rank using Gradient Descent", ICML 2005. A temperature is a factor on the scores.
    """
    check("better: B, worse: B, weights: B", better=better, worse=worse, weights=weights)
    return row_mean(-F.logsigmoid(wide(better) - wide(worse)), weights)


def cosent(scores: Tensor, labels: Tensor, *, temperature: float | Tensor = 0.05) -> Tensor:
    """log(1 + sum over pairs with label_i > label_j of exp((s_j - s_i) / T)): order scores as the labels are ordered.

    scores (B,), one a text pair (cosines, usually); labels (B,), any order of closeness. T = 1/20 as published (Su,
    "CoSENT", 2022, a blog post; the default of sentence-transformers). Equal labels ask nothing; without any ordered
    pair the loss is 0, with a gradient. Time O(B log B), memory O(B): sorted by label, the inner sum is a running one.
    """
    check("scores: B, labels: B", scores=scores, labels=labels)
    if not len(scores):
        raise ObjectiveError("scores: an empty batch has no loss")
    s = wide(scores) / temperature
    ranked, order = torch.sort(labels.detach())
    s = s[order]
    lower = torch.searchsorted(ranked, ranked)  # number of rows with a strictly lower label
    some = lower > 0
    below = torch.logcumsumexp(s, 0)[(lower - 1).clamp_min(0)]  # log sum of exp(s_j) over them
    pairs = (below - s).masked_fill(~some, -torch.inf)
    return torch.logsumexp(torch.cat([s.new_zeros(1), pairs]), 0)


def angle_score(x: Tensor, y: Tensor) -> Tensor:
    """(B, D), (B, D), D even -> (B,): AnglE's score of a pair, |sum of the parts of z / w| over its modulus.

    Li and Li, "AnglE-optimized Text Embeddings", ACL 2024, arXiv 2309.12871. The halves of a vector are the real and
    the imaginary part of complex numbers; the score falls with the angle between z and w. Feed it to `cosent`.
    """
    sizes = check("x: B D, y: B D", x=x, y=y)
    if sizes["D"] % 2:
        raise ObjectiveError(f"x: complex halves need an even width, got {sizes['D']}")
    (a, b), (c, d) = wide(x).chunk(2, 1), wide(y).chunk(2, 1)
    modulus = (c**2 + d**2).sum(1, keepdim=True)
    real, imaginary = (a * c + b * d) / modulus, (b * c - a * d) / modulus
    ratio = (a**2 + b**2).sum(1, keepdim=True).sqrt() / modulus.sqrt()
    return ((real + imaginary) / ratio).sum(1).abs()
