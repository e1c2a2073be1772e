"""What several verbs read from the command line in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jointspace.errors import ConfigError


def parse_columns(texts: Sequence[str] | None) -> dict[str, Any] | None:
    """`["image=path,text=name,keywords"]` -> `{"image": "path", "text": ["name", "keywords"]}`; None where empty.

    A comma before the next `field=` starts a new field, any other comma adds a column; `;` works too.
    """
    table: dict[str, list[str]] = {}
    for text in texts or ():
        field = ""
        for part in text.replace(";", ",").split(","):
            name, sign, value = (piece.strip() for piece in part.partition("="))
            if not sign:
                name, value = field, name
            if not name or not value:
                raise ConfigError(f"--columns {text!r}: the form is field=column or field=column,column")
            field = name
            table.setdefault(name, []).append(value)
    return {name: columns[0] if len(columns) == 1 else columns for name, columns in table.items()} or None


def parse_assignments(texts: Sequence[str] | None) -> dict[str, Any]:
    """`["k=10", "twins=false"]` -> `{"k": 10, "twins": False}`: values are read as YAML, as in recipes."""
    import yaml

    table = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ConfigError(f"{text!r}: the form is option=value")
        try:
            table[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"{text!r}: the value is no YAML") from None
    return table


def parse_graph(text: str | None) -> dict[str, str] | None:
    """`flights.csv` or `flights.csv:from,to` -> the edge list as `load_data` takes it; None where empty."""
    if text is None:
        return None
    path, _, ends = text.rpartition(":") if "," in text else (text, "", "")
    source, comma, target = ends.partition(",")
    if ends and not (path and source and comma and target):
        raise ConfigError(f"--graph {text}: the form is EDGES or EDGES:SOURCE,TARGET (two columns)")
    return {"path": path, **({"source": source, "target": target} if ends else {})}


def refuse_existing_folder(path: Path) -> None:
    """ConfigError where a file is to be written and a folder is there."""
    if path.is_dir():
        raise ConfigError(f"--out {path}: is a folder; name a file to write")
