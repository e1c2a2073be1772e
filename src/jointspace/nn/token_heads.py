"""From the tokens of a row to the vector that a network for tables reads.

Tokens (B, L, D), one a feature (before them perhaps some that are none). `token_head` makes a head by name.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest

HEADS = ("flatten", "per_feature", "conv", "mean", "max")


class FlattenTokens(nn.Module):
    """(B, L, D) -> (B, L D): all tokens side by side."""

    def __init__(self, length: int, width: int):
        super().__init__()
        self.length, self.width, self.dim = length, width, length * width

    def config(self) -> dict[str, Any]:
        return {"length": self.length, "width": self.width}

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        return tokens.flatten(1)


class MeanOfTokens(nn.Module):
    """(B, L D), tokens side by side -> (B, D): their mean, without the first `skip`."""

    def __init__(self, length: int, width: int, skip: int = 0):
        super().__init__()
        self.length, self.dim, self.skip = length, width, skip

    def config(self) -> dict[str, Any]:
        return {"length": self.length, "width": self.dim, "skip": self.skip}

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.length, self.dim))[..., self.skip :, :].mean(dim=-2)


class PerFeature(nn.Module):
    """(B, L, D) -> (B, L): a linear map of its own for each token ("linear_per_feature")."""

    def __init__(self, length: int, width: int):
        super().__init__()
        self.dim = length
        self.weight = nn.Parameter(torch.empty(length, width))
        self.bias = nn.Parameter(torch.zeros(length))
        nn.init.uniform_(self.weight, -(width**-0.5), width**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        return (tokens * self.weight).sum(dim=-1) + self.bias


class Convolution(nn.Module):
    """(B, L, D) -> (B, L): a one-dimensional convolution over the features, one channel left."""

    def __init__(self, length: int, width: int, kernel: int = 3):
        super().__init__()
        self.dim = length
        self.conv = nn.Conv1d(width, 1, kernel, padding=kernel // 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.conv(tokens.transpose(1, 2))[:, 0]


class _Pool(nn.Module):
    def __init__(self, width: int, how: str):
        super().__init__()
        self.dim, self.how = width, how

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(dim=1) if self.how == "mean" else tokens.amax(dim=1)


def token_head(name: str, length: int, width: int) -> nn.Module:
    """A head with its width in `dim`. ConfigError for an unknown name."""
    if name not in HEADS:
        raise ConfigError(f"head: none is called {name!r}{nearest(name, HEADS)}")
    if name in ("mean", "max"):
        return _Pool(width, name)
    made = {"flatten": FlattenTokens, "per_feature": PerFeature, "conv": Convolution}[name]
    return made(length, width)
