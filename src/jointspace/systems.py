"""The 67 published systems that are the parts of jointspace; how far each is, read from the tree and the results."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from typing import Any

from jointspace._paths import PACKAGE, shared
from jointspace.errors import ConfigError, nearest

STATUSES = ("planned", "built", "reproduced", "failed")


@dataclass(frozen=True)
class System:
    """One paper. slug: name of its sheet, recipe, result and docs page; home: its file inside the package."""

    slug: str
    name: str
    title: str
    year: int
    arxiv: str
    family: str
    home: str

    @property
    def module(self) -> str:
        """Name of its reproduction and test modules: `2d-matryoshka` -> `matryoshka_2d`."""
        return module_name(self.slug)

    def result(self) -> dict[str, Any] | None:
        """The committed result of its reproduction, None where there is none."""
        path = shared("results") / f"{self.slug}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def status(self) -> str:
        """planned (no file yet), built, reproduced or failed (what its result says)."""
        if not (PACKAGE / self.home).is_file():
            return "planned"
        result = self.result()
        return str(result["status"]) if result else "built"


def _read() -> tuple[System, ...]:
    with (PACKAGE / "systems.csv").open(encoding="utf-8", newline="") as file:
        return tuple(System(**{**row, "year": int(row["year"])}) for row in csv.DictReader(file))  # type: ignore[arg-type]


def module_name(slug: str) -> str:
    """Python module of a slug: dashes become underscores, a leading number moves to the end."""
    return "matryoshka_2d" if slug == "2d-matryoshka" else slug.replace("-", "_")


def find(slug: str) -> System:
    """The system of that slug. ConfigError with the nearest one."""
    for system in SYSTEMS:
        if system.slug == slug:
            return system
    raise ConfigError(f"no system is called {slug!r}{nearest(slug, [s.slug for s in SYSTEMS])}")


def table() -> list[dict[str, Any]]:
    """One row a system: its fields, `status`, and the verdicts of its claims where it has a result."""
    rows = []
    for system in SYSTEMS:
        result = system.result()
        claims = [claim["verdict"] for claim in result["claims"]] if result else []
        rows.append({**asdict(system), "status": system.status(), "claims": claims})
    return rows


SYSTEMS = _read()
