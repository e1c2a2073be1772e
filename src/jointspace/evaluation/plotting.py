"""Scores and differences as pictures, with their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jointspace.errors import DataError

if TYPE_CHECKING:
    from jointspace.evaluation.comparison import Comparison
    from jointspace.evaluation.scores import Scores

INK, PALE = "#1f5fa8", "#9a9a9a"


def plot_scores(scores: Scores, path: Path) -> Path:
    """Value and interval of every score that lies in [-1, 1]; chance as a tick, baselines as hollow dots."""
    shown = [s for s in scores if abs(s.value) <= 1 and s.higher_is_better]
    if not shown:
        raise DataError(f"{scores.task}: no score between -1 and 1 to draw")
    figure, axes = _figure(len(shown))
    for y, score in enumerate(shown):
        low, high = score.interval or (score.value, score.value)
        axes.plot([low, high], [y, y], color=INK, linewidth=2)
        axes.plot(score.value, y, "o", color=INK, label=scores.name if y == 0 else None)
        if score.chance is not None:
            axes.plot(score.chance, y, "|", color=PALE, markersize=14, label="chance" if y == 0 else None)
        for i, (name, other) in enumerate(scores.baselines.items()):
            value = next((s.value for s in other if s.name == score.name), None)
            if value is not None:
                axes.plot(value, y, "osD^v"[i % 5], color=PALE, fillstyle="none", label=name if y == 0 else None)
    return _finish(figure, axes, [s.name for s in shown], f"{scores.name}: {scores.task}", path)


def plot_comparison(result: Comparison, path: Path) -> Path:
    """Every difference with its interval; filled where it is real."""
    shown = [d for d in result.differences if abs(d.difference) <= 2]
    if not shown:
        raise DataError("compare: no difference of a bounded score to draw")
    figure, axes = _figure(len(shown))
    axes.axvline(0, color=PALE, linewidth=1)
    for y, d in enumerate(shown):
        axes.plot(d.interval, [y, y], color=INK if d.real else PALE, linewidth=2)
        axes.plot(d.difference, y, "o", color=INK if d.real else PALE, fillstyle="full" if d.real else "none")
    return _finish(figure, axes, [f"{d.score}: {d.b} - {d.a}" for d in shown], "Differences", path, legend=False)


def _figure(rows: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # not pyplot: no display, no global state

    figure = Figure(figsize=(7, 1.2 + 0.35 * rows), layout="constrained")
    return figure, figure.add_subplot()


def _finish(figure: Any, axes: Any, names: list[str], title: str, path: Path, legend: bool = True) -> Path:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False, loc="best", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise DataError(f"{path.name}: cannot draw to this kind of file ({error})") from None
    return path
