"""`jointspace merge RECIPE | MODEL MODEL ... --out SPACE`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, say


def merge(
    models: Annotated[
        list[str], typer.Argument(help="A merge recipe (YAML, mergekit's keys), or two and more Spaces.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the merged Space.")],
    base: Annotated[str | None, typer.Option(help="The Space that the others were trained from.")] = None,
    method: Annotated[
        str, typer.Option(help="linear, slerp, task_arithmetic, nuslerp, ties, dare_ties, ...")
    ] = "linear",
    weights: Annotated[str | None, typer.Option(help="One a model, with commas between.")] = None,
    density: Annotated[float, typer.Option(help="Share of entries kept (ties, dare).")] = 1.0,
    t: Annotated[float, typer.Option(help="Place on the arc (slerp): 0 = the first model.")] = 0.5,
    scale: Annotated[float, typer.Option(help="Length of what is added to the base.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Make one Space of the same size out of several fine-tunes of one base.

    Example: jointspace merge runs/a/space runs/b/space --base runs/start/space --method ties --density 0.3 --out merged
    """
    from jointspace.errors import ConfigError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--out {out}: is there already; name a new folder")
    from jointspace.operations.merging import merge as merge_spaces
    from jointspace.operations.merging import merge_recipe

    if len(models) == 1 and models[0].endswith((".yaml", ".yml")):
        space = merge_recipe(models[0])
    else:
        try:
            shares = [float(w) for w in weights.split(",")] if weights else None
        except ValueError:
            raise ConfigError(f"--weights {weights}: numbers with commas between them") from None
        space = merge_spaces(models, base=base, method=method, weights=shares, density=density, t=t, scale=scale)
    space.save_pretrained(out)
    if as_json:
        print_json({"out": str(out), "fingerprint": space.fingerprint(), **space.metadata["merge"]})
        return
    say(f"{space.metadata['merge']['merge_method']} of {len(space.metadata['merge']['models'])} models")
    print(out)
