"""Head modules as plain data, so that a saved Space needs no pickle.

`to_config` gives a JSON-able dict, `from_config` an equal module with fresh weights. Known are the plain modules
below, `Sequential` of known ones, and classes that were registered: those say by `config()` what made them.
"""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from jointspace.errors import SpaceError, nearest
from jointspace.nn.click_heads import ClickHead
from jointspace.nn.heads import Part, ProjectionHead, Standardise
from jointspace.nn.pooling import AttentionPooling
from jointspace.nn.token_heads import FlattenTokens, MeanOfTokens

# class -> the attributes that are also its keyword arguments; `bias` and affine flags are read off the parameters
_PLAIN: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Identity: (),
    nn.Linear: ("in_features", "out_features"),
    nn.LayerNorm: ("normalized_shape", "eps", "elementwise_affine"),
    nn.RMSNorm: ("normalized_shape", "eps", "elementwise_affine"),
    nn.BatchNorm1d: ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    nn.GELU: ("approximate",),
    nn.ReLU: (),
    nn.SiLU: (),
    nn.Tanh: (),
    nn.Dropout: ("p",),
}
_OWN = (ClickHead, Part, ProjectionHead, Standardise, AttentionPooling, FlattenTokens, MeanOfTokens)
_BY_NAME: dict[str, type[nn.Module]] = {cls.__name__: cls for cls in (*_PLAIN, *_OWN)}

M = TypeVar("M", bound=type[nn.Module])


def register(cls: M) -> M:
    """Class decorator: make a head savable. The class defines `config()` -> keyword arguments of its constructor."""
    if not hasattr(cls, "config"):
        raise SpaceError(f"{cls.__name__} has no config(): what would rebuild it when a Space is opened?")
    _BY_NAME[cls.__name__] = cls
    return cls


def to_config(module: Any) -> dict[str, Any]:
    """Module -> {"type": name, ...keyword arguments}. SpaceError for a class that is neither known nor registered."""
    cls = type(module)
    if cls is nn.Sequential:
        return {"type": "Sequential", "modules": [to_config(child) for child in module]}
    if cls in _PLAIN:
        config: dict[str, Any] = {"type": cls.__name__}
        for name in _PLAIN[cls]:
            value = getattr(module, name)
            config[name] = list(value) if isinstance(value, tuple) else value
        if cls in (nn.Linear, nn.LayerNorm):
            config["bias"] = module.bias is not None
        return config
    if _BY_NAME.get(cls.__name__) is cls:
        return {"type": cls.__name__, **module.config()}
    raise SpaceError(f"cannot save a head of type {cls.__name__}: register it with jointspace.nn.registry.register")


def from_config(config: dict[str, Any]) -> nn.Module:
    """The module that `to_config` described, with fresh weights. SpaceError for an unknown type or argument."""
    options = dict(config)
    name = options.pop("type", None)
    if name == "Sequential":
        return nn.Sequential(*(from_config(child) for child in options["modules"]))
    if name not in _BY_NAME:
        raise SpaceError(f"no head is called {name!r}{nearest(str(name), ['Sequential', *_BY_NAME])}")
    try:
        return _BY_NAME[name](**options)
    except TypeError as error:
        raise SpaceError(f"head {name}: {error}") from error
