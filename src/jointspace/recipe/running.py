"""A recipe run: data -> method -> fit -> Space -> scores."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from jointspace import methods
from jointspace.errors import ConfigError, nearest
from jointspace.recipe.schema import Recipe, explain
from jointspace.training.run_folder import update_run


def build_method(table: dict[str, Any], seed: int = 0) -> Any:
    """`{name: align, dim: 64, ...}` -> the Method with its Config, its random weights drawn from `seed`."""
    fields = {k: v for k, v in table.items() if k != "name"}
    cls = methods.find(str(table["name"]))
    try:
        config = cls.Config(**fields)
    except ValidationError as error:
        raise ConfigError(f"method {table['name']}: {explain(error, cls.Config)}") from None
    torch.manual_seed(seed)
    return cls(config)


@dataclass
class Run:
    """A finished run: the Space, its scores, where it lies."""

    space: Any
    output: Path
    steps: int
    seconds: float
    scores: list[Any] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """JSON form for `--json`."""
        return {
            "output": str(self.output),
            "space": str(self.output / "space"),
            "fingerprint": self.space.fingerprint(),
            "steps": self.steps,
            "seconds": self.seconds,
            "scores": [score for scores in self.scores for score in scores.to_json()["scores"]],
        }


def run(recipe: Recipe, *, resume: bool = False, progress: bool = True) -> Run:
    """Load the data, build the method, fit it, evaluate the Space; everything lands in `recipe.output`."""
    from jointspace.training.loop import fit

    data, validation = recipe.data.load(), recipe.validation.load() if recipe.validation else None
    method = build_method(recipe.method, recipe.training.seed)
    if recipe.stages:
        from jointspace.training.stages import fit_stages

        results = fit_stages(
            _stages(recipe, method, data, validation),
            output=recipe.output,
            resume=resume,
            init_from=recipe.init_from,
            record={"recipe": recipe.to_dict()},
            progress=progress,
        )
        result = results[recipe.stages[-1].name]
    else:
        result = fit(
            method,
            data,
            recipe.training,
            validation=validation,
            evaluate=_online(recipe, validation),
            output=recipe.output,
            resume=resume,
            init_from=recipe.init_from,
            record={"recipe": recipe.to_dict()},
            progress=progress,
        )
    run = Run(result.space, Path(recipe.output), result.steps, result.seconds, history=result.history)
    if int(os.environ.get("RANK", "0")):  # of several processes the first one evaluates and writes
        return run
    for number, wanted in enumerate(recipe.evaluation):
        from jointspace.evaluation import evaluate

        target = wanted.data.load() if wanted.data else validation
        if target is None:
            raise ConfigError(f"evaluation.{number}: names no data, and the recipe has no validation")
        scores = evaluate(run.space, target, task=wanted.task, **wanted.options)
        scores.save(run.output / "scores" / f"{number}-{wanted.task}")
        run.scores.append(scores)
    if run.scores:
        run.space.metadata["scores"] = run.summary()["scores"]
        run.space.save_pretrained(run.output / "space")
        found = {score["name"]: score["value"] for score in run.summary()["scores"]}
        update_run(run.output, scores={**result.scores, **found})
    return run


def _stages(recipe: Recipe, method: Any, data: Any, validation: Any) -> list[Any]:
    """The recipe's stages made ready: what a stage leaves out is the recipe's own."""
    from jointspace.training.stages import Stage

    made = []
    for stage in recipe.stages:
        unknown = [name for name in stage.training if name not in recipe.training.to_dict()]
        if unknown:
            known = recipe.training.to_dict()
            raise ConfigError(f"stages.{stage.name}.training: unknown field {unknown[0]!r}{nearest(unknown[0], known)}")
        made.append(
            Stage(
                name=stage.name,
                method=build_method(stage.method, recipe.training.seed) if stage.method else method,
                data=stage.data.load() if stage.data else data,
                config=replace(recipe.training, **stage.training),
                validation=validation,
                evaluate=_online(recipe, validation),
                init_from=stage.init_from,
                key_map=stage.key_map,
                optimiser=stage.optimiser,
            )
        )
    return made


def _online(recipe: Recipe, validation: Any) -> Any:
    """Scores of the Space during training: the recipe's evaluations that use the validation data."""
    wanted = [e for e in recipe.evaluation if e.data is None and validation is not None]
    if not wanted or recipe.training.eval_steps is None:
        return None

    def evaluate_space(space: Any) -> dict[str, float]:
        from jointspace.evaluation import evaluate

        found: dict[str, float] = {}
        for e in wanted:
            found |= {s.name: s.value for s in evaluate(space, validation, task=e.task, **e.options)}
        return found

    return evaluate_space


def dry_run(recipe: Recipe) -> dict[str, Any]:
    """Build all, one forward and backward, write nothing: parameters, shapes, memory, seconds a step, disk."""
    from jointspace.training.trial import dry_run as try_out

    data = recipe.data.load()
    return try_out(build_method(recipe.method, recipe.training.seed), data, recipe.training)


def replay(recipe: Recipe, path: str) -> Any:
    """Run a captured step (`failed-step-<n>` of a run) again on the recipe's method: a `Replay`, printable."""
    from jointspace.training.capture import replay as run_again

    return run_again(path, build_method(recipe.method, recipe.training.seed))
