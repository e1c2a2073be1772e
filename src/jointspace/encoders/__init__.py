"""Encoders: one kind of item in, an `Encoding` out. `EncoderConfig(name=...).build(modality)` makes one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jointspace.encoders.config import EncoderConfig

if TYPE_CHECKING:
    from jointspace.encoders.base import Encoder, Encoding
    from jointspace.encoders.storage import load_encoder, save_encoder

__all__ = ["Encoder", "EncoderConfig", "Encoding", "load_encoder", "save_encoder"]

_LAZY = {"Encoder": "base", "Encoding": "base", "load_encoder": "storage", "save_encoder": "storage"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:  # these import torch, the config does not
        return getattr(importlib.import_module(f"jointspace.encoders.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'jointspace.encoders' has no attribute {name!r}")
