"""Merges that look at data: Fisher-weighted averaging and RegMean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError
from jointspace.operations.merging.task_vector import TaskVectors

Loss = Callable[[nn.Module, object], Tensor]


def fisher_information(model: nn.Module, loss: Loss, samples: Iterable[object]) -> dict[str, Tensor]:
    """Mean over samples of the squared gradient of each parameter, (name -> its shape).

    Matena and Raffel, "Merging Models with Fisher-Weighted Averaging", NeurIPS 2022, arXiv 2111.09832. One sample is
    whatever `loss(model, sample)` takes: for a contrastive loss a small batch whose loss is one query's.
    """
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    total = {name: torch.zeros_like(p, dtype=torch.float32) for name, p in named.items()}
    count = 0
    for sample in samples:
        gradients = torch.autograd.grad(loss(model, sample), list(named.values()), allow_unused=True)
        for name, gradient in zip(named, gradients, strict=True):
            if gradient is not None:
                total[name] += gradient.float() ** 2
        count += 1
    if not count:
        raise ConfigError("merge: fisher needs at least one sample a model")
    return {name: value / count for name, value in total.items()}


def fisher(
    vectors: TaskVectors, informations: Sequence[dict[str, Tensor]], weights: Sequence[float], floor: float = 1e-6
) -> dict[str, Tensor]:
    """theta_0 + sum_i w_i F_i V_i / sum_i w_i F_i, entry by entry.

    floor: added to every F, as a share of its mean over models and entries: entries that no sample moved are averaged.
    """
    made = {name: tensor.clone() for name, tensor in vectors.base.items()}
    w = torch.tensor(list(weights), dtype=torch.float32)
    for name in vectors.names:
        delta = vectors.deltas[name]
        found = [information.get(name) for information in informations]
        f = torch.stack([torch.ones_like(delta[0]) if one is None else one for one in found])
        f = f + floor * f.mean().clamp_min(1e-30)
        share = w.view(-1, *[1] * (delta.ndim - 1)) * f
        made[name] = (made[name].float() + (share * delta).sum(0) / share.sum(0)).to(made[name].dtype)
    return made


def input_grams(model: nn.Module, run: Callable[[], object]) -> dict[str, Tensor]:
    """X^T X of the inputs of every linear layer while `run()` runs: weight name -> (in, in) float64."""
    grams: dict[str, Tensor] = {}
    handles = []

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].detach().flatten(0, -2).double()
            grams[name] = grams.get(name, 0) + x.T @ x

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            handles.append(module.register_forward_pre_hook(watch(f"{name}.weight" if name else "weight")))
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return grams


def regmean(vectors: TaskVectors, grams: Sequence[dict[str, Tensor]], shrink: float = 0.1) -> dict[str, Tensor]:
    """Linear layers in closed form, W = (sum_i G_i)^-1 sum_i G_i W_i; everything else is averaged.

    Jin et al., "Dataless Knowledge Fusion by Merging Weights of Language Models", ICLR 2023, arXiv 2212.09849. shrink:
    off-diagonal entries of each G_i are multiplied by 1 - shrink (the paper's alpha is 1 - shrink).
    """
    if not 0 <= shrink < 1:
        raise ConfigError(f"merge: shrink must be at least 0 and below 1, got {shrink}")
    made = vectors.compose(torch.full((len(vectors),), 1 / len(vectors), dtype=torch.float64))
    for name in vectors.names:
        if any(name not in gram for gram in grams):
            continue
        left = right = None
        for gram, delta in zip((g[name] for g in grams), vectors.deltas[name], strict=True):
            g = gram * (1 - shrink) + torch.diag(gram.diagonal()) * shrink
            product = g @ (vectors.base[name].double() + delta.double()).T  # (in, out)
            left, right = (g, product) if left is None else (left + g, right + product)
        assert left is not None and right is not None
        ridge = 1e-10 * left.diagonal().mean() * torch.eye(len(left), dtype=left.dtype)
        made[name] = torch.linalg.solve(left + ridge, right).T.to(vectors.base[name].dtype)
    return made
