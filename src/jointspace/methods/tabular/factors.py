"""Latent factors of a table of numbers by exact maximum likelihood: phase 1 of provable pretraining, as a Space.

Ge et al., arXiv 2303.01566, model A (`jointspace.theory.FactorModel`). Idea: many rows without labels fix the factors;
few labels then fix a head on the r posterior means instead of on all d columns (`linear_probe` is such a head).

Shapes: table (B, d) float32, one column of numbers each; vectors (B, r), the posterior mean of the factors.
Differs from the paper: columns are brought to variance 1 and the noise is estimated (mean discarded eigenvalue),
because real columns have units. The paper's noise is N(0, I); with equal noise in all columns, do not divide them.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import ConfigDict, PositiveInt
from pydantic.dataclasses import dataclass
from torch import nn

from jointspace.data.dataset import Dataset
from jointspace.encoders.registry import build
from jointspace.encoders.table.numbers import NumberEncoder, numbers
from jointspace.errors import ConfigError
from jointspace.space import Space, Tower
from jointspace.theory.factor import FactorModel
from jointspace.training.method import Method


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    factors: PositiveInt = 8  # r, below the number of columns
    scale_columns: bool = True  # to variance 1 first; false where all columns have one unit and equal noise
    columns: list[str] | None = None  # which, in order; None = all of the field `table`


class Factors(Method):
    """Fit r factors, without gradients. Batch fields: table."""

    Config = Config
    fields = ("table",)
    contrastive = False

    def __init__(self, config: Config):
        super().__init__(config)
        made = build("numbers", "table", columns=config.columns)
        assert isinstance(made, NumberEncoder)
        self.table_encoder = made
        self.projection: nn.Linear | None = None
        self.trace: list[float] = []  # log-likelihood per row

    def solve(self, data: Dataset, seed: int) -> None:
        """Closed form; the seed is not used. ConfigError for more factors than columns allow."""
        columns = self.table_encoder.processor.columns or []
        if self.config.factors >= len(columns):
            raise ConfigError(f"factors: must be below the number of columns, {len(columns)}")
        x = numbers(data.column("table"), columns)
        spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0) if self.config.scale_columns else np.ones(x.shape[1])
        model = FactorModel(self.config.factors, standardize=True).fit(x / spread)
        weight = model.posterior_map / model.scale  # (r, d) of the columns at variance 1
        self.projection = nn.Linear(len(columns), self.config.factors)
        with torch.no_grad():
            self.projection.weight.copy_(torch.from_numpy(weight / spread))
            self.projection.bias.copy_(torch.from_numpy(-weight @ model.centre))
        self.trace = model.trace

    def space(self) -> Space:
        assert self.projection is not None, "solve comes first"
        tower = Tower(self.table_encoder, projection=self.projection, scorer="euclidean")
        return Space(method="factors", normalize=False, table=tower)
