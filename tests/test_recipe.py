"""Recipes: read, overridden, checked; errors name the field; all that ship are valid."""

import subprocess
import sys

import pytest
import yaml

from jointspace import recipe as recipes
from jointspace._paths import shared
from jointspace.errors import ConfigError

ALL = sorted(shared("recipes").rglob("*.yaml"))
MINI = {"method": {"name": "align"}, "data": {"path": "emoji"}}


def parse(**changes):
    return recipes.parse({**MINI, **changes})


def test_overrides_reach_any_depth():
    table = {"method": {"name": "align"}, "data": {"sources": [{"path": "a"}, {"path": "b"}]}}
    for text in (
        "method.image.name=cnn",
        "data.sources.1.weight=2.5",
        "training.steps=7",
        "output=x/y",
        "method.on=true",
    ):
        recipes.override(table, text)
    assert table["method"] == {"name": "align", "image": {"name": "cnn"}, "on": True}
    assert table["data"]["sources"][1] == {"path": "b", "weight": 2.5}
    assert table["training"] == {"steps": 7} and table["output"] == "x/y"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trainin": {}}, ["trainin", "training"]),
        ({"training": {"stepz": 3}}, ["training.stepz", "steps"]),
        ({"training": {"steps": "many"}}, ["training.steps", "many"]),
        ({"training": {"batch_size": 0}}, ["training.batch_size", "0"]),
        ({"training": {"optim": "adamv"}}, ["adamv", "adamw"]),
        ({"data": {"path": "emoji", "colums": {}}}, ["data.colums", "columns"]),
        ({"data": {}}, ["path"]),
        ({"method": {}}, ["method.name"]),
        ({"evaluation": [{"taks": "retrieval"}]}, ["evaluation.0"]),
    ],
)
def test_errors_name_the_field_in_one_line(changes, words):
    with pytest.raises(ConfigError) as caught:
        parse(**changes)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_bad_files_and_overrides(tmp_path):
    (tmp_path / "bad.yaml").write_text("method: {name: align\ndata: x")
    with pytest.raises(ConfigError, match="bad.yaml, line"):
        recipes.load(str(tmp_path / "bad.yaml"))
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(ConfigError, match="holds a list"):
        recipes.load(str(tmp_path / "list.yaml"))
    with pytest.raises(ConfigError, match="no-such.yaml"):
        recipes.load("no-such.yaml")
    with pytest.raises(ConfigError, match="field=value"):
        recipes.load("debug", ["training.steps"])


def test_print_config_says_where_each_value_comes_from():
    table = recipes.read("debug", ["training.steps=7"])
    text = recipes.annotated(recipes.parse(table), table, ["training.steps=7"])
    lines = {line.strip().split(":")[0]: line for line in text.splitlines()}
    assert lines["steps"].endswith("# command line")
    assert lines["batch_size"].endswith("# recipe")
    assert lines["max_grad_norm"].endswith("# default")
    assert yaml.safe_load(text)["training"]["steps"] == 7


def test_every_recipe_that_ships_is_valid_and_short():
    assert len(ALL) >= 2
    for path in ALL:
        recipe = recipes.load(str(path))
        assert recipes.parse(yaml.safe_load(recipe.to_yaml())).to_dict() == recipe.to_dict()
        lines = path.read_text().splitlines()
        assert len(lines) <= 30 and lines[0].startswith("# "), path.name


def test_config_errors_never_import_torch():
    code = (
        "import sys\nfrom jointspace import recipe\nfrom jointspace.errors import ConfigError\n"
        "try:\n    recipe.load('debug', ['training.stepz=3'])\n"
        "except ConfigError as e:\n    print('torch' in sys.modules, e)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.startswith("False") and "stepz" in said
