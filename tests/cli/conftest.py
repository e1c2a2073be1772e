"""A trained debug run, made once a session through the command line itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def cli():
    """`cli("train", "debug", ...)` -> completed process; fails the test on another exit code than `code`."""
    program = shutil.which("jointspace", path=str(Path(sys.executable).parent)) or shutil.which("jointspace")
    if program is None:
        pytest.skip("the jointspace command is not installed beside this interpreter")

    def run(*arguments, code=0, cwd=None):
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cwd or ROOT, env=env
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        if code:
            assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def debug_run(cli, tmp_path_factory):
    """Folder of a finished debug run."""
    folder = tmp_path_factory.mktemp("runs") / "debug"
    cli("train", "debug", f"output={folder}")
    return folder
