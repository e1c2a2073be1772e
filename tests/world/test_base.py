"""What every set of the world promises, whichever it is."""

import importlib.util

import numpy as np
import pytest

from jointspace import world
from jointspace.data.dataset import load_data
from jointspace.data.writing import make_world
from jointspace.errors import ConfigError
from jointspace.world.base import WorldSet

BUILT = [n for n in world.names() if importlib.util.find_spec(f"jointspace.world.sets.{n}")]


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) or isinstance(a, float | np.floating):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    return a == b


def test_every_set_is_built():
    assert BUILT == world.names() and len(BUILT) == 14


@pytest.mark.parametrize("name", BUILT)
def test_a_row_depends_on_seed_and_index_alone(name):
    every = list(world.kind(name).FIELDS)
    rows, longer, other = (world.make(name, n=n, seed=s, fields=every) for n, s in ((6, 3), (130, 3), (6, 4)))
    alone = longer.block(np.array([4]), longer.fields)
    assert set(rows[0]) == set(rows.FIELDS)
    assert same(rows[4], longer[4]), "n does not matter"
    assert same({f: alone[f][0] for f in longer.fields}, longer[4]), "neighbours do not matter"
    assert not all(same(rows[i], other[i]) for i in range(6)), "the seed does"
    assert rows.digest() == world.make(name, n=6, seed=3, fields=every).digest() != other.digest()


@pytest.mark.parametrize("name", BUILT)
def test_fields_alone_are_the_same_fields(name):
    rows = world.make(name, n=3, seed=1)
    for field in rows.fields:
        some = world.make(name, n=3, seed=1, fields=[field])
        assert set(some[2]) == {field} and same(some[2][field], rows[2][field])
    with pytest.raises(ConfigError, match="no field 'nonsense'"):
        world.make(name, n=3, fields=["nonsense"])
    with pytest.raises(ConfigError, match="no control 'nonsense'"):
        world.make(name, n=3, nonsense=1)
    with pytest.raises(ConfigError, match="n must be at least 1"):
        world.make(name, n=0)


@pytest.mark.parametrize("name", BUILT)
def test_written_and_read_again(name, tmp_path):
    written = make_world(f"world/{name}", tmp_path / "out", n=5, seed=2)
    tables = world.make(name, n=5, seed=2).tables()
    assert {path.stem for path in written} == set(tables)
    for path, fields in written.items():
        data = load_data(path, on_bad="skip") if name == "table" else load_data(path)
        assert set(data.fields) - {"id"} == set(fields) - {"id"}
    data = world.to_huggingface(world.make(name, n=3, seed=2))
    assert data.num_rows == 3
    assert len(world.to_torch(world.make(name, n=3))) == 3 and world.to_torch(world.make(name, n=3))[1]


@pytest.mark.parametrize("name", BUILT)
def test_a_portrait_and_words(name):
    rows = world.make(name, n=4, seed=5)
    for row in rows:
        picture = rows.portrait(row)
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
        assert picture.std() > 4, "there is something to see"
        assert rows.words(row)


def test_no_module_shadows_a_set():
    """`world.clicks(...)` must stay the set, whatever has been imported."""
    for name in world.names():
        assert importlib.util.find_spec(f"jointspace.world.{name}") is None, name
        world.kind(name)
        assert len(getattr(world, name)(n=2)) == 2


def test_unknown_names():
    with pytest.raises(ConfigError, match=r"world/scene: no such set \(did you mean scenes\?\)"):
        world.make("scene")
    with pytest.raises(AttributeError, match="no attribute 'scen'"):
        _ = world.scen
    assert isinstance(world.scenes(n=2), WorldSet)
