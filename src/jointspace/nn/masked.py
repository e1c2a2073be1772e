"""Encode what is visible, predict what is not: tokens gathered before the encoder, mask tokens put in after it.

Several targets a row are predicted in one call: context and targets are index lists, each target gets its own copy of
the context. Shapes: B rows, L tokens, C context tokens, M targets a row of T tokens each, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jointspace.nn.attention import init_weights
from jointspace.nn.positions import sin_cos
from jointspace.nn.post_norm import PostNormTransformer


def take_tokens(x: Tensor, index: Tensor) -> Tensor:
    """x (B, L, D), index (B, ...) int64 -> (B, ..., D): tokens by place, each row its own."""
    flat = index.flatten(1)
    return x.gather(1, flat.unsqueeze(-1).expand(-1, -1, x.shape[-1])).unflatten(1, index.shape[1:])


class MaskTokenPredictor(nn.Module):
    """A narrow transformer reads the context and one mask token a hidden place; what stands there is the prediction.

    I-JEPA's predictor (Assran et al., arXiv 2301.08243): width D of context and targets, inner its own width, length of
    the position code (sin/cos, fixed). The mask token is one vector; only its position tells the targets apart.
    """

    positions: Tensor

    def __init__(
        self, width: int, inner: int, length: int, *, heads: int, layers: int, feed_forward: int = 256,
        dropout: float = 0.0,
    ):  # fmt: skip
        super().__init__()
        self.enter = nn.Linear(width, inner)
        self.mask_token = nn.Parameter(torch.empty(inner))
        self.transformer = PostNormTransformer(inner, heads, layers, feed_forward=feed_forward, dropout=dropout)
        self.norm = nn.LayerNorm(inner)
        self.leave = nn.Linear(inner, width)
        self.register_buffer("positions", sin_cos(torch.arange(length), inner), persistent=False)
        nn.init.trunc_normal_(self.mask_token, std=0.02, a=-0.04, b=0.04)
        self.apply(init_weights)

    def forward(self, context: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        """context (B, C, D) standing at places (B, C), targets (B, M, T) -> predictions (B, M, T, D)."""
        rows, sets, count = targets.shape
        seen = self.enter(context) + self.positions[places].to(context.dtype)  # (B, C, P)
        hidden = self.mask_token + self.positions[targets].to(context.dtype)  # (B, M, T, P)
        seen = seen.unsqueeze(1).expand(-1, sets, -1, -1)
        tokens, _ = self.transformer(torch.cat([seen, hidden], dim=2).flatten(0, 1))  # (B M, C + T, P)
        return self.leave(self.norm(tokens[:, -count:])).unflatten(0, (rows, sets))


class PlacePredictor(nn.Module):
    """One perceptron a place, on the context laid out over all places (0 where nothing is seen) and flattened."""

    def __init__(self, width: int, inner: int, length: int):
        super().__init__()
        self.enter = nn.Linear(length * width, length * inner)
        self.leave = nn.Parameter(torch.empty(length, inner, width))
        self.bias = nn.Parameter(torch.zeros(length, width))
        nn.init.trunc_normal_(self.leave, std=0.02, a=-0.04, b=0.04)
        self.apply(init_weights)

    def forward(self, context: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        """As `MaskTokenPredictor`."""
        laid = context.new_zeros(len(context), len(self.leave), context.shape[-1])
        laid = laid.scatter(1, places.unsqueeze(-1).expand_as(context), context)
        hidden = torch.relu(self.enter(laid.flatten(1))).unflatten(1, (len(self.leave), -1))  # (B, L, P)
        every = torch.einsum("blp,lpd->bld", hidden, self.leave) + self.bias  # (B, L, D)
        return take_tokens(every, targets)
