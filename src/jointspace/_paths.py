"""Where recipes and results lie: beside the sources in a checkout, inside the package in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Root of the checkout the package is imported from, None for an installed wheel."""
    root = PACKAGE.parent.parent
    return root if (root / "pyproject.toml").is_file() and (root / "recipes").is_dir() else None


def shared(kind: str) -> Path:
    """Folder of `recipes` or `results` that travels with the package."""
    root = checkout()
    return root / kind if root else PACKAGE / "_share" / kind
