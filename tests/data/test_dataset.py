"""Dataset: values by field, choices, ids, hashes, unions, selections, workers."""

import multiprocessing
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import jointspace as js
from jointspace.data import columns as columns_module
from jointspace.data.dataset import Dataset, load_data
from jointspace.data.identity import content_hash
from jointspace.errors import DataError

ROWS = [
    {"id": 7, "pic": b"one", "name": "a cat", "keywords": ["cat", "pet"], "kind": "animal", "size": 1.5},
    {"id": 8, "pic": b"two", "name": "a car", "keywords": [], "kind": "thing", "size": None},
    {"id": 9, "pic": b"one", "name": "a dog", "keywords": ["dog", "a dog"], "kind": "animal", "size": 0.5},
]
COLUMNS = {"image": "pic", "text": ["name", "keywords"], "label": "kind", "score": "size"}


@pytest.fixture
def data():
    return load_data(ROWS, COLUMNS)


def test_rows_and_choices(data):
    assert len(data) == 3 and data.fields == ["image", "text", "label", "score"]
    assert data[0] == {
        "id": "7", "image": b"one", "text": ["a cat", "cat", "pet"], "label": "animal", "score": 1.5,
    }  # fmt: skip
    assert data[-1]["text"] == ["a dog", "dog"]  # a choice counts once
    assert data.is_multi("text") and not data.is_multi("label")
    assert data.values("label", 1) == ["thing"] and data.values("score", 1) == []
    assert data[1]["score"] is None
    assert list(data.items("text")) == ["a cat", "cat", "pet", "a car", "a dog", "dog"]
    with pytest.raises(IndexError):
        data[3]
    assert isinstance(data, js.Dataset) and js.load_data is load_data


def test_plain_columns(data):
    assert data.array("label").tolist() == ["animal", "thing", "animal"]
    score = data.array("score")
    assert score.dtype == np.float64 and np.isnan(score[1])
    assert data.classes("label") == data.select([1]).classes("label") == ["animal", "thing"]
    assert load_data({"label": [10, 2, 2]}).classes("label") == ["2", "10"]


def test_hashes_are_those_of_the_values(data):
    flat, offsets = data.hashes("text")
    for i in range(len(data)):
        assert flat[offsets[i] : offsets[i + 1]].tolist() == [content_hash(v) for v in data.values("text", i)]
    assert data.content_hash("image").tolist() == [content_hash(r["pic"]) for r in ROWS]
    assert data.content_hash("text")[0] == content_hash(["a cat", "cat", "pet"])
    assert data.content_hash("score").tolist() == [content_hash(1.5), 0, content_hash(0.5)]
    picked = data.select([2, 0])
    flat, offsets = picked.hashes("text")
    assert flat[: offsets[1]].tolist() == [content_hash("a dog"), content_hash("dog")]


def test_ids_come_from_the_column_or_the_content(data):
    assert data.ids == ["7", "8", "9"]
    bare = load_data([{"text": "x"}, {"text": "y"}, {"text": "x"}])
    assert len(set(bare.ids)) == 3 and bare.ids[2] == bare.ids[0] + "-1"
    assert load_data([{"text": "y"}]).ids == [bare.ids[1]]
    with pytest.raises(DataError, match=r"no column 'nmae' for the row ids \(did you mean name\?\)"):
        load_data(ROWS, {"text": "name"}, id="nmae")


def test_twin_ids_get_a_suffix():
    assert load_data(ROWS, {"text": "name"}, id="kind").ids == ["animal", "thing", "animal-1"]


def test_fingerprint_sees_content_columns_and_order(data):
    same = load_data(ROWS, COLUMNS)
    assert data.fingerprint == same.fingerprint and len(data.fingerprint) == 16
    changed = [dict(r) for r in ROWS]
    changed[1]["name"] = "a bus"
    others = [
        load_data(changed, COLUMNS),
        load_data(ROWS, {**COLUMNS, "text": "name"}),
        data.select([1, 0, 2]),
        data.select([0, 1]),
    ]
    assert len({d.fingerprint for d in [data, *others]}) == 5


def test_select_takes_indices_ranges_and_masks(data):
    assert data.select([2, 2]).ids == ["9", "9-1"]
    assert data.select(range(2)).ids == ["7", "8"]
    assert data.select(data.array("label") == "animal").ids == ["7", "9"]
    assert len(data.select([])) == 0


def test_union_keeps_sources_apart(tmp_path):
    pq.write_table(pa.table({"image": [b"p"], "words": ["two words"]}), tmp_path / "b.parquet")
    both = load_data(
        sources=[
            {"path": ROWS, "columns": {"image": "pic", "text": ["name", "keywords"]}, "weight": 2, "name": "first"},
            {"path": tmp_path / "b.parquet", "columns": {"image": "image", "text": "words"}, "prompt": "Find: "},
        ]
    )
    assert both.source.tolist() == [0, 0, 0, 1] and both.source.dtype == np.int16
    assert both.source_names == ["first", "b.parquet"] and both.weights == [2.0, 1.0]
    assert both.prompts == [None, "Find: "]
    assert both.is_multi("text") and both.values("text", 3) == ["two words"] and both[3]["text"] == ["two words"]
    flat, offsets = both.hashes("text")
    assert [content_hash(v) for v in both.items("text")] == flat.tolist() and len(offsets) == 5
    twice = load_data(sources=[{"path": ROWS, "columns": {"text": "name"}}] * 2)
    assert len(set(twice.ids)) == 6 and twice.ids[0] == "data:7" and twice.weights is None


def test_a_source_may_lack_a_field():
    both = load_data(sources=[{"path": [{"text": "a", "label": 1}]}, {"path": [{"text": "b"}]}])
    assert both.fields == ["text", "label"] and both.values("label", 1) == [] and both[1]["label"] is None
    assert both.content_hash("label").tolist() == [content_hash(1), 0]


def test_concat_adds_rows_and_skipped():
    first = load_data([{"text": "a"}, {"text": ""}], on_bad="skip")
    both = first.concat(first, load_data([{"text": "c"}]))
    assert [r["text"] for r in both] == ["a", "a", "c"] and both.skipped == {"empty text": 2}
    assert len(both.source_names) == 3


def test_remapping_goes_by_field_then_column(data):
    again = load_data(data, {"text": "text", "text_2": "kind"})
    assert again[0]["text"] == ["a cat", "cat", "pet"] and again[0]["text_2"] == "animal"
    with pytest.raises(DataError, match=r"no field or column 'kin' \(did you mean kind\?\)"):
        load_data(data, {"text": "kin"})


def test_literals():
    data = load_data(ROWS, {"text": "name", "weight": 2, "prompt": {"value": "Find: "}})
    assert data[1] == {"id": "8", "text": "a car", "weight": 2, "prompt": "Find: "}
    assert data.array("weight").tolist() == [2, 2, 2]


def test_unknown_column_names_the_nearest():
    with pytest.raises(DataError, match=r"no column 'nmae' for the field 'text' \(did you mean name\?\)"):
        load_data(ROWS, {"text": "nmae"})
    with pytest.raises(DataError, match=r"no field 'txt' \(did you mean text\?\)"):
        load_data(ROWS, COLUMNS).column("txt")


def test_bad_rows_are_refused_or_skipped_and_counted():
    rows = [{"text": "a", "score": 1.0}, {"text": "  ", "score": 1.0}, {"text": "c", "score": float("nan")}]
    with pytest.raises(DataError, match=r"row 1: text: empty text; 1 more bad rows; .*on_bad: skip"):
        load_data(rows)
    kept = load_data(rows, on_bad="skip")
    assert [r["text"] for r in kept] == ["a"] and kept.skipped == {"empty text": 1, "score: NaN": 1}
    assert len(load_data(rows, limit=1)) == 1  # rows that nobody will see are not looked at
    with pytest.raises(DataError, match="empty once its 1 bad rows"):
        load_data([{"text": ""}], on_bad="skip")
    with pytest.raises(DataError, match="neither refuse nor skip"):
        load_data(rows, on_bad="ignore")


def test_undecodable_pictures_are_skipped(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "ok.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    rows = {"image": ["ok.png", "bad.png", "gone.png"], "text": ["a", "b", "c"]}
    (tmp_path / "rows.csv").write_text("image,text\n" + "\n".join(map(",".join, zip(*rows.values()))))
    with pytest.raises(DataError, match=r"rows.csv row 2: image: missing \(no file gone.png\)"):
        load_data(tmp_path / "rows.csv")
    kept = load_data(tmp_path / "rows.csv", on_bad="skip")
    assert kept.array("text").tolist() == ["a"]
    assert kept.skipped == {"picture: cannot be decoded": 1, "picture: missing": 1}


def test_empty_data_and_wrong_calls():
    with pytest.raises(DataError, match="empty"):
        load_data([])
    with pytest.raises(DataError, match="either a source or sources"):
        load_data()
    with pytest.raises(DataError, match="cannot read a int"):
        load_data(3)


def test_pickle_keeps_everything(data):
    again = pickle.loads(pickle.dumps(data))
    assert again.fingerprint == data.fingerprint and again[2] == data[2]


def _report(data, queue):
    queue.put((data.fingerprint, data[5]["text"], len(pickle.dumps(data))))


@pytest.mark.slow
def test_workers_get_large_columns_as_a_file(monkeypatch):
    monkeypatch.setattr(columns_module, "SPILL_BYTES", 1000)
    data = load_data({"text": [f"text number {i}" for i in range(1000)]})
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    worker = context.Process(target=_report, args=(data, queue))
    worker.start()
    fingerprint, text, _ = queue.get(timeout=60)
    worker.join()
    assert (fingerprint, text) == (data.fingerprint, "text number 5")
    assert data.parts[0].columns["text"]._file is not None


def test_short_texts_hash_in_place():
    """No Python object a value: 200,000 short texts in well under a second."""
    data = load_data({"text": [f"t{i % 5000}" for i in range(200_000)]})
    assert len(np.unique(data.content_hash("text"))) == 5000
    assert isinstance(data, Dataset)


def test_a_table_field_of_several_columns_is_one_item_a_row():
    rows = {"a": [1, None], "b": ["x", "y"], "label": [0, 1]}
    for wanted in (["a", "b"], "*"):
        data = load_data(rows, columns={"table": wanted, "label": "label"})
        assert data.column("table") == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
        assert not data.is_multi("table") and data[1]["table"] == {"a": None, "b": "y"}
        hashes, offsets = data.hashes("table")
        assert hashes.tolist() == [content_hash(row) for row in data.column("table")] and offsets.tolist() == [0, 1, 2]
    assert load_data(rows, columns={"table": ["a"]}).column("table") == [{"a": 1}, {"a": None}]
