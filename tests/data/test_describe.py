"""Kinds, details, scripts, contact sheets."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from jointspace.data.columns import Column
from jointspace.data.contact_sheet import contact_sheet
from jointspace.data.dataset import load_data
from jointspace.data.describe import looks, open_tables, scripts, to_json, with_kinds
from jointspace.data.kinds import kind_of
from jointspace.data.sources import read_source
from jointspace.errors import DataError


def _png():
    stream = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(stream, format="PNG")
    return stream.getvalue()


def _wav():
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(16), 8000, format="WAV")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([_png()] * 3, "image"),
        ([{"bytes": _png(), "path": None}], "image"),
        ([_wav()], "audio"),
        ([b"\x00\x01"], "other"),
        (["a/b.png", "c.jpg"], "image"),
        (["a.wav"], "audio"),
        (["a cat sits", "two dogs run"], "text"),
        (["笑顔", "泣き顔"], "text"),
        (["cat", "dog"] * 30, "category"),
        (["cat", "dog", "bird"], "key"),
        ([["a", "b"], []], "texts"),
        ([[_png()] * 2], "frames"),
        ([[0.5, 1.0]], "vector"),
        ([0, 1] * 20, "label"),
        (list(range(40)), "number"),
        ([0.5], "number"),
        ([True, False], "bool"),
        ([None, None], "other"),
        ([Image.new("L", (2, 2))], "image"),
        ([np.zeros((4, 4, 3), dtype=np.uint8)], "image"),
    ],
)
def test_kind_of_a_column(values, kind):
    assert kind_of(Column.of(values)) == kind


def test_names_do_not_fool_the_look():
    """A column called image_license holds no pictures, and text_1 no running text."""
    data = load_data({"image": [_png()], "image_license": ["CC BY 4.0 with attribution"], "image_id": [3]})
    assert data.modality("image") == "image" and data.modality("image_license") != "image"
    assert data.modality("image_id") is None
    assert with_kinds(read_source({"caption": ["a red cat"], "photo": [_png()]})).modality("photo") == "image"


def test_a_look_says_sizes_words_scripts_and_ranges():
    data = load_data(
        {"image": [_png()] * 2, "text": ["a cat", "кот сидит"], "score": [0.5, -1.0], "tags": [["x"], ["y", "z z"]]}
    )
    details = {info.name: (info.kind, info.detail) for info in looks(data)}
    assert details["image"] == ("image", "6x4, RGB")
    assert details["text"] == ("text", "2.0 words (longest 2), Cyrillic, Latin")
    assert details["score"] == ("number", "-1 to 0.5")
    assert details["tags"] == ("texts", "1.5 a row, 1.3 words (longest 2), Latin")
    assert to_json(data)["rows"] == 2


def test_pictures_as_arrays_have_sizes():
    data = load_data({"image": [np.zeros((4, 6, 3), dtype=np.uint8), np.zeros((3, 4, 6), dtype=np.uint8)]})
    assert looks(data)[0].detail == "6x4, uint8"


def test_scripts():
    assert scripts(["東京タワー", "abc"]) == ["Katakana", "Latin", "Han"]
    assert scripts(["123 😀"]) == ["no letters"]


def test_every_table_of_a_folder(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("extra", "train", "test"):
        pq.write_table(pa.table({"text": [f"some {name}"]}), tmp_path / f"{name}.parquet")
    assert list(open_tables(tmp_path)) == ["train", "test", "extra"]
    assert list(open_tables(str(tmp_path), split="test")) == ["test"]
    assert list(open_tables("emoji")) == ["train", "validation", "test", "names"]


def test_contact_sheet(tmp_path):
    data = load_data({"image": [_png()] * 5, "text": ["a red thing with quite a long caption"] * 5})
    assert contact_sheet(data, tmp_path / "new" / "sheet.png", rows=4, cell=40, across=3) == 4
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.size == (3 * 48 + 8, 2 * 69 + 8)
        assert sheet.getpixel((20, 20)) == (254, 0, 0) or sheet.getpixel((20, 20)) == (255, 0, 0)
    with pytest.raises(DataError, match="no picture field"):
        contact_sheet(load_data({"text": ["x"]}), tmp_path / "none.png")
