"""The verbs evaluate and compare: tables, JSON, saved files, one-line errors, examples, no torch to compare."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from jointspace.cli.compare import compare
from jointspace.cli.evaluate import evaluate
from jointspace.errors import ConfigError, DataError
from jointspace.evaluation import Scores

app = typer.Typer()
app.command()(evaluate)
app.command()(compare)


def run(*args):
    result = CliRunner().invoke(app, [str(a) for a in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from jointspace.encoders.config import EncoderConfig
    from jointspace.space import Space, Tower

    root = tmp_path_factory.mktemp("cli")
    for name, width in (("a", 64), ("b", 8)):
        encoder = EncoderConfig(name="ngrams", width=width).build("text")
        Space(method="ngrams", text=Tower(encoder)).save_pretrained(root / name)
    rows = [f"{w} {v},the {v} {w}s" for w in ("cat", "dog", "emu", "fox", "gnu") for v in ("runs", "sleeps", "eats")]
    (root / "pairs.csv").write_text("title,body\n" + "\n".join(rows) + "\n")
    return root


def test_evaluate_prints_saves_and_compares(folder):
    common = [folder / "pairs.csv", "--task", "retrieval", "--columns", "query=title,document=body"]
    shown = run("evaluate", folder / "a", *common, "--out", folder / "scores" / "a", "--name", "wide")
    assert "wide: retrieval on pairs.csv" in shown.stdout and "r@10" in shown.stdout
    assert (folder / "scores" / "a" / "scores.png").is_file()
    done = run("evaluate", folder / "b", *common, "metrics=[r@1, mrr]", "--json", "--out", folder / "b" / "scores")
    table = json.loads(done.stdout)
    assert [s["name"] for s in table["scores"]] == ["r@1", "mrr"] and table["protocol"]["options"]["metrics"]
    assert Scores.load(folder / "b" / "scores").values() == {s["name"]: s["value"] for s in table["scores"]}
    with pytest.raises(DataError, match="not judged alike: options.metrics"):
        run("compare", folder / "scores" / "a", folder / "b")
    run("evaluate", folder / "b", *common, "--out", folder / "b" / "scores", "--name", "narrow")
    text = run("compare", f"wide={folder / 'scores' / 'a'}", f"narrow={folder / 'b'}", "--out", folder / "cmp").stdout
    assert "narrow - wide" in text and (folder / "cmp.json").is_file() and (folder / "cmp.png").is_file()
    result = json.loads(run("compare", folder / "scores" / "a", folder / "b", "--score", "mrr", "--json").stdout)
    assert result["systems"] == ["wide", "narrow"] and len(result["differences"]) == 1


def test_a_baseline_stands_beside(folder):
    data = ["--columns", "query=title,document=body", "--baseline", f"narrow={folder / 'b'}"]
    assert "narrow" in run("evaluate", folder / "a", folder / "pairs.csv", *data).stdout.splitlines()[1]


@pytest.mark.parametrize(
    "args, error, message",
    [
        (["--task", "retrievel"], ConfigError, "did you mean retrieval"),
        (["twin=true"], ConfigError, "did you mean twins"),
        (["twins"], ConfigError, "the form is option=value"),
        (["--columns", "query=titel"], DataError, "did you mean title"),
        (["--columns", "=x"], ConfigError, "the form is field=column"),
        (["--baseline", "b"], ConfigError, "expected NAME=SPACE"),
    ],
)
def test_wrong_words_are_named(folder, args, error, message):
    with pytest.raises(error, match=message):
        run("evaluate", folder / "a", folder / "pairs.csv", *args)


def test_names_for_all_or_for_none(folder):
    with pytest.raises(DataError, match="name all systems"):
        run("compare", "a=x", "y")


def test_tasks_are_listed_with_roles_and_options():
    from jointspace.evaluation import TASKS

    text = run("evaluate", "--tasks").stdout
    assert all(task in text for task in TASKS) and "query" in text and "templates" in text


def test_no_option_of_a_task_is_hidden_by_one_of_evaluate():
    import inspect

    from jointspace.evaluation import evaluate as judge
    from jointspace.evaluation import registry

    taken = set(inspect.signature(judge).parameters)
    options = {row["task"]: taken & set(row["options"]) for row in registry.describe()}
    assert len(options) == 9 and not any(options.values()), options


def test_help_has_an_example():
    for verb in ("evaluate", "compare"):
        assert f"Example: jointspace {verb} " in " ".join(run(verb, "--help").stdout.split())


@pytest.mark.slow
def test_comparing_needs_no_torch():
    names = "jointspace.cli.compare, jointspace.cli.evaluate, jointspace.evaluation.comparison"
    script = f"import sys, {names}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "False"
