"""Tables of scores and comparisons as text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jointspace.evaluation.comparison import Comparison
    from jointspace.evaluation.scores import Scores


def number(value: float | None, score: str = "") -> str:
    """Three decimals for shares, one for ranks (`score` is the name), nothing for None."""
    if value is None or value != value:
        return ""
    return f"{value:,.1f}" if score.endswith("_rank") or abs(value) >= 10 else f"{value:.3f}"


def text_table(title: str, header: list[str], rows: list[list[str]], notes: list[str] | None = None) -> str:
    """A rich table without colours: numbers to the right, notes below."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, name in enumerate(header):
        right = i > 0 and all(_numeric(row[i]) for row in rows)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    stream = io.StringIO()
    console = Console(file=stream, width=220, color_system=None, highlight=False, markup=False, legacy_windows=False)
    console.print(title)
    console.print(table)
    for note in notes or []:
        console.print(note, soft_wrap=True)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _numeric(cell: str) -> bool:
    return not cell or cell.lstrip("+-").replace(",", "").replace(".", "").replace("%", "").isdigit()


def scores_table(scores: Scores) -> str:
    """score, value, 95 % interval, chance, baselines, n unit."""
    header = ["score", "value", "95 % interval", "chance", *scores.baselines, "n", "unit"]
    rows = []
    for score in scores:
        low_high = "" if score.interval is None else " to ".join(number(v, score.name) for v in score.interval)
        beside = [_value(b, score.name) for b in scores.baselines.values()]
        values = [number(v, score.name) for v in (score.value, score.chance, *beside)]
        rows.append([score.name, values[0], low_high, *values[1:], f"{score.n:,}", score.unit])
    data = scores.protocol.get("data", {})
    where, split = str(data.get("name")), scores.protocol.get("split")
    where += f" {split}" if split and not where.endswith(f"/{split}") else ""
    return text_table(f"{scores.name}: {scores.task} on {where}", header, rows)


def _value(scores: Scores, name: str) -> float | None:
    return next((s.value for s in scores if s.name == name), None)


def comparison_table(result: Comparison) -> str:
    """Values of every system, then every pair: difference, interval, p (Holm), and what follows."""
    header = ["score", *result.systems]
    rows = [[name, *(number(v, name) for v in values)] for name, values in result.values.items()]
    blocks = [text_table(f"{result.task}: {len(result.systems)} systems, the same {result.n:,} units", header, rows)]
    header = ["score", "difference", "", "95 % interval", "p (Holm)", "verdict", ""]
    rows = []
    for d in result.differences:
        rows.append(
            [
                d.score,
                f"{d.b} - {d.a}",
                _signed(d.difference, d.score),
                " to ".join(_signed(v, d.score) for v in d.interval),
                f"{d.p_holm:.3f}" if d.p_holm >= 0.001 else "<.001",
                d.verdict,
                d.needs,
            ]
        )
    blocks.append(text_table("", header, rows).lstrip("\n"))
    notes = [
        f"Ties: {', '.join(' = '.join(group) for group in groups)} ({score})"
        for score, groups in result.ties.items()
        if groups
    ]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])])


def _signed(value: float, score: str) -> str:
    return f"{'-' if value < 0 else '+'}{number(abs(value), score)}"
