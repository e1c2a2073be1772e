"""Self Positioning: find by gradient where between several fine-tunes of one base the best common model lies.

"Improving General Text Embedding Model: Tackling Task Conflict and Data Imbalance through Model Merging", Li et al.,
2024, arXiv 2410.15035. N weights a_i and a length lambda are learnt on a small balanced probe set; the model is
theta_0 + lambda * SLERP(V_1 .. V_N; a) with task vectors V_i = theta_i - theta_0, and the loss is that of the tasks
plus mu * lambda. Nothing but these N + 1 numbers moves; the weights are a function of them through the Gram matrix.

Shapes: weights a (N,), scale lambda (), gram (N, N) or (T, N, N), coefficients c (N,) or (T, N), all float64.
Differs from the paper: a_i is the weight of V_i (the printed formula gives it to the other vector: `as_printed`); no
dropout during the search; any merge that is linear in the vectors can be searched (`merge`).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, NonNegativeFloat
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.func import functional_call

from jointspace.data.samplers import BalancedSources
from jointspace.errors import ConfigError, nearest
from jointspace.operations.merging.coefficients import COEFFICIENTS
from jointspace.operations.merging.task_vector import TaskVectors
from jointspace.space import Space
from jointspace.training.config import TrainingConfig
from jointspace.training.method import Batch, Method, Progress


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    merge: str = "slerp"  # or average, task_arithmetic: how the weights make coefficients
    mu: NonNegativeFloat = 0.05  # price of length: mu * lambda, without an absolute value
    angle: str = "global"  # one angle for all tensors, or "tensor": its own for each
    running: str = "mean"  # of the weights of the vectors already merged; or "sum"
    as_printed: bool = False  # the paper's formula to the letter: a larger a_i gives less of V_i
    positive: bool = False  # weights through softplus, so that none turns negative


def default_training(**fields: Any) -> TrainingConfig:
    """The paper's search: Adam at 5e-3, batches of 32, 1,000 steps."""
    usual = dict(steps=1000, batch_size=32, learning_rate=5e-3, weight_decay=0.0, max_grad_norm=None)
    return TrainingConfig(**{**usual, "lr_scheduler_type": "constant", "save_steps": 0, **fields})


class SelfPositioning(Method):
    """Learn a_1 .. a_N and lambda on a probe set whose sources are the tasks, in equal parts in every batch.

    inner: the method whose losses judge a model, with the base's weights; vectors: of its `state_dict`.
    """

    Config = Config
    contrastive = False  # the inner method says what a batch must hold
    frozen = ("inner",)
    batches = BalancedSources(exponent=0.0)

    def __init__(self, config: Any, inner: Method, vectors: TaskVectors):
        super().__init__(config)
        if config.merge not in COEFFICIENTS:
            raise ConfigError(f"merge: no searchable method {config.merge!r}{nearest(config.merge, COEFFICIENTS)}")
        if config.angle not in ("global", "tensor"):
            raise ConfigError(f"merge: angle must be global or tensor, got {config.angle!r}")
        self.inner, self.vectors = inner, vectors
        self.fields, self.optional_fields = inner.fields, inner.optional_fields  # type: ignore[misc]
        start = torch.ones(len(vectors), dtype=torch.float64)
        self.raw_weights = nn.Parameter(start.expm1().log() if config.positive else start)  # softplus(raw) = 1
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.register_buffer("gram", vectors.gram(by_tensor=config.angle == "tensor"))
        self.history: list[dict[str, float]] = []  # weights and length after each step of this process

    @property
    def weights(self) -> Tensor:
        """a (N,)."""
        return F.softplus(self.raw_weights) if self.config.positive else self.raw_weights

    def coefficients(self) -> Tensor:
        """c with theta = theta_0 + sum_i c_i V_i."""
        options: dict[str, Any] = {}
        if self.config.merge == "slerp":
            options = dict(running=self.config.running, as_printed=self.config.as_printed, labels=self.vectors.labels)
        return self.scale * COEFFICIENTS[self.config.merge](self.weights, self.gram, **options)

    def processors(self) -> dict[str, Any]:
        return self.inner.processors()

    def prepare(self, data: Any) -> None:
        """Processors came with the base: nothing is learnt anew."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Each task's loss on its rows of the batch, over the number of tasks; the price of length."""
        state = self.vectors.compose(self.coefficients())
        terms: dict[str, Tensor] = {}
        tasks = batch["source"].unique().tolist()
        for task in tasks:
            rows = batch["source"] == task
            part = {name: value[rows] if torch.is_tensor(value) else value for name, value in batch.items()}
            loss = sum(functional_call(self.inner, state, (part,)).values())
            terms[f"task_{task}"] = loss / len(tasks)  # type: ignore[operator]
        return terms | {"length": self.config.mu * self.scale}

    def after_step(self, progress: Progress) -> None:
        self.history.append(self.found()["weights"] | {"lambda": float(self.scale.detach())})

    def found(self) -> dict[str, Any]:
        """What a merge recipe needs to make the same model without data: coefficients, weights, length."""
        with torch.no_grad():
            weights = dict(zip(self.vectors.labels, self.weights.tolist(), strict=True))
            return {"weights": weights, "scale": float(self.scale), "coefficients": self.coefficients().tolist()}

    def merged(self) -> Method:
        """The inner method with the merged weights in it."""
        with torch.no_grad():
            self.inner.load_state_dict(self.vectors.compose(self.coefficients()))
        return self.inner

    def space(self) -> Space:
        space = self.merged().space()
        space.metadata = {**space.metadata, "merge": {"merge_method": "self_positioning", **self.found()}}
        return space
