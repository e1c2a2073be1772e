"""AnglE's losses of sentence pairs: in-batch, cosine (CoSENT) and angle, weighted.

Li and Li, "AnglE-optimized Text Embeddings", ACL 2024, arXiv 2309.12871.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import check
from jointspace.objectives.contrastive import Itself, info_nce
from jointspace.objectives.ranking import angle_score, cosent


def in_batch(x: Tensor, y: Tensor, positive: Tensor, *, temperature: float = 0.05) -> Tensor:
    """Every text against all other 2B - 1: cross-entropy to its partner where the pair is positive, 0 elsewhere.

    x, y (B, D): the two sides, any length (cosines are taken); positive (B,) bool. Mean over all 2B texts.
    """
    rows = check("x: B D, y: B D, positive: B", x=x, y=y, positive=positive)["B"]
    z = F.normalize(torch.cat([x, y]), dim=-1)
    here = torch.arange(rows, device=z.device)
    partner = torch.cat([here + rows, here])[:, None]
    share = positive.to(z.dtype).mean()
    counted = torch.cat([positive, positive]).to(z.dtype)
    return share * info_nce(z, z, temperature=temperature, positives=partner, weights=counted, ignore=Itself())


def angle_pairs(
    x: Tensor,
    y: Tensor,
    labels: Tensor,
    *,
    temperature: float = 0.05,
    in_batch_weight: float = 30.0,
    cosine_weight: float = 0.0,
    angle_weight: float = 1.0,
) -> Tensor:
    """Pairs (B, D), (B, D) with labels (B,), higher = closer: the three terms by weight (default: the NLI recipe).

    A pair is positive in the in-batch term where its label is above 0. An angle needs an even D.
    """
    total = in_batch_weight * in_batch(x, y, labels > 0, temperature=temperature)
    if cosine_weight:
        cosine = (F.normalize(x, dim=-1) * F.normalize(y, dim=-1)).sum(1)
        total = total + cosine_weight * cosent(cosine, labels, temperature=temperature)
    if angle_weight:
        total = total + angle_weight * cosent(angle_score(x, y), labels, temperature=temperature)
    return total


def angle_triplets(
    query: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    temperature: float = 0.05,
    in_batch_weight: float = 30.0,
    cosine_weight: float = 0.0,
    angle_weight: float = 1.0,
) -> Tensor:
    """Triplets (B, D) each: InfoNCE without and with hard negatives, averaged; the other terms on labels 1 and 0."""
    q, p, n = (F.normalize(v, dim=-1) for v in (query, positive, negative))
    alone = info_nce(q, p, temperature=temperature)
    total = in_batch_weight * (alone + info_nce(q, p, temperature=temperature, negatives=n[:, None])) / 2
    labels = torch.cat([torch.ones(len(q)), torch.zeros(len(q))]).to(q.device)
    x, y = torch.cat([query, query]), torch.cat([positive, negative])
    if cosine_weight:
        total = total + cosine_weight * cosent(
            (torch.cat([q, q]) * torch.cat([p, n])).sum(1), labels, temperature=temperature
        )
    if angle_weight:
        total = total + angle_weight * cosent(angle_score(x, y), labels, temperature=temperature)
    return total
