"""Sounds -> what an audio encoder reads: decoded, resampled, cut, padded, turned into features, with a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data import draws
from jointspace.data.audio import kaldi_features, log_mel, whisper_features
from jointspace.data.decode import decode_audio
from jointspace.data.processor import Augmentation, Processor
from jointspace.errors import ConfigError, nearest

FEATURES = ("log_mel", "wave", "whisper", "kaldi")
CROPS = ("start", "middle", "random")


class AudioProcessor(Processor):
    """Sounds in any form `decode_audio` knows -> `{"": float32, "mask": bool}`, mono at `rate` Hz.

    features: "log_mel" (B, T, M), (log power - mean) / std; "wave" (B, n) samples, with `normalize` at mean 0 and
    variance 1 a clip; "whisper" (B, T, M) and "kaldi" (B, T, M; what AST reads). mask (B, T) or (B, n), True = real;
    padding is 0, or in the last two what silence gives there.
    seconds: longest clip; longer ones are cut at the "start", in the "middle", or in training (where keys are given)
    at "random". pad_full: pad to `seconds`, not to the longest of the batch ("whisper" and "kaldi" always do).
    mels, n_fft, hop, low, high, mel_scale, floor: of the log-mel; "whisper" and "kaldi" take `mels` alone.
    frames: number of frames that "kaldi" is cut or padded to. shortest: clips are padded with silence to that many
    seconds, which then counts as real (convolutions need some length).
    """

    modality: ClassVar[str] = "audio"

    def __init__(
        self,
        *,
        rate: int = 16000,
        features: str = "log_mel",
        seconds: float | None = 10.0,
        crop: str = "start",
        pad_full: bool = False,
        shortest: float = 0.0,
        mels: int = 64,
        n_fft: int = 400,
        hop: int = 160,
        low: float = 0.0,
        high: float | None = None,
        mel_scale: str = "htk",
        floor: float = 1e-6,
        mean: float = -5.0,
        std: float = 5.0,
        normalize: bool = False,
        frames: int = 1024,
    ):
        if features not in FEATURES:
            raise ConfigError(f"audio processor: no features are called {features!r}{nearest(features, FEATURES)}")
        if crop not in CROPS:
            raise ConfigError(f"audio processor: no crop is called {crop!r}{nearest(crop, CROPS)}")
        if rate < 1 or std <= 0 or floor <= 0 or (seconds is not None and seconds <= 0):
            raise ConfigError("audio processor: rate, seconds, std and floor must be positive")
        if (pad_full or features == "whisper") and seconds is None:
            raise ConfigError("audio processor: padding to full length needs seconds")
        self._config = dict(
            rate=rate, features=features, seconds=seconds, crop=crop, pad_full=pad_full, shortest=shortest, mels=mels,
            n_fft=n_fft, hop=hop, low=low, high=high, mel_scale=mel_scale, floor=floor, mean=mean, std=std,
            normalize=normalize, frames=frames,
        )  # fmt: skip
        self.rate, self.features, self.crop, self.normalize = rate, features, crop, normalize
        self.mels, self.n_fft, self.hop, self.frames = mels, n_fft, hop, frames
        self.mean, self.std = mean, std
        self.longest = None if seconds is None else max(1, round(seconds * rate))
        self.shortest = round(shortest * rate)
        self.pad_full = pad_full or features == "whisper"
        if features == "log_mel":  # bad bands are an error now, not in a worker
            self._log_mel(torch.zeros(1, n_fft))

    def config(self) -> dict[str, Any]:
        return dict(self._config)

    @property
    def silence(self) -> float:
        """What a frame of padding holds."""
        return -self.mean / (2 * self.std) if self.features == "kaldi" else 0.0

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """`{"": features, "mask": True = real}`. `augment` gets the padded waves, float32 (B, n), before any feature.

        Raises DataError that names the sound that cannot be read.
        """
        waves = [decode_audio(item, self.rate, f"sound {i}" if len(items) > 1 else "") for i, item in enumerate(items)]
        waves = [self._cut(wave, None if keys is None else keys[i]) for i, wave in enumerate(waves)]
        lengths = torch.tensor([max(len(wave), self.shortest) for wave in waves], dtype=torch.long)
        size = self.longest if self.pad_full and self.longest else int(lengths.max()) if len(waves) else 0
        x = torch.zeros(len(waves), max(size, self.shortest))
        for row, wave in zip(x, waves, strict=True):
            row[: len(wave)] = torch.from_numpy(wave)
        real = torch.arange(x.shape[1]) < lengths[:, None]  # (B, n)
        if augment is not None and len(waves):
            x = augment(x, keys) * real  # type: ignore[arg-type]
        return self._featured(x, lengths, real)

    def _cut(self, wave: np.ndarray, key: Any) -> np.ndarray:
        spare = 0 if self.longest is None else len(wave) - self.longest
        if spare <= 0:
            return wave
        first = 0
        if self.crop == "middle":
            first = spare // 2
        elif self.crop == "random" and key is not None:
            # a stream far from those of the augmentation's own steps, which count from 0
            first = int(draws.uniform(np.asarray([key], dtype=np.uint64), 1, stream=1000)[0, 0] * (spare + 1))
        return wave[first : first + self.longest]  # type: ignore[operator]

    def _featured(self, x: Tensor, lengths: Tensor, real: Tensor) -> dict[str, Tensor]:
        if self.features == "wave":
            return {"": _unit(x, real) if self.normalize else x, "mask": real}
        if self.features == "whisper":
            x = whisper_features(x, self.rate, mels=self.mels) if len(x) else x.new_zeros(0, 1, self.mels)
            heard = torch.div(lengths + 199, 160, rounding_mode="floor") + 1  # frames that touch a real sample
            return {"": x, "mask": torch.arange(x.shape[1]) < heard[:, None]}
        if self.features == "kaldi":
            return self._kaldi(x, lengths)
        x = self._log_mel(x) if len(x) else x.new_zeros(0, 1, self.mels)
        mask = torch.arange(x.shape[1]) < torch.div(lengths, self.hop, rounding_mode="floor")[:, None] + 1
        return {"": x.masked_fill(~mask[:, :, None], 0.0), "mask": mask}

    def _log_mel(self, x: Tensor) -> Tensor:
        spec = self._config
        levels = log_mel(
            x, self.rate, mels=self.mels, n_fft=self.n_fft, hop=self.hop, low=spec["low"], high=spec["high"],  # type: ignore[arg-type]
            scale=spec["mel_scale"], floor=spec["floor"],  # type: ignore[arg-type]
        )  # fmt: skip
        return (levels - self.mean) / self.std

    def _kaldi(self, x: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        need = 400 + 160 * (self.frames - 1)
        x = torch.nn.functional.pad(x, (0, max(0, need - x.shape[1])))[:, :need]
        mask = (
            torch.arange(self.frames) < (torch.div(lengths - 400, 160, rounding_mode="floor") + 1).clamp(min=0)[:, None]
        )
        if not len(x):
            return {"": x.new_zeros(0, self.frames, self.mels), "mask": mask}
        levels = kaldi_features(x, self.rate, mels=self.mels).masked_fill(~mask[:, :, None], 0.0)
        return {"": (levels - self.mean) / (2 * self.std), "mask": mask}


def _unit(x: Tensor, real: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the real samples of each row, 0 elsewhere (as wav2vec 2.0's extractor does)."""
    count = real.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (x * real).sum(dim=1, keepdim=True) / count
    spread = ((x - mean).square() * real).sum(dim=1, keepdim=True) / count
    return (x - mean) / (spread + 1e-7).sqrt() * real
