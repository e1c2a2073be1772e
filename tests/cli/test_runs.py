"""`jointspace runs ls|show` on run folders written by hand: no training, no torch."""

import json

import pytest
from typer.testing import CliRunner

from jointspace.cli.runs import app
from jointspace.errors import ConfigError

RECORD = {
    "status": "finished",
    "started": "2026-01-02T03:04:05+0000",
    "method": {"name": "ALIGN", "config": {}},
    "training": {"metric_for_best_model": "r@10"},
    "data": {"name": "emoji", "rows": 64, "fingerprint": "ab"},
    "steps": 20,
    "step": 20,
    "seed": 3,
    "threads": 1,
    "total_seconds": 4.5,
    "scores": {"mrr": 0.25, "r@10": 0.5},
    "versions": {"torch": "2"},
    "resumed_from": [7],
}


@pytest.fixture
def runs(tmp_path):
    for name, changes in {"a": {}, "deep/b": {"status": "running", "started": "2026-01-03", "scores": {}}}.items():
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(RECORD | changes))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    (tmp_path / "a" / "metrics.jsonl").write_text('{"step": 1, "loss": 4.0}\n{"step": 20, "loss": 1.5}\n{"step"')
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_ls_lists_newest_first(runs):
    rows = json.loads(call("ls", runs, "--json").stdout)
    assert [row["run"] for row in rows] == [str(runs / "deep" / "b"), str(runs / "a")]
    assert rows[1]["score"] == "r@10 0.5" and rows[0]["score"] is None
    assert "ALIGN" in call("ls", runs).stdout


def test_show_tells_the_run(runs):
    shown = call("show", runs / "a").stdout
    for words in ("emoji, 64 rows", "4 at 1, 1.5 at 20", "resumed from", "7", "r@10", "0.500"):
        assert words in shown
    record = json.loads(call("show", runs / "a", "--json").stdout)
    assert record["seed"] == 3 and len(record["metrics"]) == 2


def test_what_is_no_run(runs):
    with pytest.raises(ConfigError, match="no run.json"):
        call("show", runs)
    with pytest.raises(ConfigError, match="no such folder"):
        call("ls", runs / "nowhere")
    (runs / "empty").mkdir()
    assert "no runs below" in call("ls", runs / "empty").stdout
