"""`jointspace train RECIPE [field=value ...]`"""

from __future__ import annotations

from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of one that ships (debug).")],
    overrides: Annotated[list[str] | None, typer.Argument(help="field=value, e.g. training.steps=200")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of this run.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build all, one step, print sizes; write nothing.")
    ] = False,
    replay: Annotated[
        str | None, typer.Option("--replay", help="Run a captured step (failed-step-N of a run) again and stop.")
    ] = None,
    profile: Annotated[int, typer.Option("--profile", help="Trace so many steps into profile.json.")] = 0,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the resolved recipe and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Train a method on your data and save the Space.

    Example: jointspace train debug output=runs/debug training.steps=20
    """
    from jointspace import recipe as recipes

    overrides = [*(overrides or []), *([f"training.profile={profile}"] if profile else [])]
    table = recipes.read(recipe, overrides)
    resolved = recipes.parse(table, where=recipe)
    if print_config:
        print(recipes.annotated(resolved, table, overrides))
        return
    from jointspace.recipe.running import dry_run as try_out
    from jointspace.recipe.running import replay as run_again
    from jointspace.recipe.running import run

    if replay is not None:
        found = run_again(resolved, replay)
        print_json(vars(found)) if as_json else print(found)
        return
    if dry_run:
        report = try_out(resolved)
        print_json(report) if as_json else print("\n".join(f"{key}: {value}" for key, value in report.items()))
        return
    done = run(resolved, resume=resume)
    if as_json:
        print_json(done.summary())
        return
    say(f"{done.steps} steps in {done.seconds:.0f} s")
    for scores in done.scores:
        print(scores.table())
    print(f"Space: {done.output}/space")
