"""`jointspace compress DATA --label COLUMN --out SPACE`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jointspace.cli.output import Json, print_json, print_table, say


def compress(
    data: Annotated[str, typer.Argument(help="A file, folder or catalogue name: rows of a log with a label.")],
    out: Annotated[Path, typer.Option(help="Folder of the Space.")],
    label: Annotated[str, typer.Option(help="Column of 0 and 1.")] = "label",
    columns: Annotated[str | None, typer.Option(help="Categorical ones, commas between; default: all others.")] = None,
    at_least: Annotated[float | None, typer.Option(help="The label is 1 from this value on (ratings).")] = None,
    method: Annotated[
        str, typer.Option(help="unified, hash, multi_hash, qr, hashed_net, robe; full = not compressed.")
    ] = "unified",
    budget: Annotated[float, typer.Option(help="Floats of the tables, as a share of full ones.")] = 0.25,
    width: Annotated[int, typer.Option(help="Of every column's vector.")] = 16,
    private: Annotated[str | None, typer.Option(help="Columns with full tables of their own, or a number.")] = None,
    numeric: Annotated[str | None, typer.Option(help="Columns of numbers, cut into categories.")] = None,
    like: Annotated[str | None, typer.Option(help="A Space of full tables to be judged beside.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the rows.")] = 5,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn the vectors of a table's categorical columns within a budget of floats.

    Example: jointspace compress clicks.csv --label click --budget 0.25 --out small
    """
    from jointspace.cli.options import refuse_existing_folder

    refuse_existing_folder(out)
    from jointspace.operations.compression import compress as learn

    space = learn(
        data, method=method, budget=budget, label=label, columns=_names(columns) or "*", at_least=at_least, width=width,
        private=int(private) if private and private.isdigit() else _names(private), numeric=_names(numeric) or (),
        like=like, split=split, training={"epochs": epochs}, seed=seed,
    )  # fmt: skip
    space.save_pretrained(out)
    made = space.metadata["compress"]
    if as_json:
        print_json({"out": str(out), "fingerprint": space.fingerprint(), **made})
        return
    print_table([_shown(row) for row in made["collisions"]])
    scores = {"compressed": made["scores"], **({"like": made["like"]["scores"]} if made["like"] else {})}
    for name, found in scores.items():
        print(f"{name}: AUC {found['auc']:.3f}, log loss {found['log_loss']:.3f} on {found['rows']:,} rows kept apart")
    say(f"{made['floats']:,} floats of {made['full_floats']:,} ({made['ratio']:.3f}), {method}")
    print(out)


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: f"{value:.3f}" if isinstance(value, float) else value for name, value in row.items()}
