"""Raw pictures and sounds to pixels and samples."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from jointspace.data.decode import audio_rate, decode_audio, decode_image
from jointspace.errors import DataError

PIXELS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], dtype=np.uint8)


def _png(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, format="PNG", **options)
    return stream.getvalue()


def test_every_form_gives_the_same_pixels(tmp_path):
    picture = Image.fromarray(PIXELS)
    data = _png(picture)
    (tmp_path / "x.png").write_bytes(data)
    forms = [
        data, tmp_path / "x.png", str(tmp_path / "x.png"), {"bytes": data, "path": None},
        {"bytes": None, "path": str(tmp_path / "x.png")}, picture, PIXELS, PIXELS.transpose(2, 0, 1), PIXELS / 255.0,
        picture.convert("RGBA"),
    ]  # fmt: skip
    for form in forms:
        made = decode_image(form)
        assert made.mode == "RGB" and (np.asarray(made) == PIXELS).all()


def test_transparent_becomes_white():
    clear = Image.new("RGBA", (2, 1), (200, 0, 0, 0))
    assert np.asarray(decode_image(clear)).tolist() == [[[255] * 3, [255] * 3]]
    half = Image.new("LA", (1, 1), (0, 128))
    assert np.asarray(decode_image(_png(half)))[0, 0, 0] == 127
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    assert decode_image(_png(palette)).getpixel((0, 0)) == (200, 0, 0)
    assert decode_image(_png(palette, transparency=1)).getpixel((0, 0)) == (255, 255, 255)


def test_grey_sixteen_bits_and_orientation():
    deep = Image.fromarray(np.array([[0, 65535]], dtype=np.uint16))
    assert np.asarray(decode_image(_png(deep)))[0, :, 0].tolist() == [0, 255]
    assert np.asarray(decode_image(np.array([[7]], dtype=np.uint8))).tolist() == [[[7, 7, 7]]]
    turned = Image.new("RGB", (4, 2))
    exif = turned.getexif()
    exif[274] = 6  # rotate by 90 degrees to see it upright
    stream = io.BytesIO()
    turned.save(stream, format="JPEG", exif=exif)
    assert decode_image(stream.getvalue()).size == (2, 4)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (b"", "0 bytes"),
        (b"not a picture", "13 bytes in no known format"),
        (_png(Image.new("RGB", (64, 64)))[:60], "."),
        (np.zeros((2, 2, 7)), "shape"),
        ("/no/such.png", "such.png"),
    ],
)
def test_a_bad_picture_names_place_and_cause(value, cause):
    with pytest.raises(DataError, match=f"row 3: image: picture cannot be decoded .*{cause}"):
        decode_image(value, "row 3: image")


def test_sounds_are_mono_at_the_wanted_rate(tmp_path):
    wave = np.sin(np.arange(800) / 10).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", wave, 8000, subtype="FLOAT")
    for form in (tmp_path / "x.wav", (tmp_path / "x.wav").read_bytes(), (wave, 8000), wave, np.stack([wave, wave])):
        made = decode_audio(form, 8000)
        assert made.dtype == np.float32 and np.allclose(made, wave, atol=1e-6)
    assert decode_audio((wave, 8000), 16000).shape == (1600,)
    assert audio_rate((wave, 8000)) == audio_rate(tmp_path / "x.wav") == 8000 and audio_rate(wave) == 0


def test_resampling_keeps_a_tone():
    rate, tone = 8000, 500
    wave = np.sin(2 * np.pi * tone * np.arange(rate) / rate)
    made = decode_audio((wave, rate), 16000)
    want = np.sin(2 * np.pi * tone * np.arange(2 * rate) / (2 * rate))
    assert np.abs(made - want)[200:-200].max() < 0.01


@pytest.mark.parametrize("value", [b"", b"no sound", (np.zeros(0), 8000), "/no/such.wav"])
def test_a_bad_sound_names_the_place(value):
    with pytest.raises(DataError, match="row 4: sound cannot be decoded"):
        decode_audio(value, 8000, "row 4")
