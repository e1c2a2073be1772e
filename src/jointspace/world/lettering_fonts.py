"""Fonts that come with matplotlib (and, if asked for, those of the system) and words set in them, flat and straight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.world.lettering_lexicon import LEXICONS

_STYLES = {"": "", "-Bold": " bold", "-Oblique": " oblique", "-BoldOblique": " bold oblique"}
FONTS: dict[str, str] = {  # name -> file in matplotlib's data folder
    **{f"DejaVu Sans{name}": f"DejaVuSans{file}" for file, name in _STYLES.items()},
    **{f"DejaVu Sans Mono{name}": f"DejaVuSansMono{file}" for file, name in _STYLES.items()},
    "DejaVu Serif": "DejaVuSerif",
    "DejaVu Serif bold": "DejaVuSerif-Bold",
    "DejaVu Serif italic": "DejaVuSerif-Italic",
    "DejaVu Serif bold italic": "DejaVuSerif-BoldItalic",
    "STIX": "STIXGeneral",
    "STIX bold": "STIXGeneralBol",
    "STIX italic": "STIXGeneralItalic",
    "STIX bold italic": "STIXGeneralBolIta",
    "Computer Modern": "cmr10",
    "Computer Modern bold": "cmb10",
    "Computer Modern sans": "cmss10",
    "Computer Modern typewriter": "cmtt10",
}
_LATIN_ALONE = ("cmr10", "cmb10", "cmss10", "cmtt10")  # their tables have other signs where Greek would be
ASCENT, DESCENT = 0.98, 0.32  # of a line, in units of the font's size


@dataclass(frozen=True)
class Glyph:
    """Ink (ASCENT + DESCENT) * size high, from `left` of the pen on; `advance` of the pen; pixels."""

    ink: np.ndarray
    left: int
    advance: float


def available(fonts: str) -> dict[str, str]:
    """Name -> file of the fonts "matplotlib" or "system" (matplotlib's first). ConfigError for another word."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    ours = {name: str(folder / f"{file}.ttf") for name, file in FONTS.items()}
    if fonts == "matplotlib":
        return ours
    if fonts == "system":
        return {**ours, **_system()}
    raise ConfigError(
        f"world/lettering: fonts must be matplotlib or system, got {fonts!r}{nearest(fonts, ('matplotlib', 'system'))}"
    )


@lru_cache(maxsize=1)
def _system() -> dict[str, str]:
    """Fonts of this machine that have the Latin letters, by file name; sorted, so that a machine keeps its order."""
    from matplotlib import font_manager

    found = {Path(f).stem: f for f in sorted(font_manager.findSystemFonts()) if f.lower().endswith((".ttf", ".otf"))}
    return {name: file for name, file in sorted(found.items()) if has_letters(file, "latin")}


@lru_cache(maxsize=1024)
def has_letters(file: str, script: str) -> bool:
    """Whether a font draws every letter of a script's lexicon: none comes out as the box for unknown signs."""
    if Path(file).stem in _LATIN_ALONE:
        return script == "latin"
    letters = sorted(set("".join(LEXICONS[script])) | set("".join(LEXICONS[script]).upper()))
    try:
        unknown = glyph(file, 24, "\U0010fffd").ink
        drawn = [glyph(file, 24, letter).ink for letter in letters]
    except (OSError, ValueError):
        return False
    return all(ink.any() and not (ink.shape == unknown.shape and (ink == unknown).all()) for ink in drawn)


def of_script(fonts: str, names: tuple[str, ...], script: str) -> list[tuple[str, str]]:
    """(name, file) of the fonts that can write a script; `names` () = all. ConfigError if none can."""
    known = available(fonts)
    for name in names:
        if name not in known:
            raise ConfigError(f"world/lettering: font_names: no {name!r}{nearest(name, known)}")
    able = [(name, file) for name, file in known.items() if (not names or name in names) and has_letters(file, script)]
    if not able:
        raise ConfigError(f"world/lettering: none of the fonts {', '.join(names)} has {script} letters")
    return able


@lru_cache(maxsize=256)
def _face(file: str, size: int):  # type: ignore[no-untyped-def]
    from PIL import ImageFont

    return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=16384)
def glyph(file: str, size: int, letter: str) -> Glyph:
    """A letter of a font at `size` pixels; ink in steps of 1/16, alike for small differences of the drawing library."""
    from PIL import Image, ImageDraw

    face, height = _face(file, size), round((ASCENT + DESCENT) * size)
    pad = size
    sheet = Image.new("L", (4 * size, height))
    ImageDraw.Draw(sheet).text((pad, round(ASCENT * size)), letter, fill=255, font=face, anchor="ls")
    ink = np.asarray(sheet, dtype=np.uint8) >> 4
    columns = np.flatnonzero(ink.any(axis=0))
    first, last = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (pad, pad)
    return Glyph(ink[:, first:last], first - pad, round(face.getlength(letter) * 4) / 4)


def set_word(file: str, size: int, word: str, tracking: float) -> tuple[np.ndarray, np.ndarray]:
    """A word in a line: ink (height, width) float32 in 0..1, and the box x0, y0, x1, y1 of each letter's ink (L, 4).

    tracking: extra pixels between letters. The line is halved once, so that its letters are `size` / 2 high.
    """
    glyphs = [glyph(file, size, letter) for letter in word]
    pen, places = float(size) * 0.3, []
    for g in glyphs:
        places.append(round(pen) + g.left)
        pen += g.advance + tracking
    width = round(max(pen, max(p + g.ink.shape[1] for p, g in zip(places, glyphs, strict=True))) + 0.3 * size)
    height = glyphs[0].ink.shape[0]
    line = np.zeros((height + height % 2, width + width % 2), dtype=np.uint8)
    boxes = []
    for place, g in zip(places, glyphs, strict=True):
        left = max(place, 0)
        view = line[:height, left : left + g.ink.shape[1]]
        np.maximum(view, g.ink[:, : view.shape[1]], out=view)
        rows = np.flatnonzero(g.ink.any(axis=1))
        top, low = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
        boxes.append((left / 2, top / 2, (left + max(g.ink.shape[1], 1)) / 2, low / 2))
    half = line.reshape(line.shape[0] // 2, 2, line.shape[1] // 2, 2).mean(axis=(1, 3)) / 15
    return half.astype(np.float32), np.array(boxes)
