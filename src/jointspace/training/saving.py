"""When a run writes: checkpoints and their rotation, and the capture of a step that failed."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor

from jointspace.errors import TrainingError
from jointspace.training.capture import capture
from jointspace.training.checkpoints import rotate, save_checkpoint
from jointspace.training.method import Batch, Progress
from jointspace.training.run import Run


def save(run: Run) -> None:
    """Write the checkpoint of the step the run stands at, then drop the oldest ones. No-op without an output.

    Raises TrainingError where it cannot be written; the checkpoints before it are whole and still there.
    """
    if run.folder.path is None:
        return
    if run.devices.main:
        folder = run.folder.path / f"checkpoint-{run.step}"
        run.folder.sync()
        save_checkpoint(run.checkpoint(), folder, run.method)
        rotate(run.folder.path, run.config.save_total_limit, keep=run.best_folder)
        run.saved_in = str(folder)
        for callback in run.callbacks:
            callback.on_save(run, folder)
    run.devices.wait()


def stop_with_capture(run: Run, batch: Batch, random: Tensor | None, progress: Progress, what: str) -> NoReturn:
    """Raise TrainingError for a step that is not finite; its batch, weights and random state are kept for `replay`."""
    where = f"; last good checkpoint: {run.saved_in}" if run.saved_in else ""
    if run.folder.path is not None and run.devices.main:
        about = {"training": run.config.to_dict(), "what": what}
        kept = capture(run.folder.path, run.method, batch, random, progress, about)
        if kept is not None:
            where = f"; the step is kept in {kept} (--replay){where}"
            run.saved_in = run.saved_in or str(kept)
    raise TrainingError(f"step {progress.step}: {what}{where}")
