"""Scores of one Space on one task: shown, saved (JSON + parquet of every unit), loaded, plotted."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.errors import DataError, nearest
from jointspace.evaluation.score import Score, Units

FILE = "scores.json"
FORMAT = 1


class Scores(Sequence[Score]):
    """List of `Score`; `scores["r@10"]` finds one by name, `scores["text_to_image/r@10"]` one of several directions.

    task; protocol: what must be equal for a comparison; space: who was judged (fingerprint, method, dim), may differ.
    name: how tables call it; seed: of the training run, for comparisons over seeds. baselines: name -> Scores of
    another Space on the very same rows.
    """

    def __init__(
        self,
        scores: Sequence[Score],
        *,
        task: str,
        protocol: Mapping[str, Any],
        space: Mapping[str, Any] | None = None,
        name: str | None = None,
        seed: int | None = None,
        baselines: Mapping[str, Scores] | None = None,
    ):
        self.list = list(scores)
        self.task = task
        self.protocol = dict(protocol)
        self.space = dict(space or {})
        self.name = name or str(self.space.get("method") or task)
        self.seed = seed
        self.baselines = dict(baselines or {})
        for score in self.list:
            score.protocol = self.protocol

    def __len__(self) -> int:
        return len(self.list)

    def __iter__(self) -> Iterator[Score]:
        return iter(self.list)

    def __getitem__(self, key: Any) -> Any:
        """By position, by full name, or by the name after the direction (then the first direction is meant)."""
        if not isinstance(key, str):
            return self.list[key]
        for score in self.list:
            if score.name == key:
                return score
        for score in self.list:
            if score.name.rpartition("/")[2] == key:
                return score
        raise DataError(f"{self.task}: no score {key!r}{nearest(key, self.names)}")

    @property
    def names(self) -> list[str]:
        return [score.name for score in self.list]

    def values(self) -> dict[str, float]:
        """name -> value."""
        return {score.name: score.value for score in self.list}

    def __repr__(self) -> str:
        return f"Scores({self.task}, {', '.join(f'{s.name} {s.value:.3f}' for s in self.list)})"

    # Shown -----------------------------------------------------------------------------------------------------------

    def table(self) -> str:
        """Text table: score, value, interval, chance, baselines, number of units."""
        from jointspace.evaluation.rendering import scores_table

        return scores_table(self)

    def plot(self, path: str | Path) -> Path:
        """Draw values with intervals and chance to a file (.png, .svg, .pdf)."""
        from jointspace.evaluation.plotting import plot_scores

        return plot_scores(self, Path(path))

    # Saved -----------------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Plain dict, without the per-unit values."""
        return {
            "format": FORMAT,
            "task": self.task,
            "name": self.name,
            "seed": self.seed,
            "space": self.space,
            "protocol": self.protocol,
            "scores": [score.to_json() for score in self.list],
            "baselines": {name: scores.to_json() for name, scores in self.baselines.items()},
        }

    def save(self, folder: str | Path) -> Path:
        """Write `scores.json`, `units/<table>.parquet` and `baselines/<name>/` (beside, then renamed).

        Raises DataError where the folder holds something other than scores.
        """
        folder = Path(folder)
        if folder.exists() and not (folder / FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(f"{folder}: holds something other than scores; choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self._write(beside)
            if folder.exists():
                shutil.rmtree(folder)
            os.chmod(beside, 0o755)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return folder

    def _write(self, folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        (folder / FILE).write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        tables = {score.units.name: score.units for score in self.list if score.units is not None}
        if tables:
            (folder / "units").mkdir()
        for name, units in tables.items():
            columns: dict[str, Any] = {"unit_id": units.ids}
            if units.group is not None:
                columns["unit_group"] = units.group
            pq.write_table(pa.table({**columns, **units.columns}), folder / "units" / f"{name}.parquet")
        for name, scores in self.baselines.items():
            (folder / "baselines" / name).mkdir(parents=True)
            scores._write(folder / "baselines" / name)

    @classmethod
    def load(cls, path: str | Path) -> Scores:
        """Read what `save` wrote: its folder, or the `scores.json` in it. Raises DataError naming file and field."""
        path = Path(path)
        file = path if path.suffix == ".json" else path / FILE
        if not file.is_file():
            raise DataError(f"{path}: no {FILE} there")
        try:
            table = json.loads(file.read_text(encoding="utf-8"))
            made = cls._read(table, file.parent)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: not JSON ({error})") from None
        except (KeyError, TypeError) as error:
            raise DataError(f"{file}: not saved scores (field {error})") from None
        return made

    @classmethod
    def _read(cls, table: Mapping[str, Any], folder: Path) -> Scores:
        units: dict[str, Units | None] = {}
        scores = []
        for row in table["scores"]:
            name = row.get("units")
            if name is not None and name not in units:
                units[name] = _read_units(folder / "units" / f"{name}.parquet", name)
            interval = row["interval"]
            scores.append(
                Score(
                    row["name"],
                    row["value"],
                    None if interval is None else (interval[0], interval[1]),
                    row["n"],
                    row["unit"],
                    row["chance"],
                    statistic=row["statistic"],
                    columns=row["columns"],
                    higher_is_better=row["higher_is_better"],
                    details=row.get("details", {}),
                    units=units.get(name),
                )
            )
        return cls(
            scores,
            task=table["task"],
            protocol=table["protocol"],
            space=table["space"],
            name=table["name"],
            seed=table["seed"],
            baselines={k: cls._read(v, folder / "baselines" / k) for k, v in table["baselines"].items()},
        )


def _read_units(file: Path, name: str) -> Units | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        return None
    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file}: cannot be read ({error})") from None
    columns = {c: table.column(c).to_numpy() for c in table.column_names}
    group = columns.pop("unit_group", None)
    return Units(name, np.asarray(columns.pop("unit_id"), dtype=str), columns, group)


def find_scores(path: str | Path) -> Path:
    """The saved scores a path stands for: a file, a folder of them, or a Space or run folder that holds one.

    Raises DataError where there is none, or several (named).
    """
    path = Path(path)
    if path.is_file() or (path / FILE).is_file():
        return path
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    found = [f.parent for f in sorted(path.rglob(FILE)) if "baselines" not in f.relative_to(path).parts]
    if not found:
        raise DataError(f"{path}: no {FILE} in it; make one by jointspace evaluate SPACE DATA --out {path}/scores")
    if len(found) > 1:
        raise DataError(f"{path}: holds several, say which: {', '.join(str(f) for f in found[:6])}")
    return found[0]
