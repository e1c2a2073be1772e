"""The catalogue: names, descriptions, where sets lie."""

import json
from pathlib import Path

import pytest

from jointspace.data import catalogue
from jointspace.errors import DataError


def test_every_set_has_a_description():
    assert len(catalogue.names()) == 107
    for name in catalogue.names():
        entry = catalogue.describe(name)
        assert entry["what"] and entry["group"] and entry["home"] and entry["fields"], name
        assert entry["mark"] in catalogue.LICENCE_MARKS and entry["licence"], name
    marks = [catalogue.describe(n)["mark"] for n in catalogue.names()]
    assert [marks.count(m) for m in ("NC", "R", "?", "")] == [11, 31, 23, 42]
    path = Path(catalogue.__file__).parent / "catalogue.json"
    assert path.stat().st_size <= 60_000 and "/work" not in path.read_text() and json.loads(path.read_text())


def test_unknown_names_say_the_nearest():
    with pytest.raises(DataError, match=r"emojy: no such data set in the catalogue \(did you mean emoji\?\)"):
        catalogue.find("emojy")


def test_order_of_places(tmp_path, monkeypatch):
    (tmp_path / "given" / "cora").mkdir(parents=True)
    (tmp_path / "shared" / "data" / "cora").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("JOINTSPACE_DATA", raising=False)
    assert catalogue.find("cora") == tmp_path / "shared" / "data" / "cora"
    monkeypatch.setenv("JOINTSPACE_DATA", str(tmp_path / "given"))
    assert catalogue.find("cora") == tmp_path / "given" / "cora"


def test_emoji_is_the_embedded_copy_everywhere(tmp_path, monkeypatch):
    (tmp_path / "emoji").mkdir()
    monkeypatch.setenv("JOINTSPACE_DATA", str(tmp_path))
    assert catalogue.find("emoji") == catalogue.ASSETS / "emoji"


def test_absent_sets_name_their_home(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "roots", lambda: [tmp_path])
    with pytest.raises(DataError, match=r"cora: not on this machine .*github.com/kimiyoung/planetoid"):
        catalogue.find("cora")
