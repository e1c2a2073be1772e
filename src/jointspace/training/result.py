"""What a run gives, and how it ends."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from jointspace.nn.lora import adapters, lora_state_dict, merge
from jointspace.space import Space
from jointspace.training.checkpoints import load_processors, load_state, read_checkpoint
from jointspace.training.config import TrainingConfig
from jointspace.training.frozen import learnt_state
from jointspace.training.groups import set_trainable
from jointspace.training.method import Method
from jointspace.training.run import Run
from jointspace.training.run_folder import read_metrics
from jointspace.training.starting import finished_record
from jointspace.training.transfer import final_checkpoint

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


@dataclass
class FitResult:
    """space: what was learnt; method: its modules, with the same weights; history: lines of metrics.jsonl;
    scores: of the evaluation whose weights these are; steps: optimiser steps done; seconds: of this process;
    waited: share of them spent waiting for data; stopped: why it ended early; resumed_from: steps it was resumed at;
    optimiser: optimiser state by parameter name (a later stage may keep it)."""

    space: Space
    method: Method
    history: list[dict[str, Any]]
    scores: dict[str, float]
    steps: int
    seconds: float
    output: Path | None = None
    waited: float = 0.0
    stopped: str | None = None
    resumed_from: list[int] = field(default_factory=list)
    optimiser: list[dict[str, torch.Tensor]] = field(default_factory=list, repr=False)

    @property
    def losses(self) -> list[float]:
        """The logged loss means, in order."""
        return [line["loss"] for line in self.history if "loss" in line]


def finish(run: Run, seconds: float) -> FitResult:
    """Final weights (best, average or last) into the method, adapters merged, Space and run.json written."""
    scores = run.scores
    optimiser = [update.state() for update in run.updates]
    final = f"checkpoint-{run.step}"
    if run.config.load_best_model_at_end and run.best.step is not None:
        scores, final = run.best.scores, f"checkpoint-{run.best.step}"
        if run.best_weights is not None:
            load_state(run.method, run.best_weights, "best weights")
        elif run.best_folder is not None:
            load_final(run.method, run.best_folder)
    elif run.ema is not None:
        load_state(run.method, learnt_state(run.evaluated), "averaged weights")
    run.method.zero_grad(set_to_none=True)
    if adapters(run.method):
        write_adapters(run)
        merge(run.method)
    for name, parameter in run.method.named_parameters():
        parameter.requires_grad_(run.learnt_before.get(name, True))
    space = run.method.eval().space().eval()
    record = run.folder.record
    space.metadata |= {
        "training": {"steps": run.step, "rows": len(run.data), **_brief(run.config)},
        "data": {k: v for k, v in record["data"].items() if k != "skipped"},
        "scores": [{"name": name, "value": value} for name, value in scores.items()],
    }
    waited = run.loader.waited / max(seconds, 1e-9) if run.loader is not None else 0.0
    total = seconds + record.get("seconds_before", 0.0)
    if run.devices.main and run.folder.path is not None:
        space.save_pretrained(run.folder.path / "space")
        run.folder.write(
            status="finished",
            step=run.step,
            scores=scores,
            seconds=seconds,
            total_seconds=total,
            waited=waited,
            stopped=run.stop,
            fingerprint=space.fingerprint(),
            final_checkpoint=None if run.gradient_free else final,
        )
    run.devices.wait()
    return FitResult(
        space,
        run.method,
        run.folder.history,
        scores,
        run.step,
        seconds,
        run.folder.path,
        waited,
        run.stop,
        list(record["resumed_from"]),
        optimiser,
    )


def finished_result(output: Path, method: Method, data: Dataset, config: TrainingConfig) -> FitResult | None:
    """The result of a finished run of this very config, read back; None where it is not finished."""
    method.check_fields(data)
    record = finished_record(output, method, data, config)
    if record is None:
        return None
    optimiser: list[dict[str, torch.Tensor]] = []
    if record["final_checkpoint"] is not None:
        folder = final_checkpoint(output)
        load_processors(folder, method)
        method.prepare(data)
        set_trainable(method, config)
        load_final(method, folder)
        merge(method)
        saved = read_checkpoint(folder)
        optimiser = [saved.part(f"optimiser/{number}/") for number in range(len(method.phases()))]
    space = Space.from_pretrained(output / "space", device="cpu")
    return FitResult(
        space,
        method.eval(),
        read_metrics(output),
        record["scores"],
        record["step"],
        0.0,
        output,
        stopped=record["stopped"],
        resumed_from=record["resumed_from"],
        optimiser=optimiser,
    )


def load_final(method: Method, folder: Path) -> None:
    """The evaluated weights of a checkpoint: the moving average where it has one."""
    saved = read_checkpoint(folder)
    load_state(method, saved.part("ema/") or saved.part("method/"), str(folder))


def write_adapters(run: Run) -> None:
    """LoRA adapters alone, beside the Space whose weights have them merged in: OUTPUT/lora.safetensors."""
    if run.devices.main and run.folder.path is not None:
        from safetensors.torch import save_file

        delta = {name: tensor.detach().cpu().contiguous() for name, tensor in lora_state_dict(run.method).items()}
        save_file(delta, run.folder.path / "lora.safetensors")


def _brief(config: TrainingConfig) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    plain = TrainingConfig().to_dict()
    given = dataclasses.asdict(config)
    return {name: value for name, value in given.items() if value != plain[name] and name != "steps"}
