"""One file a published method. Files are found by looking, so a new method needs no entry anywhere.

`js.methods.ALIGN` resolves a class by name; recipes name methods by their file (`align`), or by class in snake case
where a file holds several. Nothing here imports torch: the table is read from the sources by `ast`.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jointspace.errors import ConfigError, nearest


@dataclass(frozen=True)
class Entry:
    """Where a method lives and what its docstring says in one line."""

    name: str
    class_name: str
    module: str
    family: str
    summary: str

    def load(self) -> Any:
        return getattr(importlib.import_module(self.module), self.class_name)


@cache
def table() -> dict[str, Entry]:
    """Name -> entry of every method in the package."""
    found: dict[str, Entry] = {}
    root = Path(__file__).parent
    for path in sorted(root.glob("*/*.py")):
        if path.name.startswith("_"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_method(node)]
        for node in classes:
            name = path.stem if len(classes) == 1 else snake(node.name)
            summary = (ast.get_docstring(tree if len(classes) == 1 else node) or "").split("\n")[0]
            module = f"{__name__}.{path.parent.name}.{path.stem}"
            found[name] = Entry(name, node.name, module, path.parent.name, summary)
    return found


def _is_method(node: ast.ClassDef) -> bool:
    return not node.name.startswith("_") and any(
        getattr(b, "id", getattr(b, "attr", "")) == "Method" for b in node.bases
    )


def snake(name: str) -> str:
    """`SentencePairs` -> `sentence_pairs`, `SimCLR` -> `simclr`, `ALIGN` -> `align`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def find(name: str) -> Any:
    """The Method class a recipe names: a method of the package, or your own as `package.module:Class`.

    Raises ConfigError with the nearest name.
    """
    if ":" in name:
        module, attribute = name.split(":", 1)
        if os.getcwd() not in sys.path:  # the installed command, unlike `python -m`, does not see the user's folder
            sys.path.append(os.getcwd())
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"method {name!r} cannot be imported: {error}") from None
    key = name.replace("-", "_")
    if key not in table():
        raise ConfigError(f"no method is called {name!r}{nearest(key, table())}; your own: package.module:Class")
    return table()[key].load()


def __getattr__(name: str) -> Any:
    for entry in table().values():
        if entry.class_name == name:
            return entry.load()
    raise AttributeError(f"module 'jointspace.methods' has no attribute {name!r}")
