"""What a name may stand for."""

import sys
import types

import pytest

from jointspace.data.dataset import load_data
from jointspace.errors import DataError


def test_catalogue_names_and_their_tables():
    assert len(load_data("emoji", split="test")) == 181
    assert (
        load_data("emoji/test", {"text": "name"}).fingerprint
        == load_data("emoji", {"text": "name"}, split="test").fingerprint
    )
    assert load_data("emoji", {"text": "name"}).source_names == ["emoji"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("emojii", r"emojii: neither a file nor a known data set \(did you mean emoji\?\)"),
        ("nowhere/pairs.csv", "nowhere/pairs.csv: no such file or folder"),
        ("pairs.csv", "pairs.csv: no such file or folder"),
    ],
)
def test_nothing_there(source, message):
    with pytest.raises(DataError, match=message):
        load_data(source)


def test_the_hub_is_asked_for_owner_and_name(monkeypatch):
    import datasets

    asked = []

    def load(name, split):
        asked.append((name, split))
        if name == "some/gone":
            raise ConnectionError("no route to the hub")
        return datasets.Dataset.from_dict({"text": ["a", "b"]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert load_data("some/set", split="test").array("text").tolist() == ["a", "b"]
    with pytest.raises(DataError, match="some/gone: neither a file nor a reachable data set of the hub .no route"):
        load_data("some/gone")
    assert asked == [("some/set", "test"), ("some/gone", "train")]


def test_sets_of_the_world_are_made_on_the_spot(monkeypatch):
    class Rows(list):
        def tables(self):
            return {"first": self, "second": Rows([{"text": "another table", "label": 2}])}

    world = types.ModuleType("jointspace.world")
    world.make = lambda name: Rows([{"text": f"from {name}", "label": 1}])
    monkeypatch.setitem(sys.modules, "jointspace.world", world)
    data = load_data("world/scenes")
    assert data[0]["text"] == "from scenes" and data.where(0) == "world/scenes row 0"
    assert load_data("world/scenes/second")[0]["text"] == "another table"
    with pytest.raises(DataError, match=r"world/scenes: no table 'secnd' \(did you mean second\?\)"):
        load_data("world/scenes/secnd")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "the list is empty"),
        ([{"columns": {}}], r"sources\[0\]: no path"),
        ([{"path": "emoji", "wieght": 1}], r"sources\[0\]: unknown key 'wieght' \(did you mean weight\?\)"),
        ([{"path": "emoji", "weight": 0}], r"sources\[0\]: weight must be a number above 0"),
    ],
)
def test_wrong_sources(sources, message):
    with pytest.raises(DataError, match=message):
        load_data(sources=sources)


def test_limits_and_weights_of_sources():
    data = load_data(
        columns={"text": "name"},
        sources=[
            {"path": "emoji", "split": "train+test", "weight": 2, "limit": 1600},
            {"path": "emoji", "split": "validation"},
        ],
    )
    assert len(data) == 1600 + 183
    assert sum(data.weights[:2]) == pytest.approx(2) and data.weights[2] == 1.0


def test_nothing_heavy_is_imported():
    import subprocess

    code = (
        "import sys, jointspace as js;"
        "from jointspace.data import catalogue, check, describe, emoji, cleaning, writing;"
        "d = js.load_data('emoji', split='test'); d.fingerprint;"
        "print([m for m in ('torch', 'datasets', 'transformers') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
