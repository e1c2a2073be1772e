"""`jointspace reproduce SLUG`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jointspace.cli.output import Json, print_json, print_table, say


def reproduce(
    slug: Annotated[str, typer.Argument(help="A system of `jointspace systems`.")],
    seeds: Annotated[str | None, typer.Option(help="Comma-separated, e.g. 11,12,13.")] = None,
    scale: Annotated[str, typer.Option(help="desk, or tiny (at most 10 s a seed).")] = "desk",
    data: Annotated[list[str] | None, typer.Option(help="ROLE=NAME_OR_PATH puts other data in a role.")] = None,
    out: Annotated[Path | None, typer.Option(help="Result file; needed unless all is default.")] = None,
    roles: Annotated[bool, typer.Option("--roles", help="Print each role with its fields and default set.")] = False,
    as_json: Json = False,
) -> None:
    """Rerun a paper's central claim: the method against the paper's own baselines, a table and a verdict.

    Desk scale with default data and seeds writes results/SLUG.json; anything else needs --out.

    Example: jointspace reproduce align --scale tiny --out align-tiny.json
    """
    from jointspace.errors import ConfigError
    from jointspace.reproductions import harness

    reproduction = harness.load(slug)
    if roles:
        rows = [
            {"role": name, "fields": list(role.fields), "default": role.default, "about": role.about}
            for name, role in reproduction.roles.items()
        ]
        print_json(rows) if as_json else print_table(rows)
        return
    chosen = _seeds(seeds)
    replaced = _replaced(data)
    default = scale == "desk" and not replaced and chosen in (None, reproduction.seeds)
    if out is None:
        if not default:
            raise ConfigError("other seeds, data or scale than the default need --out FILE; results/ keeps the default")
        out = harness.result_path(slug)
    if out.is_dir():
        raise ConfigError(f"--out {out}: is a folder; name a file to write")
    result = reproduction.execute(seeds=chosen, scale=scale, data=replaced, say=say)
    harness.write(result, out)
    if as_json:
        print_json(result)
        return
    show(result)
    print(f"{out} and {out.with_suffix('.png').name}")


def _seeds(text: str | None) -> tuple[int, ...] | None:
    from jointspace.errors import ConfigError

    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--seeds {text}: whole numbers separated by commas, e.g. 11,12,13") from None


def _replaced(texts: list[str] | None) -> dict[str, str]:
    from jointspace.errors import ConfigError

    table = {}
    for text in texts or ():
        role, sign, path = text.partition("=")
        if not sign or not role or not path:
            raise ConfigError(f"--data {text}: the form is ROLE=NAME_OR_PATH; --roles prints the roles")
        table[role] = path
    return table


def show(result: dict[str, Any]) -> None:
    """Arms by metrics, then the claims with their verdicts."""
    metrics = list(dict.fromkeys(m for scores in result["arms"].values() for m in scores))
    rows = []
    for arm, scores in result["arms"].items():
        row: dict[str, Any] = {"arm": arm}
        for metric in metrics:
            values = scores.get(metric)
            spread = f" ± {_sd(values):.3f}" if values and len(values) > 1 else ""
            row[metric] = f"{sum(values) / len(values):.3f}{spread}" if values else ""
        rows.append(row)
    print_table(rows, title=f"{result['slug']}, {len(result['seeds'])} seeds (mean ± standard deviation)")
    print()
    claims = []
    for claim in result["claims"]:
        interval = claim["interval"]
        claims.append(
            {
                "claim": claim["text"] + (" (optional)" if claim["optional"] else ""),
                "difference": f"{claim['mean']:+.3f}",
                "95 % interval": f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else "one seed",
                "needed": f"{claim['by']:+.3f}",
                "verdict": claim["verdict"],
            }
        )
    print_table(claims)
    print(f"\n{result['slug']}: {result['status']} in {result['seconds']:.0f} s")


def _sd(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5
