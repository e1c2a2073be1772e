"""ALIGN: a dual encoder learnt from raw, noisy pairs of picture and alt-text.

Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision", ICML 2021,
arXiv 2102.05918. No official code; parity test against transformers.AlignModel (our loss = 2 x its loss).

Idea: filter by frequency only and let quantity outweigh noise. Each tower gives one vector; a pair attracts and every
other pair of the global batch repels, in both directions. The temperature is learnt with the weights.

Shapes: image (B, 3, H, W); text (B, L) token ids; text_mask (B, L), True = real token. Embeddings (B, dim) of unit
length.
Parts elsewhere: frequency filters `data/cleaning`, crops `training.augment`, LAMB `training.optim`, composed queries
(picture + text) `search`; fine-tuning on pairs is this method with `init_from`, on classes
`methods/vision/classification`.
Differs from the paper: pictures or texts of equal content in a batch never repel each other (`ignore_equal`);
the temperature is held >= 1e-3, because a large step of a directly learnt one can cross zero.
"""

from __future__ import annotations

from dataclasses import field

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from jointspace.encoders.config import EncoderConfig
from jointspace.nn.heads import linear
from jointspace.nn.pooling import pool
from jointspace.nn.temperature import Temperature
from jointspace.objectives.contrastive import info_nce_two_way
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    image: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="efficientnet-b7"))
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="bert-base", max_length=64))
    text_pooling: str = "cls"  # last hidden state of [CLS], no tanh pooler; "pooled" for towers without one
    dim: PositiveInt | None = None  # joint width; None = the image tower's own, which then gets no projection (paper)
    temperature: PositiveFloat = 1.0  # start value
    learn_temperature: str = "direct"  # or "log" (CLIP), "fixed"
    label_smoothing: NonNegativeFloat = 0.1  # on the softmax over the batch
    negatives: PositiveFloat = 1.0  # fraction of the batch's other pairs that repel (paper's ablation: .5, .25)
    ignore_equal: bool = True  # equal content is never a negative


class ALIGN(Method):
    """Learn an image-text Space from noisy pairs. Batch fields: image, text, text_mask."""

    Config = Config
    fields = ("image", "text")

    def __init__(self, config: Config):
        super().__init__(config)
        self.image_encoder = config.image.build("image")
        self.text_encoder = config.text.build("text")
        dim = config.dim or self.image_encoder.dim
        self.image_projection = linear(self.image_encoder.dim, dim)
        self.text_projection = linear(self.text_encoder.dim, dim)
        self.temperature = Temperature(config.temperature, learn=config.learn_temperature)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        image = pool(self.image_encoder(batch["image"]), "pooled")  # (B, width), mean over the last grid
        text = pool(self.text_encoder(batch["text"], batch["text_mask"]), self.config.text_pooling)  # (B, D)
        embeddings = {
            "image": F.normalize(self.image_projection(image), dim=-1),  # (B, dim)
            "text": F.normalize(self.text_projection(text), dim=-1),  # (B, dim)
        }
        if self.config.ignore_equal and "image_id" in batch:
            embeddings |= {"image_id": batch["image_id"], "text_id": batch["text_id"]}  # (B,) content hashes
        return embeddings

    def terms(
        self, image: Tensor, text: Tensor, image_id: Tensor | None = None, text_id: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Both directions, summed as in the paper, not averaged. A fixed batch of N equal vectors costs 2 log N."""
        how = dict(temperature=self.temperature(), label_smoothing=self.config.label_smoothing, gather=True)
        out = self._left_out(len(image), image.device)
        to_text, to_image = info_nce_two_way(image, text, query_ids=image_id, key_ids=text_id, ignore=out, **how)
        return {"image_to_text": to_text, "text_to_image": to_image}

    def _left_out(self, n: int, device: torch.device) -> Tensor | None:
        """(n, n) bool, True = this pair repels in neither direction; drawn anew each step."""
        if self.config.negatives >= 1 or not self.training:
            return None
        return torch.rand(n, n, device=device) >= self.config.negatives

    def after_step(self, progress: Progress) -> None:
        self.temperature.clamp_()

    def space(self) -> Space:
        return Space(
            method="align",
            normalize=True,
            image=Tower(self.image_encoder, pooling="pooled", projection=self.image_projection),
            text=Tower(self.text_encoder, pooling=self.config.text_pooling, projection=self.text_projection),
        )
