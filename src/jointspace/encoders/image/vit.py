"""A vision transformer from scratch (Dosovitskiy et al., arXiv 2010.11929) on the pre-norm blocks of `nn.attention`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from jointspace.encoders.base import Encoder, Encoding
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError, nearest
from jointspace.nn.attention import Transformer
from jointspace.nn.positions import resize_grid, sin_cos_2d

POOLS = ("cls", "mean")
POSITIONS = ("learnt", "sin_cos")


class ViT(Encoder):
    """Patches of `patch` pixels, linear, plus positions, then `layers` blocks of width D. Tokens are the patches alone.

    pool: "cls" = a class token, which is `pooled` and no part of `tokens`; "mean" = no such token, mean over patches.
    positions: "learnt" table or fixed "sin_cos" of two dimensions; other picture sizes than `size` get the table
    resized (bicubic), so they must be multiples of `patch`. heads: D / 32 by default; feed_forward: 4 D by default;
    drop_path: rises linearly with depth.
    """

    kind = "vit"
    modality = "image"

    def __init__(
        self,
        *,
        size: int = 32,
        patch: int = 4,
        layers: int = 4,
        width: int = 128,
        heads: int | None = None,
        feed_forward: int | None = None,
        pool: str = "cls",
        positions: str = "learnt",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        if pool not in POOLS:
            raise ConfigError(f"vit: no pool is called {pool!r}{nearest(pool, POOLS)}")
        if positions not in POSITIONS:
            raise ConfigError(f"vit: no positions are called {positions!r}{nearest(positions, POSITIONS)}")
        if size % patch:
            raise ConfigError(f"vit: size {size} is not a multiple of patch {patch}")
        heads = max(1, width // 32) if heads is None else heads
        self.size, self.patch, self.pool = size, patch, pool
        self.dim = width
        self.processor = image_processor(size, processor)
        self._options = dict(
            size=size, patch=patch, layers=layers, width=width, heads=heads, feed_forward=feed_forward, pool=pool,
            positions=positions, dropout=dropout, drop_path=drop_path,
        )  # fmt: skip
        self.grid = (size // patch, size // patch)
        self.embed = nn.Conv2d(3, width, patch, stride=patch)
        nn.init.trunc_normal_(self.embed.weight, std=0.02, a=-0.04, b=0.04)
        nn.init.zeros_(self.embed.bias)  # type: ignore[arg-type]
        if positions == "learnt":
            self.positions = nn.Parameter(torch.empty(self.grid[0] * self.grid[1], width))
            nn.init.trunc_normal_(self.positions, std=0.02, a=-0.04, b=0.04)
        else:
            self.register_buffer("positions", sin_cos_2d(*self.grid, width), persistent=False)
        if pool == "cls":
            self.cls = nn.Parameter(torch.zeros(width))
            nn.init.trunc_normal_(self.cls, std=0.02, a=-0.04, b=0.04)
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(
            width, heads, layers, feed_forward=feed_forward, dropout=dropout, drop_path=drop_path
        )

    def patches(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """x (B, 3, H, W) -> patches with positions (B, h w, D), grid (h, w). ValueError where a side does not fit."""
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(f"vit: {x.shape[2]} x {x.shape[3]} pixels are no multiple of patch {self.patch}")
        maps = self.embed(x)
        grid = (maps.shape[2], maps.shape[3])
        return maps.flatten(2).transpose(1, 2) + self._table(grid).to(maps.dtype), grid

    def _table(self, grid: tuple[int, int]) -> Tensor:
        if grid == self.grid:
            return self.positions
        if isinstance(self.positions, nn.Parameter):
            return resize_grid(self.positions, self.grid, grid)
        return sin_cos_2d(*grid, self.dim).to(self.positions.device)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        tokens, grid = self.patches(x)  # (B, h w, D)
        if self.pool == "cls":
            tokens = torch.cat([self.cls.to(tokens.dtype).expand(len(x), 1, -1), tokens], dim=1)
        tokens, states = self.transformer(self.dropout(tokens), layers=layers)
        first = 1 if self.pool == "cls" else 0
        pooled = tokens[:, 0] if first else tokens.mean(dim=1)
        return Encoding(
            tokens[:, first:], None, pooled, grid,
            None if states is None else [state[:, first:] for state in states],
            None if states is None else [grid] * len(states),
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        return {**self._options, "processor": self.processor.config()}
