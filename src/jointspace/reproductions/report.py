"""One picture a result: every arm's seeds and mean, one panel a metric."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Dots = seeds, bar = mean; panels for the metrics that claims speak of. Writes a PNG (beside, then renamed)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    arms = result["arms"]
    spoken = [c["metric"] for c in result["claims"]]
    metrics = list(dict.fromkeys(m for m in spoken if any(m in scores for scores in arms.values())))[:6]
    columns = min(3, max(1, len(metrics)))
    rows = -(-len(metrics) // columns)
    height = (0.5 + 0.3 * len(arms)) * max(1, rows) + 0.8
    figure = Figure(figsize=(4.2 * columns + 1.2, height), layout="constrained")
    FigureCanvasAgg(figure)
    for i, metric in enumerate(metrics):
        axes = figure.add_subplot(rows, columns, i + 1)
        names = [arm for arm in arms if metric in arms[arm]]
        for y, arm in enumerate(names):
            values = arms[arm][metric]
            axes.barh(y, sum(values) / len(values), color="#9db8d9", height=0.6)
            axes.plot(values, [y] * len(values), "o", color="#1f3d66", markersize=4)
        axes.set_yticks(range(len(names)), names if i % columns == 0 else [""] * len(names))
        axes.invert_yaxis()
        axes.set_title(metric, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.suptitle(
        f"{result['slug']}: {result['status']} ({len(result['seeds'])} seeds, {result['scale']} scale)", fontsize=11
    )
    beside = path.with_name(f".{path.name}.{os.getpid()}.png")
    figure.savefig(beside, dpi=110)
    os.replace(beside, path)
