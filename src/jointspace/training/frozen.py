"""Frozen modules inside a method: eval mode, no gradient of their own, gradient through them, not in checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor

from jointspace.training.method import Method


def train_mode(method: Method, still: Iterable[str]) -> None:
    """Train mode for all but the child modules named in `still`."""
    method.train()
    for name in still:
        method.get_submodule(name).eval()


def learnt_state(method: Method) -> dict[str, Tensor]:
    """State dict without the modules named in `method.frozen`: what a checkpoint holds."""
    outside = tuple(f"{name}." for name in method.frozen)
    state = method.state_dict()
    return {name: tensor for name, tensor in state.items() if not (outside and name.startswith(outside))}


def frozen_fingerprints(method: Method) -> dict[str, str]:
    """Frozen module -> hash of its tensors: stands in a checkpoint for the weights that do not."""
    prints = {}
    for name in method.frozen:
        digest = hashlib.blake2b(digest_size=8)
        for key, tensor in method.get_submodule(name).state_dict().items():
            digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        prints[name] = digest.hexdigest()
    return prints
