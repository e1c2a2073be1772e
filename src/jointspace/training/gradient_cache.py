"""Gradients of a large contrastive batch, embedded a few rows at a time.

Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021, arXiv 2101.06983.
Embed all rows without a graph, piece by piece; take the loss and its gradient with respect to the embeddings; embed
each piece again, now with its graph and the same random numbers, and pull that gradient through. Memory: activations
of one piece, embeddings of all. Gradients equal those of the pieces embedded with their graphs, joined, and
differentiated at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from jointspace.data.batch import batch_size, is_shared, split
from jointspace.errors import ConfigError, TrainingError
from jointspace.training.method import Method

Context = Callable[[], AbstractContextManager[Any]]


def check_cacheable(method: Method) -> None:
    """ConfigError where gradient caching would be wrong: BatchNorm that learns its statistics, or no `embed`."""
    if type(method).losses is not Method.losses or type(method).embed is Method.embed:
        raise ConfigError(f"micro_batch_size: {type(method).__name__} has no losses = terms(**embed(batch)) to cache")
    for name, module in method.named_modules():
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats:
            raise ConfigError(
                f"micro_batch_size: {name} is a BatchNorm in train mode, whose statistics would move twice and be "
                "those of a piece; use group norm, freeze it, or leave micro_batch_size out"
            )


def cached_losses(
    method: Method, batch: Mapping[str, Any], micro_batch_size: int, context: Context = nullcontext
) -> tuple[dict[str, Tensor], Callable[[Tensor], None]]:
    """Terms of the batch, and the function that back-propagates their sum (or any scalar made of them).

    Entries of `embed` are row-aligned tensors of any kind, padded to the same length in every piece; integers and
    booleans pass through. Entries named `shared_*` are those of the first piece, which also gets their gradient.
    `context` makes the autocast that embedding and terms run in. Raises TrainingError for an entry that is not
    row-aligned.
    """
    parts = list(split(batch, micro_batch_size))
    states, found = [], []
    with torch.no_grad():
        for part in parts:
            states.append(_random_state(method))
            with context():
                found.append(_embed(method, part))
    whole = {name: _join(name, [f[name] for f in found]) for name in found[0]}
    leaves = {n: t.detach().requires_grad_() if t.is_floating_point() else t for n, t in whole.items()}
    with context():
        terms = method.terms(**leaves)
    after = _random_state(method)

    def backward(total: Tensor) -> None:
        total.backward()  # parameters that `terms` itself uses (a temperature) get their gradient here
        for k, part in enumerate(parts):
            _restore(states[k], method)
            with context():
                again = _embed(method, part)
            start, rows = k * micro_batch_size, batch_size(part)
            outputs, grads = [], []
            for name, tensor in again.items():
                grad = leaves[name].grad
                shared = is_shared(name)
                if not tensor.requires_grad or grad is None or (shared and k):
                    continue
                outputs.append(tensor)
                grads.append(grad if shared else grad[start : start + rows])
            if outputs:
                torch.autograd.backward(outputs, grads)
        _restore(after, method)

    return terms, backward


def _embed(method: Method, part: Mapping[str, Any]) -> dict[str, Tensor]:
    found, rows = method.embed(part), batch_size(part)
    for name, tensor in found.items():
        if not is_shared(name) and (tensor.ndim == 0 or len(tensor) != rows):
            raise TrainingError(
                f"embed: entry {name!r} has shape {tuple(tensor.shape)} for {rows} rows; gradient caching needs the "
                "first axis to be the rows (or the name to begin with shared_)"
            )
    return found


def _join(name: str, tensors: list[Tensor]) -> Tensor:
    return tensors[0] if is_shared(name) else torch.cat(tensors)


def _random_state(method: Method) -> tuple[Tensor, list[Tensor]]:
    device = next(method.parameters()).device
    return torch.get_rng_state(), [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []


def _restore(state: tuple[Tensor, list[Tensor]], method: Method) -> None:
    torch.set_rng_state(state[0])
    for cuda in state[1]:
        torch.cuda.set_rng_state(cuda, next(method.parameters()).device)
