"""A bag of token embeddings: no attention, very fast. Saved as sentence-transformers' StaticEmbedding reads it."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from jointspace.encoders.base import Encoder, Encoding
from jointspace.encoders.text.processor import TextProcessor
from jointspace.nn.masks import masked_mean


class StaticText(Encoder):
    """x (B, L) token ids, mask (B, L) -> tokens (B, L, D) their embeddings, pooled (B, D) their mean (0 for no token).

    dropout: share of tokens left out in training, each on its own.
    """

    kind: ClassVar[str] = "static"
    modality: ClassVar[str] = "text"

    def __init__(self, processor: TextProcessor, vocab_size: int, width: int, dropout: float = 0.0):
        super().__init__()
        self.processor: TextProcessor = processor
        self.dim, self.dropout = width, dropout
        self.embedding = nn.Embedding(vocab_size, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        tokens = self.embedding(x)
        kept = torch.ones_like(x, dtype=torch.bool) if mask is None else mask
        if self.dropout and self.training:
            kept = kept & (torch.rand(x.shape, device=x.device) >= self.dropout)
        pooled = masked_mean(tokens, kept)
        return Encoding(tokens=tokens, mask=mask, pooled=pooled, layers=[tokens] if layers else None)

    def options(self) -> dict[str, Any]:
        spec = self.processor.config()
        return dict(
            width=self.dim, vocab_size=self.embedding.num_embeddings, tokenizer=spec["algorithm"],
            lowercase=spec["lowercase"], max_length=spec["max_length"], dropout=self.dropout,
        )  # fmt: skip

    @torch.no_grad()
    def after_fit(self) -> None:
        """Cut the table to the tokenizer's real size."""
        size = len(self.processor.tokenizer)  # type: ignore[arg-type]
        old = self.embedding.weight
        self.embedding = nn.Embedding(size, self.dim)
        self.embedding.weight = nn.Parameter(old[:size].clone(), requires_grad=old.requires_grad)


def build(
    *, width: int, vocab_size: int, tokenizer: str, lowercase: bool, max_length: int, dropout: float
) -> StaticText:
    """Random embeddings of width D for at most `vocab_size` tokens of a tokenizer learnt from the training rows."""
    processor = TextProcessor(
        max_length=max_length, algorithm=tokenizer, vocab_size=vocab_size, lowercase=lowercase, special_tokens=False
    )
    return StaticText(processor, vocab_size, width, dropout)
