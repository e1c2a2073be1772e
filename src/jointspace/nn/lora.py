"""Low-rank adapters on linear layers (Hu et al., "LoRA", ICLR 2022, arXiv 2106.09685).

A wrapped layer keeps its place, its name and its very weight tensor, so checkpoints of the base still fit; beside it
stand `lora_a` (rank, in) and `lora_b` (out, rank): y = W x + alpha / rank * B A x. B starts at 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.errors import ConfigError, SpaceError


class LoRALinear(nn.Linear):
    """A linear layer with an adapter. `enabled = False`: bitwise the base."""

    lora_a: nn.Parameter
    lora_b: nn.Parameter
    scale: float
    dropout: float
    enabled: bool

    @classmethod
    def wrap(cls, base: nn.Linear, rank: int, alpha: float, dropout: float = 0.0) -> LoRALinear:
        """Shares weight and bias with `base`."""
        layer = cls(base.in_features, base.out_features, bias=False, device="meta")
        layer.weight, layer.bias = base.weight, base.bias
        like: dict[str, Any] = dict(device=base.weight.device, dtype=base.weight.dtype)
        layer.lora_a = nn.Parameter(torch.empty(rank, base.in_features, **like))
        layer.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, **like))
        nn.init.kaiming_uniform_(layer.lora_a, a=5**0.5)
        layer.scale, layer.dropout, layer.enabled = alpha / rank, dropout, True
        return layer.train(base.training)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., in) -> (..., out)"""
        y = F.linear(x, self.weight, self.bias)
        if not self.enabled:
            return y
        x = F.dropout(x, self.dropout, self.training) if self.dropout else x
        return y + F.linear(F.linear(x, self.lora_a), self.lora_b) * self.scale

    def delta(self) -> Tensor:
        """(out, in), what merging adds to the weight."""
        return self.scale * (self.lora_b @ self.lora_a)


def add_lora(
    module: nn.Module, pattern: str, rank: int = 8, alpha: float = 16.0, dropout: float = 0.0, freeze: bool = True
) -> list[str]:
    """Give every linear layer whose dotted name matches `pattern` (re.search) an adapter; in place; their names.

    freeze: everything in `module` but the adapters stops learning. ConfigError where nothing matches (subclasses of
    Linear do not: torch reads the weights of some without calling them), or a name has an adapter already.
    """
    if rank < 1:
        raise ConfigError(f"LoRA needs a rank of at least 1, not {rank}")
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"LoRA pattern {pattern!r} is no regular expression: {error}") from error
    linears = {name: layer for name, layer in module.named_modules() if name and type(layer) is nn.Linear}
    chosen = [name for name in linears if regex.search(name)]
    if not chosen:
        some = ", ".join(list(linears)[:4])
        raise ConfigError(f"LoRA pattern {pattern!r} matches no linear layer of {type(module).__name__} (has: {some})")
    if freeze:
        module.requires_grad_(False)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(_is_delta(name))
    for name in chosen:
        _replace(module, name, LoRALinear.wrap(linears[name], rank, alpha, dropout))
    return chosen


def adapters(module: nn.Module) -> dict[str, LoRALinear]:
    """Dotted name -> adapted layer."""
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, LoRALinear)}


@contextmanager
def lora_off(module: nn.Module) -> Iterator[None]:
    """Inside, the module is bitwise the base."""
    layers = [layer for layer in adapters(module).values() if layer.enabled]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer in layers:
            layer.enabled = True


@torch.no_grad()
def merge(module: nn.Module) -> int:
    """Add every delta to its weight and put plain linear layers back; in place; how many. Sums in float32 or wider."""
    layers = adapters(module)
    for name, layer in layers.items():
        wide = torch.promote_types(layer.weight.dtype, torch.float32)
        delta = layer.scale * (layer.lora_b.to(wide) @ layer.lora_a.to(wide))
        layer.weight.copy_(layer.weight.to(wide) + delta)
        plain = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
        plain.weight, plain.bias = layer.weight, layer.bias
        _replace(module, name, plain.train(layer.training))
    return len(layers)


def lora_state_dict(module: nn.Module) -> dict[str, Tensor]:
    """The adapters alone: what a delta checkpoint holds."""
    return {name: tensor for name, tensor in module.state_dict().items() if _is_delta(name)}


@torch.no_grad()
def load_lora_state_dict(module: nn.Module, delta: Mapping[str, Tensor]) -> None:
    """Fill the adapters of `module`. SpaceError where names or shapes differ."""
    own = lora_state_dict(module)
    if set(own) != set(delta):
        odd = sorted(set(own) ^ set(delta))
        raise SpaceError(f"LoRA delta does not fit: {len(odd)} names differ, {odd[0]} among them")
    for name, tensor in own.items():
        if tensor.shape != delta[name].shape:
            raise SpaceError(
                f"LoRA delta does not fit: {name} is {tuple(delta[name].shape)}, not {tuple(tensor.shape)}"
            )
        tensor.copy_(delta[name])


def _is_delta(name: str) -> bool:
    return name.rsplit(".", 1)[-1] in ("lora_a", "lora_b")


def _replace(module: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(module.get_submodule(parent), child, new)
