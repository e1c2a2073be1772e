"""Every format reads the same rows; a damaged file is one line that names file and line."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from jointspace.data.dataset import load_data
from jointspace.errors import DataError

TABLE = {"text": ["a cat", "ein Öl", "0042"], "label": [1, 0, 1], "score": [0.5, 1.0, -2.0]}


def _save(path, text):
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)


def _write(path):
    rows = [dict(zip(TABLE, values, strict=True)) for values in zip(*TABLE.values(), strict=True)]
    name = path.name
    if name.endswith(".parquet"):
        pq.write_table(pa.table(TABLE), path)
    elif name.endswith(".arrow"):
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.table(TABLE).schema) as writer:
            writer.write_table(pa.table(TABLE))
    elif name.endswith(".feather"):
        feather.write_feather(pa.table(TABLE), path)
    elif ".csv" in name or ".tsv" in name:
        _save(path, pd.DataFrame(TABLE).to_csv(index=False, sep="\t" if ".tsv" in name else ","))
    elif ".jsonl" in name:
        _save(path, "\n".join(json.dumps(row) for row in rows) + "\n\n")
    else:
        path.write_text(json.dumps(TABLE if name == "columns.json" else rows), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "a.parquet", "a.arrow", "a.feather", "a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.jsonl.gz", "rows.json",
        "columns.json",
    ],
)  # fmt: skip
@pytest.mark.parametrize("columns", [None, {"text": "text", "label": "label", "score": "score"}])
def test_formats_agree(tmp_path, name, columns):
    _write(tmp_path / name)
    data = load_data(tmp_path / name, columns)
    assert data.array("text").tolist() == TABLE["text"]  # 0042 stays a text
    assert data.array("label").tolist() == TABLE["label"] and data.array("score").tolist() == TABLE["score"]
    assert data.name == name.removesuffix(".gz")


def test_memory_forms_agree():
    import datasets

    rows = [dict(zip(TABLE, values, strict=True)) for values in zip(*TABLE.values(), strict=True)]
    forms = [rows, TABLE, pd.DataFrame(TABLE), pa.table(TABLE), datasets.Dataset.from_dict(TABLE)]
    forms.append({**TABLE, "label": np.array(TABLE["label"])})
    assert len({load_data(form, {"text": "text", "label": "label"}).fingerprint for form in forms}) == 1


def test_datasets_pictures_stay_undecoded_and_selections_hold():
    import datasets

    picture = Image.new("RGB", (5, 4), "blue")
    made = datasets.Dataset.from_dict(
        {"image": [picture] * 3, "text": ["a", "b", "c"]},
        features=datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")}),
    )
    data = load_data(made.select([2, 0]))
    assert data.array("text").tolist() == ["c", "a"] and isinstance(data[0]["image"], bytes)
    with pytest.raises(DataError, match="several splits"):
        load_data(datasets.DatasetDict(train=made))


def test_python_values_are_kept():
    picture, wave = Image.new("L", (2, 2)), np.zeros(8, dtype=np.float32)
    data = load_data([{"image": picture, "audio": (wave, 8000), "text": "x"}])
    assert data[0]["image"] is picture and data[0]["audio"][1] == 8000
    assert load_data([{"text": "a"}, {"text": "b", "label": 3}])[0]["label"] is None


def test_structs_of_sound_and_path(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(10), 8000)
    (tmp_path / "t.jsonl").write_text('{"audio": {"bytes": null, "path": "x.wav"}, "text": "x"}\n')
    assert load_data(tmp_path / "t.jsonl")[0]["audio"] == tmp_path / "x.wav"
    data = load_data([{"audio": {"array": [0.0, 0.5], "sampling_rate": 4000}, "text": "x"}])
    assert data[0]["audio"][1] == 4000 and data[0]["audio"][0].tolist() == [0.0, 0.5]


def test_a_vector_is_one_value_and_a_list_of_texts_is_several():
    data = load_data({"embedding": [[1.0, 2.0]], "text": [["a", "b"]], "labels": [[1, 2, 3]]})
    assert not data.is_multi("embedding") and data[0]["embedding"] == [1.0, 2.0]
    assert data.is_multi("text") and not data.is_multi("labels") and data[0]["labels"] == [1, 2, 3]


def test_csv_quotes_breaks_and_blank_fields(tmp_path):
    (tmp_path / "q.csv").write_text('text,score\n"a, ""b""\nc",1\nd,\n', encoding="utf-8-sig")
    data = load_data(tmp_path / "q.csv")
    assert data[0]["text"] == 'a, "b"\nc' and data[1]["score"] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"PAR1 this is not parquet", r"a\.parquet: not a readable parquet file"),
        ("a.arrow", b"nonsense", r"a\.arrow: not a readable Arrow file"),
        ("a.csv", b"text,label\na,1\nb,2,3\n", r"a\.csv: line 3 has 3 values, the header names 2 columns"),
        ("a.csv", b"text\nfine\n\xff\xfe\n", r"a\.csv: line 3 is not UTF-8"),
        ("a.csv", b"text,text\na,b\n", r"a\.csv: line 1 names the column 'text' twice"),
        ("a.csv", b"text,label\n", r"a\.csv: the data set is empty"),
        ("a.jsonl", b'{"text": "fine"}\n{"text": \n', r"a\.jsonl: line 2 is not valid JSON"),
        ("a.jsonl", b'{"text": "fine"}\n[1]\n', r"a\.jsonl: line 2 holds a list, not an object"),
        ("a.jsonl", b'{"text": "\xff"}\n', r"a\.jsonl: line 1 is not UTF-8"),
        ("a.json", b'{"text": "a"}', r"a\.json: neither a list of objects nor an object of lists"),
        ("a.json", b'{"text": ["a"], "label": [1, 2]}', r"a\.json: column 'label' has 2 values, column 'text' has 1"),
        ("a.csv", b"", r"a\.csv: the file is empty"),
        ("a.txt", b"words", r"a\.txt: no reader for \.txt"),
    ],
)
def test_damaged_files_name_the_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / name)


def test_only_wanted_columns_are_read_and_unknown_ones_named(tmp_path):
    _write(tmp_path / "a.parquet")
    data = load_data(tmp_path / "a.parquet", {"text": "text"})
    assert set(data.parts[0].columns) == {"text"}
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        _write(tmp_path / name)
        with pytest.raises(DataError, match=rf"{name}: no column 'txt' \(did you mean text\?\)"):
            load_data(tmp_path / name, {"text": "txt"})


# Folders --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    for name in ("dog/2.png", "dog/1.png", "cat/1.jpg", "cat/.hidden.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path)
    return tmp_path / "pictures"


def test_class_folders_give_labels(pictures):
    data = load_data(pictures)
    assert data.array("label").tolist() == ["cat", "dog", "dog"]
    assert data[2]["image"] == pictures / "dog" / "2.png" and data[2]["file_name"] == "2.png"
    assert data.fingerprint == load_data(pictures).fingerprint


def test_metadata_adds_columns_and_decides_rows(pictures):
    (pictures / "metadata.csv").write_text("file_name,text\ndog/1.png,a dog\ncat/1.jpg,a cat\n")
    data = load_data(pictures)
    assert data.array("text").tolist() == ["a dog", "a cat"] and data[0]["image"] == pictures / "dog" / "1.png"
    (pictures / "metadata.csv").write_text("name,text\ndog/1.png,a dog\n")
    with pytest.raises(DataError, match="no column 'file_name'"):
        load_data(pictures)


def test_audio_folder_and_split_folders(tmp_path):
    for split in ("train", "val"):
        path = tmp_path / split / "bell" / "a.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.zeros(10), 8000)
    data = load_data(tmp_path, split="validation")
    assert data.fields == ["audio", "file_name", "label"] and data[0]["audio"] == tmp_path / "val" / "bell" / "a.wav"


def test_tables_by_split_and_shards(tmp_path):
    for name, value in (("train-00000-of-00002", "a"), ("train-00001-of-00002", "b"), ("test", "c")):
        pq.write_table(pa.table({"text": [value]}), tmp_path / f"{name}.parquet")
    assert load_data(tmp_path).array("text").tolist() == ["a", "b"]  # train by default
    assert load_data(tmp_path, split="test").array("text").tolist() == ["c"]
    union = load_data(tmp_path, split="train+test")
    assert union.array("text").tolist() == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"no split or table 'tset' \(did you mean test\?\)"):
        load_data(tmp_path, split="tset")


def test_a_folder_without_train_wants_a_name(tmp_path):
    for name in ("nodes", "edges"):
        pq.write_table(pa.table({"text": ["a"]}), tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match=r"several tables, say which: split=edges \| nodes"):
        load_data(tmp_path)


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="no table, picture or sound"):
        load_data(tmp_path)


def test_saved_datasets_folder(tmp_path):
    import datasets

    datasets.Dataset.from_dict(TABLE).save_to_disk(tmp_path / "saved")
    assert load_data(tmp_path / "saved").array("text").tolist() == TABLE["text"]
