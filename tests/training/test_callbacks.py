"""Progress on stderr, trackers, profile, lines about sources."""

import importlib.util
import io
import json
import sys

import pytest
from toys import pairs, toy

import jointspace as js
from jointspace.errors import MissingDependency
from jointspace.training.callbacks import Trackers


def settings(**more):
    return js.TrainingConfig(**{**dict(steps=4, batch_size=8, logging_steps=1), **more})


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_terms_speed_and_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stderr", terminal)
    js.fit(toy(), pairs(), settings())
    shown = terminal.getvalue()
    assert "Toy" in shown and "4/4" in shown and "loss" in shown and "forth" in shown and "items/s" in shown


@pytest.mark.parametrize("progress", [True, False])
def test_silent_where_nobody_looks(capsys, progress):
    js.fit(toy(), pairs(), settings(), progress=progress)
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == ""


def test_says_what_the_sources_give(capsys):
    rows = [{"text": f"t{i}", "text_positive": f"p{i}"} for i in range(40)]
    data = js.load_data(
        sources=[{"path": rows[:24], "name": "one"}, {"path": rows[24:], "name": "two"}], on_bad="skip"
    )  # fmt: skip
    js.fit(toy(), data, settings(batches={"name": "balanced", "exponent": 0}))
    said = capsys.readouterr().err
    assert "one: 50.0% of the batches" in said and "two: 50.0%" in said and "rows unseen" in said


def test_profile_writes_a_trace(tmp_path):
    js.fit(toy(), pairs(), settings(profile=2, steps=6), output=tmp_path / "run", progress=False)
    trace = json.loads((tmp_path / "run" / "profile.json").read_text())
    assert any("addmm" in str(event.get("name")) for event in trace["traceEvents"])


def test_a_tracker_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="report_to: wandb is not installed: pip install wandb"):
        Trackers(["wandb"])


def test_trackers_get_the_lines(monkeypatch):
    pytest.importorskip("accelerate")
    sent = []

    class Fake:
        def __init__(self, **how):
            assert how["log_with"] == ["wandb"]

        def init_trackers(self, name, config):
            assert config["steps"] == 4

        def log(self, numbers, step):
            sent.append((step, numbers["loss"]))

        def end_training(self):
            sent.append("end")

    monkeypatch.setattr("accelerate.Accelerator", Fake)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    result = js.fit(toy(), pairs(), settings(report_to=["wandb"]), progress=False)
    assert sent == [*zip(range(1, 5), result.losses, strict=True), "end"]
