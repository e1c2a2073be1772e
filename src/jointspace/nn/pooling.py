"""From tokens to one vector. Padding never counts, on whichever side it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest
from jointspace.nn.attention import Block
from jointspace.nn.masks import first_real, last_real, masked_max, masked_mean

if TYPE_CHECKING:
    from jointspace.encoders.base import Encoding

POOLINGS = ("pooled", "cls", "mean", "last", "max")


def pool(encoding: Encoding, how: str | nn.Module) -> Tensor:
    """Encoding of tokens (B, L, D) -> (B, D).

    pooled: the backbone's own vector; cls: the first real token; last: the last real one; mean, max: over real
    tokens (0 where a row has none); a module is called with (tokens, mask). ConfigError for an unknown name, or for
    "pooled" where the backbone gives none.
    """
    if isinstance(how, nn.Module):
        return how(encoding.tokens, encoding.mask)
    if how == "pooled":
        if encoding.pooled is None:
            raise ConfigError(
                f"this encoder has no pooled vector of its own; pooling is one of {', '.join(POOLINGS[1:])}"
            )
        return encoding.pooled
    tokens, mask = encoding.tokens, encoding.mask
    if how == "mean":
        return masked_mean(tokens, mask)
    if how == "max":
        return masked_max(tokens, mask)
    if how == "cls":
        return tokens[:, 0] if mask is None else _take(tokens, first_real(mask))
    if how == "last":
        return tokens[:, -1] if mask is None else _take(tokens, last_real(mask))
    raise ConfigError(f"no pooling is called {how!r}{nearest(how, POOLINGS)}")


def _take(tokens: Tensor, index: Tensor) -> Tensor:
    return tokens[torch.arange(len(tokens), device=tokens.device), index]


class AttentionPooling(nn.Module):
    """One attention block between tokens and learnt latents, and a mean as read-out.

    query_from "latents": the latents ask, tokens answer, mean over latents (Perceiver, MAP head); "tokens": the
    tokens ask a dictionary of latents, mean over real tokens (NV-Embed's latent attention). A condition of the same
    width may ask in place of the latents. width D of the tokens, which is that of the answer.
    """

    def __init__(
        self,
        width: int,
        heads: int = 8,
        latents: int = 1,
        *,
        query_from: str = "latents",
        feed_forward: int | None = None,
        activation: str = "gelu",
        head_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        std: float = 0.02,
    ):
        super().__init__()
        if query_from not in ("latents", "tokens"):
            raise ConfigError(f"query_from is {query_from!r}{nearest(query_from, ('latents', 'tokens'))}")
        self.settings: dict[str, Any] = dict(
            width=width, heads=heads, latents=latents, query_from=query_from, feed_forward=feed_forward,
            activation=activation, head_dim=head_dim, bias=bias, dropout=dropout, std=std,
        )  # fmt: skip
        self.query_from = query_from
        self.latents = nn.Parameter(torch.randn(latents, width) * std)
        self.block = Block(
            width, heads, cross=True, feed_forward=feed_forward, activation=activation, head_dim=head_dim, bias=bias,
            dropout=dropout,
        )  # fmt: skip

    def config(self) -> dict[str, Any]:
        """Keyword arguments that make an equal module."""
        return dict(self.settings)

    def forward(self, tokens: Tensor, mask: Tensor | None = None, queries: Tensor | None = None) -> Tensor:
        """tokens (B, L, D), mask (B, L) -> (B, D). queries (B, Q, D) ask in place of the latents."""
        latents = self.latents.to(tokens.dtype).expand(len(tokens), -1, -1)
        if self.query_from == "tokens":
            return masked_mean(self.block(tokens, None, latents), mask)
        return self.block(latents if queries is None else queries, mask, tokens).mean(dim=1)
