"""What several verbs read from the command line in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jointspace.errors import ConfigError


def parse_columns(texts: Sequence[str] | None) -> dict[str, Any] | None:
    """`["image=path", "text=name,keywords"]` -> `{"image": "path", "text": ["name", "keywords"]}`; None where empty."""
    table: dict[str, Any] = {}
    for text in texts or ():
        for part in text.split(";"):
            name, sign, value = part.partition("=")
            if not sign or not name.strip() or not value.strip():
                raise ConfigError(f"--columns {part!r}: the form is field=column or field=column,column")
            names = [v.strip() for v in value.split(",") if v.strip()]
            table[name.strip()] = names[0] if len(names) == 1 else names
    return table or None


def refuse_existing_folder(path: Path) -> None:
    """ConfigError where a file is to be written and a folder is there."""
    if path.is_dir():
        raise ConfigError(f"--out {path}: is a folder; name a file to write")
