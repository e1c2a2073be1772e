"""What a run would be, without running it: everything built, one forward and backward, nothing written."""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jointspace.training.config import TrainingConfig
from jointspace.training.loop import backward
from jointspace.training.method import Method
from jointspace.training.seeding import seed_all
from jointspace.training.starting import prepare_run

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


def dry_run(
    method: Method, data: Dataset, config: TrainingConfig | None = None, *, validation: Dataset | None = None
) -> dict[str, Any]:
    """Sizes and times of a run, as a JSON-able table; no weight moves and no file is written.

    steps, epochs, batches_per_epoch; parameters, learning (parameters that learn); batch: field -> shape; terms: loss
    terms of the first batch; seconds_a_step (forward and backward of the second of two equal steps) and minutes (of
    the whole run); memory_mb (most that this process has held); checkpoint_mb and disk_mb (all checkpoints kept).

    Raises what `fit` raises before its first step.
    """
    config = config or TrainingConfig()
    run = prepare_run(method, data, config, validation, progress=False)
    about: dict[str, Any] = {"method": type(method).__name__, "data": f"{data.name}, {len(data):,} rows"}
    about["parameters"] = sum(p.numel() for p in method.parameters())
    if run.gradient_free:
        return about
    about["learning"] = sum(p.numel() for update in run.updates for p in update.params)
    about |= {"steps": run.steps, "epochs": run.progress.epochs, "batches_per_epoch": run.sampler.steps_per_epoch}
    run.open_batches()
    began = time.perf_counter()
    batch = run.next_batch("train")
    loading = time.perf_counter() - began
    seconds = 0.0
    update = run.updates[0]
    for _ in range(2):
        seed_all(config.seed, "step", 0, run.devices.rank)
        method.zero_grad(set_to_none=True)
        method.before_step(run.progress)
        began = time.perf_counter()
        terms = backward(run, update, batch, run.progress, 1.0)
        if run.devices.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    method.zero_grad(set_to_none=True)
    updates = sum(u.phase.times for u in run.updates) * config.gradient_accumulation_steps
    states = {"adamw": 2, "lamb": 2, "rowwise_adam": 2, "adagrad": 1, "sgd": 0}[config.optim]
    held = sum(p.numel() * p.element_size() for p in method.state_dict().values())
    learning = sum(p.numel() * p.element_size() for u in run.updates for p in u.params)
    checkpoint = held * (1 + (run.ema is not None)) + states * learning
    about |= {
        "batch": {n: list(v.shape) if isinstance(v, Tensor) else type(v).__name__ for n, v in batch.items()},
        "terms": terms,
        "seconds_a_step": round(seconds * updates, 4),
        "seconds_to_load_a_batch": round(loading, 4),
        "minutes": round((seconds * updates + loading) * run.steps / 60, 2),
        "device": str(run.devices.device),
        "threads": torch.get_num_threads(),
        "memory_mb": round(_peak_memory(run.devices.device) / 2**20),
        "checkpoint_mb": round(checkpoint / 2**20, 1),
        "disk_mb": round((checkpoint * (config.save_total_limit or _saves(config, run.steps)) + held) / 2**20, 1),
    }
    return about


def _saves(config: TrainingConfig, steps: int) -> int:
    return 1 + (steps - 1) // config.save_steps if config.save_steps else 1


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
