"""`jointspace init DATA`."""

import json

import pytest
import typer
from typer.testing import CliRunner

from jointspace.cli.init import init
from jointspace.errors import ConfigError

app = typer.Typer()
app.command()(init)


def test_it_says_what_it_found_and_what_to_type_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["emoji", "--out", "e.yaml"])
    assert done.exit_code == 0 and "method: align; image = image, text = name | keywords" in done.stdout
    assert done.stdout.splitlines()[-1] == "next: jointspace train e.yaml --dry-run" and (tmp_path / "e.yaml").is_file()
    again = CliRunner().invoke(app, ["emoji", "--out", "e.yaml"])
    assert isinstance(again.exception, ConfigError)
    told = CliRunner().invoke(app, ["emoji", "--out", "e.yaml", "--force", "--json"])
    assert json.loads(told.stdout)["columns"]["text"] == ["name", "keywords"]


@pytest.mark.slow
def test_the_recipe_trains_as_it_is(tmp_path, monkeypatch):
    from jointspace import recipe
    from jointspace.recipe.running import run

    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["emoji", "--out", "e.yaml"])
    small = ["training.steps=2", "training.batch_size=8", "data.limit=32", "validation.limit=16", "output=run"]
    done = run(recipe.load("e.yaml", small))
    assert done.steps == 2 and (tmp_path / "run" / "space").is_dir()
