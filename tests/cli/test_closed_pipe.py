"""A reader that closes the pipe early ends neither the work nor makes it a failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each starts an interpreter


@pytest.fixture(scope="module")
def closed():
    """Exit code and stderr of `jointspace ...` whose stdout nobody reads, from the first byte on."""
    program = shutil.which("jointspace", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("the jointspace command is not installed beside this interpreter")

    def run(*arguments, cwd=None):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            ran = subprocess.run([program, *map(str, arguments)], stdout=writing, stderr=subprocess.PIPE, text=True,
                                 timeout=120, cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
        finally:
            os.close(writing)
        return ran.returncode, ran.stderr

    return run


@pytest.mark.parametrize("arguments", ["data list", "systems --json", "--help", "--version", "data show emoji"])
def test_quiet_and_no_failure(closed, arguments):
    assert closed(*arguments.split()) == (0, "")


def test_work_goes_on_and_errors_keep_their_code(closed, tmp_path):
    rows = [
        f"where is the {thing},it lies near the {thing} {i}" for i, thing in enumerate("red dog tree car sea".split())
    ]
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    code, said = closed("init", "pairs.csv", cwd=tmp_path)
    assert code == 0 and (tmp_path / "recipe.yaml").is_file(), said
    code, said = closed("train", "nothing.yaml", cwd=tmp_path)
    assert code != 0 and "nothing.yaml" in said and "Traceback" not in said
