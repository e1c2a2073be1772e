"""`world/lettering`: pictures of words in many fonts, bent, turned, tapered, cluttered, blurred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.errors import ConfigError
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.lettering_drawing import EFFECTS, draw
from jointspace.world.lettering_fonts import available, of_script
from jointspace.world.lettering_lexicon import LEXICONS, invented, number

SCRIPTS = tuple(LEXICONS)
CASES = ("lower", "title", "upper")


@dataclass(frozen=True)
class LetteringControls:
    """Controls of `world/lettering`.

    height, width: pixels of the picture. words: a lexicon of one's own in place of the built-in ones. scripts: latin,
    greek, cyrillic, one drawn a row. invented, numbers: rates of made-up words and of house numbers, prices and plates
    among the latin rows. cases: what may occur. fonts: "matplotlib" (those it ships) or "system" (others of this
    machine too: pictures then differ between machines). font_names: only these. rotation, curve: largest turn and bend
    in degrees; perspective, blur, noise, clutter: strength 0..1. grey: no colours.
    """

    height: int = 32
    width: int = 128
    words: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ("latin",)
    invented: float = 0.0
    numbers: float = 0.0
    cases: tuple[str, ...] = CASES
    fonts: str = "matplotlib"
    font_names: tuple[str, ...] = ()
    rotation: float = 12.0
    curve: float = 70.0
    perspective: float = 0.6
    blur: float = 0.5
    noise: float = 0.4
    clutter: float = 0.6
    grey: bool = False

    def __post_init__(self) -> None:
        check_names("lettering", "scripts", self.scripts, SCRIPTS)
        check_names("lettering", "cases", self.cases, CASES)
        for name in ("perspective", "blur", "noise", "clutter", "invented", "numbers"):
            check_range("lettering", name, getattr(self, name), 0, 1)
        check_range("lettering", "rotation", self.rotation, 0, 90)
        check_range("lettering", "curve", self.curve, 0, 150)
        check_range("lettering", "height", self.height, 16, 512)
        check_range("lettering", "width", self.width, 16, 2048)
        check_range("lettering", "invented + numbers", self.invented + self.numbers, 0, 1)
        if not self.scripts or not self.cases:
            raise ConfigError("world/lettering: scripts and cases must not be empty")
        for word in self.words:
            if not isinstance(word, str) or not word or any(letter.isspace() for letter in word):
                raise ConfigError(f"world/lettering: words: {word!r} is no word; leave out spaces and empty ones")
        available(self.fonts)


class LetteringSet(WorldSet):
    """One row is one word on a picture."""

    name = "lettering"
    Controls = LetteringControls
    FIELDS = {
        "image": "the picture (H, W, 3) uint8",
        "text": "the word as it is written",
        "text_lower": "the word in small letters",
        "script": "latin, greek or cyrillic",
        "font": "name of the font",
        "case": "lower, title or upper",
        "effect": "none, shadow or outline",
        "angle": "turn in degrees, clockwise",
        "curve": "bend from end to end in degrees, positive = arched",
        "boxes": "x0, y0, x1, y1 of each letter, pixels (L, 4) float32",
        "mask": "pixels with more than a third of ink (H, W) bool",
        "caption": "a photo of a 'word'",
    }

    def texts(self, indices: np.ndarray) -> tuple[list[str], list[str], list[str]]:
        """Words as written, their scripts and cases."""
        c = self.controls
        keys = key(self.seed, "word", np.asarray(indices, dtype=np.int64))
        drawn, u = integers(keys, 1 << 30, 20), uniform(keys, 1, stream=1)[:, 0]
        texts, scripts, cases = [], [], []
        for d, v in zip(drawn, u, strict=True):
            script = c.scripts[d[0] % len(c.scripts)]
            lexicon = c.words or LEXICONS[script]
            word, case = lexicon[d[1] % len(lexicon)], c.cases[d[2] % len(c.cases)]
            if script == "latin" and v < c.invented:
                word = invented(d[3:])
            elif script == "latin" and v < c.invented + c.numbers:
                word, case = number(d[3:]), "upper"
            texts.append({"lower": word.lower(), "title": word[0].upper() + word[1:], "upper": word.upper()}[case])
            scripts.append(script)
            cases.append(case)
        return texts, scripts, cases

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        c, wanted = self.controls, set(fields)
        out: Columns = {}
        out["text"], out["script"], out["case"] = self.texts(indices)
        out["text_lower"] = [text.lower() for text in out["text"]]
        out["caption"] = [f"a photo of a '{text}'" for text in out["text"]]
        if not {"image", "mask", "boxes", "font", "effect", "angle", "curve"} & wanted:
            return out
        keys = key(self.seed, "lettering", np.asarray(indices, dtype=np.int64))
        able = {script: of_script(c.fonts, c.font_names, script) for script in set(out["script"])}
        pick = integers(keys, 1 << 30, stream=5)[:, 0]
        chosen = [able[script][p % len(able[script])] for script, p in zip(out["script"], pick, strict=True)]
        out["font"] = [name for name, _ in chosen]
        strength = {name: getattr(c, name) for name in ("rotation", "curve", "perspective", "blur", "noise", "clutter")}
        files = [file for _, file in chosen]
        out["image"], out["mask"], out["boxes"], done = draw(keys, out["text"], files, (c.height, c.width), strength)
        if c.grey:
            grey = (out["image"] @ np.array([77, 150, 29]) >> 8).astype(np.uint8)
            out["image"] = np.repeat(grey[..., None], 3, axis=-1)
        out["effect"] = [EFFECTS[e] for e in done["effect"]]
        out["angle"], out["curve"] = done["angle"].astype(np.float32), done["curve"].astype(np.float32)
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """The picture, twice as large."""
        return np.asarray(row["image"]).repeat(2, axis=0).repeat(2, axis=1)

    def words(self, row: Mapping[str, Any]) -> str:
        return f"{row.get('text', '')} ({row.get('font', row.get('script', ''))})"
