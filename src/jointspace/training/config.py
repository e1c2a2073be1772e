"""The fields of a training run; torch-free. Names are those of Hugging Face's `TrainingArguments`, except `steps`
(max_steps) and `batch_size` (the global contrastive batch)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import field
from functools import wraps
from typing import Any, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError
from pydantic.dataclasses import dataclass

from jointspace.errors import ConfigError, nearest

# What `optim` and `lr_scheduler_type` may be; the registries in optimisers.py and schedules.py have the same names.
OPTIMISERS = ("adamw", "lamb", "sgd", "adagrad", "rowwise_adam")
SCHEDULES = ("constant", "linear", "cosine")
TRAINABLE = ("full", "head", "lora")

# Fields that cannot change the weights: a run may be resumed with other values of these.
NOT_IN_IDENTITY = (
    "dataloader_num_workers",
    "logging_steps",
    "save_steps",
    "save_total_limit",
    "report_to",
    "profile",
    "overwrite_output",
)


def one_line_errors(cls: type) -> type:
    """Class decorator: a field of a wrong type or an unknown field is a ConfigError of one line that names it."""
    make: Callable[..., None] = cls.__init__  # type: ignore[misc]

    @wraps(make)
    def __init__(self: Any, *args: Any, **fields: Any) -> None:
        try:
            make(self, *args, **fields)
        except ValidationError as error:
            raise ConfigError(f"{cls.__name__}: {_first_problem(error, cls)}") from None

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def _first_problem(error: ValidationError, cls: type) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        owner = cls if len(first["loc"]) == 1 else ParameterGroup  # the one table among the fields
        return f"unknown field {name!r}{nearest(str(first['loc'][-1]), [f.name for f in dataclasses.fields(owner)])}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}, got {first['input']!r}" if name else message


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class ParameterGroup:
    """Parameters whose names match `params` (re.search); the first group that matches a parameter has it."""

    params: str  # regular expression over names such as `image_encoder.layers.0.weight`
    lr_factor: NonNegativeFloat = 1.0  # x learning_rate; 0 = never moves
    weight_decay: NonNegativeFloat | None = None  # None = the run's; tensors below 2-d still get none
    freeze_until: float = Field(default=0.0, ge=0.0, le=1.0)  # share of the run during which they stay as they are
    optional: bool = False  # True = may match no parameter (a temperature that some variants do not learn)


@one_line_errors
@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class TrainingConfig:
    """How a method is trained. Unknown fields are refused."""

    # How long: steps, or epochs, or neither (one epoch)
    steps: PositiveInt | None = None  # optimiser steps
    epochs: PositiveInt | None = None  # passes over the training rows (last incomplete batch dropped)

    # Batches
    batch_size: PositiveInt = 64  # rows a contrastive batch, over all processes
    micro_batch_size: PositiveInt | None = None  # rows embedded at a time (gradient cache); None = the whole batch
    gradient_accumulation_steps: PositiveInt = 1  # batches whose gradients are averaged into one step
    batches: str | dict[str, Any] | None = (
        None  # kind of batch, e.g. {name: unique, fields: [text]}; None = the method's
    )
    augment: dict[str, list[str | dict[str, Any]]] | None = None  # field or modality -> augmentations, in order
    dataloader_num_workers: NonNegativeInt = 0  # processes that decode; 0 = in this one. Never changes the result

    # Optimiser
    optim: str = "adamw"  # one of OPTIMISERS
    learning_rate: NonNegativeFloat = 1e-4  # at the top of the schedule
    weight_decay: NonNegativeFloat = 0.01  # on tensors of two and more dimensions only
    optim_args: dict[str, Any] = field(default_factory=dict)  # further ones, e.g. {betas: [0.9, 0.98], eps: 1e-6}
    max_grad_norm: PositiveFloat | None = 1.0  # gradients are scaled down to this norm; None = never
    layer_lr_decay: float = Field(default=1.0, gt=0.0, le=1.0)  # rate of a layer = this x the rate of the layer above
    parameter_groups: list[ParameterGroup] = field(default_factory=list)  # other rates or decay by name
    trainable: str = "full"  # full, head (encoders frozen), lora, or a regular expression over parameter names
    lora: dict[str, Any] = field(default_factory=dict)  # with trainable=lora: {pattern, rank, alpha, dropout}

    # Schedule of the rate
    lr_scheduler_type: str = "linear"  # after the warm-up: one of SCHEDULES
    warmup_steps: NonNegativeInt = 0  # linear from 0
    warmup_ratio: float = Field(default=0.0, ge=0.0, le=1.0)  # the same as a share of the steps
    min_lr_ratio: float = Field(default=0.0, ge=0.0, le=1.0)  # where linear and cosine end, x learning_rate

    # Weights that are evaluated
    ema_decay: float | None = Field(default=None, ge=0.0, lt=1.0)  # moving average of the weights; None = none

    # Machine
    device: str | None = None  # cpu, cuda, mps; None = the best there is
    bf16: bool = False  # bfloat16 autocast
    fp16: bool = False  # float16 autocast with loss scaling (accelerators only)
    torch_threads: PositiveInt | None = None  # CPU threads; None = torch's choice. Recorded in run.json
    full_determinism: bool = False  # deterministic kernels where torch has them (slower)

    # Randomness
    seed: int = 0  # order of data, augmentation, dropout

    # Logging, evaluating, saving (in steps)
    logging_steps: PositiveInt = 10  # means of the loss terms since the last line
    eval_steps: PositiveInt | None = None  # validation loss, scores and probes; None = at the end only
    save_steps: NonNegativeInt = 500  # checkpoints; 0 = at the end only
    save_total_limit: PositiveInt | None = 2  # older checkpoints go; the best one stays. None = keep all
    report_to: list[str] = field(default_factory=list)  # tensorboard, wandb, mlflow; metrics.jsonl is always written
    probes: list[Literal["knn", "geometry", "collapse"]] = field(default_factory=list)  # of validation rows
    profile: NonNegativeInt = 0  # so many steps are traced into profile.json
    overwrite_output: bool = False  # start anew where the output folder holds a run already

    # Stopping and choosing by a validation score
    metric_for_best_model: str | None = None  # a score of the evaluation, or validation_loss
    greater_is_better: bool | None = None  # None = yes, except for names that end in loss
    load_best_model_at_end: bool = False  # the Space has the weights of the best evaluation
    early_stopping_patience: PositiveInt | None = None  # stop after so many evaluations without improvement
    early_stopping_threshold: NonNegativeFloat = 0.0  # least improvement that counts

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise ConfigError("steps and epochs are both given; leave one out")
        if self.optim not in OPTIMISERS:
            raise ConfigError(f"optim: no optimiser is called {self.optim!r}{nearest(self.optim, OPTIMISERS)}")
        if self.lr_scheduler_type not in SCHEDULES:
            raise ConfigError(
                f"lr_scheduler_type: no schedule is called {self.lr_scheduler_type!r}"
                f"{nearest(self.lr_scheduler_type, SCHEDULES)}"
            )
        if self.warmup_steps and self.warmup_ratio:
            raise ConfigError("warmup_steps and warmup_ratio are both given; leave one out")
        if self.bf16 and self.fp16:
            raise ConfigError("bf16 and fp16 are both set; leave one out")
        for name, pattern in [("trainable", self.trainable)] + [
            ("parameter_groups", g.params) for g in self.parameter_groups
        ]:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"{name}: {pattern!r} is no regular expression: {error}") from None
        if self.lora and self.trainable != "lora":
            raise ConfigError("lora: has no effect unless trainable is lora")
        wants_best = self.load_best_model_at_end or self.early_stopping_patience is not None
        if wants_best and self.metric_for_best_model is None:
            raise ConfigError("metric_for_best_model: must name the score that early stopping or the best model go by")

    @property
    def better_is_greater(self) -> bool:
        """Direction of `metric_for_best_model`."""
        if self.greater_is_better is not None:
            return self.greater_is_better
        return not (self.metric_for_best_model or "").endswith("loss")

    def total_steps(self, batches_per_epoch: int) -> int:
        """Optimiser steps of the run, for data that give so many batches an epoch."""
        if self.steps is not None:
            return self.steps
        return max(1, (self.epochs or 1) * batches_per_epoch // self.gradient_accumulation_steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form of every field."""
        return dataclasses.asdict(self)

    def identity(self) -> dict[str, Any]:
        """The fields that decide the weights: what a resumed run must have unchanged."""
        return {name: value for name, value in self.to_dict().items() if name not in NOT_IN_IDENTITY}
