"""`jointspace evaluate SPACE DATA --task T --columns query=text,document=image`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, print_table, say


def _tasks(value: bool) -> None:
    if value:
        from jointspace.evaluation import registry

        print_table(registry.describe())
        raise typer.Exit


def evaluate(
    space: Annotated[str, typer.Argument(help="A Space folder or hub id.")],
    data: Annotated[str, typer.Argument(help="A file, folder or catalogue name.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="Options of the task: k=10 twins=false train=train")
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            help="retrieval, zero_shot, linear_probe, knn, sts, pair_classification, clustering or reranking."
        ),
    ] = "retrieval",
    columns: Annotated[
        list[str] | None, typer.Option(help="role=column[,role=column]; `document=image:photo` says the modality.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data; default: test, else validation.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="NAME=SPACE: judged beside; may be repeated.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to save to: scores.json, units/*.parquet, scores.png.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="How tables call this Space.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of its training run, for comparisons over seeds.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Text put before each text.")] = None,
    truncate_dim: Annotated[int | None, typer.Option(help="Only the first so many entries of each vector.")] = None,
    precision: Annotated[str, typer.Option(help="float32, float16, int8, uint8, binary or ubinary.")] = "float32",
    output: Annotated[str | None, typer.Option(help="Output of the Space: dense, features, ...")] = None,
    batch_size: Annotated[int, typer.Option(help="Items a batch.")] = 64,
    limit: Annotated[int | None, typer.Option(help="First so many rows.")] = None,
    on_bad: Annotated[str, typer.Option(help="refuse, or skip (and count) rows that cannot be used.")] = "refuse",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps; default: the best there is.")] = None,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="List the tasks, their roles and options.", callback=_tasks, is_eager=True)
    ] = False,
    as_json: Json = False,
) -> None:
    """Judge a Space: every score with its 95 % interval, chance and baselines.

    Example: jointspace evaluate runs/demo/space emoji --columns query=text:name,document=image --out runs/demo/scores
    """
    from jointspace.cli.options import parse_assignments, parse_columns
    from jointspace.errors import ConfigError
    from jointspace.evaluation import registry
    from jointspace.evaluation.judge import evaluate as judge
    from jointspace.evaluation.task import build

    chosen = parse_assignments(options)
    build(registry.find(task), chosen)  # a wrong option is told before anything is loaded
    from jointspace.space.space import Space

    pairs = [entry.partition("=") for entry in baseline or []]
    for label, equals, path in pairs:
        if not (label and equals and path):
            raise ConfigError(f"--baseline {label}{equals}{path}: expected NAME=SPACE")
    opened = Space.from_pretrained(space, device=device)
    say(f"{task} on {data}")
    scores = judge(
        opened,
        data,
        task=task,
        columns=parse_columns(columns),
        split=split,
        name=name,
        seed=seed,
        baselines={label: Space.from_pretrained(path, device=device) for label, _, path in pairs},
        prompt=prompt,
        truncate_dim=truncate_dim,
        precision=precision,
        output=output,
        batch_size=batch_size,
        limit=limit,
        on_bad=on_bad,
        progress=not as_json,
        **chosen,
    )
    if out is not None:
        scores.save(out)
        scores.plot(out / "scores.png")
        say(f"saved to {out}")
    print_json(scores.to_json()) if as_json else print(scores.table())
