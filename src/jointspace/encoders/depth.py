"""Encoders cut to their first blocks: fewer parameters and less time, not just an inner state read off."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from jointspace.encoders.base import Encoder
from jointspace.errors import SpaceError

_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")  # of blocks, in Hugging Face configs


def depth(encoder: Encoder) -> int | None:
    """Number of blocks that an encoder could be cut to; None where it has no stack of them."""
    found = _stack(encoder)
    return None if found is None else len(found[1])


def first_layers(encoder: Encoder, layers: int) -> Encoder:
    """The encoder of the first `layers` blocks; their weights, and the processor, are shared with `encoder`.

    What comes after the last block (a final norm of pre-norm models) stays, so that for BERT-like models the tokens are
    `encoder(..., layers=True).layers[layers]`. Raises SpaceError for an encoder without a stack of blocks, or a number
    outside 1..N.
    """
    found = _stack(encoder)
    if found is None:
        raise SpaceError(f"truncate: {type(encoder).__name__} has no stack of layers to cut; leave layers= out")
    path, stack, count = found
    if not 1 <= layers <= len(stack):
        raise SpaceError(f"truncate: layers must be from 1 to {len(stack)}, got {layers}")
    short = copy.copy(encoder)
    here: Any = short
    parents = path.split(".")
    for name in parents[:-1]:  # a copy of every module on the way, the rest is shared
        here._modules = dict(here._modules)
        here._modules[name] = copy.copy(here._modules[name])
        here = here._modules[name]
    here._modules = dict(here._modules)
    here._modules[parents[-1]] = stack[:layers]
    model: Any = short.model
    config = copy.deepcopy(model.config)
    setattr(config, count, layers)
    model.config = config
    given = getattr(short, "_given", None)
    if given is not None:
        short._given = {**given, count: layers}  # type: ignore[assignment]
    return short


def _stack(encoder: Encoder) -> tuple[str, nn.ModuleList, str] | None:
    """Path, blocks and the config's name for their number: the module list as long as the model's config says."""
    config = getattr(getattr(encoder, "model", None), "config", None)
    count = next((name for name in _COUNTS if isinstance(getattr(config, name, None), int)), None)
    if count is None:
        return None
    number = getattr(config, count)
    lists = [(n, m) for n, m in encoder.named_modules() if isinstance(m, nn.ModuleList) and len(m) == number]
    if not lists or not lists[0][0].startswith("model."):
        return None
    return lists[0][0], lists[0][1], count
