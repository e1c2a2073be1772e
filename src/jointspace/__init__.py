"""jointspace: learn, judge, adapt, merge, search and serve joint embedding spaces."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public names are resolved on first use, so that `import jointspace` stays light (no torch).
_LAZY = {
    "Space": "jointspace.space:Space",
    "Tower": "jointspace.space:Tower",
    "fit": "jointspace.training.loop:fit",
    "TrainingConfig": "jointspace.training.config:TrainingConfig",
    "Graph": "jointspace.data.graph:Graph",
    "load_graph": "jointspace.data.graph:load_graph",
    "load_data": "jointspace.data.dataset:load_data",
    "Dataset": "jointspace.data.dataset:Dataset",
    "evaluate": "jointspace.evaluation:evaluate",
    "compare": "jointspace.evaluation:compare",
    "Index": "jointspace.search:Index",
    "compress": "jointspace.operations.compression:compress",
    "merge": "jointspace.operations.merging:merge",
    "upgrade": "jointspace.operations.upgrading:upgrade",
}
_MODULES = (
    "data", "encoders", "evaluation", "metrics", "methods", "nn", "objectives", "search", "theory", "training", "world",
)  # fmt: skip

__all__ = [*_LAZY, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module, attribute = _LAZY[name].split(":")
        return getattr(importlib.import_module(module), attribute)
    if name in _MODULES:
        return importlib.import_module(f"jointspace.{name}")
    raise AttributeError(f"module 'jointspace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
