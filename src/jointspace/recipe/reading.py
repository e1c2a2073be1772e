"""Recipe files: found, read, overridden, checked; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from jointspace._paths import shared
from jointspace.errors import ConfigError, nearest
from jointspace.recipe.schema import Recipe, explain


def find(name: str) -> Path:
    """A recipe file by path, or by the name of one that travels with the package (`debug`)."""
    path = Path(name)
    if path.is_file():
        return path
    known = {p.stem: p for p in sorted(shared("recipes").rglob("*.yaml"))}
    if path.stem in known and (path.suffix == "" or not path.is_absolute()) and len(path.parts) <= 2:
        return known[path.stem]
    raise ConfigError(f"{name}: no such recipe{nearest(path.stem, known)}")


def load(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `section.field=value` overrides. ConfigError names the file and the field."""
    return parse(read(name, overrides), where=name)


def read(name: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The table of a recipe file with overrides applied, not yet checked."""
    path = find(name)
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path}{f', line {mark.line + 1}' if mark else ''}: not valid YAML: {problem}") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: a recipe is a table of fields, this file holds a {type(table).__name__}")
    for text in overrides:
        override(table, text)
    return table


def override(table: dict[str, Any], text: str) -> None:
    """Set `a.b.c=value` in a nested table; the value is read as YAML (`training.steps=200`)."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"{text!r}: an override has the form field=value, for instance training.steps=200")
    *parents, last = key.split(".")
    here: Any = table
    for name in parents:
        here = here[int(name)] if isinstance(here, list) and name.isdigit() else here.setdefault(name, {})
        if not isinstance(here, dict | list):
            raise ConfigError(f"{text!r}: {name} is not a table")
    try:
        here[int(last) if isinstance(here, list) else last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, IndexError) as error:
        raise ConfigError(f"{text!r}: {str(error).splitlines()[0]}") from None


def parse(table: dict[str, Any], where: str = "recipe") -> Recipe:
    """Check a table against the fields of a recipe. ConfigError names the field and the nearest valid one."""
    try:
        recipe = TypeAdapter(Recipe).validate_python(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, Recipe)}") from None
    if "name" not in recipe.method:
        raise ConfigError(f"{where}: method.name is missing")
    if recipe.data.path is None and not recipe.data.sources:
        raise ConfigError(f"{where}: data needs a path or sources")
    return recipe


def annotated(recipe: Recipe, table: dict[str, Any], overrides: Sequence[str]) -> str:
    """The resolved recipe as YAML, each value with where it came from: default, recipe or command line."""
    typed = {text.partition("=")[0] for text in overrides}
    lines = []

    def walk(value: Any, source: Any, path: str, indent: int) -> None:
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            given = isinstance(source, dict) and key in source
            if isinstance(item, dict) and item:
                lines.append(f"{'  ' * indent}{key}:")
                walk(item, source.get(key) if given else None, here, indent + 1)
                continue
            origin = "command line" if here in typed else "recipe" if given else "default"
            text = yaml.safe_dump(item, default_flow_style=True, allow_unicode=True, width=10_000)
            lines.append(f"{'  ' * indent}{key}: {text.removesuffix(chr(10)).removesuffix('...').strip()}  # {origin}")

    walk(recipe.to_dict(), table, "", 0)
    return "\n".join(lines)
