"""`make same` names the first step and term that differ."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "same.py"


@pytest.fixture(scope="module")
def same():
    spec = importlib.util.spec_from_file_location("same", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_difference(same):
    one = {1: {"loss": 2.0, "a": 1.0}, 2: {"loss": 1.0}}
    assert same.first_difference(one, {k: dict(v) for k, v in one.items()}) is None
    assert same.first_difference(one, {1: {"loss": 2.0, "a": 1.5}, 2: {"loss": 9.0}}) == (1, "a", 1.0, 1.5)
    assert same.first_difference(one, {1: one[1]}) == (2, "loss", 1.0, None)


@pytest.mark.slow
def test_the_working_tree_run_twice_is_equal_to_the_bit(same, tmp_path):
    tree, overrides = SCRIPT.parent.parent, ["training.steps=3", "evaluation=[]"]
    one, two = (same.losses(tree, "debug", overrides, tmp_path / name) for name in "ab")
    assert len(one) == 3 and same.first_difference(one, two) is None


def test_an_unknown_commit_is_one_line(tmp_path):
    done = subprocess.run([sys.executable, str(SCRIPT), "no-such-commit"], capture_output=True, text=True)
    assert done.returncode == 1 and "no-such-commit" in done.stderr and "Traceback" not in done.stderr
