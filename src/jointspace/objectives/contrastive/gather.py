"""Rows of all processes, with gradient, and the value all processes agree on.

How it composes with data-parallel training. Each of W processes computes the mean over its own anchors against the
candidates of all. Backward sends to every process what the others' losses owe its rows, so its own parameters receive
the gradient of the SUM of the W local means. DDP then averages the parameters' gradients over processes: the result is
the gradient of the mean over the global batch, as one process with all rows would have it. Without DDP, average (do not
sum) the gradients yourself.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from jointspace.objectives._door import ObjectiveError


def world() -> tuple[int, int]:
    """(rank, number of processes); (0, 1) where no process group runs."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def _collect(x: Tensor) -> Tensor:
    sent = x.contiguous()
    if sent.dtype == torch.bool:
        return _collect(sent.to(torch.uint8)).bool()
    parts = [torch.empty_like(sent) for _ in range(world()[1])]
    dist.all_gather(parts, sent)
    return torch.cat(parts)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        return _collect(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        grad = grad.contiguous()
        dist.all_reduce(grad)
        first = world()[0] * ctx.rows
        return grad[first : first + ctx.rows]


def gather_rows(x: Tensor) -> Tensor:
    """(n, ...) of each process -> (W n, ...) in the order of ranks, on every process; floating tensors with gradient.

    Backward sums over processes. Every process must call it in the same order. Raises ObjectiveError where the
    processes hold different numbers of rows.
    """
    if world()[1] == 1:
        return x
    sizes = _collect(torch.tensor([len(x)], device=x.device))
    if bool((sizes != len(x)).any()):
        raise ObjectiveError(f"gather: processes hold different numbers of rows ({sizes.tolist()})")
    return _Gather.apply(x) if x.is_floating_point() else _collect(x)


def sum_over_processes(x: Tensor) -> Tensor:
    """Sum over processes, without gradient."""
    if world()[1] == 1:
        return x.detach()
    total = x.detach().clone()
    dist.all_reduce(total)
    return total


def global_mean(local: Tensor) -> Tensor:
    """The mean of a scalar over processes as the value, the local scalar's gradient."""
    processes = world()[1]
    if processes == 1:
        return local
    return local + (sum_over_processes(local) / processes - local.detach())
