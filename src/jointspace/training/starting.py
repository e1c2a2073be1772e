"""Where a run starts from, and when it is refused to start."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from jointspace.data.samplers import source_use
from jointspace.errors import ConfigError, TrainingError
from jointspace.training.callbacks import Callback, Profile, Trackers
from jointspace.training.checkpoints import (
    Checkpoint,
    latest_checkpoint,
    list_checkpoints,
    load_processors,
    sweep_leftovers,
)
from jointspace.training.config import NOT_IN_IDENTITY, TrainingConfig
from jointspace.training.devices import Devices
from jointspace.training.method import Method
from jointspace.training.probes import PROBES
from jointspace.training.run import Run, difference, identity, plain
from jointspace.training.run_folder import RunFolder, read_run, versions
from jointspace.training.seeding import seed_all, set_threads
from jointspace.training.transfer import Origin

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


def check_startable(method: Method, data: Dataset, config: TrainingConfig) -> None:
    """Refuse what could only fail later: missing fields, a batch of one for a contrastive method, too few rows."""
    method.check_fields(data)
    if hasattr(method, "solve"):
        return
    rows = config.micro_batch_size or config.batch_size
    if method.contrastive and config.batch_size == 1:
        name = type(method).__name__
        raise ConfigError(
            f"batch_size: {name} is contrastive; a batch of one has nothing to tell apart and teaches nothing"
        )
    if config.batch_size > len(data):
        raise ConfigError(
            f"batch_size: {config.batch_size} is larger than the data set ({data.name}, {len(data)} rows)"
        )
    if rows > config.batch_size:
        raise ConfigError(f"micro_batch_size: {rows} is larger than batch_size ({config.batch_size})")


def prepare_run(
    method: Method,
    data: Dataset,
    config: TrainingConfig,
    validation: Dataset | None = None,
    callbacks: Sequence[Callback] = (),
    output: str | Path | None = None,
    resume: bool = False,
    init_from: Any = None,
    key_map: Mapping[str, str] | None = None,
    progress: bool = True,
    record: Mapping[str, Any] | None = None,
    optimiser: Sequence[Mapping[str, Any]] = (),
) -> Run:
    """Check everything, build everything, load what the run starts from, open its folder. Arguments as in `fit`;
    `optimiser`: states of an earlier stage's optimisers, by parameter name, to go on with."""
    devices = Devices(config)
    threads = set_threads(config.torch_threads)
    torch.use_deterministic_algorithms(config.full_determinism, warn_only=True)
    say = print_line if progress and devices.main else _silent
    folder = RunFolder(Path(output) if output is not None else None, writes=devices.main)
    check_startable(method, data, config)
    saved = None
    if folder.path is not None and resume:
        saved = own_checkpoint(folder.path, identity(method, data, config), say)
    elif folder.path is not None:
        refuse_overwriting(folder.path, config.overwrite_output)
    devices.wait()  # every process has looked before one of them writes
    if folder.path is not None and devices.main and resume:
        sweep_leftovers(folder.path)
    seed_all(config.seed, "start")
    origin = Origin(init_from) if init_from is not None and saved is None else None
    if saved is not None and saved.folder is not None:
        load_processors(saved.folder, method)
    if origin is not None:
        origin.give_processors(method)
    method.prepare(data)
    transfer = origin.give_weights(method, key_map) if origin is not None else None
    if transfer is not None:
        say(f"init_from: {transfer}")
    every = (*callbacks, *_callbacks_of(config))
    run = Run(method, data, config, devices, folder, validation, every, say)
    for callback in every:
        callback.check(run)
    if saved is not None:
        run.load(saved)
        run.saved_in = str(saved.folder)
        say(f"resumed from {saved.folder}")
    for update, state in zip(run.updates, optimiser if saved is None else (), strict=False):
        update.load(state, strict=False)
    if folder.path is not None and devices.main and not resume and config.overwrite_output:
        clear(folder.path)
    folder.start(
        {
            "method": {"name": type(method).__name__, "config": plain(method.config)},
            "parameters": sum(p.numel() for p in method.parameters()),
            "training": config.to_dict(),
            "steps": run.steps,
            "seed": config.seed,
            "threads": threads,
            "device": str(devices.device),
            "processes": devices.world,
            "versions": versions(),
            "data": describe_data(data),
            "init_from": transfer.to_dict() if transfer is not None else None,
            **(record or {}),
        },
        resumed_at=run.step if resume else None,
    )
    if not run.gradient_free:
        _say_what_is_used(run, say)
    return run


def describe_data(data: Dataset) -> dict[str, Any]:
    """What run.json says of the data."""
    about = {"name": data.name, "rows": len(data), "fields": list(data.fields), "fingerprint": data.fingerprint}
    return about | {"sources": list(data.source_names), "skipped": dict(data.skipped)}


def _say_what_is_used(run: Run, say: Callable[[str], None]) -> None:
    """Shares of the sources, and rows that were left out."""
    if len(run.data.source_names) > 1:
        for use in source_use(run.sampler, run.data, run.steps * run.draws):
            say(str(use))
    for reason, count in run.data.skipped.items():
        say(f"{run.data.name}: {count:,} rows skipped ({reason})")


def _callbacks_of(config: TrainingConfig) -> list[Callback]:
    """The callbacks that the config asks for."""
    found: list[Callback] = [PROBES[name]() for name in config.probes]
    if config.report_to:
        found.append(Trackers(config.report_to))
    if config.profile:
        found.append(Profile(config.profile))
    return found


def print_line(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    pass


def own_checkpoint(output: Path, now: dict[str, Any], say: Any) -> Checkpoint | None:
    """The run's newest whole checkpoint, None where nothing is saved yet; says which torn ones it passed over.

    Raises TrainingError where it belongs to a run of another config.
    """
    saved, wrong = latest_checkpoint(output)
    for line in wrong:
        say(f"passed over {line}")
    if saved is not None:
        refuse_other(saved.state["identity"], now, f"{saved.folder}: is a checkpoint")
    return saved


def refuse_other(then: dict[str, Any], now: dict[str, Any], what: str) -> None:
    """TrainingError where two identities differ, naming the first entry that does."""
    differs = difference(then, json.loads(json.dumps(now)))
    if differs:
        raise TrainingError(f"{what} of another config ({differs}); take its weights with init_from, in another output")


def finished_record(output: Path, method: Method, data: Dataset, config: TrainingConfig) -> dict[str, Any] | None:
    """run.json of a finished run of this very config in `output`; None where it is not finished."""
    record = read_run(output)
    if not record or record.get("status") != "finished" or not (output / "space").is_dir():
        return None
    then = {
        "method": {"name": record["method"]["name"], **record["method"]["config"]},
        "data": record["data"]["fingerprint"],
        "training": {k: v for k, v in record["training"].items() if k not in NOT_IN_IDENTITY},
    }
    refuse_other(then, identity(method, data, config), f"{output}: is a finished run")
    return record


def refuse_overwriting(output: Path, overwrite: bool) -> None:
    """ConfigError where a new run would destroy another one's checkpoints or Space."""
    if output.is_file():
        raise ConfigError(f"output: {output} is a file")
    there = (output / "space").exists() or list_checkpoints(output)
    if there and not overwrite:
        state = (read_run(output) or {}).get("status", "unknown")
        raise ConfigError(
            f"output: {output} holds a run already ({state}); go on with it by --resume, choose another output, or "
            "start anew with training.overwrite_output=true"
        )


def clear(output: Path) -> None:
    """Remove what an earlier run left in its folder: checkpoints, Space, captures, metrics."""
    for pattern in ("checkpoint-*", "failed-step-*", "space"):
        for folder in output.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)
    sweep_leftovers(output)
