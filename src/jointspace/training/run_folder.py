"""The folder of a run, without torch: `run.json`, `metrics.jsonl`, where checkpoints and the Space lie.

run.json             resolved config, versions, seed, threads, data, scores, status, resumed_from
metrics.jsonl        a line a log, evaluation and end
recipe.yaml          the resolved recipe, where the run came from one
checkpoint-<step>/   what `resume` goes on from
space/               the learnt Space
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from jointspace import __version__
from jointspace.errors import TrainingError

PACKAGES = ("torch", "transformers", "accelerate", "safetensors", "numpy", "tokenizers")
TIMING = ("seconds", "items_per_second", "waited")  # entries of metrics.jsonl that differ from run to run


def versions() -> dict[str, str]:
    """Versions of everything that can change the numbers."""
    found = {"jointspace": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def finite(value: Any) -> Any:
    """The value with NaN and infinities as null: JSON has neither."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Write beside, flush to disk, rename: `path` holds the old text or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder outlast a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class RunFolder:
    """Writes `run.json` and `metrics.jsonl` of one run. `path` None, or not `writes` (a process that is not the main
    one): keeps them in memory.

    `record` is the content of run.json; `history` the lines of metrics.jsonl so far.
    """

    def __init__(self, path: Path | None, writes: bool = True):
        self.path, self.writes = path, writes
        self.record: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self._file: Any = None

    def start(self, record: Mapping[str, Any], resumed_at: int | None) -> None:
        """Begin a run, or go on with it at a step: lines after that step are dropped, its beginning is kept."""
        before = read_run(self.path) if self.path is not None and resumed_at is not None else None
        self.record = {"status": "running", "started": _now(), **record, "resumed_from": [], "scores": {}}
        if before:
            self.record["started"] = before.get("started", self.record["started"])
            self.record["resumed_from"] = list(before.get("resumed_from", []))
            self.record["seconds_before"] = before.get("seconds", 0.0) + before.get("seconds_before", 0.0)
        if resumed_at is not None:
            self.record["resumed_from"].append(resumed_at)
        if self.path is None:
            return
        if resumed_at:
            self.history = [line for line in read_metrics(self.path) if line.get("step", 0) <= resumed_at]
        if not self.writes:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in self.history))
        self._file = open(self.path / "metrics.jsonl", "a", encoding="utf-8")
        if "recipe" in self.record:
            import yaml

            recipe = yaml.safe_dump(self.record["recipe"], sort_keys=False, allow_unicode=True)
            write_text(self.path / "recipe.yaml", recipe)
        self.write()

    def write(self, **changes: Any) -> None:
        """Change entries of run.json and write it."""
        self.record.update(changes)
        if self.path is not None and self.writes:
            text = json.dumps(finite(self.record), indent=2, ensure_ascii=False, default=str)
            write_text(self.path / "run.json", text + "\n")

    def log(self, line: dict[str, Any]) -> None:
        """Append a line of metrics."""
        self.history.append(line)
        if self._file is not None:
            self._file.write(json.dumps(finite(line), default=float) + "\n")
            self._file.flush()

    def sync(self) -> None:
        """Metrics so far are on the disk (called before a checkpoint)."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        """Remove what a run that never made a step has written, the folder too where nothing else is in it."""
        self.close()
        if self.path is not None and self.writes:
            for name in ("run.json", "metrics.jsonl", "recipe.yaml"):
                (self.path / name).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def update_run(folder: Path, **changes: Any) -> None:
    """Change entries of a run's run.json after the run (scores that were measured later). No-op without one."""
    record = read_run(folder)
    if record is not None:
        text = json.dumps(finite({**record, **changes}), indent=2, ensure_ascii=False, default=str)
        write_text(folder / "run.json", text + "\n")


def read_run(folder: Path) -> dict[str, Any] | None:
    """Content of run.json, None where there is none. Raises TrainingError for one that is not JSON."""
    path = folder / "run.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: not readable as JSON ({str(error).splitlines()[0]})") from None
    return content if isinstance(content, dict) else None


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl up to the first one that is torn."""
    lines = []
    try:
        text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def find_runs(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, run.json) of every run at or below `root`, newest first; unreadable ones are left out."""
    found = []
    for path in root.rglob("run.json"):
        try:
            record = read_run(path.parent)
        except TrainingError:
            continue
        if record and "status" in record:
            found.append((path.parent, record))
    yield from sorted(found, key=lambda pair: str(pair[1].get("started", "")), reverse=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
