"""The demo's report: one self-contained HTML file, without any outside request, usable by keyboard and on a phone."""

from __future__ import annotations

import base64
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.demo.page import PAGE


def write_report(path: Path, facts: Mapping[str, Any]) -> None:
    """Write the report beside and rename it.

    facts: title, summary (list of sentences), history (list of {step, loss, ...}), scores and details (lists of row
    dicts), queries (list of {text, language, hits: [{picture, name, right}]}), points (N, 2), thumbnails (N bytes),
    names (N), groups (N), held (N bool), commands (list of (what it does, command)).
    """
    body = PAGE
    for name, part in {
        "TITLE": html.escape(facts["title"]),
        "SUMMARY": "".join(f"<p>{html.escape(s)}</p>" for s in facts["summary"]),
        "SCORES": _table(facts["scores"]),
        "DETAILS": _table(facts["details"]),
        "LOSS": loss_curve(facts["history"]),
        "QUERIES": _queries(facts["queries"]),
        "COMMANDS": "".join(
            f"<p>{html.escape(what)}</p><pre>{html.escape(line)}</pre>" for what, line in facts["commands"]
        ),
        "MAP": json.dumps(_map(facts), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"),
    }.items():
        body = body.replace(f"%%{name}%%", part)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(body, encoding="utf-8")
    os.replace(beside, path)


def thumbnail(picture: Any, side: int) -> bytes:
    """A picture as a small WebP."""
    small = picture.convert("RGB").resize((side, side))
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", quality=70)
    return buffer.getvalue()


def data_uri(picture: bytes, kind: str = "webp") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    head = "".join(f"<th>{html.escape(n)}</th>" for n in names)
    lines = []
    for row in rows:
        cells = "".join(
            f"<td{'' if isinstance(row[n], str) else ' class=number'}>{html.escape(_shown(row[n]))}</td>" for n in names
        )
        lines.append(f"<tr{' class=ours' if row.get('_ours') else ''}>{cells}</tr>")
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def loss_curve(history: Sequence[Mapping[str, Any]], width: int = 640, height: int = 240) -> str:
    """Inline SVG of the loss and its terms over the steps."""
    rows = [row for row in history if "loss" in row]
    if len(rows) < 2:
        return "<p>no steps were logged</p>"
    left, bottom, top = 46, 30, 14
    steps = np.array([row["step"] for row in rows], dtype=float)
    values = np.array([row["loss"] for row in rows], dtype=float)
    low, high = float(values.min()), float(values.max())
    span = (high - low) or 1.0
    x = left + (steps - steps[0]) / (steps[-1] - steps[0]) * (width - left - 12)
    y = top + (high - values) / span * (height - top - bottom)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    marks = []
    for value in np.linspace(low, high, 4):
        at = top + (high - value) / span * (height - top - bottom)
        marks.append(f'<line x1="{left}" x2="{width - 12}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        marks.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for step in np.linspace(steps[0], steps[-1], 5):
        at = left + (step - steps[0]) / (steps[-1] - steps[0]) * (width - left - 12)
        marks.append(f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle">{step:.0f}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="loss from {values[0]:.2f} to {values[-1]:.2f}">'
        f'{"".join(marks)}<polyline points="{line}" class="loss"/></svg>'
    )


def _queries(queries: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for query in queries:
        pictures = "".join(
            f'<figure class="{"right" if hit["right"] else ""}"><img src="{data_uri(hit["picture"], "png")}" '
            f'alt="{html.escape(hit["name"])}" loading="lazy">'
            f"<figcaption>{html.escape(hit['name'])}</figcaption></figure>"
            for hit in query["hits"]
        )
        note = " · never trained on" if query["held_out"] else ""
        meaning = f" · {html.escape(query['meaning'])}" if query.get("meaning") else ""
        lines.append(
            f'<section class="query"><h3 dir="auto">{html.escape(query["text"])}</h3>'
            f"<p>{html.escape(query['language'])}{meaning}{note}</p><div class=grid>{pictures}</div></section>"
        )
    return "".join(lines)


def _map(facts: Mapping[str, Any]) -> dict[str, Any]:
    points = np.asarray(facts["points"], dtype=float)
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1)
    return {
        "x": [round(float(v), 4) for v in scaled[:, 0]],
        "y": [round(float(v), 4) for v in scaled[:, 1]],
        "name": list(facts["names"]),
        "group": list(facts["groups"]),
        "held": [int(h) for h in facts["held"]],
        "picture": [base64.b64encode(p).decode() for p in facts["thumbnails"]],
    }
