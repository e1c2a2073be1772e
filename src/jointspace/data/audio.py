"""Sound as numbers: resampling, Fourier transform of short times and back, mel filters, log-mel; all differentiable.

B clips, n samples, F = n_fft / 2 + 1 frequencies, T frames, M mel bands. Waves are mono, floats about -1 .. 1.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.errors import ConfigError, nearest

MEL_SCALES = ("htk", "slaney", "kaldi")
WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window, "rectangular": torch.ones}


def resample(wave: Tensor, rate: int, new_rate: int, *, zeros: int = 32, rolloff: float = 0.97) -> Tensor:
    """wave (..., n) at `rate` Hz -> (..., ceil(n * new_rate / rate)) at `new_rate`, by a windowed sinc, polyphase.

    zeros: crossings of the sinc on each side (length of the filter); rolloff: cut-off as a share of the lower of the
    two Nyquist frequencies. Hann window. Beyond the ends the wave counts as 0. (Smith, Digital Audio Resampling.)
    """
    if rate < 1 or new_rate < 1:
        raise ConfigError(f"sampling rates must be positive, got {rate} and {new_rate}")
    if rate == new_rate:
        return wave
    divisor = math.gcd(rate, new_rate)
    down, up = rate // divisor, new_rate // divisor
    kernel, reach = _sinc_kernel(down, up, zeros, rolloff)
    kernel = kernel.to(wave.dtype).to(wave.device)
    flat = wave.reshape(-1, 1, wave.shape[-1])
    flat = F.pad(flat, (reach, reach + down))
    phases = F.conv1d(flat, kernel[:, None], stride=down)  # (B, up, steps): one output a phase and step
    length = -(-wave.shape[-1] * up // down)
    return phases.transpose(1, 2).flatten(1)[:, :length].reshape(*wave.shape[:-1], length)


@cache
def _sinc_kernel(down: int, up: int, zeros: int, rolloff: float) -> tuple[Tensor, int]:
    """(up, taps) float64: phase j gives the output that stands j / up of a step after an input sample."""
    cut = min(down, up) * rolloff  # in units of the common rate
    reach = math.ceil(zeros * down / cut)
    place = torch.arange(-reach, reach + down, dtype=torch.float64) / down
    at = place[None, :] - torch.arange(up, dtype=torch.float64)[:, None] / up
    t = at * cut
    window = torch.where(t.abs() <= zeros, torch.cos(t * math.pi / zeros / 2) ** 2, torch.zeros_like(t))
    return torch.sinc(t) * window * cut / down, reach


def stft(
    wave: Tensor, *, n_fft: int = 400, hop: int = 160, window: str = "hann", center: bool = True, pad: str = "constant"
) -> Tensor:
    """wave (B, n) -> complex (B, F, T), periodic window. T = n // hop + 1 with `center` (the wave padded by n_fft / 2).

    pad: "constant" (silence), so that a clip gives the same frames whatever silence follows it, or "reflect".
    """
    return torch.stft(
        wave, n_fft, hop, window=_window(window, n_fft, wave), center=center, pad_mode=pad, return_complex=True
    )  # fmt: skip


def istft(
    spectrum: Tensor, *, n_fft: int = 400, hop: int = 160, window: str = "hann", length: int | None = None
) -> Tensor:
    """Complex (B, F, T) of a centred `stft` -> wave (B, length): least squares, exact where frames are unchanged."""
    return torch.istft(spectrum, n_fft, hop, window=_window(window, n_fft, spectrum.real), length=length)


def _window(name: str, size: int, like: Tensor) -> Tensor:
    if name not in WINDOWS:
        raise ConfigError(f"no window is called {name!r}{nearest(name, WINDOWS)}")
    return WINDOWS[name](size, dtype=like.dtype, device=like.device)  # type: ignore[operator]


def to_mel(hertz: Tensor, scale: str = "htk") -> Tensor:
    """htk: 2595 log10(1 + f / 700); kaldi: 1127 ln(1 + f / 700); slaney: linear to 1 kHz, then 27 steps to 6.4 kHz."""
    if scale not in MEL_SCALES:
        raise ConfigError(f"no mel scale is called {scale!r}{nearest(scale, MEL_SCALES)}")
    if scale != "slaney":
        return (2595 / math.log(10) if scale == "htk" else 1127.0) * torch.log1p(hertz / 700)
    log = 15 + torch.log(hertz.clamp(min=1e-10) / 1000) * 27 / math.log(6.4)
    return torch.where(hertz < 1000, 3 * hertz / 200, log)


def from_mel(mel: Tensor, scale: str = "htk") -> Tensor:
    """Inverse of `to_mel`."""
    if scale not in MEL_SCALES:
        raise ConfigError(f"no mel scale is called {scale!r}{nearest(scale, MEL_SCALES)}")
    if scale != "slaney":
        return 700 * torch.expm1(mel / (2595 / math.log(10) if scale == "htk" else 1127.0))
    return torch.where(mel < 15, 200 * mel / 3, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27))


@cache
def mel_filters(
    rate: int,
    n_fft: int,
    mels: int,
    *,
    low: float = 0.0,
    high: float | None = None,
    scale: str = "htk",
    area: bool = False,
    in_mel: bool = False,
    empty: bool = False,
) -> Tensor:
    """(F, M) float64: triangles whose corners are evenly spaced on the mel scale from `low` to `high` Hz (rate / 2).

    area: triangles of equal area in Hz (slaney's norm) instead of height 1; in_mel: straight sides on the mel scale
    (Kaldi) instead of in Hz. empty: allow bands that hold no frequency (always 0), else ConfigError.
    """
    high = rate / 2 if high is None else float(high)
    if not 0 <= low < high <= rate / 2:
        raise ConfigError(f"mel bands from {low} to {high} Hz do not fit a rate of {rate} Hz")
    ends = to_mel(torch.tensor([low, high], dtype=torch.float64), scale)
    step = torch.linspace(0, 1, mels + 2, dtype=torch.float64)
    corners = ends[0] + (ends[1] - ends[0]) * step  # (M + 2)
    hertz = from_mel(corners, scale)
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * rate / n_fft
    points, edges = (to_mel(bins, scale), corners) if in_mel else (bins, hertz)
    rising = (points[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - points[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0.0)
    if not empty and not filters.any(dim=0).all():
        raise ConfigError(f"{mels} mel bands are too many for n_fft {n_fft} at {rate} Hz: some hold no frequency")
    return filters * (2 / (hertz[2:] - hertz[:-2])) if area else filters


def log_mel(
    wave: Tensor,
    rate: int,
    *,
    mels: int = 64,
    n_fft: int = 400,
    hop: int = 160,
    low: float = 0.0,
    high: float | None = None,
    scale: str = "htk",
    area: bool = False,
    floor: float = 1e-6,
) -> Tensor:
    """wave (B, n) at `rate` Hz -> (B, T, M): natural log of mel power, floored at `floor`; T = n // hop + 1.

    Frame t is centred on sample t * hop. Where the floor holds the gradient is 0, never infinite.
    """
    power = _power(stft(wave, n_fft=n_fft, hop=hop))  # (B, F, T)
    filters = mel_filters(rate, n_fft, mels, low=low, high=high, scale=scale, area=area)
    return torch.log((power.transpose(1, 2) @ filters.to(power)).clamp(min=floor))


def whisper_features(wave: Tensor, rate: int = 16000, *, mels: int = 80) -> Tensor:
    """wave (B, n) -> (B, n // 160, M) as Whisper was trained on: log10, at most 8 below the loudest, (x + 4) / 4."""
    spectrum = stft(wave, n_fft=400, hop=160, pad="reflect")[..., :-1]
    filters = mel_filters(rate, 400, mels, high=8000.0, scale="slaney", area=True)
    level = torch.log10((_power(spectrum).transpose(1, 2) @ filters.to(wave)).clamp(min=1e-10))
    return (torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0


def kaldi_features(wave: Tensor, rate: int = 16000, *, mels: int = 128) -> Tensor:
    """wave (B, n) -> (B, 1 + (n - 400) // 160, M): Kaldi's filter banks with a Hann window, as AST was trained on.

    Frames of 400 samples that lie wholly in the wave, their mean taken off, pre-emphasis .97, 512-point transform.
    """
    frames = wave.unfold(1, 400, 160)  # (B, T, 400)
    frames = frames - frames.mean(dim=2, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
    window = torch.hann_window(400, periodic=False, dtype=wave.dtype, device=wave.device)
    power = _power(torch.fft.rfft((frames - 0.97 * before) * window, n=512))  # (B, T, 257)
    filters = mel_filters(rate, 512, mels, low=20.0, scale="kaldi", in_mel=True, empty=True)  # the lowest of 128 are
    return torch.log((power @ filters.to(power)).clamp(min=torch.finfo(torch.float32).eps))


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()  # no square root: its gradient at 0 is infinite
