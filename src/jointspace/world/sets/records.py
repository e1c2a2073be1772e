"""`world/records`: patient visits with a note, eight hourly series and ten labels by stated rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ImageDraw

from jointspace.errors import ConfigError
from jointspace.world import records_words, visits
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.panel import INK, PALE, blank, font
from jointspace.world.visits import CHANNELS, LABELS, SERIES


@dataclass(frozen=True)
class RecordControls:
    """prevalence: share of visits that a label is true of. missing: share of hourly values that are missing, beside
    longer gaps; 0 = complete series. hours: least and most hours of a stay. words: least and most words of a note.
    denial: share of labels nowhere to be seen that the note denies or tells of a relative. shared: what sepsis, kidney
    injury and arrhythmia need: "either" note or series, or "both" (then a single one is a decoy). phrases: which of the
    five paraphrases of each label's evidence may occur, so that words unseen in training can be tried.
    """

    prevalence: float = 0.25
    missing: float = 0.15
    hours: tuple[int, int] = (24, 48)
    words: tuple[int, int] = (80, 200)
    denial: float = 0.6
    shared: str = "either"
    phrases: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        for name in ("prevalence", "missing", "denial"):
            check_range("records", name, getattr(self, name), 0, 0.9)
        check_range("records", "hours", self.hours[0], 24, 240)
        check_range("records", "hours", self.hours[1], self.hours[0], 240)
        check_range("records", "words", self.words[0], 40, 300)
        check_range("records", "words", self.words[1], 150, 400)
        if self.words[0] + 20 > self.words[1]:
            raise ConfigError(f"world/records: words must span at least 20, got {list(self.words)}")
        check_names("records", "shared", self.shared, ("either", "both"))
        if len(set(self.phrases)) < 2:
            raise ConfigError(f"world/records: phrases must name at least two of 0 to 4, got {list(self.phrases)}")
        for phrase in self.phrases:
            check_range("records", "phrases", phrase, 0, 4)


class RecordSet(WorldSet):
    """Visits. Names and descriptions of labels are `visits.LABELS`, names of channels `visits.CHANNELS`."""

    name = "records"
    Controls = RecordControls
    BLOCK = 256
    FIELDS = {
        "note": "the note of the visit, 80 to 200 words",
        "series": f"(hours, 8) float32, NaN = not measured: {', '.join(CHANNELS)}",
        "labels": f"(10,) uint8, 1 = true: {', '.join(label.name for label in LABELS)}",
        "label": "the true labels in words, or none",
        "seen": "(10,) uint8: where a label shows: 0 nowhere, 1 in the note, 2 in the series, 3 in both",
        "evidence": "sentences that tell of a true label: label, words [first, last), chars [start, end)",
        "channels": "channels that show a true label: label, channel, kind (level, trend or variability)",
        "age": "years, int64",
        "sex": "female or male",
    }

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        c: RecordControls = self.controls
        drawn = visits.sample(self.seed, indices, c.prevalence, c.hours, c.shared)
        out: Columns = {"labels": drawn.truth.astype(np.uint8), "seen": drawn.seen, "age": drawn.age}
        out["label"] = [", ".join(LABELS[k].name for k in np.flatnonzero(row)) or "none" for row in drawn.truth]
        out["sex"] = ["female" if female else "male" for female in drawn.female]
        out["channels"] = [_channels(drawn, i) for i in range(len(drawn))]
        if "series" in fields:
            out["series"] = visits.series(drawn, c.missing, c.hours[1])
        if {"note", "evidence"} & set(fields):
            made = records_words.notes(drawn, c.words, c.denial, c.phrases)
            out |= {"note": [note for note, _ in made], "evidence": [spans for _, spans in made]}
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """The eight series with their gaps (red where they show a label), and the note with its evidence marked."""
        sheet, pen = blank(960, 352)
        shown = {fact["channel"] for fact in row.get("channels", ())}
        for j, name in enumerate(CHANNELS):
            box = (8 + 212 * (j % 2), 6 + 86 * (j // 2), 210 + 212 * (j % 2), 86 + 86 * (j // 2))
            _plot(pen, box, name, np.asarray(row["series"])[:, j], (200, 50, 40) if name in shown else (40, 80, 160))
        _marked(pen, (448, 8, 952, 346), str(row["note"]), [tuple(fact["words"]) for fact in row.get("evidence", ())])
        return np.asarray(sheet)

    def words(self, row: Mapping[str, Any]) -> str:
        return super().words({"name": row["label"]}) if "label" in row else super().words(row)


def _channels(drawn: visits.Visits, i: int) -> list[dict[str, str]]:
    there = drawn.truth[i] & ((drawn.seen[i] & SERIES) > 0)
    return [
        {"label": LABELS[k].name, "channel": LABELS[k].channel, "kind": LABELS[k].kind} for k in np.flatnonzero(there)
    ]


def _plot(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], name: str, values: np.ndarray, ink: Any) -> None:
    x0, y0, x1, y1 = box
    pen.rectangle(box, outline=(224, 224, 220))
    pen.text((x0 + 4, y0 + 2), name, fill=PALE, font=font(11))
    usual, spread, noise, *_ = CHANNELS[name]
    low, high = usual - spread - 8 * noise, usual + spread + 8 * noise
    there = values[~np.isnan(values)]
    low, high = min(low, there.min(initial=low)), max(high, there.max(initial=high))
    x = x0 + 4 + (x1 - x0 - 8) * np.arange(len(values)) / max(1, len(values) - 1)
    y = y1 - 4 - (y1 - y0 - 22) * (values - low) / (high - low)
    for k in np.flatnonzero(~np.isnan(values)):
        pen.ellipse((x[k] - 1, y[k] - 1, x[k] + 1, y[k] + 1), fill=ink)
        if k and not np.isnan(values[k - 1]):
            pen.line((x[k - 1], y[k - 1], x[k], y[k]), fill=ink, width=1)


def _marked(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], note: str, spans: list[Any]) -> None:
    x0, y0, x1, y1 = box
    letters, x, y = font(13), float(x0), y0
    for k, word in enumerate(note.split()):
        wide = letters.getlength(word + " ")
        if x + wide > x1:
            x, y = float(x0), y + 18
        if y > y1 - 18:
            return
        if any(first <= k < last for first, last in spans):
            pen.rectangle((x - 1, y, x + wide, y + 16), fill=(255, 224, 130))
        pen.text((x, y), word, fill=INK, font=letters)
        x += wide
