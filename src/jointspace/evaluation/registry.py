"""Tasks by name. A task is a dataclass of its options with `roles`, `version` and `run`; see `evaluation/task.py`."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from jointspace.errors import ConfigError, nearest

TASKS: dict[str, str] = {
    "retrieval": "retrieval:Retrieval",
    "zero_shot": "zero_shot:ZeroShot",
    "linear_probe": "probe:LinearProbe",
    "knn": "probe:NearestNeighbours",
    "sts": "pairs:SemanticSimilarity",
    "pair_classification": "pairs:PairClassification",
    "clustering": "clustering:Clustering",
    "reranking": "reranking:Reranking",
    "clicks": "clicks:Clicks",
}


def find(name: str) -> Any:
    """The class of a task. ConfigError names the nearest one there is."""
    if name not in TASKS:
        raise ConfigError(f"no task {name!r}{nearest(name, TASKS)}")
    module, cls = TASKS[name].split(":")
    return getattr(importlib.import_module(f"jointspace.evaluation.{module}"), cls)


def describe() -> list[dict[str, Any]]:
    """Every task: name, what it measures, its roles (those in parentheses may be missing) and its options."""
    rows = []
    for name in TASKS:
        cls = find(name)
        roles = [role.name if role.required else f"({role.name})" for role in cls.roles]
        options = [f.name for f in dataclasses.fields(cls)]
        rows.append({"task": name, "what": cls.__doc__.split("\n")[0], "roles": roles, "options": options})
    return rows
