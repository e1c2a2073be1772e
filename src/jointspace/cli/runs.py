"""`jointspace runs ls|show`: training runs, read from their `run.json`; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jointspace.cli.output import Json, print_json, print_table
from jointspace.errors import ConfigError
from jointspace.training.run_folder import find_runs, read_metrics, read_run

app = typer.Typer(help="Training runs: list them, show one.", no_args_is_help=True)


@app.command("ls")
def list_runs(
    root: Annotated[Path | None, typer.Argument(help="Folder that holds runs, at any depth; default: runs.")] = None,
    as_json: Json = False,
) -> None:
    """List the runs below a folder, newest first.

    Example: jointspace runs ls runs
    """
    if root is not None and not root.is_dir():
        raise ConfigError(f"{root}: no such folder")
    root = root or Path("runs")  # not there yet: no run was made yet
    rows = [_row(folder, record) for folder, record in find_runs(root)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print(f"no runs below {root}")
        return
    print_table(rows, ["run", "status", "method", "step", "steps", "seconds", "score", "started"])


@app.command("show")
def show_run(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    as_json: Json = False,
) -> None:
    """Show one run: what it was, how it went, its scores.

    Example: jointspace runs show runs/debug
    """
    record = read_run(run)
    if record is None:
        raise ConfigError(f"{run}: no run.json in it, so it is no run")
    lines = [line for line in read_metrics(run) if "loss" in line]
    if as_json:
        print_json({**record, "metrics": read_metrics(run)})
        return
    data = record.get("data") or {}
    facts: dict[str, Any] = {
        **_row(run, record),
        "data": f"{data.get('name')}, {data.get('rows')} rows, fingerprint {data.get('fingerprint')}",
        "seed": record.get("seed"),
        "threads": record.get("threads"),
        "parameters": record.get("parameters"),
        "resumed from": record.get("resumed_from") or None,
        "stopped": record.get("stopped"),
        "error": record.get("error"),
        "loss": f"{lines[0]['loss']:.4g} at {lines[0]['step']}, {lines[-1]['loss']:.4g} at {lines[-1]['step']}"
        if lines
        else None,
        "versions": ", ".join(f"{k} {v}" for k, v in (record.get("versions") or {}).items()),
    }
    facts.pop("score")
    print_table([{"what": k, "value": str(v)} for k, v in facts.items() if v not in (None, "")], ["what", "value"])
    scores = record.get("scores") or {}
    if scores:
        print_table([{"score": name, "value": value} for name, value in scores.items()], ["score", "value"])


def _row(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    scores = record.get("scores") or {}
    chosen = (record.get("training") or {}).get("metric_for_best_model")
    name = chosen if chosen in scores else next(iter(scores), None)
    value = scores.get(name) if name else None
    seconds = record.get("total_seconds", record.get("seconds"))
    return {
        "run": str(folder),
        "status": record.get("status"),
        "method": (record.get("method") or {}).get("name"),
        "step": record.get("step"),
        "steps": record.get("steps"),
        "seconds": None if seconds is None else round(seconds, 1),
        "score": None if value is None else f"{name} {value:.4g}",
        "started": record.get("started"),
    }
