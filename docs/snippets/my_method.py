"""One file, one method: pull the two sides of a pair together, push everything else apart, with a soft margin.

Shapes: text (B, L), text_positive (B, L) token ids with their masks, True = real token.
"""

from dataclasses import field

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, PositiveFloat
from pydantic.dataclasses import dataclass

from jointspace.encoders.config import EncoderConfig
from jointspace.nn.pooling import pool
from jointspace.space import Space, Tower
from jointspace.training.method import Method


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="ngrams", width=64))
    margin: PositiveFloat = 0.3  # least distance in cosine between the partner and any other text
    sharpness: PositiveFloat = 20.0  # the larger, the closer to a hinge


class MyMethod(Method):
    """Soft margin over the batch. Batch fields: text, text_positive."""

    Config = Config
    fields = ("text", "text_positive")

    def __init__(self, config: Config):
        super().__init__(config)
        self.text_encoder = config.text.build("text")

    def embed(self, batch):
        """Row-aligned tensors, the only thing that `terms` sees: gradient caching then works by itself."""
        return {side: self.vectors(batch[side], batch[f"{side}_mask"]) for side in self.fields}

    def vectors(self, ids, mask):
        return F.normalize(pool(self.text_encoder(ids, mask), "mean"), dim=-1)  # (B, D)

    def terms(self, text, text_positive):
        """Named scalars; their sum is the loss, and each is logged."""
        similar = text @ text_positive.T  # (B, B)
        violation = similar - similar.diagonal()[:, None] + self.config.margin
        loss = F.softplus(self.config.sharpness * violation) / self.config.sharpness
        others = ~torch.eye(len(similar), dtype=torch.bool, device=similar.device)
        return {"margin": loss[others].mean()}

    def space(self):
        return Space(method="my_method", text=Tower(self.text_encoder, pooling="mean"))
