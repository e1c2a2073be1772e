"""A contact sheet: the first pictures of a data set with their captions, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jointspace.data.dataset import Dataset
from jointspace.data.decode import decode_image
from jointspace.data.describe import looks
from jointspace.data.kinds import CAPTIONS
from jointspace.errors import DataError

ORDER = ("text", "texts", "category", "label", "key")  # kinds of columns that make a caption, best first


def contact_sheet(data: Dataset, out: Path, *, rows: int = 48, cell: int = 112, across: int = 8) -> int:
    """Draw up to `rows` rows: their pictures side by side, a caption below. Returns the number of pictures drawn.

    The caption is a column that is named like one (`text`, `caption`, `name` ...), else the first text, category or
    label. Raises DataError without a picture field, or for a picture that cannot be decoded.
    """
    infos = looks(data)
    pictures = [info.name for info in infos if info.kind in ("image", "frames") or data.modality(info.name) == "image"]
    if not pictures:
        raise DataError(f"{data.name}: no picture field (fields: {', '.join(data.fields)})")
    kinds = {info.name: info.kind for info in infos if info.kind in ("text", "texts", "category", "label", "key")}
    captions = [n for n in CAPTIONS if n in kinds] + sorted(kinds, key=lambda n: ORDER.index(kinds[n]))
    cells = []
    for index in range(min(rows, len(data))):
        caption = _caption(data, index, captions[0]) if captions else ""
        for name in pictures:
            for value in _flat(data.values(name, index)):
                cells.append((decode_image(value, f"{data.where(index)}: {name}"), caption))
    draw_sheet(cells, out, cell=cell, across=across)
    return len(cells)


def draw_sheet(cells: Sequence[tuple[Any, str]], out: Path, *, cell: int = 112, across: int = 8) -> None:
    """Pictures (PIL) with their words on one PNG, each scaled to fit `cell` pixels, `across` side by side."""
    from PIL import Image, ImageDraw

    across = min(across, len(cells)) or 1
    tall = max((round(p.height * min(cell / p.width, cell / p.height)) for p, _ in cells), default=cell)
    height, text_height = tall + 34, 30
    down = -(-len(cells) // across)
    sheet = Image.new("RGB", (across * (cell + 8) + 8, down * (height + 8) + 8), "white")
    draw, font = ImageDraw.Draw(sheet), _font()
    for k, (picture, caption) in enumerate(cells):
        x, y = 8 + (k % across) * (cell + 8), 8 + (k // across) * (height + 8)
        scale = cell / max(picture.size)
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        filter_ = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
        sheet.paste(picture.resize(size, filter_), (x, y))
        draw.multiline_text((x, y + height - text_height), _wrap(caption, cell, font), fill="black", font=font)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, format="PNG")


def _flat(values: list[Any]) -> list[Any]:
    return [w for v in values for w in (v if isinstance(v, list) else [v])]


def _caption(data: Dataset, index: int, name: str) -> str:
    values = data.values(name, index)
    value = values[0] if values else ""
    return str(value[0] if isinstance(value, list) and value else value)


def _font() -> Any:
    """DejaVu Sans, which comes with matplotlib and has most alphabets; Pillow's own where that is missing."""
    from PIL import ImageFont

    try:
        import matplotlib

        return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 11)
    except (ImportError, OSError):
        return ImageFont.load_default()


def _wrap(text: str, width: int, font: Any) -> str:
    """At most two lines that fit `width` pixels, broken between words where there are any."""
    rest = " ".join(text.split())
    lines: list[str] = []
    while rest and len(lines) < 2:
        fits = next((k for k in range(len(rest), 0, -1) if font.getlength(rest[:k]) <= width), 1)
        if fits < len(rest) and " " in rest[: fits + 1] and len(lines) == 0:
            fits = rest[: fits + 1].rindex(" ")
        lines.append(rest[:fits].rstrip())
        rest = rest[fits:].lstrip()
    if rest:
        lines[-1] = lines[-1][:-1] + "…"
    return "\n".join(lines)
