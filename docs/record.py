"""Run the snippets of the docs as a reader would, and record what they print.

    python docs/record.py                 # all, into docs/snippets/output/
    python docs/record.py train search    # only these (and what they stand on)

The pages show scripts and recorded output; tests/docs runs the same scripts through `run`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SNIPPETS = Path(__file__).resolve().parent / "snippets"
OUTPUT = SNIPPETS / "output"
FILES = (  # what lies in the reader's folder
    "pairs.csv",
    "my_method.py",
    "my_method.yaml",
    "airports.csv",
    "airports_new.csv",
    "flights.csv",
    "flights_later.csv",
    "graph.yaml",
    "customers.csv",
    "tables.yaml",
)
NEEDS = {  # snippet -> those that must have run before; all others stand alone
    "encode.sh": ["start.sh"],
    "evaluate.sh": ["start.sh"],
    "compare.sh": ["start.sh"],
    "compress.sh": ["clicks.py"],
    "index.sh": ["start.sh"],
    "search.sh": ["start.sh"],
    "search_image.sh": ["start.sh"],
    "runs.sh": ["start.sh"],
    "text_pairs.sh": ["start.sh"],
    "text_pairs.py": ["start.sh"],
    "graph_python.py": ["graph.sh"],
    "tables_python.py": ["tables.sh"],
}
SHELL = set("|<>;&$`*")  # a line with one of these goes to bash, a plain `jointspace ...` line stays in this process


def snippets() -> list[str]:
    """Names of all snippets that can be run, in order."""
    helpers = {name for name in FILES if name.endswith(".py")}
    return sorted(p.name for p in SNIPPETS.iterdir() if p.suffix in (".sh", ".py") and p.name not in helpers)


def prepare(folder: Path) -> None:
    """Put the reader's own files into the folder."""
    for name in FILES:
        shutil.copy(SNIPPETS / name, folder / name)


def commands(script: str) -> list[str]:
    """The commands of a shell script, continued lines joined, comments left out."""
    joined = script.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def run(name: str, folder: Path) -> str:
    """Run a snippet in `folder`. Returns what it prints (stdout; `$ command` before each command of a shell script).

    Raises AssertionError with the command and its messages where a command fails.
    """
    path = SNIPPETS / name
    if path.suffix == ".py":
        return _in_process(lambda: runpy.run_path(str(path), run_name="__main__"), folder, f"python {name}")
    said = []
    for command in commands(path.read_text(encoding="utf-8")):
        said.append(f"$ {command}\n{_command(command, folder)}")
    return "\n".join(said)


def _command(command: str, folder: Path) -> str:
    if command.startswith("jointspace ") and not SHELL & set(command):
        import shlex

        from jointspace.cli import main

        return _in_process(main, folder, command, shlex.split(command))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _in_process(call, folder: Path, command: str, argv: list[str] | None = None) -> str:
    before, argv_before, path_before = Path.cwd(), sys.argv, list(sys.path)
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        os.chdir(folder)
        sys.argv = argv or [command]
        sys.path.insert(0, str(folder))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            call()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.chdir(before)
        sys.argv, sys.path[:] = argv_before, path_before
    assert code == 0, f"{command}\nexit code {code}\n{out.getvalue()}{err.getvalue()}"
    return out.getvalue()


def tidy(text: str) -> str:
    """Output without trailing blanks and without the build of the kernel it was made on."""
    text = re.sub(r"platform Linux-\S+-(x86_64|aarch64)-\S+,", r"platform Linux-\1,", text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="snippets, with or without suffix; default: all")
    chosen = parser.parse_args().names
    wanted = [name for name in snippets() if not chosen or name in chosen or name.rpartition(".")[0] in chosen]
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "work"
        folder.mkdir()
        prepare(folder)
        done: set[str] = set()
        for name in wanted:
            for needed in [n for n in NEEDS.get(name, []) if n not in done] + [name]:
                if needed in done:
                    continue
                text = run(needed, folder)
                done.add(needed)
                if needed in wanted:
                    (OUTPUT / f"{needed}.txt").write_text(tidy(text), encoding="utf-8")
                    print(needed, file=sys.stderr)


if __name__ == "__main__":
    main()
