"""The synthetic world: one scene, every modality, exact truth. NumPy and `data` alone.

`js.world.scenes(n=1000, seed=1)` gives an indexable set of rows; `jointspace data make world/scenes OUT` writes it.
"""

from __future__ import annotations

from typing import Any

from jointspace.errors import ConfigError, nearest

_SETS = {"scenes": "jointspace.world.sets:scenes"}


def names() -> list[str]:
    """Names of the sets there are."""
    return sorted(_SETS)


def make(name: str, n: int = 1000, seed: int = 0, **controls: Any) -> Any:
    """The set of that name: `make("scenes", n=100, objects=[1, 3])`. ConfigError for an unknown name or control."""
    if name not in _SETS:
        raise ConfigError(f"world/{name}: no such set{nearest(name, _SETS)}")
    import importlib

    module, function = _SETS[name].split(":")
    return getattr(importlib.import_module(module), function)(n=n, seed=seed, **controls)


def __getattr__(name: str) -> Any:
    if name in _SETS:
        from functools import partial

        return partial(make, name)
    raise AttributeError(f"module 'jointspace.world' has no attribute {name!r}")
