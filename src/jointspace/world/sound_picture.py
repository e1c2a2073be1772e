"""Pictures of sounds: spectrograms, low frequencies below, loud parts bright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_HEAT = np.array([(12, 8, 38), (72, 22, 110), (170, 48, 110), (240, 120, 70), (252, 240, 170)], dtype=np.float64)


def spectrogram(wave: np.ndarray, size: int = 256, hop: int = 80, floor: float = 55.0) -> np.ndarray:
    """(H, W, 3) uint8 of a wave (N,): `floor` dB below full scale's hundredth is dark."""
    padded = np.pad(np.asarray(wave, dtype=np.float64), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1))[:, 1:] / size
    decibel = 20 * np.log10(power + 1e-7)
    share = np.clip((decibel + 40 + floor) / floor, 0, 1).T[::-1]
    level = share * (len(_HEAT) - 1)
    picture = np.stack([np.interp(level, np.arange(len(_HEAT)), _HEAT[:, c]) for c in range(3)], axis=2)
    return picture.astype(np.uint8)


def panels(waves: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Spectrograms side by side on white, room for `count` of them."""
    drawn = [np.pad(spectrogram(w), ((2, 2), (2, 6), (0, 0)), constant_values=255) for w in waves]
    drawn += [np.full_like(drawn[0], 255)] * (count - len(drawn))
    return np.concatenate(drawn, axis=1)
