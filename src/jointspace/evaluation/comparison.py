"""`js.compare`: which differences between Spaces are real, from saved scores alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.errors import DataError, nearest
from jointspace.evaluation.score import Score
from jointspace.evaluation.scores import Scores, find_scores
from jointspace.evaluation.significance import holm, more_needed, over_seeds, paired
from jointspace.metrics.relevance import indices_of

# how the rows were named and how the intervals were drawn; what was judged is held by the hashes
NOT_COMPARED = ("data.name", "split", "columns", "limit", "skipped", "resampling")


@dataclass
class Difference:
    """Two systems on one score: difference = value of b - value of a.

    p_holm: corrected for all tests of the comparison; real: p_holm < alpha. more_units, more_seeds: how many more
    would make a true difference of this size show with 80 % power; None where it would take the other (or cannot).
    """

    score: str
    a: str
    b: str
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float
    real: bool
    better: str | None
    more_units: int | None
    more_seeds: int | None
    unit: str

    @property
    def verdict(self) -> str:
        return f"{self.better} is better" if self.real else "tie"

    @property
    def needs(self) -> str:
        """What would settle a tie, in words."""
        if self.real:
            return ""
        if self.difference == 0:
            return "no difference at all"
        if self.more_units is not None:
            # enough units for the test alone, but not once it is corrected for all the others
            return f"needs about {_round(max(1, self.more_units)):,} more ({self.unit})"
        if self.more_seeds is not None:
            return f"needs about {max(1, self.more_seeds):,} more seeds"
        return "needs more seeds and more items"


@dataclass
class Comparison:
    """values: score -> value of each system (mean over its seeds). ties: score -> groups that nothing tells apart."""

    task: str
    systems: list[str]
    n: int
    values: dict[str, list[float]]
    differences: list[Difference]
    ties: dict[str, list[list[str]]] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=list)

    def table(self) -> str:
        """Text: values of all systems, then every pair."""
        from jointspace.evaluation.rendering import comparison_table

        return comparison_table(self)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain dict."""
        made = asdict(self)
        for row, d in zip(made["differences"], self.differences, strict=True):
            row |= {"interval": list(d.interval), "verdict": d.verdict, "needs": d.needs}
        return made

    def save(self, path: str | Path) -> Path:
        """Write JSON."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def plot(self, path: str | Path) -> Path:
        """Draw the differences with their intervals (.png, .svg, .pdf)."""
        from jointspace.evaluation.plotting import plot_comparison

        return plot_comparison(self, Path(path))


def compare(
    systems: Sequence[Any] | Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    scores: Sequence[str] | None = None,
    allow: Sequence[str] = (),
    alpha: float = 0.05,
    samples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare saved scores, unit by unit.

    systems: two or more of: `Scores`, the path of saved ones (or of a Space or run folder that holds them), or a list
    of those, one a training seed; or `{name: the same}`. Runs with the same `seed` are paired. scores: which scores
    (default: all that every system has). allow: protocol fields that may differ (`encoding.truncate_dim`, `encoding`).
    Holm's correction covers all tests of one call, so name the scores that matter. samples: of the resampling.

    Raises DataError where protocols differ (which field, both values), units differ, or per-unit values are missing.
    """
    runs = _systems(systems, names)
    labels = list(runs)
    every = [(label, run) for label, several in runs.items() for run in several]
    for label, run in every[1:]:
        _alike(every[0], (label, run), allow)
    wanted = _score_names([run for _, run in every], scores)
    tests, values, number = [], {}, 0
    for name in wanted:
        found = {label: [_found(run, name) for run in several] for label, several in runs.items()}
        number = next(iter(found.values()))[0].n
        values[name] = [float(np.mean([s.value for s in found[label]])) for label in labels]
        for a, b in combinations(labels, 2):
            tests.append(_test(name, (a, found[a], runs[a]), (b, found[b], runs[b]), samples, seed, alpha))
    for d, p in zip(tests, holm([d.p for d in tests]), strict=True):
        d.p_holm, d.real = p, p < alpha
    ties = {name: _ties(name, labels, values[name], tests) for name in wanted}
    return Comparison(every[0][1].task, labels, number, values, tests, ties, [len(runs[label]) for label in labels])


def _systems(systems: Any, names: Sequence[str] | None) -> dict[str, list[Scores]]:
    entries = list(systems.values()) if isinstance(systems, Mapping) else list(systems)
    if len(entries) < 2:
        raise DataError(f"compare: needs at least two systems, got {len(entries)}")
    loaded = []
    for entry in entries:
        several = entry if isinstance(entry, list | tuple) else [entry]
        loaded.append([run if isinstance(run, Scores) else Scores.load(find_scores(run)) for run in several])
    given = list(systems) if isinstance(systems, Mapping) else list(names or [])
    if given and len(given) != len(loaded):
        raise DataError(f"compare: {len(given)} names for {len(loaded)} systems")
    given = given or [several[0].name for several in loaded]
    if len(set(given)) < len(given):  # the same method twice: told apart by path, else by number
        paths = [str(e) for e in entries if isinstance(e, str | Path)]
        whole = len(paths) == len(entries) == len(set(paths))
        given = paths if whole else [f"{name} {i + 1}" for i, name in enumerate(given)]
    return dict(zip(given, loaded, strict=True))


def _alike(first: tuple[str, Scores], other: tuple[str, Scores], allow: Sequence[str]) -> None:
    a, b = (dict(_flat(run.protocol)) for _, run in (first, other))
    skip = (*NOT_COMPARED, *allow)
    unlike = [
        key
        for key in sorted(a.keys() | b.keys())
        if a.get(key) != b.get(key) and not any(key == s or key.startswith(f"{s}.") for s in skip)
    ]
    if unlike:
        shown = "; ".join(f"{key} is {a.get(key)!r} and {b.get(key)!r}" for key in unlike[:3])
        more = f"; {len(unlike) - 3} more" if len(unlike) > 3 else ""
        raise DataError(f"compare: {first[0]} and {other[0]} were not judged alike: {shown}{more}")


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            out += _flat(value, f"{name}.")
        else:
            out.append((name, list(value) if isinstance(value, tuple) else value))
    return out


def _score_names(runs: Sequence[Scores], wanted: Sequence[str] | None) -> list[str]:
    common = [name for name in runs[0].names if all(name in run.names for run in runs)]
    if wanted is None:
        if not common:
            raise DataError("compare: the systems have no score in common")
        return common
    found = []
    for name in wanted:
        whole = next((c for c in common if name in (c, c.rpartition("/")[2])), None)
        if whole is None:
            raise DataError(f"compare: no score {name!r} that all systems have{nearest(name, common)}")
        found.append(whole)
    return found


def _found(run: Scores, name: str) -> Score:
    score = run[name]
    if score.units is None:
        raise DataError(f"compare: {run.name}: the per-unit values of {name} are missing beside its scores.json")
    return score


def _test(
    name: str,
    a: tuple[str, list[Score], list[Scores]],
    b: tuple[str, list[Score], list[Scores]],
    samples: int,
    seed: int,
    alpha: float,
) -> Difference:
    reference = a[1][0]
    ids = reference.units.ids  # type: ignore[union-attr]
    sides = []
    for label, found, _ in (a, b):
        orders = []
        for score in found:
            order = indices_of(ids, score.units.ids)  # type: ignore[union-attr]
            if len(score.units) != len(ids) or (order < 0).any():  # type: ignore[arg-type]
                missing = int((order < 0).sum())
                raise DataError(f"compare: {a[0]} and {label} have other units of {name}: {missing} are missing")
            orders.append(order)
        sides.append((found, orders))
    groups, n = reference.units.group, len(ids)  # type: ignore[union-attr]
    made = [[s.prepared(order) for s, order in zip(*side, strict=True)] for side in sides]
    seeds = min(len(made[0]), len(made[1]))
    how: dict[str, Any] = dict(groups=groups, seed=seed)
    if len(made[0]) == len(made[1]) == 1:
        values = None
        if reference.statistic == "mean":
            columns = [side[0][0].units.columns[side[0][0].columns["value"]][side[1][0]] for side in sides]  # type: ignore[union-attr]
            values = (np.asarray(columns[0], np.float64), np.asarray(columns[1], np.float64))
        kind = reference.statistic
        result = paired(made[0][0], made[1][0], n, kind=kind, values=values, samples=samples, **how)
    else:
        mine, theirs = ([run.seed for run in x[2]] for x in (a, b))
        same = None not in mine and len(set(mine)) == len(mine) and set(mine) == set(theirs)
        if same:
            made[1] = [made[1][theirs.index(s)] for s in mine]
        result = over_seeds(made[0], made[1], n, same_seeds=same, samples=min(samples, 4000), **how)
    up = result.difference > 0
    better = None if result.difference == 0 else (b[0] if up == reference.higher_is_better else a[0])
    units, more = more_needed(result, reference.n, seeds, alpha=alpha)
    return Difference(
        name, a[0], b[0], result.difference, result.interval, result.p, 1.0, False, better, units, more, reference.unit
    )


def _ties(name: str, labels: list[str], values: list[float], tests: list[Difference]) -> list[list[str]]:
    """Runs of systems, ordered by value, of which no two really differ; those inside a longer run are left out."""
    real = {frozenset((d.a, d.b)) for d in tests if d.score == name and d.real}
    order = [labels[i] for i in np.argsort([-v for v in values], kind="stable")]
    groups: list[list[str]] = []
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and all(frozenset((order[stop], x)) not in real for x in order[start:stop]):
            stop += 1
        group = order[start:stop]
        if len(group) > 1 and not any(set(group) <= set(g) for g in groups):
            groups.append(group)
    return groups


def _round(value: int) -> int:
    """Two significant digits: an estimate should not look exact."""
    digits = max(0, len(str(value)) - 2)
    return int(round(value, -digits))
