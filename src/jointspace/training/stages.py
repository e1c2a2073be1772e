"""Several stages in one run: pretrain -> train -> distil. Each has its own method, data and config.

OUTPUT/<n>-<name>/ is the run folder of a stage, OUTPUT/space the last stage's Space, OUTPUT/run.json the whole.
A resumed run takes finished stages as they are and goes on inside the one that was interrupted.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jointspace.errors import ConfigError, nearest
from jointspace.training.callbacks import Callback
from jointspace.training.config import TrainingConfig
from jointspace.training.loop import fit
from jointspace.training.method import Method
from jointspace.training.result import FitResult
from jointspace.training.run_folder import RunFolder, read_run, versions
from jointspace.training.starting import describe_data, refuse_overwriting
from jointspace.training.transfer import Origin

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset
    from jointspace.space import Space

Results = dict[str, FitResult]


@dataclass(kw_only=True)
class Stage:
    """One stage. method: a Method, or a function of the results so far that builds one (a teacher is
    `results["first"].space`); the same Method object may serve several stages.

    init_from: "previous" (the stage before, nothing for the first), "start" (the weights that the first stage began
    with), the name of an earlier stage, a folder, or None (as the method was constructed). key_map: names there ->
    names here. optimiser: "new", or "kept" from the stage that `init_from` names.
    """

    name: str
    method: Method | Callable[[Results], Method]
    data: Dataset
    config: TrainingConfig
    validation: Dataset | None = None
    evaluate: Callable[[Space], Mapping[str, float]] | None = None
    callbacks: Sequence[Callback] = ()
    init_from: str | None = "previous"
    key_map: Mapping[str, str] = field(default_factory=dict)
    optimiser: str = "new"


def fit_stages(
    stages: Sequence[Stage],
    *,
    output: str | Path | None = None,
    resume: bool = False,
    init_from: Any = None,
    progress: bool = True,
    record: Mapping[str, Any] | None = None,
) -> Results:
    """Run the stages in order; stage name -> result. Arguments as in `fit`; `init_from` is what the first starts from.

    Raises ConfigError for stages that do not fit together, and what `fit` raises.
    """
    check_stages(stages)
    root = Path(output) if output is not None else None
    if root is not None and not resume:
        for k, stage in enumerate(stages):
            refuse_overwriting(root / f"{k}-{stage.name}", stage.config.overwrite_output)
    main = int(os.environ.get("RANK", "0")) == 0  # of several processes the first one writes
    whole = RunFolder(root, writes=main)
    resumed = bool(root is not None and resume and read_run(root))
    about = {
        "stages": [s.name for s in stages],
        "versions": versions(),
        "seed": stages[0].config.seed,
        **(record or {}),
    }
    whole.start({"method": None, "data": describe_data(stages[0].data), **about}, resumed_at=None)
    start = _snapshot(stages, init_from)
    results: Results = {}
    try:
        for k, stage in enumerate(stages):
            method = stage.method if isinstance(stage.method, Method) else stage.method(results)
            origin, kept = _origin(stages, k, results, start, method, init_from)
            results[stage.name] = fit(
                method,
                stage.data,
                stage.config,
                validation=stage.validation,
                evaluate=stage.evaluate,
                callbacks=stage.callbacks,
                output=None if root is None else root / f"{k}-{stage.name}",
                resume=resume,
                init_from=origin,
                key_map=stage.key_map,
                progress=progress,
                record={"stage": stage.name},
                optimiser=kept.optimiser if kept is not None and stage.optimiser == "kept" else (),
            )
        last = results[stages[-1].name]
        if root is not None and main:
            last.space.save_pretrained(root / "space")
        whole.write(
            status="finished",
            method={"name": type(last.method).__name__, "config": {}},
            step=sum(r.steps for r in results.values()),
            scores=last.scores,
            seconds=sum(r.seconds for r in results.values()),
            resumed_from=[s for r in results.values() for s in r.resumed_from] if resumed else [],
            fingerprint=last.space.fingerprint(),
        )
    except BaseException as error:
        whole.write(status="failed", error=(str(error) or type(error).__name__).splitlines()[0])
        raise
    finally:
        whole.close()
    return results


def check_stages(stages: Sequence[Stage]) -> None:
    """ConfigError: no stage, two of one name, `init_from` or `optimiser` that mean nothing."""
    if not stages:
        raise ConfigError("stages: there is none")
    seen: list[str] = []
    for stage in stages:
        if stage.name in (*seen, "start", "previous"):
            raise ConfigError(f"stages: the name {stage.name!r} is taken")
        known = ["start", "previous", *seen]
        if stage.init_from is not None and stage.init_from not in known and not Path(stage.init_from).exists():
            raise ConfigError(
                f"stages.{stage.name}: init_from {stage.init_from!r} is no earlier stage and no folder"
                f"{nearest(stage.init_from, known)}"
            )
        if stage.optimiser not in ("new", "kept"):
            raise ConfigError(
                f"stages.{stage.name}: optimiser {stage.optimiser!r}{nearest(stage.optimiser, ['new', 'kept'])}"
            )
        if stage.optimiser == "kept" and (not seen or stage.init_from not in ["previous", *seen]):
            raise ConfigError(f"stages.{stage.name}: optimiser: kept needs init_from to name an earlier stage")
        seen.append(stage.name)


def _snapshot(stages: Sequence[Stage], init_from: Any) -> Method | None:
    """A copy of the first method as it starts, where a later stage asks for it."""
    first = stages[0]
    if not any(stage.init_from == "start" for stage in stages[1:]):
        return None
    if not isinstance(first.method, Method):
        raise ConfigError(
            "stages: init_from: start needs the first stage's method itself, not a function that builds it"
        )
    origin = Origin(init_from) if init_from is not None else None
    if origin is not None:
        origin.give_processors(first.method)
    first.method.prepare(first.data)
    copied = copy.deepcopy(first.method)
    if origin is not None:
        origin.give_weights(copied, first.key_map)
    return copied


def _origin(
    stages: Sequence[Stage], k: int, results: Results, start: Method | None, method: Method, init_from: Any
) -> tuple[Any, FitResult | None]:
    """What stage k takes its weights from (None = as they are), and the result whose optimiser it may keep."""
    wanted = stages[k].init_from
    if k == 0:
        return (init_from if wanted in ("previous", "start", None) else wanted), None
    if wanted is None:
        return None, None
    if wanted == "start":
        return start, None
    if wanted == "previous" or wanted in results:
        result = results[stages[k - 1].name if wanted == "previous" else wanted]
        same = result.method is method and wanted in ("previous", stages[k - 1].name)
        return (None if same else _weights_of(result, method)), result
    return wanted, None


def _weights_of(result: FitResult, method: Method) -> Any:
    """The stage's own folder where the Method has moved on since, its Method where it has not."""
    return result.output if result.method is method and result.output is not None else result.method
