"""Words and lines drawn into a small picture: how rows without a picture of their own look on a contact sheet."""

from __future__ import annotations

import textwrap
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


def write(pen: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], size: int = 11) -> None:
    """Text wrapped into the box (x0, y0, x1, y1), cut with "..." where it does not fit."""
    x0, y0, x1, y1 = box
    letters = max(4, int((x1 - x0) / (0.5 * size)))
    lines, room = textwrap.wrap(text, letters), max(1, (y1 - y0) // (size + 3))
    if len(lines) > room:
        lines = [*lines[: room - 1], lines[room - 1][: letters - 3].rstrip() + "..."]
    for j, line in enumerate(lines):
        pen.text((x0, y0 + j * (size + 3)), line, fill=INK, font=font(size))


def form(rows: Sequence[tuple[str, str]], width: int = 300, size: int = 12, title: str = "") -> np.ndarray:
    """A form of names and values, one a line, missing values ("") as a dash: (H, width, 3) uint8."""
    step, top = size + 6, (size + 12 if title else 6)
    sheet, pen = blank(width, top + step * len(rows) + 6)
    if title:
        pen.rectangle((0, 0, width, top - 4), fill=(226, 232, 240))
        pen.text((8, 3), title, fill=INK, font=font(size))
    for j, (name, value) in enumerate(rows):
        y = top + j * step
        if j % 2:
            pen.rectangle((0, y - 2, width, y + step - 3), fill=(243, 243, 239))
        pen.text((8, y), name, fill=PALE, font=font(size))
        pen.text((int(width * 0.46), y), value or "-", fill=INK if value else (200, 80, 60), font=font(size))
    return np.asarray(sheet)
