"""A small convolutional network over log-mel frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.audio.options import log_mel_processor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.errors import ConfigError
from jointspace.nn.masks import masked_mean


class _Unit(nn.Module):
    """3x3 convolution of stride 2 in time and frequency, norm over the channels of each place, GELU.

    The norm sees one place alone, so that neither the rest of the batch nor padding moves a clip's numbers.
    """

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(channels_out)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class AudioCNN(Encoder):
    """Convolutions of stride 2, one a width; then the frequencies of a step make one token of D = the last width.

    x (B, T, M), mask (B, T) -> tokens (B, T / 2^len(widths), D), rounded up at each step; pooled is the mean over real
    tokens. rate: Hz; mels: M; dropout: on the tokens.
    """

    kind = "audio-cnn"
    modality = "audio"

    def __init__(
        self,
        *,
        rate: int = 16000,
        seconds: float = 10.0,
        mels: int = 64,
        widths: Sequence[int] = (32, 64, 128),
        dropout: float = 0.0,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        if not widths:
            raise ConfigError("audio-cnn: widths is empty")
        self.widths, self.dim = tuple(widths), widths[-1]
        self.processor = log_mel_processor(self.kind, mels, processor, rate=rate, seconds=seconds)
        self._options = dict(rate=rate, seconds=seconds, mels=mels, widths=list(widths), dropout=dropout)
        self.units = nn.ModuleList(
            [_Unit(before, after) for before, after in zip((1, *self.widths[:-1]), self.widths, strict=True)]
        )
        bands = mels
        for _ in self.widths:
            bands = (bands + 1) // 2
        self.out = nn.Linear(self.dim * bands, self.dim)
        self.norm = nn.LayerNorm(self.dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        if mask is None:
            mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        states = []
        x = x.masked_fill(~mask[:, :, None], 0.0)[:, None]  # (B, 1, T, M)
        for unit in self.units:
            mask = mask[:, ::2]  # output t is centred on input 2 t
            x = unit(x).masked_fill(~mask[:, None, :, None], 0.0)  # (B, C, T / 2, M / 2)
            states.append(x)
        tokens = self.dropout(self.norm(self.out(x.transpose(1, 2).flatten(2))))  # (B, L, D)
        return Encoding(
            tokens, mask, masked_mean(tokens, mask), None,
            [state.flatten(2).transpose(1, 2) for state in states] if layers else None,
            [(state.shape[2], state.shape[3]) for state in states] if layers else None,
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        return {**self._options, "processor": self.processor.config()}
