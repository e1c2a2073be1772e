"""Where the benchmarks write what they measured: each its own section of README.md, beside this file."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

README = Path(__file__).with_name("README.md")
HEAD = """# Benchmarks

Each script prints what it measures, and with `--write` replaces its own section below; no number here is typed by hand.
Timings are of the machine that a section names, and of nothing else: run a script yourself before you compare.
"""


def machine(threads: int) -> str:
    """One line: processor, cores, threads used, load of others at this moment, versions."""
    import numpy
    import torch

    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    return (
        f"{processor}, {os.cpu_count()} cores, {threads} thread{'s' * (threads != 1)}; load average {LOAD:.1f} when it "
        f"began (other programs: the machine is shared); torch {torch.__version__}, numpy {numpy.__version__}"
    )


LOAD = os.getloadavg()[0]  # of the minute before: when a script is imported, it has done nothing yet


def write(name: str, about: str, head: Sequence[str], rows: Iterable[Sequence[object]], threads: int) -> None:
    """Replace the section `name` of README.md by a table, or add it at the end."""
    lines = ["| " + " | ".join(map(str, line)) + " |" for line in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    table = "\n".join(lines)
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    section = f"{begin}\n## `{name}.py`\n\n{about}\n\n{machine(threads)}.\n\n{table}\n{end}"
    text = README.read_text(encoding="utf-8") if README.is_file() else HEAD
    if begin in text:
        before, rest = text.split(begin, 1)
        text = before + section + rest.split(end, 1)[1]
    else:
        text = f"{text}\n{section}\n"
    README.write_text(text, encoding="utf-8")
