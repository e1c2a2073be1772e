import io
import pickle

import numpy as np
import pytest
import torch

from jointspace.data.audio import log_mel
from jointspace.data.audio_processor import AudioProcessor
from jointspace.errors import ConfigError, DataError


def clip(n, seed=0):
    return (np.random.default_rng(seed).standard_normal(n) * 0.1).astype(np.float32)


def encoded(samples, rate=16000, kind="WAV"):
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype="FLOAT" if kind == "WAV" else None)
    return buffer.getvalue()


def test_every_form_of_a_sound_gives_the_same_tensor(tmp_path):
    samples = clip(3200)
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(samples))
    forms = [
        samples, (samples, 16000), path, str(path), path.read_bytes(), {"bytes": path.read_bytes(), "path": None},
        {"array": samples, "sampling_rate": 16000}, np.stack([samples, samples], axis=1),
    ]  # fmt: skip
    batch = AudioProcessor()(forms)
    assert batch[""].shape == (8, 21, 64) and batch["mask"].all()
    assert torch.allclose(batch[""], batch[""][:1].expand(8, -1, -1), atol=1e-6)
    want = (log_mel(torch.from_numpy(samples)[None], 16000) + 5.0) / 5.0
    assert torch.allclose(batch[""][:1], want, atol=1e-6)


def test_other_rates_are_resampled_and_channels_averaged():
    t = np.arange(44100) / 44100
    stereo = np.stack([np.sin(2 * np.pi * 440 * t), np.zeros_like(t)], axis=1).astype(np.float32)
    wave = AudioProcessor(features="wave")([encoded(stereo, 44100)])[""][0].numpy()
    want = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert len(wave) == 16000 and np.abs(wave - want)[200:-200].max() < 2e-3


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(features="wave", normalize=True),
        dict(features="whisper", seconds=1.0, mels=80),
        dict(features="kaldi", frames=96, mels=64),
        dict(pad_full=True, seconds=1.0),
    ],
)
def test_batch_equals_one_by_one_and_masks_are_true_where_real(options):
    processor = AudioProcessor(**options)
    clips = [clip(n, seed=n) for n in (16000, 4800, 9999, 401)]
    batch = processor(clips)
    assert batch["mask"].dtype == torch.bool and batch["mask"].shape == batch[""].shape[:2]
    for i, one in enumerate(clips):
        alone = processor([one])
        real = int(alone["mask"].sum())
        assert int(batch["mask"][i].sum()) == real and alone["mask"][0, :real].all()
        assert torch.allclose(batch[""][i, :real], alone[""][0, :real], atol=1e-5)
    if options.get("features") in (None, "wave"):
        assert (batch[""][~batch["mask"]] == 0).all()


def test_lengths():
    full = AudioProcessor(pad_full=True, seconds=1.0)([clip(4800)])
    assert full[""].shape == (1, 101, 64) and full["mask"].sum() == 4800 // 160 + 1
    assert AudioProcessor(seconds=0.5)([clip(16000)])[""].shape == (1, 51, 64)
    assert AudioProcessor(features="wave", shortest=0.1)([clip(10)])["mask"].sum() == 1600
    assert AudioProcessor()([])[""].shape == (0, 1, 64)
    assert AudioProcessor(features="wave")([])["mask"].shape == (0, 0)


def test_crops():
    x = clip(3200)
    keys = np.array([7], dtype=np.uint64)

    def cut(crop, **how):
        return AudioProcessor(features="wave", seconds=0.1, crop=crop)([x], **how)[""][0].numpy()

    assert np.array_equal(cut("start"), x[:1600]) and np.array_equal(cut("middle"), x[800:2400])
    assert np.array_equal(cut("random"), x[:1600])  # no keys: not in training
    some = cut("random", keys=keys)
    assert np.array_equal(some, cut("random", keys=keys)) and not np.array_equal(some, x[:1600])
    assert any(np.array_equal(some, x[i : i + 1600]) for i in range(1601))


def test_normalised_waves_have_mean_0_and_variance_1_a_clip():
    batch = AudioProcessor(features="wave", normalize=True)([clip(3000) + 3, clip(1000) * 7])
    for row, n in zip(batch[""], (3000, 1000), strict=True):
        assert row[:n].mean().abs() < 1e-5 and row[:n].var(unbiased=False).item() == pytest.approx(1, abs=1e-3)


def test_augmentation_gets_waves_and_keys_and_cannot_fill_the_padding():
    seen = {}

    def augment(x, keys):
        seen.update(shape=tuple(x.shape), keys=keys.tolist())
        return x + 1

    keys = np.array([1, 2], dtype=np.uint64)
    batch = AudioProcessor(features="wave")([clip(100), clip(60)], augment=augment, keys=keys)
    assert seen == dict(shape=(2, 100), keys=[1, 2])
    assert (batch[""][1, 60:] == 0).all() and batch[""][1, :60].mean() > 0.5


def test_config_makes_an_equal_processor():
    processor = AudioProcessor(mels=40, mel_scale="slaney", seconds=2.0, low=50.0)
    again = pickle.loads(pickle.dumps(AudioProcessor.from_config(processor.config())))
    assert again.config() == processor.config()
    assert torch.equal(again([clip(5000)])[""], processor([clip(5000)])[""])


@pytest.mark.parametrize("value", [b"", b"noise", "/nowhere/a.wav", np.zeros(0, np.float32), None])
def test_bad_sounds_are_named(value):
    with pytest.raises(DataError, match="sound 1"):
        AudioProcessor()([clip(100), value])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(features="logmel"), "did you mean log_mel"),
        (dict(crop="centre"), "no crop"),
        (dict(rate=0), "positive"),
        (dict(pad_full=True, seconds=None), "needs seconds"),
        (dict(mels=128, n_fft=256), "too many"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        AudioProcessor(**options)
