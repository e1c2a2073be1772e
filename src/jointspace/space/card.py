"""The model card: README.md of a Space folder, with scores and intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jointspace.space.space import Space

_INTERFACE = """```python
import jointspace as js

space = js.Space.from_pretrained("path/to/this/folder")
{line}
```"""


def write_card(space: Space, folder: Path) -> None:
    """README.md with Hugging Face front matter: what the Space is, how to use it, its towers, scores and data."""
    meta = space.metadata
    lines = ["---", "library_name: jointspace", "pipeline_tag: feature-extraction", "tags:", "- embeddings"]
    lines += [f"- {m}" for m in space.accepts]
    if set(space.accepts) == {"text"}:
        lines += ["- sentence-similarity", "- sentence-transformers"]
    lines += ["---", "", f"# {meta.get('name') or (space.method or 'joint') + ' space'}", ""]
    lines += [
        f"A joint embedding space over {', '.join(space.accepts)}: {space.dim} dimensions, "
        f"{'unit-length vectors' if space.normalize else 'vectors of free length'}, "
        f"method `{space.method or 'unknown'}`. Fingerprint `{space.fingerprint()}`.",
        "",
        "## Use",
        "",
        _INTERFACE.format(line=_example(space)),
        "",
        "## Towers",
        "",
        "| tower | accepts | encoder | pooling | width | parameters |",
        "|---|---|---|---|---|---|",
    ]
    for name, tower in zip(space.towers, space._towers(), strict=True):
        size = sum(p.numel() for p in tower.parameters())
        pooling = tower.pooling if isinstance(tower.pooling, str) else type(tower.pooling).__name__
        lines.append(
            f"| {name} | {', '.join(tower.accepts)} | {tower.encoder.kind} | {pooling} | {tower.dim} | {size:,} |"
        )
    lines += _section("Scores", _scores(meta.get("scores")))
    lines += _section("Training", _facts(meta.get("training")))
    lines += _section("Data", _facts(meta.get("data")))
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _example(space: Space) -> str:
    if "text" in space.accepts:
        return 'vectors = space.encode(["a cat", "un chat"])  # (2, D) float32'
    return f'vectors = space.encode(["a/file"], modality="{space.accepts[0]}")  # (1, D) float32'


def _section(title: str, body: list[str]) -> list[str]:
    return ["", f"## {title}", "", *body] if body else []


def _scores(scores: Any) -> list[str]:
    """`scores`: list of {name, value, interval, n, unit, chance, protocol} as `Score.to_json` writes them."""
    if not scores:
        return []
    rows = ["| score | value | 95 % interval | n | chance |", "|---|---|---|---|---|"]
    for score in scores:
        low, high = score.get("interval") or (None, None)
        interval = f"{low:.3f} to {high:.3f}" if low is not None else ""
        chance = score.get("chance")
        rows.append(
            f"| {score.get('name', '')} | {score.get('value', float('nan')):.3f} | {interval} "
            f"| {score.get('n', '')} {score.get('unit', '')} | {'' if chance is None else f'{chance:.3f}'} |"
        )
    return rows


def _facts(table: Any) -> list[str]:
    if not table:
        return []
    return [f"- {key}: {value}" for key, value in table.items() if not isinstance(value, dict | list)]
