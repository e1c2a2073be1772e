"""A wheel installed outside the clone does what the clone does: recipes, results and the emoji travel in it."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


def done(*command, cwd):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"}
    ran = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"{command}\nexit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("building the wheel needs hatchling, which the extra `dev` brings")
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def outside(wheel, tmp_path_factory):
    """A folder with `env`: an environment that has the wheel, and the packages of this one but not its jointspace."""
    folder = tmp_path_factory.mktemp("outside")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(done(python, "-c", where, cwd=folder).strip())
    done(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    here = {sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")}
    (site / "packages.pth").write_text(
        "\n".join(here)
    )  # a path alone: .pth files in it (an editable clone) are not read
    return folder


@pytest.fixture(scope="module")
def jointspace(outside):
    def run(*arguments):
        return done(outside / "env" / "bin" / "jointspace", *arguments, cwd=outside)

    return run


def test_what_the_wheel_holds(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shared = {f"jointspace/_share/{p.relative_to(ROOT)}" for p in (ROOT / "recipes").rglob("*.yaml")}
    shared |= {f"jointspace/_share/results/{p.name}" for p in (ROOT / "results").glob("*.json")}
    assert len(shared) > 3 and not shared - names
    assert {"jointspace/py.typed", "jointspace/systems.csv", "jointspace/data/catalogue.json"} <= names
    assert [n for n in names if n.startswith("jointspace/data/assets/emoji/") and n.endswith(".parquet")]
    assert not [n for n in names if n.startswith(("tests/", "recipes/", "docs/")) or "__pycache__" in n]
    assert wheel.stat().st_size < 12e6


def test_it_is_the_wheel_that_runs(outside):
    code = "import jointspace, jointspace._paths as p; print(jointspace.__file__, p.checkout(), p.shared('recipes'))"
    file, checkout, recipes = done(outside / "env" / "bin" / "python", "-c", code, cwd=outside).split()
    assert file.startswith(str(outside / "env")) and checkout == "None" and recipes.startswith(str(outside / "env"))


def test_systems_reads_the_results_that_travel(jointspace):
    rows = {row["slug"]: row["status"] for row in json.loads(jointspace("systems", "--json"))}
    built = {p.stem: json.loads(p.read_text())["status"] for p in (ROOT / "results").glob("*.json")}
    assert len(rows) == 67 and "align" in built
    assert {slug: rows[slug] for slug in built} == built


def test_init_and_train(jointspace, outside):
    rows = [f"{colour} {thing},{thing} of {colour}" for colour in ("red", "green", "blue") for thing in "abcdefghijkl"]
    (outside / "pairs.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    assert "question" in jointspace("init", "pairs.csv") and (outside / "recipe.yaml").is_file()
    jointspace("train", "recipe.yaml", "--dry-run")
    jointspace("train", "debug", "training.steps=2", "training.save_steps=1", "output=run")
    assert (outside / "run" / "space" / "space.json").is_file()
    assert json.loads((outside / "run" / "run.json").read_text())["status"] == "finished"


def test_demo(jointspace, outside):
    said = jointspace("demo", "--from-scratch", "--steps", 2, "--out", "demo")
    assert "R@10" in said and "jointspace init" in said
    assert {"space", "store", "report.html"} <= {p.name for p in (outside / "demo").iterdir()}
    report = (outside / "demo" / "report.html").read_text()
    assert "data:image/" in report and not re.search(r"(src|href)\s*=\s*[\"']?https?:", report)  # self-contained
