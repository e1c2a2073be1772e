"""Heads that map a tower's vector into the joint space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
NORMS = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}


def linear(width: int, dim: int | None, bias: bool = True) -> nn.Module:
    """(B, width) -> (B, dim) by one matrix; nothing at all where dim is None or equals width."""
    return nn.Identity() if dim in (None, width) else nn.Linear(width, dim, bias=bias)


class ProjectionHead(nn.Module):
    """A perceptron: `layers` linear layers, norm and activation between them.

    width: of the input; dim: of the output; hidden: between (width by default); norm: None, "layer" or "batch";
    last_norm: the same norm, without scale and shift, on the output (SimCLR-v2, VICReg variants); layers 1 = linear.
    """

    def __init__(
        self,
        width: int,
        dim: int,
        hidden: int | None = None,
        *,
        layers: int = 2,
        activation: str = "gelu",
        norm: str | None = None,
        last_norm: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ConfigError(f"no activation is called {activation!r}{nearest(activation, ACTIVATIONS)}")
        if norm is not None and norm not in NORMS:
            raise ConfigError(f"no norm is called {norm!r}{nearest(norm, NORMS)}")
        if last_norm and norm is None:
            raise ConfigError("last_norm needs a norm")
        self.settings: dict[str, Any] = dict(
            width=width, dim=dim, hidden=hidden, layers=layers, activation=activation, norm=norm,
            last_norm=last_norm, dropout=dropout, bias=bias,
        )  # fmt: skip
        inner = hidden or width
        stack: list[nn.Module] = []
        for _ in range(layers - 1):
            stack.append(nn.Linear(width, inner, bias=bias))
            if norm:
                stack.append(NORMS[norm](inner))
            stack.append(ACTIVATIONS[activation]())
            if dropout:
                stack.append(nn.Dropout(dropout))
            width = inner
        stack.append(nn.Linear(width, dim, bias=bias))
        if norm and last_norm:
            plain = {"layer": dict(elementwise_affine=False), "batch": dict(affine=False)}[norm]
            stack.append(NORMS[norm](dim, **plain))
        self.net = nn.Sequential(*stack)

    def config(self) -> dict[str, Any]:
        """Keyword arguments that make an equal module."""
        return dict(self.settings)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, width) -> (B, dim)"""
        return self.net(x)


class Part(nn.Module):
    """Entries start .. stop - 1 of a vector: one of several embeddings that a tower gives side by side.

    comparable: where these vectors can be compared (everywhere, condition, graph, pair; see `Output`).
    """

    def __init__(self, start: int, stop: int, comparable: str = "everywhere"):
        super().__init__()
        if not 0 <= start < stop:
            raise ConfigError(f"part: start {start} and stop {stop} hold no entry")
        self.start, self.stop, self.dim, self.comparable = start, stop, stop - start, comparable

    def config(self) -> dict[str, Any]:
        return {"start": self.start, "stop": self.stop, "comparable": self.comparable}

    def forward(self, x: Tensor) -> Tensor:
        """x (..., width) -> (..., stop - start)"""
        return x[..., self.start : self.stop]


class Standardise(nn.Module):
    """(B, width) -> zero mean and unit deviation per entry, by statistics of the training rows (`fit`), then fixed."""

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """features (N, width)."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0, correction=0).clamp(min=1e-3))

    def config(self) -> dict[str, Any]:
        return {"width": self.width}

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale
