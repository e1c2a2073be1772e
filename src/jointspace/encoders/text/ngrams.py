"""A bag of hashed character n-grams: any language, no vocabulary, a few milliseconds a batch on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.data.processor import Augmentation, Processor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.encoders.text.hashing import ngram_ids, normalise
from jointspace.encoders.text.processor import clean
from jointspace.errors import ConfigError

CACHE = 1 << 17  # texts whose ids are remembered


class NgramProcessor(Processor):
    """ids (B, L) int64 from 1 to `buckets`, 0 = padding, and their mask (B, L) bool; L = most n-grams of the batch.

    n_min .. n_max: symbols of an n-gram, word boundaries among them; words: long words as a whole too; max_length:
    n-grams kept of a text. Learns nothing. ConfigError for sizes that make no sense.
    """

    modality: ClassVar[str] = "text"

    def __init__(
        self,
        buckets: int = 65536,
        n_min: int = 1,
        n_max: int = 5,
        words: bool = True,
        max_length: int = 1024,
        lowercase: bool = True,
    ):
        if not 1 <= n_min <= n_max:
            raise ConfigError(f"n-grams of {n_min} to {n_max} symbols: expected 1 <= n_min <= n_max")
        if buckets < 1 or max_length < 1:
            raise ConfigError(f"buckets ({buckets}) and max_length ({max_length}) must be at least 1")
        self.buckets, self.n_min, self.n_max, self.words = buckets, n_min, n_max, words
        self.max_length, self.lowercase = max_length, lowercase
        self._cache: dict[str, np.ndarray] = {}

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """One int32 array a text, ids of 1 .. buckets."""
        cache = self._cache
        new = [text for text in dict.fromkeys(texts) if text not in cache]
        if len(cache) + len(new) > CACHE:
            cache.clear()
            new = list(dict.fromkeys(texts))
        forms = [normalise(text, self.lowercase) for text in new]
        found = ngram_ids(forms, self.n_min, self.n_max, self.buckets, words=self.words, longest=self.max_length)
        cache.update(zip(new, (part + 1 for part in found), strict=True))
        return [cache[text] for text in texts]

    def __call__(
        self, items: Sequence[str], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """{"": ids (B, L) int64, "mask": (B, L) bool}. DataError for what is no text."""
        texts = list(augment(items, keys)) if augment is not None else list(items)  # type: ignore[arg-type]
        rows = self.ids(clean(texts))
        lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        mask = np.arange(max(1, lengths.max(initial=0))) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = np.concatenate(rows) if rows else []
        return {"": torch.from_numpy(ids), "mask": torch.from_numpy(mask)}

    def config(self) -> dict[str, Any]:
        names = ("buckets", "n_min", "n_max", "words", "max_length", "lowercase")
        return {name: getattr(self, name) for name in names}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": {}}  # a worker process starts its own


class NgramText(Encoder):
    """x (B, L) n-gram ids, 0 = padding -> pooled (B, D): their sum over the root of their number, then LayerNorm.

    The tokens are that one vector, (B, 1, D), or, with tokens=True, the embedding of each n-gram, (B, L, D). dropout:
    share of n-grams left out in training, the first of a text never. sparse: gradients of the table are sparse
    tensors, for optimisers that take them. A text without any n-gram gets the vector of nothing, LayerNorm(0).
    """

    kind: ClassVar[str] = "ngrams"
    modality: ClassVar[str] = "text"

    def __init__(
        self,
        processor: NgramProcessor,
        width: int,
        *,
        dropout: float = 0.0,
        norm: bool = True,
        tokens: bool = False,
        sparse: bool = False,
    ):
        super().__init__()
        self.processor: NgramProcessor = processor
        self.dim, self.dropout, self.tokens, self.sparse = width, dropout, tokens, sparse
        self.table = nn.Parameter(torch.randn(processor.buckets + 1, width) * width**-0.5)
        with torch.no_grad():
            self.table[0] = 0.0
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        ids = x if mask is None else x.masked_fill(~mask, 0)
        if self.dropout and self.training:
            dropped = torch.rand(ids.shape, device=ids.device) < self.dropout
            dropped[:, 0] = False
            ids = ids.masked_fill(dropped, 0)
        count = (ids > 0).sum(dim=1, keepdim=True).clamp(min=1)
        total = F.embedding_bag(ids, self.table, mode="sum", padding_idx=0, sparse=self.sparse)
        pooled = self.norm(total / count.sqrt())
        if not self.tokens:
            one = pooled.unsqueeze(1)
            return Encoding(tokens=one, mask=None, pooled=pooled, layers=[one] if layers else None)
        each = F.embedding(ids, self.table, padding_idx=0, sparse=self.sparse)
        return Encoding(tokens=each, mask=ids > 0, pooled=pooled, layers=[each] if layers else None)

    def options(self) -> dict[str, Any]:
        own = dict(width=self.dim, dropout=self.dropout, tokens=self.tokens, sparse=self.sparse)
        return {**own, "norm": isinstance(self.norm, nn.LayerNorm), **self.processor.config()}


def build(
    *,
    width: int,
    buckets: int,
    n_min: int,
    n_max: int,
    words: bool,
    max_length: int,
    lowercase: bool,
    dropout: float,
    norm: bool,
    tokens: bool,
    sparse: bool,
) -> NgramText:
    """`buckets` random embeddings of width D over n-grams of n_min to n_max symbols; see the two classes."""
    processor = NgramProcessor(buckets, n_min, n_max, words, max_length, lowercase)
    return NgramText(processor, width, dropout=dropout, norm=norm, tokens=tokens, sparse=sparse)
