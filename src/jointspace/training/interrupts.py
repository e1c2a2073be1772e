"""Ctrl-C and SIGTERM: the step at hand is finished and saved first."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from jointspace.errors import JointspaceError


class Interrupted(JointspaceError):
    """A run was asked to stop (Ctrl-C, SIGTERM) and has saved what it had; the message says how to go on."""

    exit_code = 130


class Interrupts:
    """Inside, the first SIGINT or SIGTERM only sets `received`; a second one interrupts at once, as usual."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {sig: signal.signal(sig, self._note) for sig in self.SIGNALS}
        return self

    def __exit__(self, *exception: Any) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for sig, handler in self._before.items():
            signal.signal(sig, handler)
        self._before = {}

    def error(self, step: int, steps: int, saved: str | None) -> Interrupted:
        """What to raise once the step is saved."""
        how = (
            f"saved in {saved}; go on with --resume (resume=True)" if saved else "nothing saved, since no output is set"
        )
        error = Interrupted(f"stopped after step {step} of {steps}: {how}")
        error.exit_code = 128 + int(self.received or signal.SIGINT)
        return error
