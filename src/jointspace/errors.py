"""Errors for people: one line that says what is wrong, where, and what would be valid."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class JointspaceError(ValueError):
    """Base of every error a user can cause; the command line prints its one line and exits with `exit_code`."""

    exit_code = 2


class DataError(JointspaceError):
    """A file, row or field of the data cannot be used."""


class ConfigError(JointspaceError):
    """A recipe or config has an unknown field, a wrong type or an impossible value."""


class SpaceError(JointspaceError):
    """A Space folder, tower, output or fingerprint does not fit."""


class TrainingError(JointspaceError):
    """Training had to stop (loss not finite, checkpoint of another config, ...)."""

    exit_code = 3


class MissingDependency(JointspaceError):
    """An optional dependency is not installed; the message names the extra that brings it."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """' (did you mean X?)' or ' (valid: A, B, C)', to be appended to a message about an unknown `name`."""
    names = [str(v) for v in valid]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]}?)"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f" (valid: {shown})" if names else ""


def need(module: str, extra: str) -> object:
    """Import `module` or say which extra brings it. Raises MissingDependency."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency(f"{module} is not installed: pip install 'jointspace[{extra}]'") from error
