"""The catalogue: small public data sets by name, where they lie on this machine, and where they come from."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from jointspace.errors import DataError, nearest

ASSETS = Path(__file__).parent / "assets"
LICENCE_MARKS = {"NC": "non-commercial", "R": "research use", "?": "licence unknown", "": "open"}


@cache
def _table() -> dict[str, dict[str, Any]]:
    return json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))


def names() -> list[str]:
    """Names of all data sets, sorted."""
    return sorted(_table())


def describe(name: str) -> dict[str, Any]:
    """`{what, group, rows, licence, mark, fields, home}` of a data set. Raises DataError with the nearest name.

    mark: "" open, "NC" non-commercial, "R" research use, "?" unknown; fields: table -> column names; home: where it is
    published.
    """
    entry = _table().get(name)
    if entry is None:
        raise DataError(f"{name}: no such data set in the catalogue{nearest(name, names())}")
    return entry


def roots() -> list[Path]:
    """Folders that are searched, in order: JOINTSPACE_DATA, then ../shared/data beside here and beside the checkout."""
    found = []
    if os.environ.get("JOINTSPACE_DATA"):
        found.append(Path(os.environ["JOINTSPACE_DATA"]).expanduser())
    found.append(Path.cwd().parent / "shared" / "data")
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file():
        found.append(checkout.parent / "shared" / "data")
    return found


def locate(name: str) -> Path | None:
    """Folder of a data set on this machine, None where it is absent. `emoji` is always the embedded copy."""
    embedded = ASSETS / name
    if embedded.is_dir():
        return embedded
    return next((root / name for root in roots() if (root / name).is_dir()), None)


def find(name: str) -> Path:
    """Folder of a data set. Raises DataError that names the set's public home where it is not on this machine."""
    entry = describe(name)
    found = locate(name)
    if found is None:
        raise DataError(
            f"{name}: not on this machine (set JOINTSPACE_DATA to the folder that holds it); "
            f"published at: {entry['home']}"
        )
    return found
