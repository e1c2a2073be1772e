"""The emoji that ship."""

import pytest

from jointspace.data import catalogue
from jointspace.data.dataset import load_data
from jointspace.data.emoji import HELD_OUT, TRAINED, languages, load_emoji, texts
from jointspace.errors import DataError

FOLDER = catalogue.ASSETS / "emoji"


def test_the_asset_is_small_whole_and_licensed():
    files = {p.name: p.stat().st_size for p in FOLDER.iterdir()}
    assert sum(files.values()) <= 8_000_000
    for text, words in (
        ("LICENSE-Apache-2.0.txt", "END OF TERMS AND CONDITIONS"),
        ("LICENSE-OFL-1.1.txt", "PERMISSION & CONDITIONS"),
        ("LICENSE-Unicode-DFS-2016.txt", "Copyright (c) 1991-2022 Unicode, Inc."),
    ):
        assert words in (FOLDER / text).read_text(encoding="utf-8")
    assert [len(load_data("emoji", {"image": "image"}, split=s)) for s in ("train", "validation", "test")] == [
        1506,
        183,
        181,
    ]


def test_languages():
    known = languages()
    assert len(known) == 111 and known["de"] == "German"
    scripts = "en de fr es ru ar hi zh ja el he th ko ka hy am ta te bn gu pa kn ml my km lo si or mn".split()
    assert set(scripts) <= set(known)
    for code in (*TRAINED, *HELD_OUT):
        assert len(texts(code, ("name",))) > 1800


def test_one_row_a_picture_with_its_choices():
    data = load_emoji("test", ["en", "de"])
    assert data.fields == ["image", "text", "name", "label", "label_name", "emoji"] and data.is_multi("text")
    row = next(r for r in data if r["name"] == "slightly smiling face")
    assert (
        row["name"] in row["text"]
        and "leicht lächelndes Gesicht" in row["text"]
        and len(row["text"]) == len(set(row["text"]))
    )
    english = load_data("emoji", {"text": ["name", "keywords"]}, split="test")
    both = {r["id"]: set(r["text"]) for r in english}
    assert all(set(r["text"]) >= both[r["id"]] for r in data)


def test_the_evaluation_set_of_a_language():
    data = load_emoji("validation", ["ja"], ("name",))
    assert 170 < len(data) <= 183 and all(len(data.values("text", i)) == 1 for i in range(len(data)))
    assert load_emoji("test", ["nb"], ("name",)).column("text") == load_emoji("test", ["no"], ("name",)).column("text")
    assert load_emoji("train+test", ["en"], limit=5).source_names == ["emoji/train+test"]


def test_wrong_names():
    with pytest.raises(DataError, match=r"no language 'germ'"):
        load_emoji("test", ["germ"])
    with pytest.raises(DataError, match=r"no split 'tests' \(did you mean test\?\)"):
        load_emoji("tests")
    with pytest.raises(DataError, match="what must be of name, keywords"):
        load_emoji("test", ["en"], ("names",))
