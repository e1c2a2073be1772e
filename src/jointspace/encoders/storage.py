"""An encoder as a folder: `encoder.json` (what rebuilds it), `model.safetensors`, and its processor's files.

Encoders on a Hugging Face backbone are saved in that library's own layout beside `encoder.json`: config.json,
model.safetensors, tokenizer.json ... No pickles; code from the folder is never run unless asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from jointspace.encoders import registry
from jointspace.encoders.base import Encoder
from jointspace.errors import SpaceError

CONFIG, WEIGHTS = "encoder.json", "model.safetensors"


def describe(encoder: Encoder) -> dict[str, Any]:
    """JSON form of an encoder without its weights; `from_description` makes an equal one."""
    return {
        "kind": encoder.kind,
        "modality": encoder.modality,
        "options": encoder.options(),
        "processor": encoder.processor.config(),
    }


def from_description(description: Mapping[str, Any], *, trust_remote_code: bool = False) -> Encoder:
    """An encoder with random weights and an unfitted processor. ConfigError for an unknown kind or option."""
    kind, modality, options = description["kind"], description["modality"], dict(description["options"])
    if trust_remote_code and "trust_remote_code" in registry.entry(kind, modality).options:
        options["trust_remote_code"] = True
    return registry.build(kind, modality, **options)


def backbone(encoder: Encoder) -> nn.Module:
    """The module whose state dict is `model.safetensors`: the Hugging Face model where there is one."""
    return encoder.model if getattr(encoder, "layout", None) == "hf" else encoder  # type: ignore[return-value]


def save_encoder(encoder: Encoder, folder: str | Path) -> None:
    """Write the encoder into `folder`, made if need be."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(describe(encoder), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    module = backbone(encoder)
    if module is not encoder:
        module.config.save_pretrained(folder)  # type: ignore[union-attr, operator]
    save_weights(module, folder / WEIGHTS)
    encoder.processor.save(folder)


def load_encoder(folder: str | Path, *, trust_remote_code: bool = False) -> Encoder:
    """Read what `save_encoder` wrote, in eval mode. SpaceError where a file, tensor or shape does not fit."""
    folder = Path(folder)
    try:
        description = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpaceError(f"{folder}: no readable {CONFIG}") from error
    encoder = from_description(description, trust_remote_code=trust_remote_code)
    load_weights(backbone(encoder), folder / WEIGHTS)
    encoder.processor.load(folder)
    return encoder.eval()


def save_weights(module: nn.Module, file: Path) -> None:
    """All parameters and buffers of the state dict; a tensor under several names is written once."""
    tensors: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size, tuple[int, ...]]] = set()
    for name, tensor in module.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        tensors[name] = tensor.detach().cpu().contiguous()
    save_file(tensors, file, metadata={"format": "pt"})


def load_weights(module: nn.Module, file: Path) -> None:
    """Fill `module`. SpaceError names the file and the first tensor that is missing, left over or of another shape."""
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise SpaceError(f"{file}: cannot be read ({str(error).splitlines()[0]})") from error
    own = module.state_dict()
    for name, tensor in tensors.items():
        if name not in own:
            raise SpaceError(f"{file}: holds {name}, which {type(module).__name__} does not have")
        if tensor.shape != own[name].shape:
            want = tuple(own[name].shape)
            raise SpaceError(f"{file}: {name} has shape {tuple(tensor.shape)}, {type(module).__name__} needs {want}")
    filled = {own[name].data_ptr() for name in tensors}
    missing = [name for name, tensor in own.items() if name not in tensors and tensor.data_ptr() not in filled]
    if missing:
        raise SpaceError(f"{file}: lacks {len(missing)} tensors of {type(module).__name__}, {missing[0]} among them")
    module.load_state_dict(tensors, strict=False)
