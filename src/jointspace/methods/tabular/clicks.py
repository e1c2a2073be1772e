"""Click models: embedding tables of any family under a small network, trained on yes or no.

The backbone on which table compressions are judged: Unified Embedding's notebook (MLP over the concatenation), DCN-V2
and DeepFM. Idea: each categorical column has vectors; a network reads them side by side and gives the logit of the
label; the tables are whatever `tables` says, of the same width, so that only what they store differs.

Shapes: table (B, F) int64 ids, one a column; label (B,) 0 or 1. Vectors (B, D), logit (B,).
Differs from the papers: the mean of the logistic loss where the notebook sums it (Adam's steps are the same).
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import torch.nn.functional as F
from pydantic import ConfigDict, Field, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from jointspace.data.dataset import Dataset
from jointspace.encoders.registry import build
from jointspace.encoders.table.categories import CategoryEncoder
from jointspace.errors import DataError
from jointspace.nn.click_heads import ClickHead
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    tables: str = "unified"  # family: full, hash, multi_hash, qr, hashed_net, robe, unified
    budget: float = Field(default=0.25, gt=0.0, le=1.0)  # floats of the tables, as a share of full ones
    width: PositiveInt = 16  # of each column's vector
    multiplexed: bool = True  # one space of rows for all columns; false = one a column (unified and full: no such form)
    private: list[str] | int | None = None  # columns with full tables of their own; a number: those of so few values
    numeric: list[str] = field(default_factory=list)  # columns of numbers, cut to floor(ln(v)^2)
    columns: list[str] | None = None  # which, in order; None = all of the field `table`
    options: dict[str, Any] = field(default_factory=dict)  # further ones of the family, e.g. {chunks: 2, tables: 2}
    network: str = "mlp"  # or dcn, deepfm
    hidden: list[int] = field(default_factory=lambda: [128, 64])
    cross: PositiveInt = 2  # layers of dcn


class Clicks(Method):
    """Learn tables and a click model. Batch fields: table, label."""

    Config = Config
    fields = ("table", "label")
    contrastive = False

    def __init__(self, config: Config):
        super().__init__(config)
        c = config
        made = build(
            "categories", "table", family=c.tables, budget=c.budget, width=c.width, multiplexed=c.multiplexed,
            private=c.private, columns=c.columns, numeric=c.numeric, options=c.options,
        )  # fmt: skip
        assert isinstance(made, CategoryEncoder)
        self.table_encoder = made
        self.head: ClickHead | None = None

    def prepare(self, data: Dataset) -> None:
        """Columns and sizes from the training rows, then the tables and the network over their width."""
        if not self.table_encoder.processor.fitted:
            self.table_encoder.processor.fit_columns(data, "table")
            self.table_encoder.after_fit()
        if self.head is None:
            c = self.config
            self.head = ClickHead(self.table_encoder.tables.widths, c.hidden, c.network, c.cross)
        labels = set(data.array("label").tolist())
        if not labels <= {0, 1}:
            raise DataError(f"{data.name}: label must be 0 or 1, found {', '.join(map(str, sorted(labels)[:5]))}")

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        return {"logit": self.logits(batch["table"]), "label": batch["label"]}

    def logits(self, ids: Tensor) -> Tensor:
        """ids (B, F) -> (B,)"""
        assert self.head is not None, "prepare comes first"
        return self.head(self.table_encoder(ids).pooled)[:, 0]

    def terms(self, logit: Tensor, label: Tensor) -> dict[str, Tensor]:
        return {"click": F.binary_cross_entropy_with_logits(logit.float(), label.float())}

    def space(self) -> Space:
        assert self.head is not None
        tower = Tower(self.table_encoder, heads={"click": self.head}, scorer="dot")
        return Space(method="clicks", normalize=False, table=tower)
