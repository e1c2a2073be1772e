"""Rows to parquet and back."""

import sys
import types

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jointspace.data.dataset import load_data
from jointspace.data.decode import decode_audio, decode_image
from jointspace.data.writing import make_world, write_parquet
from jointspace.errors import ConfigError, DataError


def rows(n):
    for i in range(n):
        pixels = np.full((2, 3, 3), i % 256, dtype=np.uint8)
        wave = (np.full(50, 0.25, dtype=np.float32), 8000)
        yield {"image": Image.fromarray(pixels), "audio": wave, "text": f"t{i}", "vector": np.arange(2.0), "label": i}


def test_what_is_written_is_read_back(tmp_path):
    out = tmp_path / "new" / "x.parquet"
    assert write_parquet(rows(1100), out) == ["image", "audio", "text", "vector", "label"]  # two row groups
    data = load_data(out)
    assert len(data) == 1100 and data.array("label").tolist() == list(range(1100))
    assert (np.asarray(decode_image(data[1099]["image"])) == 1099 % 256).all()
    assert np.allclose(decode_audio(data[0]["audio"], 8000), 0.25, atol=1e-3)
    assert data[3]["vector"] == [0.0, 1.0]
    assert write_parquet(rows(2), out, ["text"]) == ["text"] and load_data(out).fields == ["text"]


def test_nothing_half_written_stays(tmp_path):
    def broken():
        yield from rows(3)
        yield {"image": b"x"}

    with pytest.raises(DataError, match="row 3: no field 'audio'"):
        write_parquet(broken(), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="nothing to write"):
        write_parquet([], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_world_sets(tmp_path, monkeypatch):
    class Rows(list):
        def tables(self):
            return {"scenes": self}

    asked = {}
    world = types.ModuleType("jointspace.world")
    world.make = lambda name, **how: asked.update(name=name, **how) or Rows([{"text": "a"}] * how["n"])
    monkeypatch.setitem(sys.modules, "jointspace.world", world)
    out = tmp_path / "w.parquet"
    assert make_world("world/scenes", out, n=3, seed=5, fields=["text"], controls={"objects": 2}) == {out: ["text"]}
    assert asked == {"name": "scenes", "n": 3, "seed": 5, "fields": ["text"], "objects": 2} and len(load_data(out)) == 3
    assert list(make_world("world/scenes", tmp_path / "w", n=3, seed=5)) == [tmp_path / "w" / "scenes.parquet"]
    with pytest.raises(ConfigError, match="exists already; --force"):
        make_world("world/scenes", tmp_path / "w", n=3, seed=5)
    with pytest.raises(ConfigError, match="exists already; --force"):
        make_world("world/scenes", out, n=3, seed=5)
    with pytest.raises(ConfigError, match="only sets of the synthetic world"):
        make_world("emoji", out, n=3, seed=5)
    with pytest.raises(ConfigError, match="at least one row"):
        make_world("world/scenes", tmp_path / "y.parquet", n=0, seed=5)


def test_arrays_are_packed_and_come_back(tmp_path):
    rng = np.random.default_rng(0)
    made = [
        {
            "volume": rng.integers(0, 255, (2, 3, 4), dtype=np.uint8),
            "points": rng.random((5 + i, 6), dtype=np.float32),
            "video": rng.integers(0, 255, (2, 4, 4, 3), dtype=np.uint8),
            "mask": rng.random((i, 3)) > 0.5,
        }
        for i in range(3)
    ]
    out = tmp_path / "a.parquet"
    write_parquet(made, out)
    back = pq.read_table(out).to_pylist()
    for row, read in zip(made, back, strict=True):
        assert (np.array(read["volume"]) == row["volume"]).all()
        assert (np.array(read["points"], dtype=np.float32) == row["points"]).all()
        assert read["mask"] == row["mask"].tolist()
        assert (np.asarray(decode_image(read["video"][1])) == row["video"][1]).all()
    assert str(pq.read_schema(out).field("volume").type).count("fixed_size_list") == 2
