"""Content hashes: fixed values, equal forms, vectorised = one by one."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from jointspace.data.identity import combine, content_hash, hash_array, unique_ids
from jointspace.errors import DataError


def test_hashes_are_the_same_on_every_machine():
    """Pinned: ids in stores and caches depend on them."""
    assert content_hash("a cat") == -6711169336525982361
    assert content_hash(b"a cat") == content_hash("a cat")
    assert content_hash(None) == 0
    assert content_hash(["a", "b"]) != content_hash(["b", "a"]) != content_hash("ab")


def test_a_second_process_agrees():
    code = "from jointspace.data.identity import content_hash as h; print(h('Öl'), h(3), h(2.5), h(['x', 1]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert [int(v) for v in said.split()] == [content_hash(v) for v in ("Öl", 3, 2.5, ["x", 1])]


def test_one_content_in_several_forms(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGB", (3, 2), "red").save(path)
    data = path.read_bytes()
    forms = [path, data, {"bytes": data, "path": None}, {"bytes": None, "path": str(path)}]
    assert len({content_hash(form) for form in forms}) == 1
    with pytest.raises(DataError, match="gone.png"):
        content_hash(tmp_path / "gone.png")


def test_arrays_and_pictures_hash_their_pixels():
    a = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert content_hash(a) == content_hash(a.copy()) != content_hash(a.reshape(3, 2))
    assert content_hash(a) != content_hash(a.astype(np.int16))
    assert content_hash(Image.fromarray(a)) == content_hash(Image.fromarray(a.copy()))


@pytest.mark.parametrize(
    "values",
    [
        ["a", "", None, "ünïcode", "a"],
        [b"x", None, b"", b"yz"],
        [3, None, 3, -1],
        [0.5, None, float("inf"), 0.5],
        [True, None, False],
        [["a", "b"], None, []],
    ],
)
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_vectorised_equals_one_by_one(values, offset):
    array = pa.array(values)[offset:]
    want = [content_hash(v) for v in array.to_pylist()]
    got = hash_array(array)
    assert got.dtype == np.int64 and got.tolist() == want


def test_large_types_and_empty_arrays():
    assert hash_array(pa.array(["a"], pa.large_string())).tolist() == [content_hash("a")]
    assert hash_array(pa.array([], pa.string())).tolist() == []
    assert hash_array(pa.array([None, None], pa.int64())).tolist() == [0, 0]


def test_ids_stay_unique_where_rows_repeat():
    ids = unique_ids(np.array([5, 7, 5, 5]))
    assert ids == ["0000000000000005", "0000000000000007", "0000000000000005-1", "0000000000000005-2"]
    assert combine([1, 2]) != combine([2, 1])
