"""A small method and data set that the tests of training share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

import jointspace as js
from jointspace.encoders.config import EncoderConfig
from jointspace.nn.temperature import Temperature
from jointspace.objectives.contrastive import info_nce
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress

SIDES = ("text", "text_positive")


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class ToyConfig:
    width: int = 16
    dropout: float = 0.1
    breaks_at: int = -2  # the step whose term is NaN


class Toy(Method):
    """Two sides of a row through one bag of n-grams, a dropout and a linear layer; both directions of InfoNCE."""

    Config = ToyConfig
    fields = SIDES

    def __init__(self, config: ToyConfig | None = None):
        super().__init__(config or ToyConfig())
        self.text_encoder = EncoderConfig(name="ngrams", width=self.config.width, buckets=256).build("text")
        self.dropout = nn.Dropout(self.config.dropout)
        self.projection = nn.Linear(self.text_encoder.dim, self.config.width)
        self.temperature = Temperature(0.1, learn="log")
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.now = -1

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        return {side: self._one(batch[side], batch[f"{side}_mask"]) for side in SIDES} | {"row": batch["row"]}

    def _one(self, ids: Tensor, mask: Tensor) -> Tensor:
        return F.normalize(self.projection(self.dropout(self.text_encoder(ids, mask).pooled)), dim=-1)

    def terms(self, text: Tensor, text_positive: Tensor, row: Tensor) -> dict[str, Tensor]:
        assert len(row) == len(text)
        how = dict(temperature=self.temperature(), gather=True)
        forth, back = info_nce(text, text_positive, **how), info_nce(text_positive, text, **how)
        if self.now == self.config.breaks_at:
            back = back * float("nan")
        return {"forth": forth, "back": back}

    def before_step(self, progress: Progress) -> None:
        self.now = progress.step

    def after_step(self, progress: Progress) -> None:
        self.temperature.clamp_()
        self.seen += 1

    def space(self) -> Space:
        return Space(method="toy", text=Tower(self.text_encoder, pooling="pooled", projection=self.projection))


def toy(seed: int = 0, **config) -> Toy:
    torch.manual_seed(seed)
    return Toy(ToyConfig(**config))


def pairs(rows: int = 48) -> js.Dataset:
    """Rows whose two texts share a word."""
    words = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "so", "tu") for b in "bdfgklmn"]
    return js.load_data([{"text": f"{words[i]} one", "text_positive": f"another {words[i]}"} for i in range(rows)])
