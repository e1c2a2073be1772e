"""A step that failed, kept so that it can be replayed: the batch, the weights it met and the random state.

OUTPUT/failed-step-<n>/   a checkpoint folder whose tensors are method/..., batch/... and random/...
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jointspace.errors import TrainingError
from jointspace.training.checkpoints import Checkpoint, load_processors, load_state, read_checkpoint, save_checkpoint
from jointspace.training.config import TrainingConfig
from jointspace.training.frozen import learnt_state, train_mode
from jointspace.training.gradient_cache import cached_losses
from jointspace.training.groups import set_trainable
from jointspace.training.method import Batch, Method, Progress


def capture(
    output: Path, method: Method, batch: Batch, random: Tensor | None, progress: Progress, about: Mapping[str, Any]
) -> Path | None:
    """Write the failing step; None where even that cannot be written (the error at hand matters more)."""
    tensors = {f"method/{name}": tensor for name, tensor in learnt_state(method).items()}
    tensors |= {f"batch/{name}": value for name, value in batch.items() if isinstance(value, Tensor)}
    tensors["random/state"] = torch.get_rng_state() if random is None else random
    state = {"progress": progress.__dict__, **about}
    try:
        folder = output / f"failed-step-{progress.step}"
        return save_checkpoint(Checkpoint(progress.step, tensors, state), folder, method)
    except TrainingError:
        return None


@dataclass
class Replay:
    """What a replayed step gave. terms: loss terms; first_bad: the first module whose output is not finite (None where
    the modules are fine and the terms themselves are not); bad_gradients: parameters whose gradient is not finite."""

    step: int
    terms: dict[str, float]
    first_bad: str | None = None
    bad_gradients: list[str] = field(default_factory=list)

    @property
    def bad_terms(self) -> list[str]:
        return [name for name, value in self.terms.items() if not math.isfinite(value)]

    def __str__(self) -> str:
        lines = [f"step {self.step}: " + ", ".join(f"{name} {value:.6g}" for name, value in self.terms.items())]
        if self.first_bad:
            lines.append(f"first module with an output that is not finite: {self.first_bad}")
        if self.bad_gradients:
            lines.append("gradients that are not finite: " + ", ".join(self.bad_gradients[:8]))
        if not self.bad_terms and not self.bad_gradients:
            lines.append("everything is finite this time")
        return "\n".join(lines)


def replay(path: str | Path, method: Method) -> Replay:
    """Run a captured step again on a method built from the same config (its weights are overwritten).

    path: the `failed-step-<n>` folder or a file in it. Raises TrainingError where it is no capture or does not fit.
    """
    folder = Path(path)
    folder = folder.parent if folder.is_file() else folder
    saved = read_checkpoint(folder)
    if "random/state" not in saved.tensors:
        raise TrainingError(f"{folder}: is a checkpoint, not a captured step (those are named failed-step-<n>)")
    config = TrainingConfig(**saved.state["training"])
    load_processors(folder, method)
    train_mode(method, set_trainable(method, config))
    method.before_step(Progress(**saved.state["progress"]))
    load_state(method, saved.part("method/"), str(folder))  # after the hook: the weights are those it left
    bad: list[str] = []
    hooks = [
        module.register_forward_hook(_watch(name, bad)) for name, module in method.named_modules() if name
    ]  # children report before their parents
    torch.set_rng_state(saved.tensors["random/state"])
    batch = saved.part("batch/")
    try:
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16 or config.fp16):
            if config.micro_batch_size is not None:
                terms, backward = cached_losses(method, batch, config.micro_batch_size)
            else:
                terms, backward = method.losses(batch), torch.Tensor.backward
            total = torch.stack([t.float() for t in terms.values()]).sum()
        if total.requires_grad and total.isfinite():
            backward(total)
    finally:
        for hook in hooks:
            hook.remove()
    grads = [n for n, p in method.named_parameters() if p.grad is not None and not p.grad.norm().isfinite()]
    method.zero_grad()
    return Replay(
        saved.step, {name: float(value.detach()) for name, value in terms.items()}, next(iter(bad), None), grads
    )


def _watch(name: str, bad: list[str]) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        values = [output] if isinstance(output, Tensor) else output
        if not isinstance(values, tuple | list):
            values = (values if isinstance(values, dict) else getattr(values, "__dict__", {})).values()  # an Encoding
        if any(isinstance(v, Tensor) and v.is_floating_point() and not v.isfinite().all() for v in values):
            bad.append(name)

    return hook
