"""Optimisers by name: torch's own where it has them, LAMB and row-wise Adam written here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, AdamW, Optimizer

from jointspace.errors import ConfigError, nearest


class LAMB(Optimizer):
    """You et al., "Large Batch Optimization for Deep Learning", ICLR 2020, arXiv 1904.00962.

    m, v as in Adam with bias correction; r = m^ / (sqrt(v^) + eps) + weight_decay * w;
    w <- w - lr * (|w| / |r| if both > 0 else 1) * r, norms a parameter tensor.

    Differs from the paper: no clipping of |w| (phi is the identity), and tensors of one element (temperatures, scalar
    gates) get no trust ratio, since |w| / |r| would tie their step to their value.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("LAMB takes no closure")
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            grads: list[Tensor] = [p.grad for p in weights]  # type: ignore[misc]
            for p in weights:
                if not self.state[p]:
                    self.state[p] = {
                        "step": torch.tensor(0.0),
                        "exp_avg": torch.zeros_like(p),
                        "exp_avg_sq": torch.zeros_like(p),
                    }
            states = [self.state[p] for p in weights]
            means, squares = [s["exp_avg"] for s in states], [s["exp_avg_sq"] for s in states]
            for s in states:
                s["step"] += 1
            steps = [s["step"].item() for s in states]
            beta1, beta2 = group["betas"]
            torch._foreach_lerp_(means, grads, 1 - beta1)
            torch._foreach_mul_(squares, beta2)
            torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
            lower = torch._foreach_div(squares, [1 - beta2**t for t in steps])
            torch._foreach_sqrt_(lower)
            torch._foreach_add_(lower, group["eps"])
            update = torch._foreach_div(means, [1 - beta1**t for t in steps])
            torch._foreach_div_(update, lower)
            if group["weight_decay"]:
                torch._foreach_add_(update, weights, alpha=group["weight_decay"])
            sizes = zip(weights, torch._foreach_norm(weights), torch._foreach_norm(update), strict=True)
            trust = [
                torch.ones_like(r) if p.numel() == 1 else torch.where((w > 0) & (r > 0), w / r, 1.0)
                for p, w, r in sizes
            ]
            torch._foreach_mul_(update, trust)
            torch._foreach_add_(weights, update, alpha=-group["lr"])


class RowwiseAdam(Optimizer):
    """Adam on the rows of embedding tables that were looked up: rows with a zero gradient do not move at all.

    A plain Adam moves every row at every step, by its momentum and its decay. Here a row's moments, its step count
    and its decay (decoupled) advance only when its gradient has an entry that is not zero. Tensors below two
    dimensions count as one row.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("RowwiseAdam takes no closure")
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                weight = p.view(len(p), -1) if p.ndim > 1 else p.view(1, -1)  # (R, D)
                state = self.state[p]
                if not state:
                    state["step"] = torch.zeros(len(weight), 1, device=p.device)
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
                if p.grad.is_sparse:  # says itself which rows were looked up: no pass over the whole table
                    grad = p.grad.coalesce()
                    seen, g = grad.indices()[0], grad.values()
                    some = g.ne(0).any(1)
                    seen, g = seen[some], g[some]
                else:
                    rows = p.grad.reshape(weight.shape)
                    seen = rows.ne(0).any(1).nonzero()[:, 0]
                    g = rows[seen]
                t = state["step"][seen] + 1
                mean = state["exp_avg"][seen].lerp(g, 1 - beta1)
                square = state["exp_avg_sq"][seen].lerp(g * g, 1 - beta2)
                state["step"][seen], state["exp_avg"][seen], state["exp_avg_sq"][seen] = t, mean, square
                update = mean / (1 - beta1**t) / ((square / (1 - beta2**t)).sqrt() + group["eps"])
                weight[seen] -= group["lr"] * (update + group["weight_decay"] * weight[seen])


def _adamw(params: Any, **options: Any) -> Optimizer:
    return AdamW(params, fused=True, **options)


# name -> (factory, class whose arguments `optim_args` may give)
REGISTRY: dict[str, tuple[Callable[..., Optimizer], type[Optimizer]]] = {
    "adamw": (_adamw, AdamW),
    "lamb": (LAMB, LAMB),
    "sgd": (SGD, SGD),
    "adagrad": (Adagrad, Adagrad),
    "rowwise_adam": (RowwiseAdam, RowwiseAdam),
}


def build_optimiser(
    name: str, groups: list[dict[str, Any]], learning_rate: float, options: dict[str, Any] | None = None
) -> Optimizer:
    """The optimiser over parameter groups (each with its own `weight_decay`). ConfigError for unknown names."""
    if name not in REGISTRY:
        raise ConfigError(f"optim: no optimiser is called {name!r}{nearest(name, REGISTRY)}")
    factory, cls = REGISTRY[name]
    fixed = {"self", "params", "lr", "weight_decay", "fused", "foreach"}
    valid = [p for p in inspect.signature(cls).parameters if p not in fixed]
    for option in options or {}:
        if option not in valid:
            raise ConfigError(f"optim_args: {name} takes no {option!r}{nearest(option, valid)}")
    try:
        return factory(groups, lr=learning_rate, **(options or {}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"optim_args: {name} refuses {options}: {error}") from None
