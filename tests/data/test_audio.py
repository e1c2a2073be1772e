"""Resampling, Fourier transform, mel: against the definitions, scipy and transformers."""

import math

import numpy as np
import pytest
import torch

from jointspace.data import audio
from jointspace.errors import ConfigError


def noise(n, batch=2, seed=0):
    return torch.randn(batch, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.1


def tone(hertz, rate, n):
    return torch.sin(2 * math.pi * hertz * torch.arange(n, dtype=torch.float64) / rate)[None]


# Resampling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "new"), [(44100, 16000), (8000, 16000), (16000, 8000), (16000, 22050), (48000, 16000)]
)
def test_a_tone_stays_the_same_tone(rate, new):
    got = audio.resample(tone(440, rate, rate), rate, new)
    assert got.shape == (1, new)
    edge = new // 20
    assert (got - tone(440, new, new))[:, edge:-edge].abs().max() < 1e-3


@pytest.mark.parametrize(("rate", "new"), [(3, 2), (2, 3), (5, 4), (1, 2)])
def test_resampling_by_the_definition(rate, new):
    """y(t) = cut * sum over n of x[n] sinc(cut (t - n)) window(cut (t - n)), written out."""
    x, zeros, rolloff = noise(23, batch=1)[0], 4, 0.9
    cut = min(rate, new) / rate * rolloff
    want = []
    for j in range(math.ceil(len(x) * new / rate)):
        total = 0.0
        for n in range(len(x)):
            t = cut * (j * rate / new - n)
            if abs(t) < zeros:
                sinc = 1.0 if t == 0 else math.sin(math.pi * t) / (math.pi * t)
                total += cut * x[n].item() * sinc * math.cos(t * math.pi / zeros / 2) ** 2
        want.append(total)
    got = audio.resample(x, rate, new, zeros=zeros, rolloff=rolloff)
    np.testing.assert_allclose(got.numpy(), want, atol=1e-12)


def test_tones_above_the_new_limit_vanish():
    assert audio.resample(tone(6000, 16000, 16000), 16000, 8000)[:, 400:-400].abs().max() < 1e-3


def test_agrees_with_scipy_on_a_smooth_sound():
    from scipy.signal import resample_poly

    x = tone(300, 16000, 8000) + tone(1111, 16000, 8000)
    want = resample_poly(x[0].numpy(), 3, 4)
    np.testing.assert_allclose(audio.resample(x, 16000, 12000)[0, 200:-200].numpy(), want[200:-200], atol=5e-3)


def test_resampling_has_gradients_and_keeps_leading_axes():
    x = noise(12, batch=6).view(2, 3, 12).requires_grad_()
    assert audio.resample(x, 3, 2).shape == (2, 3, 8)
    assert torch.autograd.gradcheck(lambda x: audio.resample(x, 3, 2), (x,))
    assert audio.resample(x, 7, 7) is x
    with pytest.raises(ConfigError, match="positive"):
        audio.resample(x, 0, 2)


# Fourier transform ----------------------------------------------------------------------------------------------------


def test_stft_by_the_definition():
    x = noise(50, batch=1)
    got = audio.stft(x, n_fft=16, hop=5)[0]
    padded = np.pad(x[0].numpy(), 8)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    assert got.shape == (9, 50 // 5 + 1)
    for t in range(got.shape[1]):
        for f in range(9):
            want = sum(
                padded[t * 5 + n] * window[n] * np.exp(-2j * np.pi * f * n / 16) for n in range(16)
            )  # fmt: skip
            assert abs(got[f, t].item() - want) < 1e-12


def test_stft_agrees_with_scipy():
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    x = noise(4000, batch=1)
    theirs = ShortTimeFFT(hann(400, sym=False), hop=160, fs=16000, fft_mode="onesided", phase_shift=None)
    got = audio.stft(x)[0].numpy()
    want = theirs.stft(x[0].numpy(), p0=0, p1=got.shape[1])
    np.testing.assert_allclose(np.abs(got), np.abs(want), atol=1e-10)


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_istft_undoes_stft(window):
    x = noise(4321)
    back = audio.istft(audio.stft(x, window=window), window=window, length=4321)
    assert torch.allclose(back, x, atol=1e-10)
    with pytest.raises(ConfigError, match="did you mean hann"):
        audio.stft(x, window="han")


# Mel ------------------------------------------------------------------------------------------------------------------


def slow_filters(rate, n_fft, mels, low, high, scale, area):
    """Librosa's and torchaudio's documented formulas, number by number."""

    def to(f):
        if scale == "htk":
            return 2595.0 * math.log10(1.0 + f / 700.0)
        return 3 * f / 200 if f < 1000 else 15 + 27 * math.log(f / 1000) / math.log(6.4)

    def back(m):
        if scale == "htk":
            return 700.0 * (10 ** (m / 2595.0) - 1.0)
        return 200 * m / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27)

    corners = [back(to(low) + (to(high) - to(low)) * i / (mels + 1)) for i in range(mels + 2)]
    filters = np.zeros((n_fft // 2 + 1, mels))
    for f in range(n_fft // 2 + 1):
        hertz = f * rate / n_fft
        for m in range(mels):
            left, middle, right = corners[m : m + 3]
            if left < hertz <= middle:
                filters[f, m] = (hertz - left) / (middle - left)
            elif middle < hertz < right:
                filters[f, m] = (right - hertz) / (right - middle)
            if area:
                filters[f, m] *= 2 / (right - left)
    return filters


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("area", [False, True])
@pytest.mark.parametrize(
    ("rate", "n_fft", "mels", "low", "high"), [(16000, 400, 40, 0.0, 8000.0), (22050, 1024, 64, 50.0, 9000.0)]
)
def test_mel_filters_by_the_formula(scale, area, rate, n_fft, mels, low, high):
    got = audio.mel_filters(rate, n_fft, mels, low=low, high=high, scale=scale, area=area)
    np.testing.assert_allclose(got.numpy(), slow_filters(rate, n_fft, mels, low, high, scale, area), atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dict(scale="htk"), dict(mel_scale="htk")),
        (dict(scale="slaney", area=True), dict(mel_scale="slaney", norm="slaney")),
        (dict(scale="kaldi", in_mel=True), dict(mel_scale="kaldi", triangularize_in_mel_space=True)),
    ],
)
def test_mel_filters_agree_with_transformers(ours, theirs):
    from transformers.audio_utils import mel_filter_bank

    want = mel_filter_bank(257, 40, 20.0, 8000.0, 16000, **theirs)
    np.testing.assert_allclose(audio.mel_filters(16000, 512, 40, low=20.0, **ours).numpy(), want, atol=1e-6)


@pytest.mark.parametrize("scale", audio.MEL_SCALES)
def test_mel_scale_there_and_back(scale):
    hertz = torch.linspace(0, 8000, 50, dtype=torch.float64)
    assert torch.allclose(audio.from_mel(audio.to_mel(hertz, scale), scale), hertz, atol=1e-8)
    assert audio.to_mel(torch.tensor([1000.0], dtype=torch.float64), "htk").item() == pytest.approx(999.9855, abs=1e-3)
    with pytest.raises(ConfigError, match="mel scale"):
        audio.to_mel(hertz, "bark")


def test_bad_bands_are_named():
    with pytest.raises(ConfigError, match="too many"):
        audio.mel_filters(16000, 400, 128)
    with pytest.raises(ConfigError, match="do not fit"):
        audio.mel_filters(16000, 400, 40, high=9000.0)


def test_log_mel_by_hand_and_its_shape():
    x = noise(1000)
    got = audio.log_mel(x, 16000, mels=20)
    power = audio.stft(x).abs() ** 2
    want = torch.log((audio.mel_filters(16000, 400, 20).T @ power).clamp(min=1e-6)).transpose(1, 2)
    assert got.shape == (2, 1000 // 160 + 1, 20) and torch.allclose(got, want, atol=1e-10)


def test_a_tone_is_loudest_in_its_own_band():
    levels = audio.log_mel(tone(1000, 16000, 16000), 16000, mels=40)[0, 50]
    corners = audio.from_mel(torch.linspace(0, audio.to_mel(torch.tensor([8000.0])).item(), 42), "htk")
    assert (corners[1:-1] - 1000).abs().argmin() == levels.argmax()


def test_silence_is_at_the_floor_and_its_gradient_is_zero():
    x = torch.zeros(1, 800, requires_grad=True)
    levels = audio.log_mel(x, 16000, floor=1e-6)
    assert torch.allclose(levels, torch.full_like(levels, math.log(1e-6)))
    levels.sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_log_mel_is_differentiable():
    x = noise(64, batch=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: audio.log_mel(x, 100, mels=4, n_fft=16, hop=8, floor=1e-9), (x,))


def test_silence_after_a_clip_changes_none_of_its_frames():
    x = noise(1000)
    longer = torch.nn.functional.pad(x, (0, 777))
    frames = 1000 // 160 + 1
    assert torch.allclose(audio.log_mel(longer, 16000)[:, :frames], audio.log_mel(x, 16000), atol=1e-10)


@pytest.mark.parametrize("mels", [80, 128])
def test_whisper_features_agree_with_transformers(mels):
    from transformers import WhisperFeatureExtractor

    theirs = WhisperFeatureExtractor(feature_size=mels, chunk_length=1)
    x = noise(12000, batch=1).float()
    want = theirs(x[0].numpy(), sampling_rate=16000, return_tensors="pt").input_features.transpose(1, 2)
    got = audio.whisper_features(torch.nn.functional.pad(x, (0, 4000)), mels=mels)
    assert torch.allclose(got, want, atol=1e-4)


@pytest.mark.filterwarnings("ignore:At least one mel filter")
def test_kaldi_features_agree_with_transformers():
    from transformers import ASTFeatureExtractor

    x = noise(16000, batch=1).float()
    theirs = ASTFeatureExtractor(max_length=98, do_normalize=False)
    want = theirs(x[0].numpy(), sampling_rate=16000, return_tensors="pt").input_values
    assert torch.allclose(audio.kaldi_features(x), want, atol=2e-3)  # theirs is float32 in one place less
