"""The updates of a step: one by default, several alternating ones where a method declares `phases()`.

Each has its own parameters, optimiser, schedule and source of batches; the state of every optimiser is checkpointed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, TrainingError, nearest
from jointspace.training.config import TrainingConfig
from jointspace.training.groups import check_groups, parameter_groups
from jointspace.training.method import Method, Phase, Progress
from jointspace.training.optimisers import build_optimiser
from jointspace.training.schedules import rate_factor


class Update:
    """A phase made ready: parameters, optimiser and rate. `names` lists its parameters, as the optimiser has them."""

    def __init__(self, method: Method, phase: Phase, config: TrainingConfig):
        try:
            own = dataclasses.replace(config, **(phase.optimiser or {}))
        except TypeError as error:
            raise ConfigError(f"phase of {type(method).__name__}: {error}") from None
        if phase.batches not in ("train", "validation"):
            raise ConfigError(f"phase: batches {phase.batches!r}{nearest(phase.batches, ['train', 'validation'])}")
        check_groups(method, own.parameter_groups)
        self.phase, self.config = phase, own
        self.groups = parameter_groups(method, own, phase.params)
        self.names: list[str] = [name for group in self.groups for name in group["names"]]
        self.params: list[nn.Parameter] = [p for group in self.groups for p in group["params"]]
        keep = ("params", "weight_decay")
        slim = [{k: v for k, v in group.items() if k in keep} for group in self.groups]
        self.optimiser = build_optimiser(own.optim, slim, own.learning_rate, own.optim_args)

    def counted(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms this phase counts. TrainingError where the method gave none of that name."""
        if self.phase.terms is None:
            return dict(terms)
        for name in self.phase.terms:
            if name not in terms:
                raise TrainingError(
                    f"a phase counts the term {name!r}, which losses did not give{nearest(name, terms)}"
                )
        return {name: terms[name] for name in self.phase.terms}

    def set_rate(self, progress: Progress) -> float:
        """Set the learning rate of every group for this step; returns the run's own (factor 1)."""
        warmup = self.config.warmup_steps or self.config.warmup_ratio * progress.steps
        factor = rate_factor(self.config.lr_scheduler_type, progress, warmup, self.config.min_lr_ratio)
        rate = self.config.learning_rate * factor
        for group, ours in zip(self.optimiser.param_groups, self.groups, strict=True):
            group["lr"] = rate * ours["lr_factor"]
        return rate

    def hold_frozen(self, progress: Progress) -> None:
        """Drop the gradients of groups that are frozen until later: neither momentum nor decay moves them."""
        for group in self.groups:
            if progress.fraction < group["freeze_until"]:
                for parameter in group["params"]:
                    parameter.grad = None

    def gradient_norm(self) -> Tensor:
        """Norm of all gradients together, 0-d; 0 where there is none."""
        grads = [g.coalesce().values() if g.is_sparse else g for p in self.params if (g := p.grad) is not None]
        return torch.nn.utils.get_total_norm(grads, foreach=True) if grads else torch.zeros(())

    def clip(self, norm: Tensor) -> None:
        """Scale gradients down to `max_grad_norm`, given their norm."""
        if self.config.max_grad_norm is not None:
            sparse = [p for p in self.params if p.grad is not None and p.grad.is_sparse]
            dense = [p for p in self.params if p.grad is not None and not p.grad.is_sparse]
            torch.nn.utils.clip_grads_with_norm_(dense, self.config.max_grad_norm, norm, foreach=True)
            for parameter in sparse:
                parameter.grad = parameter.grad.coalesce() * (self.config.max_grad_norm / (norm + 1e-6)).clamp(max=1.0)  # type: ignore[union-attr]

    # What a checkpoint holds of it --------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """`<parameter name>//<state name>` -> tensor."""
        states = self.optimiser.state
        return {
            f"{name}//{key}": value if isinstance(value, Tensor) else torch.tensor(value)
            for name, parameter in zip(self.names, self.params, strict=True)
            for key, value in states.get(parameter, {}).items()
            if value is not None
        }

    def load(self, state: Mapping[str, Tensor], strict: bool = True) -> list[str]:
        """Take up what `state` gave; returns the names of parameters that got one.

        Not strict: parameters that are new or have another shape start anew (a stage that keeps its optimiser).
        Raises TrainingError: state for a parameter that is not there, or of another shape.
        """
        by_name: dict[str, dict[str, Tensor]] = {}
        for key, tensor in state.items():
            name, _, entry = key.rpartition("//")
            by_name.setdefault(name, {})[entry] = tensor
        ours = dict(zip(self.names, self.params, strict=True))
        loaded = []
        for name, entries in by_name.items():
            fits = name in ours and all(t.ndim == 0 or t.numel() in _sizes(ours[name]) for t in entries.values())
            if not fits and strict:
                raise TrainingError(f"checkpoint: the optimiser state of {name} does not fit this method")
            if fits:
                where = ours[name].device
                fused = self.optimiser.param_groups[0].get("fused")  # these keep their step count on the device
                kept = {k: t.to(where if fused or k != "step" else "cpu", copy=True) for k, t in entries.items()}
                self.optimiser.state[ours[name]] = kept
                loaded.append(name)
        return loaded


def _sizes(parameter: Tensor) -> set[int]:
    return {parameter.numel(), len(parameter) if parameter.ndim else 1}  # whole tensors, or one entry a row


def build_updates(method: Method, config: TrainingConfig) -> list[Update]:
    """One `Update` for each of the method's phases, in order. ConfigError where a phase does not fit."""
    phases = method.phases()
    if not phases:
        raise ConfigError(f"{type(method).__name__}.phases() is empty")
    if phases[0].same_batch:
        raise ConfigError(f"{type(method).__name__}: the first phase has no phase before it whose batch it could reuse")
    return [Update(method, phase, config) for phase in phases]


def draws_per_step(updates: list[Update], accumulation: int, source: str) -> int:
    """How many batches of `source` (train, validation) one step takes."""
    mine = (u.phase for u in updates if u.phase.batches == source and not u.phase.same_batch)
    return accumulation * sum(phase.times for phase in mine)
