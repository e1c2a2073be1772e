"""What may look at a run while it trains, and stop it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jointspace.errors import ConfigError, MissingDependency, nearest

if TYPE_CHECKING:
    from jointspace.training.run import Run


class Callback:
    """Base: override what you need. `name` keys its state in checkpoints.

    Nothing drawn at random in here changes the run: every step seeds itself.
    """

    name: str = "callback"

    def check(self, run: Run) -> None:
        """Before anything is written: raise ConfigError where this does not fit the run."""

    def on_start(self, run: Run) -> None:
        """Before the first step (of this process: `run.step` is not 0 after a resume)."""

    def on_step(self, run: Run, terms: Mapping[str, float]) -> None:
        """After each step, with its loss terms. `run.stop = "why"` ends the run after this step."""

    def on_log(self, run: Run, line: Mapping[str, Any]) -> None:
        """A line of metrics.jsonl was written."""

    def on_evaluate(self, run: Run, scores: Mapping[str, float]) -> Mapping[str, float] | None:
        """At each evaluation, the evaluated weights in eval mode (`run.evaluated`); returns further scores."""

    def on_save(self, run: Run, folder: Path) -> None:
        """A checkpoint was written."""

    def on_end(self, run: Run) -> None:
        """After the last step, also of a run that failed."""

    def state(self) -> dict[str, Any]:
        """JSON-able state for checkpoints."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""


class Trackers(Callback):
    """Sends metrics to TensorBoard, Weights & Biases or MLflow through accelerate's trackers."""

    name = "trackers"
    KNOWN = ("tensorboard", "wandb", "mlflow")

    def __init__(self, report_to: Sequence[str]):
        for tracker in report_to:
            if tracker not in self.KNOWN:
                raise ConfigError(f"report_to: no tracker is called {tracker!r}{nearest(tracker, self.KNOWN)}")
            if importlib.util.find_spec(tracker) is None:
                raise MissingDependency(f"report_to: {tracker} is not installed: pip install {tracker}")
        self.report_to = list(report_to)
        self._accelerator: Any = None

    def on_start(self, run: Run) -> None:
        from accelerate import Accelerator
        from accelerate.utils import ProjectConfiguration

        folder = str(run.folder.path or Path("."))
        project = ProjectConfiguration(project_dir=folder, logging_dir=str(Path(folder) / "logs"))
        self._accelerator = Accelerator(log_with=self.report_to, project_config=project)
        flat = {k: v if isinstance(v, int | float | str | bool) else str(v) for k, v in run.config.to_dict().items()}
        self._accelerator.init_trackers(Path(folder).resolve().name, config=flat)

    def on_log(self, run: Run, line: Mapping[str, Any]) -> None:
        numbers = {k: v for k, v in line.items() if isinstance(v, int | float) and k != "step"}
        self._accelerator.log(numbers, step=line["step"])

    def on_end(self, run: Run) -> None:
        if self._accelerator is not None:
            self._accelerator.end_training()


class Profile(Callback):
    """Traces so many steps, from the third of this process on, into `profile.json` of the run's folder."""

    name = "profile"

    def __init__(self, steps: int):
        self.steps = steps
        self._seen = 0
        self._profiler: Any = None

    def on_step(self, run: Run, terms: Mapping[str, float]) -> None:
        from torch.profiler import ProfilerActivity, profile

        self._seen += 1
        if self._seen == 2:
            cuda = [ProfilerActivity.CUDA] if run.devices.device.type == "cuda" else []
            self._profiler = profile(activities=[ProfilerActivity.CPU, *cuda])
            self._profiler.__enter__()
        elif self._seen == 2 + self.steps:
            self._write(run)

    def on_end(self, run: Run) -> None:
        self._write(run)

    def _write(self, run: Run) -> None:
        if self._profiler is not None:
            self._profiler.__exit__(None, None, None)
            if run.folder.path is not None and run.devices.main:
                self._profiler.export_chrome_trace(str(run.folder.path / "profile.json"))
                table = self._profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=15)
                run.say(table)
            self._profiler = None
