"""Distillation: a student's distribution follows a teacher's, over classes or over the rows of similarity matrices.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, arXiv 1503.02531. Plain batch mean of KL(teacher ||
student); the factor T^2 and all weights stand in the method.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from jointspace.objectives._door import ObjectiveError, check, no_autocast, row_mean, wide

STRIP = 2**22  # logits of one strip of rows of a similarity matrix


def kl_logits(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    detach: bool = True,
    top_k: int | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """mean over rows of KL(softmax(teacher / T) || softmax(student / T)).

    student, teacher (B, K): logits. detach: no gradient to the teacher. top_k: only the teacher's k highest classes of
    each row, both distributions renormalised over them. weights (B,). A teacher logit of -inf has probability 0 and
    adds nothing. Raises ObjectiveError on unlike shapes or a `top_k` out of range.
    """
    sizes = check("student: B K, teacher: B K, weights: B", student=student, teacher=teacher, weights=weights)
    teacher = teacher.detach() if detach else teacher
    student, teacher = wide(student) / temperature, wide(teacher) / temperature
    if top_k is not None:
        if not 0 < top_k <= sizes["K"]:
            raise ObjectiveError(f"top_k: must lie in 1..{sizes['K']}, got {top_k}")
        teacher, place = teacher.topk(top_k, 1)
        student = student.gather(1, place)
    return row_mean(_kl(student, teacher), weights)


def _kl(student: Tensor, teacher: Tensor) -> Tensor:
    """(B, K) logits -> (B,) KL(teacher || student)."""
    log_p, log_q = F.log_softmax(teacher, 1), F.log_softmax(student, 1)
    gap = (log_p - log_q).masked_fill(torch.isneginf(log_p), 0)
    return (log_p.exp() * gap).sum(1)


def kl_similarities(
    student_queries: Tensor,
    student_keys: Tensor,
    teacher_queries: Tensor,
    teacher_keys: Tensor,
    *,
    temperature: float | Tensor = 1.0,
    teacher_temperature: float = 1.0,
    same_side: bool = False,
    detach: bool = True,
    weights: Tensor | None = None,
) -> Tensor:
    """mean over queries of KL between the rows of softmax(teacher similarities) and softmax(student similarities).

    student_queries (B, D), student_keys (N, D), teacher_queries (B, E), teacher_keys (N, E): any vectors; similarity is
    the inner product over its temperature, so the widths may differ. same_side: queries and keys are the same items;
    the diagonal is left out of both distributions (needs B = N >= 2). Strips of rows are computed again in backward, so
    memory is linear in B and N. Raises ObjectiveError on unlike shapes.
    """
    sizes = check(
        "student_queries: B D, student_keys: N D, teacher_queries: B E, teacher_keys: N E, weights: B",
        student_queries=student_queries, student_keys=student_keys, weights=weights,
        teacher_queries=teacher_queries, teacher_keys=teacher_keys,
    )  # fmt: skip
    if same_side and (sizes["B"] != sizes["N"] or sizes["B"] < 2):
        raise ObjectiveError(f"same_side: needs B = N >= 2, got {sizes['B']} queries and {sizes['N']} keys")
    if not sizes["B"]:
        raise ObjectiveError("student_queries: an empty batch has no loss")
    with no_autocast(student_queries.device):
        q, k, tq, tk = (wide(x) for x in (student_queries, student_keys, teacher_queries, teacher_keys))
        tq, tk = (tq.detach(), tk.detach()) if detach else (tq, tk)

        def strip(q_rows: Tensor, k: Tensor, tq_rows: Tensor, tk: Tensor, start: int) -> Tensor:
            student, teacher = q_rows @ k.T / temperature, tq_rows @ tk.T / teacher_temperature
            if same_side:
                here = torch.arange(len(student), device=student.device)
                own = torch.zeros_like(student, dtype=torch.bool)
                own[here, here + start] = True
                student, teacher = student[~own].view(len(own), -1), teacher[~own].view(len(own), -1)
            return _kl(student, teacher)

        height = max(1, STRIP // sizes["N"])
        cost = [
            checkpoint(strip, q[i : i + height], k, tq[i : i + height], tk, i, use_reentrant=False)
            for i in range(0, sizes["B"], height)
        ]
        return row_mean(torch.cat(cost), weights)
