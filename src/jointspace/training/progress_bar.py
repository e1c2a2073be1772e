"""The progress bar of a run, on stderr: loss terms, items/s, time left. Silent where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any


class ProgressBar:
    """`with ProgressBar(name, start, total) as bar: bar.step(...)`. Draws at most eight times a second."""

    def __init__(self, name: str, start: int, total: int, enabled: bool = True):
        self.name, self.start, self.total = name, start, total
        self.enabled = enabled and sys.stderr.isatty()
        self._bar: Any = None
        self._drawn = 0.0

    def __enter__(self) -> ProgressBar:
        if self.enabled:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[terms]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
            self._task = self._bar.add_task(self.name, total=self.total, completed=self.start, terms="", rate="")
            self._bar.start()
        return self

    def step(self, done: int, terms: Mapping[str, float], items_per_second: float) -> None:
        """`done` steps are done; show the terms of the last one."""
        now = time.monotonic()
        if self._bar is None or (now - self._drawn < 0.125 and done < self.total):
            return
        self._drawn = now
        shown = " + ".join(f"{name} {value:.3f}" for name, value in terms.items())
        self._bar.update(self._task, completed=done, terms=shown, rate=f"{items_per_second:,.0f} items/s", refresh=True)

    def say(self, text: str) -> None:
        """A line above the bar (stderr)."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def __exit__(self, *exception: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
