"""`world/radiographs`: grey pictures with findings and their reports; chests, or slices of six organs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from jointspace.errors import ConfigError
from jointspace.world import radiograph, radiograph_slices, radiograph_words
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.image import boxes
from jointspace.world.radiograph import FINDINGS
from jointspace.world.radiograph_slices import GRADES, SOURCES


@dataclass(frozen=True)
class RadiographControls:
    """view: chest (findings and reports) or slices (six sources, lesions of grade 0 to 3). size: pixels of a side.
    contrast: of findings and lesions, 1 = low as in the desk-scale reproductions, up to 2. exclusive: chest i has
    finding i modulo 8 alone, "none" among them, for retrieval by finding. sources: of the slices view; leave one out
    and it is a data set never seen.
    """

    view: str = "chest"
    size: int = 48
    contrast: float = 1.0
    exclusive: bool = False
    sources: tuple[str, ...] = tuple(SOURCES)

    def __post_init__(self) -> None:
        check_names("radiographs", "view", self.view, ("chest", "slices"))
        check_range("radiographs", "size", self.size, 24, 1024)
        check_range("radiographs", "contrast", self.contrast, 0, 2)
        if not self.sources:
            raise ConfigError("world/radiographs: sources must name at least one")
        check_names("radiographs", "sources", self.sources, SOURCES)


class RadiographSet(WorldSet):
    """Pictures with reports. Sides are the patient's: the right lung is on the left of the picture."""

    name = "radiographs"
    Controls = RadiographControls
    BLOCK = 256
    FIELDS = {
        "image": "the picture, grey, (H, W, 3) uint8",
        "report": "the report: 3 to 7 sentences of a chest, 2 of a slice",
        "label": "first finding, or grade of the lesion in words",
        "labels": f"(8,) uint8, 1 = there: {', '.join(FINDINGS)}; slices: (4,), one-hot grade",
        "sentences": "text, finding, present, side, severity and character span (start, end) of each sentence",
        "query": "one sentence that says the label, in words of its own",
        "findings": "finding, side, severity and box (x0, y0, x1, y1) of each finding",
        "mask": "(H, W) bool: pixels of findings or of the lesion",
        "grade": "0 = nothing there, 1 mild or small, 2, 3 marked or large (the worst), int64",
        "source": "chest-xray, or organ and scanner of a slice",
    }

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        return (self._chests if self.controls.view == "chest" else self._slices)(indices, set(fields))

    def _chests(self, indices: np.ndarray, fields: set[str]) -> Columns:
        c: RadiographControls = self.controls
        chests = radiograph.sample(self.seed, indices, c.exclusive)
        worst = np.where(chests.present, chests.severity, 0).max(axis=1)
        none = np.asarray(worst == 0)
        first = np.where(none, len(FINDINGS) - 1, chests.present.argmax(axis=1))
        out: Columns = {"grade": worst, "label": [FINDINGS[j] for j in first], "source": ["chest-xray"] * len(none)}
        out["labels"] = np.concatenate([chests.present, none[:, None]], axis=1).astype(np.uint8)
        if {"image", "mask", "findings"} & fields:
            films, masks = radiograph.render(chests, c.size, c.contrast)
            out |= {"image": _grey(films), "mask": masks.any(axis=1)}
            box = boxes(masks)
            out["findings"] = [_findings(chests, box, i) for i in range(len(chests))]
        if {"report", "sentences"} & fields:
            out |= _reports(radiograph_words.reports(chests))
        if "query" in fields:
            out["query"] = radiograph_words.queries(chests)
        return out

    def _slices(self, indices: np.ndarray, fields: set[str]) -> Columns:
        c: RadiographControls = self.controls
        slices = radiograph_slices.sample(self.seed, indices, c.sources)
        facts = radiograph_slices.facts(slices)
        out: Columns = {"grade": slices.grade, "label": [GRADES[g] for g in slices.grade]}
        out["labels"] = np.eye(4, dtype=np.uint8)[slices.grade]
        out["source"] = [slices.sources[j] for j in slices.source]
        out["query"] = [f"{GRADES[g]} in the {SOURCES[s][0]}" for g, s in zip(out["grade"], out["source"], strict=True)]
        if {"image", "mask", "findings"} & fields:
            pictures, mask = radiograph_slices.render(slices, c.size, c.contrast)
            out |= {"image": _grey(pictures), "mask": mask}
            box = boxes(mask[:, None])[:, 0]
            out["findings"] = [
                [{"finding": "lesion", "side": "", "severity": f[1]["severity"], "box": b.tolist()}] if g else []
                for f, b, g in zip(facts, box, slices.grade, strict=True)
            ]
        return out | _reports(facts)

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        picture = np.asarray(row["image"])
        times = max(1, round(224 / len(picture)))
        return np.asarray(Image.fromarray(picture).resize((times * len(picture),) * 2, Image.Resampling.BICUBIC))

    def words(self, row: Mapping[str, Any]) -> str:
        return str(row["report"]) if "report" in row else super().words(row)


def _grey(pictures: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(255 * pictures + 0.5, 0, 255).astype(np.uint8)[..., None], 3, axis=3)


def _findings(chests: radiograph.Chests, box: np.ndarray, i: int) -> list[dict[str, Any]]:
    return [
        {
            "finding": FINDINGS[j],
            "side": radiograph.SIDES[chests.side[i, j]] if FINDINGS[j] != "enlarged heart" else "",
            "severity": radiograph.SEVERITIES[chests.severity[i, j] - 1],
            "box": box[i, j].tolist(),
        }
        for j in np.flatnonzero(chests.present[i])
    ]


def _reports(facts: list[list[dict[str, Any]]]) -> Columns:
    made = [radiograph_words.joined(one) for one in facts]
    return {"report": [text for text, _ in made], "sentences": [spans for _, spans in made]}
