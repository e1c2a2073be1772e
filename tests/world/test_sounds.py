"""Sounds: the parts add up to the mixture, times, levels and words are true; loudness and length tell no kind."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.data.writing import make_world
from jointspace.errors import ConfigError
from jointspace.world.config import SHAPES
from jointspace.world.language import SYNONYMS
from jointspace.world.sound import FADE, FAMILIES, KINDS, PITCH, harmonics
from jointspace.world.sound_mix import PEAK, STEP

WORDS = ["caption", "phrases", "labels", "times", "levels", "background", "snr", "reverb"]


def waves(row):
    return row["audio"][0], np.stack([w for w, _ in row["audio_sources"]]), row["audio_background"][0]


def loudness(wave):
    return 10 * np.log10((wave.astype(float) ** 2).mean() + 1e-20)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.integers(1, 4), rate=st.sampled_from([8000, 11025, 16000]))
def test_the_parts_add_up_to_the_mixture(seed, most, rate):
    rows = world.sounds(n=3, seed=seed, sources=[1, most], rate=rate, seconds=0.5, background=0.5, reverb=0.5)
    for row in rows:
        mixture, sources, behind = waves(row)
        assert len(mixture) == round(rate / 2) and row["audio"][1] == rate and mixture.dtype == np.float32
        assert (mixture == sources.sum(axis=0) + behind).all(), "exactly, not only to 1e-6"
        assert np.abs(mixture).max() <= PEAK + STEP
        assert 1 <= len(sources) == len(row["labels"]) <= most and len(set(row["labels"])) == len(sources)
        assert behind.any() == bool(row["background"])
        if row["background"]:
            front = sources.sum(axis=0)
            assert loudness(front) - loudness(behind) == pytest.approx(row["snr"], abs=0.3)


def test_written_with_16_bits_the_parts_still_add_up(tmp_path):
    written = make_world("world/sounds", tmp_path / "out", n=6, seed=2, controls={"background": 0.5, "sources": [2, 4]})
    for row in pq.read_table(next(iter(written))).to_pylist():
        parts = [row["audio"], row["audio_background"], *row["audio_sources"]]
        mixture, *rest = (soundfile.read(io.BytesIO(part["bytes"]), dtype="float32")[0] for part in parts)
        assert (mixture == np.sum(rest, axis=0)).all()


def test_sounds_begin_and_end_when_they_say_and_have_their_levels():
    rows = world.sounds(n=60, seed=3, sources=[2, 2], background=0, reverb=0)
    for row in rows:
        _, sources, _ = waves(row)
        energies = []
        for wave, (onset, offset) in zip(sources, row["times"], strict=True):
            time = np.arange(len(wave)) / 8000
            assert not wave[(time < onset) | (time >= offset)].any()
            assert 0 <= onset < offset <= 1.024 and offset - onset >= 0.5 * 1.024 - 1e-9
            assert wave[(time > onset) & (time < onset + 12 * FADE)].any(), "it begins at its onset"
            energies.append(loudness(wave[(time > onset) & (time < offset)]))
        assert energies[0] - energies[1] == pytest.approx(row["levels"][0] - row["levels"][1], abs=0.1)


def test_a_room_adds_an_echo_and_changes_nothing_else():
    common = {"n": 12, "seed": 4, "sources": [1, 1], "length": [0.4, 0.5], "background": 0}
    dry, wet = world.sounds(reverb=0, **common), world.sounds(reverb=1, **common)
    longer = 0
    for a, b in zip(dry, wet, strict=True):
        assert a["times"] == b["times"] and a["caption"] == b["caption"] and a["pitches"] == b["pitches"]
        assert a["reverb"] == 0 and 0.1 <= b["reverb"] <= 0.4
        end = int(a["times"][0][1] * 8000) + 1
        assert not a["audio"][0][end:].any()
        longer += bool(b["audio"][0][end:].any())
    assert longer >= 10


@pytest.mark.parametrize("kind, factor", [("circle", 2), ("square", 1), ("hexagon", 1)])
def test_the_pitch_is_heard(kind, factor):
    rows = world.sounds(n=20, seed=5, kinds=[kind], sources=[1, 1], background=0, reverb=0, length=[1, 1])
    for row in rows:
        spectrum = np.abs(np.fft.rfft(row["audio"][0] * np.hanning(8192), 8 * 8192))
        assert PITCH[0] <= row["pitches"][0] <= PITCH[1]
        at = factor * row["pitches"][0]
        near = slice(int((at - 30) * 8192 / 1000), int((at + 30) * 8192 / 1000))
        assert (near.start + spectrum[near].argmax()) * 1000 / 8192 == pytest.approx(at, abs=6)


def test_harmonics_are_the_sum_written_out_and_stay_below_the_limit():
    phase, hertz = np.linspace(0, 40, 500)[None], np.array([[300.0]])
    weights = np.array([1.0, 0.5, 0.0, 0.25])
    want = sum(w * np.sin(k * phase) for k, w in zip((1, 2, 3, 4), weights, strict=True))
    assert np.allclose(harmonics(phase, hertz, 8000, weights), want, atol=1e-10)
    high = harmonics(phase, np.array([[1300.0]]), 8000, weights)  # 2 * 1300 is heard, 4 * 1300 is not
    assert np.allclose(high, np.sin(phase) + 0.5 * np.sin(2 * phase), atol=1e-10)


@pytest.mark.parametrize("names", ["kinds", "sounds"])
def test_captions_name_what_sounds(names):
    rows = world.sounds(n=300, seed=6, sources=[1, 4], names=names, background=0.5, fields=WORDS)
    ordered = 0
    for row in rows:
        for kind, phrase in zip(row["labels"], row["phrases"], strict=True):
            said = FAMILIES[kind][1] if names == "sounds" else SYNONYMS.get(kind, (kind,))
            assert any(w in phrase for w in said) and phrase.removeprefix("the sound of ") in row["caption"]
        assert (row["background"] in row["caption"]) and bool(row["background"]) == (row["snr"] is not None)
        if ", then " in row["caption"]:
            ordered += 1
            first, second = (row["caption"].index(p.removeprefix("the sound of ")) for p in row["phrases"])
            assert (first < second) == (row["times"][0][0] < row["times"][1][0])
    assert ordered > 5
    assert {row["background"] for row in rows} == {"", "rain", "traffic", "hum", "crowd"}


def test_as_scenes_sounds_like_the_picture():
    assert KINDS == SHAPES
    sounds = world.sounds(n=200, seed=3, sources=[1, 3], as_scenes=True, fields=["labels"])
    for sound, scene in zip(sounds, world.scenes(n=200, seed=3, objects=[1, 3], fields=["objects"]), strict=True):
        assert sound["labels"] == list(dict.fromkeys(thing["shape"] for thing in scene["objects"]))


def test_the_digest_is_pinned():
    assert world.sounds(n=8, seed=7).digest() == "9e40a1faf8c9f71f"


def test_controls_name_what_is_wrong():
    with pytest.raises(ConfigError, match="kinds: no 'str'.*star"):
        world.sounds(n=1, kinds=["str"])
    with pytest.raises(ConfigError, match="3 sources need as many kinds, got 2"):
        world.sounds(n=1, kinds=["star", "ring"])
    with pytest.raises(ConfigError, match="rate must be in 8000 to 16000, got 44100"):
        world.sounds(n=1, rate=44100)
    with pytest.raises(ConfigError, match="levels must be a least and a most value"):
        world.sounds(n=1, levels=[3, -3])


@pytest.fixture(scope="module")
def singles():
    """Mixed-down single sounds: samples (n, N), kind (n,), source's length (n,)."""
    rows = world.sounds(n=900, seed=8, sources=[1, 1], fields=["audio", "label", "times"])
    columns = rows.columns()
    length = np.array([[t[0][1] - t[0][0]] for t in columns["times"]])
    return np.stack([w for w, _ in columns["audio"]]), np.array(columns["label"]), length


def accuracy(features, labels):
    from sklearn.ensemble import ExtraTreesClassifier

    return (
        ExtraTreesClassifier(150, random_state=0).fit(features[:600], labels[:600]).score(features[600:], labels[600:])
    )


@pytest.mark.slow
def test_loudness_and_length_do_not_tell_the_kind_but_the_spectrum_does(singles):
    """Chance 1/12. Ceilings: loudness 0.15, length 0.15; the mean spectrum is worth above 0.85."""
    samples, kind, length = singles
    loud = np.sqrt((samples**2).mean(axis=1, keepdims=True))
    assert set(kind) == set(KINDS)
    assert accuracy(loud, kind) < 0.15
    assert accuracy(length, kind) < 0.15
    frames = samples.reshape(900, 64, 128) * np.hanning(128)
    spectrum = np.log(np.abs(np.fft.rfft(frames, axis=2)).mean(axis=1) + 1e-4)
    assert accuracy(spectrum, kind) > 0.85


@pytest.mark.slow
def test_words_do_not_tell_which_source_is_louder():
    """Chance 0.5, ceiling 0.58."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    rows = world.sounds(n=1500, seed=9, sources=[2, 2], fields=["caption", "levels"])
    words = CountVectorizer().fit_transform(rows.column("caption"))
    louder = np.array([a > b for a, b in rows.column("levels")])
    probe = LogisticRegression(max_iter=300).fit(words[:1000], louder[:1000])
    assert probe.score(words[1000:], louder[1000:]) < 0.58
