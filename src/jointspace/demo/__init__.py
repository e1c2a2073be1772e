"""The demo: a text-picture Space on the emoji that ship, from weights or from scratch, judged, indexed and reported."""

from __future__ import annotations

from typing import Any

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from jointspace.demo.running import run

        return run
    raise AttributeError(f"module 'jointspace.demo' has no attribute {name!r}")
