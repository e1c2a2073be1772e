"""Rows of mixed columns as tokens, one a feature, and a transformer over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from jointspace.data.table_processor import TableProcessor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.errors import ConfigError
from jointspace.nn.positions import sin_cos
from jointspace.nn.post_norm import PostNormTransformer


class FeatureTokenizer(nn.Module):
    """(B, d) numbers -> (B, d, H) tokens (Gorishniy et al., FT-Transformer, arXiv 2106.11959).

    Numeric feature j: x_j w_j + b_j; categorical: E_j[code] + b_j. A value never met (code 0) is b_j alone.
    """

    starts: Tensor

    def __init__(self, numeric: int, sizes: Sequence[int], width: int):
        super().__init__()
        self.numeric = numeric
        self.weight = nn.Parameter(torch.empty(numeric, width))
        self.bias = nn.Parameter(torch.empty(numeric + len(sizes), width))
        self.categories = nn.Embedding(1 + sum(n - 1 for n in sizes), width, padding_idx=0) if sizes else None
        starts = torch.tensor([0, *(n - 1 for n in sizes)][:-1] if sizes else [], dtype=torch.int64).cumsum(0)
        self.register_buffer("starts", starts, persistent=False)
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)
        if self.categories is not None:
            nn.init.trunc_normal_(self.categories.weight, std=0.02, a=-0.04, b=0.04)
            with torch.no_grad():
                self.categories.weight[0] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, : self.numeric, None] * self.weight]
        if self.categories is not None:
            codes = x[:, self.numeric :].round().long()
            parts.append(self.categories(torch.where(codes > 0, codes + self.starts, 0)))
        return torch.cat(parts, dim=1) + self.bias


class TableTransformer(Encoder):
    """x (B, d) -> tokens (B, R + d, H): R learnt tokens [REG], equal for all rows, then one a feature; mask none.

    `pooled` is the mean over the feature tokens. regs R: 0 and more. type_embedding: one vector for all numeric and one
    for all categorical features, where a table has both; column_embedding: one a feature. Positions have a fixed
    sin/cos code of base 100. categorical, columns, scaling, schema: see `TableProcessor`.
    """

    kind: ClassVar[str] = "table-transformer"
    modality: ClassVar[str] = "table"
    positions: Tensor

    def __init__(
        self,
        *,
        width: int = 64,
        layers: int = 4,
        heads: int = 4,
        feed_forward: int | None = None,
        dropout: float = 0.0,
        regs: int = 1,
        type_embedding: bool = True,
        column_embedding: bool = False,
        columns: Sequence[str] | None = None,
        categorical: Sequence[str] = (),
        scaling: str = "min_max",
        schema: Sequence[Mapping[str, Any]] | None = None,
    ):
        super().__init__()
        if width % 2:
            raise ConfigError(f"table-transformer: width must be even for its position code, got {width}")
        if regs < 0:
            raise ConfigError(f"table-transformer: regs must be 0 or more, got {regs}")
        self.dim, self.regs = width, regs
        self.given: dict[str, Any] = dict(
            width=width, layers=layers, heads=heads, feed_forward=feed_forward, dropout=dropout, regs=regs,
            type_embedding=type_embedding, column_embedding=column_embedding,
        )  # fmt: skip
        self.processor: TableProcessor = TableProcessor(columns, categorical, scaling, schema)
        self.reg = nn.Parameter(torch.empty(regs, width)) if regs else None
        if self.reg is not None:
            nn.init.uniform_(self.reg, -(width**-0.5), width**-0.5)
        self.transformer = PostNormTransformer(
            width, heads, layers, feed_forward=feed_forward or width, dropout=dropout
        )
        if self.processor.fitted:
            self.after_fit()

    def after_fit(self) -> None:
        numeric, sizes = self.processor.numeric, self.processor.sizes
        self.features = numeric + len(sizes)
        self.tokenizer = FeatureTokenizer(numeric, sizes, self.dim)
        places = torch.arange(self.regs + self.features)
        self.register_buffer("positions", sin_cos(places, self.dim, base=100.0, layout="interleaved"), persistent=False)
        both = self.given["type_embedding"] and numeric and sizes
        self.types = _embedding(2, self.dim) if both else None
        self.columns = _embedding(self.features, self.dim) if self.given["column_embedding"] else None

    def tokenize(self, x: Tensor) -> Tensor:
        """x (B, d) -> (B, R + d, H), positions added: what the transformer reads."""
        tokens = self.tokenizer(x)
        if self.types is not None:
            kinds = torch.arange(self.features, device=x.device) >= self.tokenizer.numeric
            tokens = tokens + self.types(kinds.long())
        if self.columns is not None:
            tokens = tokens + self.columns.weight
        if self.reg is not None:
            tokens = torch.cat([self.reg.expand(len(x), -1, -1), tokens], dim=1)
        return tokens + self.positions

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        tokens, states = self.transformer(self.tokenize(x), layers=layers)
        return Encoding(tokens=tokens, pooled=tokens[:, self.regs :].mean(dim=1), layers=states)

    def options(self) -> dict[str, Any]:
        return {**self.given, **self.processor.config()}


def _embedding(rows: int, width: int) -> nn.Embedding:
    table = nn.Embedding(rows, width)
    nn.init.trunc_normal_(table.weight, std=0.02, a=-0.04, b=0.04)
    return table
