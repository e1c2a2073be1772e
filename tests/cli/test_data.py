"""`jointspace data`: what it prints, exit codes, bad input."""

import json
import subprocess
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from jointspace.cli.data import app
from jointspace.errors import ConfigError, DataError

runner = CliRunner()


def run(*arguments):
    done = runner.invoke(app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_list_names_every_set_and_its_fields():
    assert "emoji" in run("list").stdout and "licence unknown" in run("list").stdout
    fields = run("list", "--fields").stdout.splitlines()
    assert any(line.startswith("cora  nodes  node ") for line in fields)
    entries = json.loads(run("list", "--json").stdout)
    assert len(entries) == 107 + 14 and next(e for e in entries if e["name"] == "emoji")["here"] is True


def test_list_is_light():
    code = (
        "import sys; from typer.testing import CliRunner; from jointspace.cli.data import app;"
        "CliRunner().invoke(app, ['list']); print([m for m in ('torch', 'datasets', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_show_says_kinds_and_draws_a_sheet(tmp_path):
    done = run("show", "emoji", "--split", "test", "--out", tmp_path / "sheet.png", "--rows", 1)
    assert "64x64" in done.stdout and "test: 181 rows" in done.stdout and "row 0: id=" in done.stdout
    assert "Apache-2.0" in done.stdout and "16 pictures" in done.stderr
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 * 120 + 8
    table = json.loads(run("show", "emoji", "--split", "test", "--json").stdout)["test"]
    assert table["rows"] == 181 and table["fields"][1]["kind"] == "image"


def test_show_wrong_names(tmp_path):
    with pytest.raises(DataError, match="no-such-set"):
        run("show", "no-such-set")
    with pytest.raises(ConfigError, match="is a folder"):
        run("show", "emoji", "--out", tmp_path)


def test_check_exit_codes(tmp_path):
    (tmp_path / "good.csv").write_text("text,label\na cat,1\na dog,0\n")
    (tmp_path / "bad.csv").write_text("text,label\na cat,1\n,0\n")
    (tmp_path / "empty.csv").write_text("text,label\n")
    (tmp_path / "broken.jsonl").write_text('{"text": "fine"}\n{"text": \n')
    good = run("check", tmp_path / "good.csv")
    assert good.exit_code == 0 and good.stdout.splitlines()[-1] == "no problem found"
    bad = run("check", tmp_path / "bad.csv", "--columns", "text=text")
    assert bad.exit_code == 1 and "bad.csv: text: empty text: row 1" in bad.stdout
    assert json.loads(run("check", tmp_path / "bad.csv", "--json").stdout)["problems"][0]["rows"] == [1]
    with pytest.raises(DataError, match="empty.csv: the data set is empty") as error:
        run("check", tmp_path / "empty.csv")
    assert error.value.exit_code == 2
    with pytest.raises(DataError, match="line 2"):
        run("check", tmp_path / "broken.jsonl")
    against = run("check", tmp_path / "good.csv", "--against", tmp_path / "bad.csv")
    assert against.exit_code == 1 and "also in bad.csv: row 0" in against.stdout


def test_make_reads_controls(tmp_path, monkeypatch):
    import types

    class Rows(list):
        def tables(self):
            return {"scenes": self}

    asked = {}
    world = types.ModuleType("jointspace.world")
    world.make = lambda name, **how: asked.update(name=name, **how) or Rows([{"text": "a"}] * how["n"])
    monkeypatch.setitem(sys.modules, "jointspace.world", world)
    out = tmp_path / "w.parquet"
    done = run("make", "world/scenes", "--n", 3, "--seed", 7, out, "noise=0.5", "sizes=[1, 2]")
    assert asked == {"name": "scenes", "n": 3, "seed": 7, "fields": None, "noise": 0.5, "sizes": [1, 2]}
    assert done.stdout.strip() == f"{out}: fields text"
    with pytest.raises(ConfigError, match="'noise': the form is key=value"):
        run("make", "world/scenes", out, "noise", "--force")
