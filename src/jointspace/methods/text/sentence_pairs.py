"""Contrastive fine-tuning of one text encoder on pairs or triples: the baseline of the text family.

The recipe of sentence-transformers' MultipleNegativesRankingLoss (Henderson et al., "Efficient Natural Language
Response Suggestion for Smart Reply", 2017, arXiv 1705.00652; Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, arXiv
1908.10084): every other text of the batch is a negative, a third text of the row is a hard one.

Shapes: text (B, L), text_positive (B, L), text_negative (B, L) token ids with their masks, True = real token.
Differs from the source: texts of equal content never repel each other.
"""

from __future__ import annotations

from dataclasses import field

import torch.nn.functional as F
from pydantic import ConfigDict, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from jointspace.data.batch import joined
from jointspace.encoders.config import EncoderConfig
from jointspace.nn.heads import linear
from jointspace.nn.pooling import pool
from jointspace.nn.temperature import Temperature
from jointspace.objectives.contrastive import info_nce
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress

SIDES = ("text", "text_positive", "text_negative")


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="minilm"))
    pooling: str = "mean"
    dim: PositiveInt | None = None  # None = the encoder's own width, no projection
    temperature: PositiveFloat = 0.05  # a scale of 20
    learn_temperature: str = "fixed"
    symmetric: bool = False  # also positive -> anchor
    label_field: str | None = None  # rows of equal value there (a class) never repel each other


class SentencePairs(Method):
    """Learn a text Space from (anchor, positive) or (anchor, positive, hard negative) rows."""

    Config = Config
    fields: tuple[str, ...] = ("text", "text_positive")  # type: ignore[misc]
    optional_fields = ("text_negative",)

    def __init__(self, config: Config, tower: Tower | None = None):
        """tower: go on with that of a Space, its encoder, pooling and projection; the config's are not looked at."""
        super().__init__(config)
        self.text_encoder = config.text.build("text") if tower is None else tower.encoder
        self.text_projection = linear(self.text_encoder.dim, config.dim) if tower is None else tower.projection
        self.pooling = config.pooling if tower is None else tower.pooling
        if config.label_field is not None:
            self.fields = (*self.fields, config.label_field)
        self.temperature = Temperature(config.temperature, learn=config.learn_temperature)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """One forward for all sides: they share the encoder, so their texts make one batch."""
        sides = [side for side in SIDES if side in batch]
        ids, mask = joined(batch, sides)  # (S * B, L)
        vectors = F.normalize(self.text_projection(pool(self.text_encoder(ids, mask), self.pooling)), dim=-1)
        embeddings = dict(zip(sides, vectors.chunk(len(sides)), strict=True))
        ids_of = {f"{side}_id": batch[f"{side}_id"] for side in sides if f"{side}_id" in batch}
        if self.config.label_field is not None:
            ids_of["text_id"] = ids_of["text_positive_id"] = batch[self.config.label_field].long()
        return embeddings | ids_of

    def terms(
        self,
        text: Tensor,
        text_positive: Tensor,
        text_negative: Tensor | None = None,
        text_id: Tensor | None = None,
        text_positive_id: Tensor | None = None,
        text_negative_id: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Anchor against the positives (and hard negatives) of the whole batch; the way back where asked for."""
        t = self.temperature()
        terms = {
            "forward": info_nce(
                text,
                text_positive,
                temperature=t,
                negatives=None if text_negative is None else text_negative[:, None],  # (B, 1, D)
                query_ids=text_id,
                key_ids=text_positive_id,
                negative_ids=None if text_negative_id is None else text_negative_id[:, None],
                gather=True,
            )
        }
        if self.config.symmetric:
            back = info_nce(
                text_positive, text, temperature=t, query_ids=text_positive_id, key_ids=text_id, gather=True
            )
            terms = {"forward": terms["forward"] / 2, "backward": back / 2}
        return terms

    def after_step(self, progress: Progress) -> None:
        self.temperature.clamp_()

    def space(self) -> Space:
        tower = Tower(self.text_encoder, pooling=self.pooling, projection=self.text_projection)
        return Space(method="sentence_pairs", normalize=True, text=tower)
