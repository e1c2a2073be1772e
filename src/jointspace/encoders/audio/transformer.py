"""A transformer from scratch over log-mel frames."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.audio.options import log_mel_processor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.nn.attention import Transformer
from jointspace.nn.masks import masked_mean
from jointspace.nn.positions import sin_cos


class AudioTransformer(Encoder):
    """`patch` log-mel frames make a token, linear, plus sine positions, then `layers` pre-norm blocks of width D.

    x (B, T, M), mask (B, T) -> tokens (B, ceil(T / patch), D); a token is real where one of its frames is; pooled is
    the mean over real tokens. Any length up to the processor's `seconds`; 40 ms a token with the defaults.
    rate: Hz; mels: M; heads: D / 32 by default; feed_forward: 4 D by default.
    """

    kind = "audio-transformer"
    modality = "audio"

    def __init__(
        self,
        *,
        rate: int = 16000,
        seconds: float = 10.0,
        mels: int = 64,
        patch: int = 4,
        layers: int = 4,
        width: int = 128,
        heads: int | None = None,
        feed_forward: int | None = None,
        dropout: float = 0.1,
        drop_path: float = 0.0,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        heads = max(1, width // 32) if heads is None else heads
        self.patch, self.mels, self.dim = patch, mels, width
        self.processor = log_mel_processor(self.kind, mels, processor, rate=rate, seconds=seconds)
        self._options = dict(
            rate=rate, seconds=seconds, mels=mels, patch=patch, layers=layers, width=width, heads=heads,
            feed_forward=feed_forward, dropout=dropout, drop_path=drop_path,
        )  # fmt: skip
        self.embed = nn.Linear(patch * mels, width)
        nn.init.xavier_uniform_(self.embed.weight)
        nn.init.zeros_(self.embed.bias)
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(
            width, heads, layers, feed_forward=feed_forward, dropout=dropout, drop_path=drop_path
        )

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        if mask is None:
            mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        more = -x.shape[1] % self.patch
        x = F.pad(x.masked_fill(~mask[:, :, None], 0.0), (0, 0, 0, more))
        real = F.pad(mask, (0, more)).unflatten(1, (-1, self.patch)).any(dim=2)  # (B, L)
        tokens = self.embed(x.unflatten(1, (-1, self.patch)).flatten(2))  # (B, L, D)
        places = torch.arange(tokens.shape[1], device=x.device)
        tokens = tokens + sin_cos(places, self.dim).to(tokens.dtype)
        tokens, states = self.transformer(self.dropout(tokens), real, layers=layers)
        return Encoding(tokens, real, masked_mean(tokens, real), None, states)

    def options(self) -> dict[str, Any]:
        return {**self._options, "processor": self.processor.config()}
