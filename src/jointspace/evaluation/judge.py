"""`js.evaluate`: a Space, a data set and a task give scores with evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jointspace.data import catalogue
from jointspace.data.readers.folder import tables
from jointspace.errors import ConfigError
from jointspace.evaluation import registry
from jointspace.evaluation.measuring import Resampling
from jointspace.evaluation.roles import Inputs, open_inputs
from jointspace.evaluation.scores import Scores
from jointspace.evaluation.task import Context, Task, build
from jointspace.evaluation.vectors import Encoding, describe_space


def evaluate(
    space: Any,
    data: Any,
    *,
    task: str = "retrieval",
    columns: Mapping[str, Any] | None = None,
    split: str | None = None,
    name: str | None = None,
    seed: int | None = None,
    baselines: Mapping[str, Any] | None = None,
    on_bad: str = "refuse",
    limit: int | None = None,
    id: str | None = None,
    prompt: str | Mapping[str, str] | None = None,
    prompt_name: str | Mapping[str, str] | None = None,
    truncate_dim: int | None = None,
    precision: str = "float32",
    output: str | None = None,
    batch_size: int | None = None,
    progress: bool = False,
    samples: int = 2000,
    resample_seed: int = 0,
    **options: Any,
) -> Scores:
    """Judge a Space on a task.

    space: a Space (anything with `encode(items, modality=...)`), or the path of one. data: what `js.load_data` reads,
    or a Dataset. task: retrieval, zero_shot, linear_probe, knn, sts, pair_classification, clustering, reranking.
    columns: `{role: column | [columns]}` with the task's roles (`evaluation.registry.find(task).roles`);
    roles not named are found by usual names and by content; `{image: ..., text: ...}` works too. split: by default the
    test split of a folder, else its validation split, else its only table.
    name, seed: how tables call this Space, and the seed of its training run. baselines: name -> another Space, judged
    on the same rows. on_bad, limit, id: as in `js.load_data`. prompt, prompt_name, truncate_dim, output, batch_size: as
    in `Space.encode`, prompts also `{role: prompt}`; precision: float32, float16, int8, uint8, binary, ubinary.
    samples, resample_seed: of the intervals. Further options are the task's own (`k=10`, `twins=False`, ...).

    Returns `Scores`. Raises ConfigError (unknown task or option, with the nearest name), DataError (columns, rows),
    SpaceError (a modality or output the Space does not have).
    """
    cls: type[Task] = registry.find(task)
    job = build(cls, options)
    space = _opened(space)
    wanted = output
    if wanted is None and _offers(space, getattr(cls, "default_output", None)):
        wanted = cls.default_output  # type: ignore[attr-defined]
    encoding = Encoding(prompt, prompt_name, truncate_dim, precision, wanted, batch_size, progress)
    source, split, id = job.adopt(data, split, id)
    split = split or default_split(source)
    inputs = open_inputs(source, job.roles, columns, task=task, split=split, on_bad=on_bad, limit=limit, id=id)
    if source is not data and isinstance(data, str | Path):
        inputs.data.name = Path(data).name  # a folder of queries, corpus and judgements goes by its own name
    context = Context(encoding, Resampling(samples, seed=resample_seed), data, on_bad)
    result = _judge(space, job, inputs, context, split, limit, name, seed)
    for label, other in (baselines or {}).items():
        fresh = build(cls, options)
        fresh.adopt(data, split, id)
        result.baselines[label] = _judge(_opened(other), fresh, inputs, context, split, limit, label, None)
    return result


def _judge(
    space: Any,
    job: Task,
    inputs: Inputs,
    context: Context,
    split: str | None,
    limit: int | None,
    name: str | None,
    seed: int | None,
) -> Scores:
    scores = job.run(space, inputs, context)
    protocol = {
        "task": job.name,
        "version": job.version,
        "data": {"name": inputs.data.name, "rows": len(inputs), "hash": inputs.fingerprint},
        "split": split,
        "columns": inputs.columns,
        "limit": limit,
        "skipped": dict(inputs.data.skipped),
        "options": job.options(),
        "facts": job.facts,
        "encoding": context.encoding.protocol(),
        "resampling": dataclasses.asdict(context.resampling),
    }
    return Scores(scores, task=job.name, protocol=protocol, space=describe_space(space), name=name, seed=seed)


def _opened(space: Any) -> Any:
    if isinstance(space, str | Path):
        from jointspace.space import Space

        return Space.from_pretrained(space)
    if not hasattr(space, "encode"):
        raise ConfigError(f"evaluate: expected a Space or the path of one, got {type(space).__name__}")
    return space


def _offers(space: Any, output: str | None) -> bool:
    towers: Sequence[Any] = list(getattr(space, "towers", {}).values()) if output else ()
    return bool(towers) and all(output in tower.outputs() for tower in towers)


def default_split(data: Any) -> str | None:
    """test, else validation, of a folder or catalogue set that has several tables; None elsewhere."""
    if not isinstance(data, str | Path):
        return None
    path = Path(data)
    if not path.is_dir():
        known = isinstance(data, str) and data in catalogue.names()
        found = catalogue.locate(str(data)) if known else None
        if found is None:
            return None
        path = found
    names = set(tables(path)) | {p.name for p in path.iterdir() if p.is_dir()}
    return next((name for name in ("test", "validation") if name in names), None)
