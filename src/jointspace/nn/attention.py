"""The one transformer block: pre-norm attention and feed-forward, over torch's scaled dot-product attention.

Queries come from `x`: tokens, learnt latents or a condition. Keys and values come from `x` itself, or from `context`.
The residual belongs to the stream of the queries. Shapes: x (B, L, D), context (B, K, C), masks (B, L) and (B, K)
bool, True = real.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest
from jointspace.nn.positions import Rotary
from jointspace.nn.shapes import check

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu, "relu": F.relu, "silu": F.silu, "geglu": F.gelu, "swiglu": F.silu,
}  # fmt: skip
ACTIVATIONS = tuple(_ACTIVATIONS)


def init_weights(module: nn.Module, std: float = 0.02) -> None:
    """Linear weights from a normal cut at two sd, biases 0: what transformers start from. For `Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Attention(nn.Module):
    """Multi-head attention. A query that may look at no key at all gets 0 (plus the output bias).

    width D of queries and output; context_width C of keys and values (D by default); head_dim: D / heads by default;
    causal: a query sees keys up to its own place; rotary: rotates queries and keys by their positions.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        context_width: int | None = None,
        head_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        causal: bool = False,
        rotary: Rotary | None = None,
    ):
        super().__init__()
        if head_dim is None and width % heads:
            raise ConfigError(f"width {width} is not a multiple of heads {heads}")
        self.heads, self.head_dim = heads, head_dim or width // heads
        self.dropout, self.causal, self.rotary = dropout, causal, rotary
        inner = self.heads * self.head_dim
        self.query = nn.Linear(width, inner, bias=bias)
        self.key = nn.Linear(context_width or width, inner, bias=bias)
        self.value = nn.Linear(context_width or width, inner, bias=bias)
        self.out = nn.Linear(inner, width, bias=bias)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        *,
        allowed: Tensor | None = None,
        bias: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """x (B, L, D) -> (B, L, D). mask (B, K) tells which keys are real (of `context`, or of `x` without one).

        allowed: bool, broadcastable to (B, heads, L, K), True = may look; bias: float of that shape, added to the
        scores; positions (L,) or (B, L) for rotary, 0 .. L - 1 by default. ValueError where shapes do not fit.
        """
        source = x if context is None else context
        sizes = check("x: B L D, context: B K C", x=x, context=source)
        if mask is not None:
            check("context: B K C, mask: B K", context=source, mask=mask)
        q, k, v = (self._split(t) for t in (self.query(x), self.key(source), self.value(source)))  # (B, H, L | K, d)
        if self.rotary is not None:
            q, k = self.rotary(q, k, positions)
        seen = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, K)
        if allowed is not None:
            seen = allowed if seen is None else seen & allowed
        if self.causal:
            past = torch.ones(sizes["L"], sizes["K"], dtype=torch.bool, device=x.device).tril(sizes["K"] - sizes["L"])
            seen = past if seen is None else seen & past
        some = None
        if seen is not None:
            some = seen.any(dim=-1, keepdim=True)
            seen = seen | ~some  # a softmax over nothing is NaN: let it see everything, and drop the answer below
        if bias is not None:
            bias = bias.to(q.dtype)
            seen = bias if seen is None else bias.masked_fill(~seen, -torch.inf)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=self.dropout if self.training else 0.0)
        if some is not None:
            y = y.masked_fill(~some, 0.0)
        return self.out(y.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers. `geglu` and `swiglu` gate: first half times the activated second half, hidden width each."""

    def __init__(self, width: int, hidden: int, activation: str = "gelu", dropout: float = 0.0, bias: bool = True):
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ConfigError(f"no activation is called {activation!r}{nearest(activation, ACTIVATIONS)}")
        self.gated = activation.endswith("glu")
        self.act = _ACTIVATIONS[activation]
        self.inner = nn.Linear(width, 2 * hidden if self.gated else hidden, bias=bias)
        self.outer = nn.Linear(hidden, width, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., D) -> (..., D)"""
        hidden = self.inner(x)
        if self.gated:
            value, gate = hidden.chunk(2, dim=-1)
            hidden = value * self.act(gate)
        else:
            hidden = self.act(hidden)
        return self.outer(self.dropout(hidden))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)).

    cross: keys and values come from `context` of `context_width` (normalised by a norm of its own); the residual
    stays with the queries. feed_forward: hidden width, 4 D by default, 0 = attention alone. dropout: on attention
    weights and both branches; drop_path: chance that a row skips a branch in training.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        feed_forward: int | None = None,
        activation: str = "gelu",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        cross: bool = False,
        context_width: int | None = None,
        head_dim: int | None = None,
        bias: bool = True,
        causal: bool = False,
        rotary: Rotary | None = None,
        eps: float = 1e-5,
    ):
        super().__init__()
        context_width = (context_width or width) if cross else None
        self.norm = nn.LayerNorm(width, eps=eps)
        self.context_norm = nn.LayerNorm(context_width, eps=eps) if context_width else None
        self.attention = Attention(
            width, heads, context_width=context_width, head_dim=head_dim, bias=bias, dropout=dropout,
            causal=causal, rotary=rotary,
        )  # fmt: skip
        hidden = 4 * width if feed_forward is None else feed_forward
        self.feed_forward_norm = nn.LayerNorm(width, eps=eps) if hidden else None
        self.feed_forward = FeedForward(width, hidden, activation, dropout, bias) if hidden else None
        self.dropout, self.drop_path = nn.Dropout(dropout), drop_path
        self.apply(init_weights)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        *,
        allowed: Tensor | None = None,
        bias: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """x (B, L, D) -> (B, L, D); the arguments are those of `Attention`, `context` only in a cross block."""
        if (context is None) != (self.context_norm is None):
            raise ValueError("context goes with a cross block, and only with one")
        if self.context_norm is not None:
            context = self.context_norm(context)
        how = dict(allowed=allowed, bias=bias, positions=positions)
        x = x + self._branch(self.attention(self.norm(x), mask, context, **how))
        if self.feed_forward is not None and self.feed_forward_norm is not None:
            x = x + self._branch(self.feed_forward(self.feed_forward_norm(x)))
        return x

    def _branch(self, y: Tensor) -> Tensor:
        y = self.dropout(y)
        if self.drop_path and self.training:
            keep = torch.rand(len(y), *[1] * (y.dim() - 1), device=y.device) >= self.drop_path
            y = y * keep / (1.0 - self.drop_path)
        return y


class Transformer(nn.Module):
    """A stack of blocks and a last norm. drop_path grows linearly over the depth up to the given value.

    Further keyword arguments are those of `Block`.
    """

    def __init__(self, width: int, heads: int, layers: int, *, drop_path: float = 0.0, **block):
        super().__init__()
        rates = [drop_path * i / max(layers - 1, 1) for i in range(layers)]
        self.blocks = nn.ModuleList([Block(width, heads, drop_path=rate, **block) for rate in rates])
        self.norm = nn.LayerNorm(width, eps=block.get("eps", 1e-5))

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        *,
        layers: bool = False,
        **how,
    ) -> tuple[Tensor, list[Tensor] | None]:
        """x (B, L, D) -> last states (B, L, D), and with `layers` the stream before, between and after the blocks.

        The last entry of the list is the normalised answer itself, as in Hugging Face's `hidden_states`.
        """
        states = [x]
        for block in self.blocks:
            x = block(x, mask, context, **how)
            states.append(x)
        states[-1] = x = self.norm(x)
        return x, (states if layers else None)
