"""Locked-image tuning: a text tower learns to say what a frozen picture network sees.

Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text Tuning", CVPR 2022, arXiv 2111.07991.

Idea: good picture features exist already; only the text tower and a projection are learnt, contrastively. The
features are computed once and kept as a column (`jointspace.data.cache`), so a step costs the text tower alone: minutes
on a CPU.

Shapes: image_features (B, D), the frozen network's pooled vectors, a cached column; text (B, L), text_mask (B, L).
A second text of the same picture (text_2, such as a keyword beside a name) is contrasted in the same way.
Differs from the paper: features are standardised and a linear projection with dropout is learnt on top of them; texts
of equal content never repel each other.
"""

from __future__ import annotations

from dataclasses import field

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from jointspace.data.dataset import Dataset
from jointspace.encoders.config import EncoderConfig
from jointspace.nn.heads import Standardise
from jointspace.nn.pooling import pool
from jointspace.nn.temperature import Temperature
from jointspace.objectives.contrastive import info_nce
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    image: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="efficientnet-lite0", pretrained=True))
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="transformer"))
    text_pooling: str = "mean"
    dim: PositiveInt = 256  # joint width
    image_dropout: float = Field(default=0.3, ge=0.0, lt=1.0)  # of standardised picture features
    temperature: PositiveFloat = 0.07  # start value
    learn_temperature: str = "log"


class LockedImage(Method):
    """Learn a text tower for a frozen picture network. Batch fields: image_features, text, text_mask, text_2.

    `features()` is the Space whose output "features" fills the column:
    `cache(data, {"image_features": (method.features(), "image", "features")})`.
    """

    Config = Config
    fields = ("image_features", "text")
    optional_fields = ("text_2",)
    frozen = ("image_encoder",)

    def __init__(self, config: Config):
        super().__init__(config)
        self.image_encoder = config.image.build("image").eval().requires_grad_(False)
        self.text_encoder = config.text.build("text")
        width = self.image_encoder.dim
        self.standardise = Standardise(width)
        self.image_projection = nn.Linear(width, config.dim)
        self.text_projection = nn.Linear(self.text_encoder.dim, config.dim)
        self.temperature = Temperature(config.temperature, learn=config.learn_temperature)

    def features(self) -> Space:
        """The frozen picture network alone, as a Space."""
        return Space(method="frozen", image=Tower(self.image_encoder, pooling="pooled"))

    def prepare(self, data: Dataset) -> None:
        super().prepare(data)
        rows = torch.stack([torch.as_tensor(v, dtype=torch.float32) for v in data.column("image_features")])
        self.standardise.fit(rows)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        seen = F.dropout(self.standardise(batch["image_features"]), self.config.image_dropout, self.training)
        embeddings = {"image": F.normalize(self.image_projection(seen), dim=-1), "row": batch["row"]}  # (B, dim), (B,)
        for name in ("text", "text_2"):
            if name in batch:
                text = pool(self.text_encoder(batch[name], batch[f"{name}_mask"]), self.config.text_pooling)
                embeddings[name] = F.normalize(self.text_projection(text), dim=-1)  # (B, dim)
                embeddings[f"{name}_id"] = batch[f"{name}_id"]
        return embeddings

    def terms(self, image: Tensor, row: Tensor, **texts: Tensor) -> dict[str, Tensor]:
        """The mean of both directions, one term a text field, averaged over the fields."""
        names = [name for name in ("text", "text_2") if name in texts]
        how = dict(temperature=self.temperature(), symmetric=True, gather=True)
        return {
            name: info_nce(image, texts[name], query_ids=row, key_ids=texts[f"{name}_id"], **how) / len(names)
            for name in names
        }

    def after_step(self, progress: Progress) -> None:
        self.temperature.clamp_()

    def space(self) -> Space:
        return Space(
            method="locked_image",
            image=Tower(self.image_encoder, projection=nn.Sequential(self.standardise, self.image_projection)),
            text=Tower(self.text_encoder, pooling=self.config.text_pooling, projection=self.text_projection),
        )
