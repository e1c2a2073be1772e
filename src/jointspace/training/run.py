"""A run made ready: method, data, batches, updates and counters, all of whose state is one checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from jointspace.data.augment import build_augmentations
from jointspace.data.collate import Collator
from jointspace.data.loader import Loader
from jointspace.data.samplers import Sampler, batch_spec, build_sampler
from jointspace.errors import ConfigError, TrainingError
from jointspace.nn.ema import EMA
from jointspace.training.callbacks import Callback
from jointspace.training.checkpoints import Checkpoint, load_state
from jointspace.training.config import TrainingConfig
from jointspace.training.devices import Devices
from jointspace.training.early_stopping import BestScore
from jointspace.training.frozen import frozen_fingerprints, learnt_state, train_mode
from jointspace.training.gradient_cache import check_cacheable
from jointspace.training.groups import set_trainable
from jointspace.training.method import Batch, Method, Progress
from jointspace.training.phases import Update, build_updates, draws_per_step
from jointspace.training.run_folder import RunFolder
from jointspace.training.sweep import make_encode_all

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


class Run:
    """What a step, a callback and a checkpoint need. `step`: optimiser steps done; `stop`: a reason to end early."""

    def __init__(
        self,
        method: Method,
        data: Dataset,
        config: TrainingConfig,
        devices: Devices,
        folder: RunFolder,
        validation: Dataset | None = None,
        callbacks: tuple[Callback, ...] = (),
        say: Callable[[str], None] = print,
    ):
        self.method, self.data, self.config, self.devices, self.folder = method, data, config, devices, folder
        self.validation, self.callbacks = validation, callbacks
        self.fields = fields_of(method, data)
        self.step = 0
        self.stop: str | None = None
        self.gradient_free = hasattr(method, "solve")
        self.sums: dict[str, float] = {}  # of loss terms since the last log
        self.counts: dict[str, int] = {}
        self.best = BestScore(config)
        self.best_weights: dict[str, Tensor] | None = None  # of runs without an output folder
        self.scores: dict[str, float] = {}  # of the last evaluation
        self.saved_in: str | None = None  # the last checkpoint
        self.say: Any = say
        method.to(devices.device)
        self.learnt_before = {name: p.requires_grad for name, p in method.named_parameters()}
        self.still = list(method.frozen)
        self.updates: list[Update] = []
        self.ema: EMA | None = None
        self.loader: Loader | None = None
        if self.gradient_free:
            self.steps = self.draws = 0
            return
        self.still = set_trainable(method, config)
        train_mode(method, self.still)
        if config.micro_batch_size is not None:
            check_cacheable(method)
        self.updates = build_updates(method, config)
        self.model = devices.wrap(method, len(self.updates) > 1)
        if config.ema_decay is not None:
            self.ema = EMA(method, config.ema_decay)
        self._build_batches()

    # Batches -----------------------------------------------------------------------------------------------------

    def _build_batches(self) -> None:
        config, accumulation = self.config, self.config.gradient_accumulation_steps
        self.sampler = self._sampler(self.data, "train")
        self.draws = draws_per_step(self.updates, accumulation, "train")
        self.validation_draws = draws_per_step(self.updates, accumulation, "validation")
        if self.draws == 0:
            raise ConfigError(f"{type(self.method).__name__}: no phase takes its batches from the training rows")
        if self.validation_draws and self.validation is None:
            raise ConfigError(
                f"{type(self.method).__name__}: a phase learns from validation rows; give validation data"
            )
        if self.sampler.spec.table and self.sampler.steps_per_epoch % self.draws:
            raise ConfigError(
                f"batches {self.sampler.spec.name!r}: an epoch of {self.sampler.steps_per_epoch} batches must be whole "
                f"steps of {self.draws} batches"
            )
        self.steps = config.total_steps(self.sampler.steps_per_epoch)
        self._streams: dict[str, Iterator[Batch]] = {}

    def _sampler(self, data: Dataset, use: str) -> Sampler:
        spec, wanted = self.config.batches, self.method.batches
        if spec is not None and wanted is not None and not batch_spec(spec).satisfies(batch_spec(wanted)):
            name = type(self.method).__name__
            raise ConfigError(
                f"batches: {name} needs {batch_spec(wanted).describe()}, not {batch_spec(spec).describe()}"
            )
        seed = self.config.seed if use == "train" else self.config.seed + 1
        return build_sampler(
            spec if spec is not None else wanted,
            data,
            self.config.batch_size,
            seed,
            self.devices.rank,
            self.devices.world,
        )

    def collator(self, data: Dataset, train: bool) -> Collator:
        """The method's collator over some data: augmented and with values drawn in training, plain otherwise."""
        return Collator(
            data,
            self.method.processors(),
            fields_of(self.method, data),
            seed=self.config.seed,
            augment=build_augmentations(self.config.augment) if train else None,
            views=self.method.views,
            train=train,
        )

    def open_batches(self) -> None:
        """Begin to load, from the step that the run stands at."""
        self.loader = self._loader(self.sampler, self.collator(self.data, train=True), self.draws)
        self._streams = {"train": iter(self.loader)}
        if self.validation_draws:
            assert self.validation is not None
            sampler = self._sampler(self.validation, "validation")
            loader = self._loader(sampler, self.collator(self.validation, train=False), self.validation_draws)
            self._streams["validation"] = iter(loader)

    def _loader(self, sampler: Sampler, collator: Collator, draws: int) -> Loader:
        return Loader(
            sampler,
            collator,
            start_step=self.step * draws,
            steps=self.steps * draws,
            workers=self.config.dataloader_num_workers,
            device=self.devices.device,
        )

    def next_batch(self, source: str) -> Batch:
        """The next batch of `train` or `validation`."""
        return next(self._streams[source])

    # Where the run stands ----------------------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        first, per_epoch = self.step * self.draws, self.sampler.steps_per_epoch
        epochs = -(-self.steps * self.draws // per_epoch)
        return Progress(self.step, self.steps, epoch=min(first // per_epoch, epochs - 1), epochs=epochs)

    @property
    def starts_epoch(self) -> bool:
        """True where the step at hand is the first of an epoch."""
        first, per_epoch = self.step * self.draws, self.sampler.steps_per_epoch
        return self.step == 0 or first // per_epoch != (first - self.draws) // per_epoch

    @property
    def evaluated(self) -> Method:
        """The weights that are evaluated: the moving average where there is one."""
        return self.ema.module if self.ema is not None else self.method  # type: ignore[return-value]

    @property
    def best_folder(self) -> Path | None:
        """The checkpoint with the best weights, where they are to be kept."""
        if not self.config.load_best_model_at_end or self.best.step is None or self.folder.path is None:
            return None
        return self.folder.path / f"checkpoint-{self.best.step}"

    def log(self, values: Mapping[str, float], **timing: float) -> None:
        """Append a line of metrics for the step the run stands at."""
        epoch = self.step * self.draws / self.sampler.steps_per_epoch if self.draws else 0.0
        line = {"step": self.step, "epoch": epoch, **values, **timing}
        self.folder.log(line)
        for callback in self.callbacks:
            callback.on_log(self, line)

    def begin_epoch(self) -> None:
        """The method's pass over the whole set, where it has one."""
        if type(self.method).before_epoch is Method.before_epoch:
            return
        plain = self.collator(self.data, train=False)
        encode_all = make_encode_all(self.method, plain, len(self.data), self.config.batch_size, self.devices)
        table = self.method.before_epoch(self.progress, encode_all)
        if table is not None:
            self.sampler.set_table(table.cpu().numpy() if isinstance(table, Tensor) else table)

    # All state is one checkpoint ---------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything that a resumed run needs, as it is now (tensors are shared, not copied)."""
        tensors = {f"method/{name}": t for name, t in learnt_state(self.method).items()}
        for number, update in enumerate(self.updates):
            tensors |= {f"optimiser/{number}/{name}": t for name, t in update.state().items()}
        if self.ema is not None:
            tensors |= {f"ema/{name}": t for name, t in learnt_state(self.evaluated).items()}
        order = self.sampler.state_dict()
        if "table" in order:
            tensors["sampler/table"] = torch.from_numpy(order.pop("table"))
        state = {
            "identity": identity(self.method, self.data, self.config),
            "frozen": frozen_fingerprints(self.method),
            "sampler": order,
            "sums": self.sums,
            "counts": self.counts,
            "scores": self.scores,
            "stop": self.stop,
            "best": self.best.state(),
            "scaler": self.devices.scaler.state_dict() if self.devices.scaler else None,
            "callbacks": {callback.name: callback.state() for callback in self.callbacks},
        }
        return Checkpoint(self.step, tensors, state)

    def load(self, saved: Checkpoint) -> None:
        """Take up a checkpoint of this very run. Raises TrainingError, ConfigError where something does not fit."""
        where = str(saved.folder)
        frozen = frozen_fingerprints(self.method)
        if frozen != saved.state["frozen"]:
            raise TrainingError(f"{where}: the frozen modules {', '.join(frozen)} have other weights than then")
        load_state(self.method, saved.part("method/"), where)
        for number, update in enumerate(self.updates):
            update.load(saved.part(f"optimiser/{number}/"))
        if self.ema is not None:
            load_state(self.evaluated, saved.part("ema/"), where)
        order = dict(saved.state["sampler"])
        if "sampler/table" in saved.tensors:
            order["table"] = saved.tensors["sampler/table"].numpy()
        self.sampler.load_state_dict(order)
        if self.devices.scaler and saved.state["scaler"]:
            self.devices.scaler.load_state_dict(saved.state["scaler"])
        self.sums, self.counts = dict(saved.state["sums"]), dict(saved.state["counts"])
        self.scores, self.stop = dict(saved.state["scores"]), saved.state["stop"]
        self.best.load(saved.state["best"])
        for callback in self.callbacks:
            callback.load(saved.state["callbacks"].get(callback.name, {}))
        self.step = saved.step


def fields_of(method: Method, data: Dataset) -> list[str]:
    """The fields that are collated: what the method needs, and what it can use of what the data has."""
    return [*method.fields, *(f for f in method.optional_fields if f in data.fields and f not in method.fields)]


def identity(method: Method, data: Dataset, config: TrainingConfig) -> dict[str, Any]:
    """What must be unchanged for a run to be resumed: method, data and every field that decides the weights."""
    return {
        "method": {"name": type(method).__name__, **plain(method.config)},
        "data": data.fingerprint,
        "training": config.identity(),
    }


def plain(config: Any) -> dict[str, Any]:
    """A method's config in JSON form."""
    if dataclasses.is_dataclass(config):
        return TypeAdapter(type(config)).dump_python(config, mode="json")
    return {} if config is None else {"config": config if isinstance(config, Mapping) else repr(config)}


def difference(then: Any, now: Any, name: str = "") -> str | None:
    """The first entry in which two identities differ, in words; None where they are equal."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*now, *(k for k in then if k not in now)]:
            found = difference(then.get(key), now.get(key), f"{name}.{key}" if name else str(key))
            if found:
                return found
        return None
    if isinstance(then, list | tuple) and isinstance(now, list | tuple) and list(then) == list(now):
        return None
    return None if then == now else f"{name} was {then!r}, is {now!r}"
