"""Bad rows by number; leaks between splits."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from jointspace.data.check import check, scan, shared
from jointspace.data.dataset import load_data
from jointspace.data.sources import read_source
from jointspace.errors import DataError


def png(colour):
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(stream, format="PNG")
    return stream.getvalue()


def pictures(*values):
    return pa.array(
        [{"bytes": v, "path": None} for v in values], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )


def test_each_kind_of_fault_is_found_by_row(tmp_path):
    table = pa.table(
        {
            "image": pictures(png("red"), png("blue")[:40], b"", png("green"), png("white")),
            "text": ["a", "b", "c", " ", "e"],
            "score": [1.0, 2.0, 3.0, 4.0, float("nan")],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    report = check(tmp_path / "x.parquet")
    assert report.rows == {"x.parquet": 5} and not report.ok
    assert report.counts() == {
        ("x.parquet", "image", "cannot be decoded"): [1, 2],
        ("x.parquet", "text", "empty text"): [3],
        ("x.parquet", "score", "NaN"): [4],
    }
    assert any("cannot be decoded: 2 rows: 1, 2" in line for line in report.lines())
    assert report.to_json()["problems"][1] == {
        "table": "x.parquet", "field": "text", "reason": "empty text", "rows": [3],
    }  # fmt: skip


def test_odd_sampling_rates_and_silence(tmp_path):
    for k, rate in enumerate((8000, 8000, 16000)):
        soundfile.write(tmp_path / f"{k}.wav", np.zeros(20), rate)
    (tmp_path / "3.wav").write_bytes(b"RIFF")
    report = check(tmp_path)
    assert report.counts() == {
        (tmp_path.name, "audio", "cannot be decoded"): [3],
        (tmp_path.name, "audio", "other sampling rate"): [2],
    }
    assert "16000 Hz, most have 8000 Hz" in "\n".join(report.lines())


def test_shared_rows_between_splits(tmp_path):
    pq.write_table(
        pa.table({"image": pictures(png("red"), png("blue")), "text": ["a", "b"]}), tmp_path / "train.parquet"
    )
    test = pa.table({"image": pictures(png("pink"), png("red")), "text": ["a", "c"]})
    pq.write_table(test, tmp_path / "test.parquet")
    report = check(tmp_path)
    assert report.counts() == {("test.parquet", "image", "also in train"): [1]}  # an equal text alone is no leak
    against = check(tmp_path / "test.parquet", tmp_path / "train.parquet")
    assert list(against.counts().values()) == [[1]]


def test_pairs_of_texts_are_shared_only_whole():
    first = load_data([{"text": "a", "text_positive": "b"}, {"text": "c", "text_positive": "d"}])
    second = load_data([{"text": "a", "text_positive": "x"}, {"text": "c", "text_positive": "d"}])
    assert [(p.row, p.field) for p in shared(first, second, "also in train")] == [(1, "row")]


def test_rows_of_numbers_are_compared_whole():
    first, second = load_data({"a": [1, 2], "b": [1.0, 2.0]}), load_data({"a": [2, 1], "b": [2.0, 2.0]})
    assert [p.row for p in shared(first, second, "also in train")] == [0]


def test_values_that_nobody_asked_for_are_notes(tmp_path):
    rows = {"text": ["a b", "c d"], "keywords": [["x"], []], "remark": ["longer text here", None]}
    pq.write_table(pa.table(rows), tmp_path / "x.parquet")
    report = check(tmp_path / "x.parquet")
    assert report.ok and any("keywords: 1 rows without a value" in n for n in report.notes)
    assert not check(tmp_path / "x.parquet", columns={"text": "keywords"}).ok


def test_repeats_are_a_note():
    report = check(load_data({"text": ["a", "a", "b"]}))
    assert report.ok and report.notes == ["data: text: 1 rows repeat the content of an earlier one"]
    assert report.lines()[-1] == "no problem found"


def test_missing_files_and_several_pictures_a_row(tmp_path):
    (tmp_path / "a.png").write_bytes(png("red"))
    data = read_source({"image": [[str(tmp_path / "a.png"), str(tmp_path / "b.png")], [str(tmp_path / "a.png")]]})
    assert [(p.row, p.reason, p.detail) for p in scan(data)] == [(0, "missing", "no file b.png")]


def test_empty_and_unreadable(tmp_path):
    (tmp_path / "e.csv").write_text("text,label\n")
    with pytest.raises(DataError, match="e.csv: the data set is empty"):
        check(tmp_path / "e.csv")
    with pytest.raises(DataError, match="nowhere.csv: no such file"):
        check(tmp_path / "nowhere.csv")


def test_emoji_twins_are_known():
    """The asset's README names them: two pictures of validation and one of test have a twin in train."""
    report = check("emoji", columns={"image": "image", "text": "name"}, split="train")
    assert report.ok
    train, validation, test = (
        read_source("emoji", {"image": "image"}, split=s) for s in ("train", "validation", "test")
    )
    assert len(shared(train, validation, "x")) == 2 and len(shared(train, test, "x")) == 1
