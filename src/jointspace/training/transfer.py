"""Weights handed over to a new run: `init_from`. Weights and learnt processors only, never optimiser or step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jointspace.errors import TrainingError
from jointspace.space import Space
from jointspace.training.checkpoints import latest_checkpoint, load_processors, read_checkpoint
from jointspace.training.method import Method
from jointspace.training.run_folder import read_run


@dataclass
class Transfer:
    """What was handed over. loaded: tensors taken; new: tensors of the new method that the source has not; unused:
    of the source that the new method has not; misshapen: both have them, in different shapes (left as they were)."""

    source: str
    loaded: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{len(self.loaded)} tensors from {self.source}"]
        for title, names in (("new", self.new), ("not used", self.unused), ("of another shape", self.misshapen)):
            if names:
                parts.append(f"{len(names)} {title} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("source", "loaded", "new", "unused", "misshapen")}


class Origin:
    """A source opened once: its processors are given before the new method prepares, its weights after."""

    def __init__(self, source: Any):
        self.space: Space | None = source if isinstance(source, Space) else None
        self.method: Method | None = source if isinstance(source, Method) else None
        self.folder: Path | None = None
        self.name = "a Space" if self.space else type(source).__name__
        if self.space is None and self.method is None:
            self._open(Path(source))

    def _open(self, path: Path) -> None:
        """A Space folder, a checkpoint folder, or a run folder (its final weights)."""
        self.name = str(path)
        if (path / "state.json").is_file():
            self.folder = path
        elif (path / "space.json").is_file():
            self.space = Space.from_pretrained(path, device="cpu")
        elif (path / "run.json").is_file() or list(path.glob("checkpoint-*")):
            self.folder = final_checkpoint(path)
        else:
            self.space = Space.from_pretrained(
                str(path), device="cpu"
            )  # other layouts, hub ids; its error is the message

    def give_processors(self, method: Method) -> None:
        """Learnt tokenizers and statistics go along, so that the weights mean the same."""
        if self.folder is not None:
            load_processors(self.folder, method)
            return
        if self.space is not None:
            given, mine = _encoders(self.space), _encoders(method.space())
        else:
            assert self.method is not None
            given, mine = dict(self.method.encoders()), dict(method.encoders())
        for name, encoder in mine.items():
            old = given.get(name)
            if old is not None and type(old.processor) is type(encoder.processor) and encoder.processor.learns:
                encoder.processor = old.processor
                encoder.after_fit()

    def give_weights(self, method: Method, key_map: Mapping[str, str] | None = None) -> Transfer:
        """Copy every tensor whose (mapped) name and shape agree. TrainingError where not one does.

        key_map: `{regular expression: replacement}` over names of the source, applied in order.
        """
        if self.space is not None:
            return copy_matching(self.space.state_dict(), method.space(), key_map, self.name)
        if self.folder is not None:
            saved = read_checkpoint(self.folder)
            return copy_matching(saved.part("ema/") or saved.part("method/"), method, key_map, self.name)
        assert self.method is not None
        return copy_matching(self.method.state_dict(), method, key_map, self.name)


def _encoders(space: Space) -> dict[str, Any]:
    return {name: tower.encoder for name, tower in space.towers.items()}


@torch.no_grad()
def copy_matching(
    state: Mapping[str, Tensor], target: nn.Module, key_map: Mapping[str, str] | None, source: str
) -> Transfer:
    """Copy tensors into `target` in place, by name; see `Transfer`."""
    own = target.state_dict(keep_vars=True)
    report = Transfer(source)
    for name, tensor in state.items():
        for pattern, replacement in (key_map or {}).items():
            name = re.sub(pattern, replacement, name)
        if name not in own:
            report.unused.append(name)
        elif own[name].shape != tensor.shape:
            report.misshapen.append(name)
        else:
            own[name].copy_(tensor)
            report.loaded.append(name)
    got = set(report.loaded)
    report.new = [name for name in own if name not in got and name not in report.misshapen]
    if not report.loaded:
        some = ", ".join(list(state)[:3])
        raise TrainingError(
            f"init_from {source}: not one tensor fits (it has {some}, ...; this method {next(iter(own))}, ...)"
        )
    return report


def final_checkpoint(output: Path) -> Path:
    """The checkpoint with a run's final weights: the best where the run chose it, else the newest whole one."""
    record = read_run(output) or {}
    chosen = record.get("final_checkpoint")
    if chosen and (output / chosen).is_dir():
        return output / chosen
    saved, _ = latest_checkpoint(output)
    if saved is None or saved.folder is None:
        raise TrainingError(f"{output}: holds no whole checkpoint")
    return saved.folder
