"""Words and lines drawn into a small picture: how rows without a picture of their own look on a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, PALE, PAPER = (30, 30, 35), (150, 150, 158), (252, 251, 247)


def blank(width: int, height: int, paper: tuple[int, int, int] = PAPER) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet and the pen for it."""
    sheet = Image.new("RGB", (width, height), paper)
    return sheet, ImageDraw.Draw(sheet)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that Pillow carries, `size` pixels high."""
    return ImageFont.load_default(size)


def form(rows: Sequence[tuple[str, str]], columns: int = 3, size: int = 12, title: str = "") -> np.ndarray:
    """A form of names and values in columns, missing values ("") as a red dash: (H, 200 * columns, 3) uint8."""
    step, wide, top = size + 6, 200, (size + 12 if title else 6)
    deep = -(-len(rows) // columns)
    sheet, pen = blank(wide * columns, top + step * deep + 4)
    if title:
        pen.rectangle((0, 0, wide * columns, top - 4), fill=(226, 232, 240))
        pen.text((8, 3), title, fill=INK, font=font(size))
    for j, (name, value) in enumerate(rows):
        x, y = wide * (j // deep), top + j % deep * step
        if j % deep % 2:
            pen.rectangle((x, y - 2, x + wide, y + step - 3), fill=(243, 243, 239))
        pen.text((x + 8, y), name, fill=PALE, font=font(size))
        pen.text((x + 120, y), value or "-", fill=INK if value else (200, 80, 60), font=font(size))
    return np.asarray(sheet)
