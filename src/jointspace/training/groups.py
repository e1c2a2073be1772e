"""Which parameters learn, and how fast: `trainable`, groups by name, layer-wise decay of the rate, decay of weights."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torch import nn

from jointspace.errors import ConfigError
from jointspace.nn.lora import add_lora
from jointspace.training.config import ParameterGroup, TrainingConfig
from jointspace.training.method import Method

# Linear layers of attention and feed-forward blocks as most backbones name them: where `trainable: lora` adapts.
LORA_PATTERN = r"(query|key|value|q_proj|k_proj|v_proj|out_proj|dense|fc1|fc2|qkv|attn\.\w+|mlp\.\w+)$"


def set_trainable(method: Method, config: TrainingConfig) -> list[str]:
    """Freeze what `config.trainable` leaves out; returns names of child modules that must stay in eval mode.

    full: as the method set it; head: encoders frozen; lora: adapters in the encoders, which are frozen otherwise; else
    a regular expression that parameter names must match. Encoders and `frozen` modules in which nothing learns stay in
    eval mode: no dropout, no moving statistics. Raises ConfigError where nothing is left to learn.
    """
    still = list(method.frozen)
    for name in still:
        method.get_submodule(name).requires_grad_(False)
    encoders = dict(method.encoders())
    if config.trainable == "head":
        for encoder in encoders.values():
            encoder.requires_grad_(False)
    elif config.trainable == "lora":
        options = {"pattern": LORA_PATTERN, **config.lora}
        for encoder in encoders.values():
            try:
                add_lora(encoder, **options)
            except TypeError as error:
                raise ConfigError(f"lora: {str(error).split(') ')[-1]}") from None
    elif config.trainable != "full":
        for name, parameter in method.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and bool(re.search(config.trainable, name)))
    if not any(p.requires_grad for p in method.parameters()):
        some = ", ".join([name for name, _ in method.named_parameters()][:3])
        raise ConfigError(f"trainable: {config.trainable!r} leaves no parameter to learn (parameters: {some}, ...)")
    idle = [n for n, e in encoders.items() if not any(p.requires_grad for p in e.parameters())]
    return [*still, *(name for name in idle if name not in still)]


def parameter_groups(method: Method, config: TrainingConfig, params: str = ".*") -> list[dict[str, Any]]:
    """Groups for an optimiser over the parameters that learn and match `params`.

    Each is {params, names, weight_decay, lr_factor, freeze_until}. Tensors below 2-d get no weight decay. A parameter
    belongs to the first of `config.parameter_groups` whose expression matches. ConfigError: a group that matches none.
    """
    layer_factor = layer_factors(method, config.layer_lr_decay)
    named = {n: p for n, p in method.named_parameters() if p.requires_grad and re.search(params, n)}
    if not named:
        raise ConfigError(f"no parameter that learns matches the phase's expression {params!r}")
    plain = ParameterGroup(params=".*", weight_decay=config.weight_decay)
    groups: dict[tuple[float, float, float], dict[str, Any]] = {}
    for name, parameter in named.items():
        own = next((g for g in config.parameter_groups if re.search(g.params, name)), plain)
        decay = config.weight_decay if own.weight_decay is None else own.weight_decay
        decay = decay if parameter.ndim >= 2 else 0.0
        factor = own.lr_factor * layer_factor.get(name, 1.0)
        entry = dict(weight_decay=decay, lr_factor=factor, freeze_until=own.freeze_until)
        group = groups.setdefault((decay, factor, own.freeze_until), {"params": [], "names": [], **entry})
        group["params"].append(parameter)
        group["names"].append(name)
    return list(groups.values())


def check_groups(method: Method, groups: Iterable[ParameterGroup]) -> None:
    """ConfigError for a group, unless it is optional, whose expression matches no parameter at all."""
    names = [name for name, _ in method.named_parameters()]
    for group in groups:
        if not group.optional and not any(re.search(group.params, name) for name in names):
            some = ", ".join(names[:4])
            raise ConfigError(f"parameter_groups: {group.params!r} matches no parameter (there are {some}, ...)")


def layer_factors(method: Method, decay: float) -> dict[str, float]:
    """Factor of the rate for each encoder parameter: decay^(layers above it), 1 for what is not in an encoder.

    The layers of an encoder are its longest ModuleList or Sequential; what is registered before it (embeddings, stem)
    lies one below the first layer, what comes after it (final norm) counts as above the last.
    """
    factors: dict[str, float] = {}
    if decay == 1.0:
        return factors
    for child, encoder in method.encoders():
        stacks = [(n, m) for n, m in encoder.named_modules() if isinstance(m, nn.ModuleList | nn.Sequential) and n]
        path, stack = max(stacks, key=lambda pair: len(pair[1]), default=("", []))  # the first of equals
        layers = len(stack)
        if not layers:
            continue
        inside = False
        for name, _ in encoder.named_parameters():
            if name.startswith(path + "."):
                inside, above = True, layers - int(name[len(path) + 1 :].split(".")[0])
            else:
                above = 0 if inside else layers + 1
            factors[f"{child}.{name}"] = decay**above
    return factors
