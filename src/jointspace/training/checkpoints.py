"""Checkpoints: a folder of one safetensors file, one JSON and the learnt processors, written beside and renamed.

    checkpoint-<step>/state.safetensors   method/..., optimiser/<phase>/..., ema/..., callback/...
    checkpoint-<step>/state.json          step, identity of the run, small state, size and checksum of the tensors
    checkpoint-<step>/processors/<name>/  tokenizers and column statistics that were learnt from the training rows

A folder named `checkpoint-*` is complete: it got its name by one rename after everything in it was flushed to disk.
One that is torn all the same (a failing disk, a hand) is noticed by size and checksum, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from jointspace.errors import TrainingError
from jointspace.training.method import Method
from jointspace.training.run_folder import sync_folder

FORMAT = 1
NAME = re.compile(r"checkpoint-(\d+)$")


@dataclass
class Checkpoint:
    """All state of a run after `step` steps. tensors: flat names; state: JSON-able; folder: where it was read from."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below a prefix, without it: `part("method/")`."""
        return {name[len(prefix) :]: t for name, t in self.tensors.items() if name.startswith(prefix)}


def save_checkpoint(checkpoint: Checkpoint, folder: Path, method: Method) -> Path:
    """Write it as `folder`; there afterwards is the whole of it or nothing. Raises TrainingError (disk full, ...)."""
    work = folder.parent / f".saving-{folder.name}"
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        unique, aliases = _without_twins(checkpoint.tensors)
        save_file(unique, work / "state.safetensors")
        for name, encoder in method.encoders():
            if encoder.processor.learns:
                target = work / "processors" / name
                target.mkdir(parents=True)
                encoder.processor.save(target)
        state = {
            "format": FORMAT,
            "step": checkpoint.step,
            "bytes": (work / "state.safetensors").stat().st_size,
            "checksum": _checksum(work / "state.safetensors"),
            "aliases": aliases,
            **checkpoint.state,
        }
        (work / "state.json").write_text(json.dumps(state, indent=1), encoding="utf-8")
        for path in work.rglob("*"):
            _flush(path)
        sync_folder(work)
        if folder.exists():
            drop(folder)
        os.replace(work, folder)
        sync_folder(folder.parent)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(work, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingError(f"{folder}: the checkpoint could not be written ({reason})") from error
    return folder


def read_checkpoint(folder: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read and verify a checkpoint. Raises TrainingError that says what is torn."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        path = folder / "state.safetensors"
        if state["format"] != FORMAT:
            raise TrainingError(f"{folder}: format {state['format']} is not the {FORMAT} that this version reads")
        if path.stat().st_size != state["bytes"] or _checksum(path) != state["checksum"]:
            raise TrainingError(f"{folder}: state.safetensors is not the file that was written")
        tensors = load_file(path, device=str(device))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        if isinstance(error, TrainingError):
            raise
        raise TrainingError(f"{folder}: no readable checkpoint ({type(error).__name__}: {error})") from None
    for name, first in state["aliases"].items():
        tensors[name] = tensors[first]
    return Checkpoint(step=int(state["step"]), tensors=tensors, state=state, folder=folder)


def list_checkpoints(output: Path) -> list[Path]:
    """Checkpoint folders of a run, oldest first."""
    found = [(int(m[1]), p) for p in output.glob("checkpoint-*") if (m := NAME.search(p.name)) and p.is_dir()]
    return [path for _, path in sorted(found)]


def latest_checkpoint(output: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole (None where there is none), and what was wrong with those after it."""
    wrong: list[str] = []
    for folder in reversed(list_checkpoints(output)):
        try:
            return read_checkpoint(folder), wrong
        except TrainingError as error:
            wrong.append(str(error))
    return None, wrong


def rotate(output: Path, limit: int | None, keep: Path | None = None) -> None:
    """Delete the oldest checkpoints beyond `limit`, but never `keep` (the best)."""
    if limit is None:
        return
    for folder in list_checkpoints(output)[:-limit]:
        if keep is None or folder.name != keep.name:
            drop(folder)


def drop(folder: Path) -> None:
    """Delete a checkpoint folder; interrupted at any moment, no half of it keeps the name of a checkpoint."""
    away = folder.parent / f".dropping-{folder.name}"
    shutil.rmtree(away, ignore_errors=True)
    os.replace(folder, away)
    shutil.rmtree(away, ignore_errors=True)


def sweep_leftovers(output: Path) -> None:
    """Remove what a killed run left half-written or half-deleted."""
    for pattern in (".saving-*", ".dropping-*", ".space-*", ".run.json.*", ".metrics.jsonl.*"):
        for path in output.glob(pattern):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def load_processors(folder: Path, method: Method) -> None:
    """Give the encoders the processors that a checkpoint holds, and build what depends on them."""
    for name, encoder in method.encoders():
        saved = folder / "processors" / name
        if encoder.processor.learns and saved.is_dir():
            encoder.processor.load(saved)
            encoder.after_fit()


@torch.no_grad()
def load_state(method: Method, state: Mapping[str, Tensor], where: str) -> None:
    """Fill parameters and buffers from a checkpoint's own method. TrainingError: a tensor is missing, odd or misshapen.

    Buffers may have grown since (tables that hooks build): they are replaced.
    """
    own = method.state_dict(keep_vars=True)
    outside = tuple(f"{name}." for name in method.frozen)
    missing = [n for n in own if n not in state and not (outside and n.startswith(outside))]
    odd = [n for n in state if n not in own]
    if missing or odd:
        name, what = (missing[0], "is not in the checkpoint") if missing else (odd[0], "is not in this method")
        raise TrainingError(f"{where}: tensor {name} {what}")
    for name, tensor in state.items():
        target = own[name]
        if target.shape == tensor.shape:
            target.copy_(tensor)
        elif isinstance(target, torch.nn.Parameter):
            raise TrainingError(f"{where}: {name} has shape {tuple(tensor.shape)}, here {tuple(target.shape)}")
        else:
            parent, _, last = name.rpartition(".")
            method.get_submodule(parent).register_buffer(last, tensor.to(target.device, target.dtype, copy=True))


def _without_twins(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors that share memory (tied weights) once, and name -> the name it is saved under."""
    unique: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if tensor.numel() and key in seen:
            aliases[name] = seen[key]
            continue
        seen[key] = name
        unique[name] = tensor.detach().cpu().contiguous()
    storages: dict[int, str] = {}
    for name, tensor in unique.items():  # views of one storage (safetensors refuses them) become copies
        pointer = tensor.untyped_storage().data_ptr()
        if tensor.numel() and pointer in storages:
            unique[name] = tensor.clone()
        storages.setdefault(pointer, name)
    return unique, aliases


def _checksum(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
