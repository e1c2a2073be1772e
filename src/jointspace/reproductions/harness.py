"""Arms, seeds, metrics, claims: what every reproduction shares."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jointspace import __version__
from jointspace._paths import PACKAGE, checkout
from jointspace.errors import ConfigError, nearest
from jointspace.reproductions.claims import Claim, status
from jointspace.systems import find, module_name

SCALES = ("desk", "tiny")
_HELPERS = {"harness", "claims", "fixtures", "report"}


@dataclass(frozen=True)
class Role:
    """A data set that a reproduction uses: its fields and how the default is made.

    default: the name shown to users (`emoji`, `world/scenes`); make(context, **how) -> Dataset. A replacement
    (`--data ROLE=PATH`) is loaded with the same fields; `adapt(dataset, context, **how)`, where given, cuts it to what
    the default would have given.
    """

    fields: tuple[str, ...]
    default: str
    about: str
    make: Callable[..., Any]
    adapt: Callable[..., Any] | None = None


@dataclass
class Context:
    """What one run of one arm gets: seed, scale, settings of that scale, data by role."""

    seed: int
    scale: str
    settings: Mapping[str, Any]
    roles: Mapping[str, Role]
    replaced: Mapping[str, str]
    say: Callable[[str], None] = lambda text: None
    used: dict[str, dict[str, Any]] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)  # what the arms of one seed share (a trained Space)

    def data(self, role: str, **how: Any) -> Any:
        """The Dataset of a role: the default, or what `--data` put in its place. DataError where a field is missing."""
        spec = self.roles[role]
        if role in self.replaced:
            from jointspace.data.dataset import load_data
            from jointspace.errors import DataError

            data = load_data(self.replaced[role], split=how.pop("split", None))
            for name in spec.fields:
                if name not in data.fields:
                    raise DataError(
                        f"--data {role}={self.replaced[role]}: no field {name!r}{nearest(name, data.fields)}"
                    )
            data = spec.adapt(data, self, **how) if spec.adapt else data
        else:
            data = spec.make(self, **how)
        known = self.used.setdefault(role, {"name": self.replaced.get(role, spec.default), "fingerprints": []})
        known["rows"] = max(len(data), known.get("rows", 0))
        if data.fingerprint not in known["fingerprints"]:
            known["fingerprints"].append(data.fingerprint)
        return data


@dataclass(frozen=True)
class Reproduction:
    """A paper's central claim at desk scale.

    run(arm, context) -> {metric: score}. arms: name -> what it is; the paper's own baselines among them. claims: see
    `Claim`. settings: scale -> settings. choices: everything the paper leaves open or that differs, with both values.
    few: arms that run on the first so many seeds only (optional extras).
    """

    slug: str
    run: Callable[[str, Context], Mapping[str, float]]
    arms: Mapping[str, str]
    claims: Sequence[Claim]
    roles: Mapping[str, Role]
    settings: Mapping[str, Mapping[str, Any]]
    choices: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (11, 12, 13)
    few: Mapping[str, int] = field(default_factory=dict)

    def execute(
        self,
        *,
        seeds: Sequence[int] | None = None,
        scale: str = "desk",
        data: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> dict[str, Any]:
        """Run every arm on every seed and judge the claims: the JSON that goes to `results/`."""
        if scale not in SCALES:
            raise ConfigError(f"scale {scale!r}: no such scale{nearest(scale, SCALES)}")
        seeds = tuple(seeds or self.seeds)
        replaced = dict(data or {})
        for role in replaced:
            if role not in self.roles:
                raise ConfigError(f"--data {role}=...: {self.slug} has no role {role!r}{nearest(role, self.roles)}")
        start = time.perf_counter()
        arms: dict[str, dict[str, list[float]]] = {arm: {} for arm in self.arms}
        took: dict[str, float] = dict.fromkeys(self.arms, 0.0)
        used: dict[str, dict[str, Any]] = {}
        for number, seed in enumerate(seeds):
            shared: dict[str, Any] = {}
            for arm in self.arms:
                if number >= self.few.get(arm, len(seeds)):
                    continue
                context = Context(seed, scale, self.settings[scale], self.roles, replaced, say, used, shared)
                begin = time.perf_counter()
                scores = self.run(arm, context)
                took[arm] += time.perf_counter() - begin
                for metric, value in scores.items():
                    arms[arm].setdefault(metric, []).append(float(value))
                shown = ", ".join(f"{m} {v:.3f}" for m, v in scores.items())
                say(f"seed {seed}, {arm}: {shown} ({time.perf_counter() - begin:.0f} s)")
        judged = [claim.judge(arms) for claim in self.claims]
        return {
            "slug": self.slug,
            "status": status(judged),
            "scale": scale,
            "seeds": list(seeds),
            "about": dict(self.arms),
            "arms": arms,
            "claims": judged,
            "datasets": used,
            "settings": dict(self.settings[scale]),
            "choices": dict(self.choices),
            "seconds": round(time.perf_counter() - start, 1),
            "seconds_per_arm": {arm: round(s, 1) for arm, s in took.items()},
            "versions": versions(),
        }


def load(slug: str) -> Reproduction:
    """The reproduction of a system. ConfigError for an unknown slug or a system that is not built yet."""
    system = find(slug)
    if not (PACKAGE / "reproductions" / f"{system.module}.py").is_file():
        raise ConfigError(f"{slug}: its reproduction is not built yet; built are {', '.join(built()) or 'none'}")
    return importlib.import_module(f"jointspace.reproductions.{system.module}").REPRODUCTION


def built() -> list[str]:
    """Slugs that have a reproduction."""
    from jointspace.systems import SYSTEMS

    files = {p.stem for p in (PACKAGE / "reproductions").glob("*.py")} - _HELPERS
    return [s.slug for s in SYSTEMS if module_name(s.slug) in files]


def result_path(slug: str) -> Path:
    """Where the desk-scale result with default data and seeds goes. ConfigError outside a checkout."""
    root = checkout()
    if root is None:
        raise ConfigError("results are written into a checkout only; name a file with --out")
    return root / "results" / f"{slug}.json"


def write(result: Mapping[str, Any], path: Path) -> None:
    """Result JSON and its plot (PNG beside it), written beside and renamed."""
    from jointspace.reproductions.report import plot

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot(result, path.with_suffix(".png"))
    os.replace(beside, path)


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    import torch

    names = ("numpy", "transformers", "scikit-learn")
    return {
        "jointspace": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        **{name: importlib.metadata.version(name) for name in names},
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }
