"""A stack of torch's own post-norm transformer layers, with the tail of T-JEPA's networks."""

from __future__ import annotations

from torch import Tensor, nn

from jointspace.errors import ConfigError


class PostNormTransformer(nn.Module):
    """`layers` layers (ReLU, norm after each branch), then dropout, norm, linear, dropout, norm.

    Tokens leave with mean 0 and variance 1 over their channels before the last norm's scale and shift.
    ConfigError where width is no multiple of heads.
    """

    def __init__(self, width: int, heads: int, layers: int, *, feed_forward: int, dropout: float = 0.0):
        super().__init__()
        if width % heads:
            raise ConfigError(f"width {width} is not a multiple of heads {heads}")
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, feed_forward, dropout, batch_first=True) for _ in range(layers)
        )
        self.tail = nn.Sequential(
            nn.Dropout(dropout), nn.LayerNorm(width), nn.Linear(width, width), nn.Dropout(dropout), nn.LayerNorm(width)
        )

    def forward(self, x: Tensor, *, layers: bool = False) -> tuple[Tensor, list[Tensor] | None]:
        """x (B, L, D) -> (B, L, D), and with `layers` the input, every layer's output and the answer itself."""
        states = [x]
        for layer in self.layers:
            states.append(layer(states[-1]))
        states.append(self.tail(states[-1]))
        return states[-1], (states if layers else None)
