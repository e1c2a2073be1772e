"""Supervised classification: any encoder, one linear layer, cross-entropy.

The plain way to fine-tune a tower on labels (ALIGN, section 5.4, fine-tunes its image tower so): start from a Space
with `init_from` and a key map, or from the encoder's own pretrained weights. What comes out is a Space again: `dense`
are the pooled features, `logits` the class scores.

Shapes: image (B, 3, H, W); label (B,) class index; labels that are words get the indices of their sorted names.
"""

from __future__ import annotations

from dataclasses import field

import numpy as np
import torch.nn.functional as F
from pydantic import ConfigDict, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from jointspace.data.dataset import Dataset
from jointspace.data.plain_columns import PlainColumn
from jointspace.encoders.config import EncoderConfig
from jointspace.errors import DataError
from jointspace.nn.pooling import pool
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    image: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="efficientnet-lite0"))
    classes: PositiveInt  # number of classes
    pooling: str = "pooled"
    label_smoothing: NonNegativeFloat = 0.0


class Classification(Method):
    """Fine-tune an image tower on labels. Batch fields: image, label."""

    Config = Config
    fields = ("image", "label")
    contrastive = False

    def __init__(self, config: Config):
        super().__init__(config)
        self.image_encoder = config.image.build("image")
        self.head = nn.Linear(self.image_encoder.dim, config.classes)

    def prepare(self, data: Dataset) -> None:
        """DataError names the first row whose label is none of the classes."""
        super().prepare(data)
        labels = PlainColumn(data, "label").batch(np.arange(len(data)))[""]  # (N,)
        known = (labels == labels.long()) & (labels >= 0) & (labels < self.config.classes)
        if not known.all():
            row = int(known.reshape(len(data), -1).all(1).long().argmin())
            given = data.value("label", row)
            raise DataError(f"{data.where(row)}: label {given!r} is none of {self.config.classes} classes from 0 on")

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        features = pool(self.image_encoder(batch["image"]), self.config.pooling)  # (B, D)
        return {"logits": self.head(features), "label": batch["label"]}

    def terms(self, logits: Tensor, label: Tensor) -> dict[str, Tensor]:
        return {"class": F.cross_entropy(logits.float(), label.long(), label_smoothing=self.config.label_smoothing)}

    def space(self) -> Space:
        tower = Tower(self.image_encoder, pooling=self.config.pooling, heads={"logits": self.head})
        return Space(method="classification", image=tower)
