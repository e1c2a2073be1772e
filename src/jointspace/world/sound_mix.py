"""Mixtures: levels, a background, a room; what is added up is the mixture exactly, also when written with 16 bits."""

from __future__ import annotations

import numpy as np

from jointspace.data.draws import integers, normal, uniform

PLACES = {"rain": "rain", "traffic": "traffic", "hum": "a hum", "crowd": "a crowd"}  # backgrounds, and in a caption
STEP = 2.0**-15  # all waves are whole multiples of it: sums are exact, and so are 16-bit files below PEAK
PEAK = 0.48
LOUDNESS = (-31.0, -24.0)  # dB below full scale of a mixture's root mean square, drawn evenly


def background(keys: np.ndarray, place: np.ndarray, rate: int, samples: int) -> np.ndarray:
    """Steady sounds of PLACES (n,) of loudness 1: (n, samples) float64."""
    hertz = np.fft.rfftfreq(samples, 1 / rate)
    slope = {
        "rain": (hertz > 400) * 1.0,
        "traffic": 1 / (hertz + 40) ** 1.3,
        "hum": np.exp(-0.5 * ((hertz - 300) / 20) ** 2) * 0.01,
        "crowd": np.exp(-0.5 * ((hertz - 500) / 250) ** 2),
    }
    shape = np.stack([slope[name] for name in PLACES])[place]
    wave = np.fft.irfft(np.fft.rfft(normal(keys, samples, stream=0), axis=1) * shape, samples, axis=1)
    time = np.arange(samples) / rate
    turn = uniform(keys, 2, stream=1)
    tone = sum(np.sin(2 * np.pi * (k * 100 * time + turn[:, :1])) / k for k in (1, 2, 3, 5))
    babble = 1 + 0.6 * np.sin(2 * np.pi * (4 * time + turn[:, 1:]))
    wave = np.where((place == _number("hum"))[:, None], wave / _rms(wave) * 0.2 + tone, wave)
    wave = np.where((place == _number("crowd"))[:, None], wave * babble, wave)
    return wave / _rms(wave)


def echo(waves: np.ndarray, keys: np.ndarray, seconds: np.ndarray, rate: int) -> np.ndarray:
    """Each row's sources (B, K, N) in the row's room, whose echo falls by 60 dB in `seconds` (B,) > 0; cut at N."""
    samples = waves.shape[-1]
    time = np.arange(samples) / rate
    tail = normal(keys, samples, stream=2) * np.exp(-6.91 * time / seconds[:, None])
    tail[:, : max(1, int(0.004 * rate))] = 0.0
    tail *= 0.7 / np.sqrt((tail**2).sum(axis=1, keepdims=True))
    tail[:, 0] = 1.0
    size = 2 * samples
    wet = np.fft.irfft(np.fft.rfft(waves, size) * np.fft.rfft(tail, size)[:, None], size)
    return wet[..., :samples]


def mix(
    waves: np.ndarray, levels: np.ndarray, behind: np.ndarray, snr: np.ndarray, loudness: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources (B, K, N) at levels (B, K) dB (-inf: silent), a background (B, N) `snr` (B,) dB below their sum.

    Returns mixture (B, N), sources, background, float32 multiples of STEP: the mixture is their sum exactly. Its root
    mean square is `loudness` (B,) dB, less where the peak of any of them would pass PEAK. A background of zeros stays.
    """
    sources = waves * 10 ** (levels / 20)[..., None]
    front = sources.sum(axis=1)
    behind = behind * (_rms(front) * 10 ** (-snr / 20)[:, None])
    whole = front + behind
    gain = 10 ** (loudness / 20)[:, None] / _rms(whole)
    peak = np.maximum(
        np.abs(sources).max(axis=(1, 2)), np.maximum(np.abs(whole).max(axis=1), np.abs(behind).max(axis=1))
    )
    gain = np.minimum(gain, PEAK / peak[:, None])
    sources = np.round(sources * gain[..., None] / STEP)
    behind = np.round(behind * gain / STEP)
    mixture = sources.sum(axis=1) + behind
    return tuple((a * STEP).astype(np.float32) for a in (mixture, sources, behind))  # type: ignore[return-value]


def draw_places(keys: np.ndarray) -> np.ndarray:
    """A background for each key: numbers of PLACES."""
    return integers(keys, len(PLACES), 1, stream=4)[:, 0]


def _number(place: str) -> int:
    return list(PLACES).index(place)


def _rms(waves: np.ndarray) -> np.ndarray:
    return np.sqrt((waves**2).mean(axis=-1, keepdims=True)) + 1e-12
