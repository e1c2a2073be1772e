"""`world/volumes`: voxel grids of organs whose class no single slice and no mean over slices reveals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from jointspace.errors import ConfigError
from jointspace.world import volume, volume_words
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.radiograph_words import joined

ORGANS = ("liver", "kidney", "lung", "brain")
NUMBERS = ("no run", "one run", "two runs", "three runs")


@dataclass(frozen=True)
class VolumeControls:
    """depth, size: slices and pixels of a side. organs, looks: what may occur (a look is that of a scanner). lesions:
    slices with a lesion in a volume, divisible by every number of runs. runs: numbers of runs that may occur, 0 = no
    lesion at all. contrast: of lesions, 1 = as in the desk-scale reproductions, up to 2.
    """

    depth: int = 24
    size: int = 32
    organs: tuple[str, ...] = ORGANS
    looks: tuple[str, ...] = ("ct", "mr-t1")
    lesions: int = 6
    runs: tuple[int, ...] = (1, 2, 3)
    contrast: float = 1.0

    def __post_init__(self) -> None:
        check_range("volumes", "depth", self.depth, 1, 512)
        check_range("volumes", "size", self.size, 16, 512)
        check_range("volumes", "contrast", self.contrast, 0, 2)
        check_names("volumes", "organs", self.organs, ORGANS)
        check_names("volumes", "looks", self.looks, tuple(volume_words.SCANS))
        if not (self.organs and self.looks and self.runs):
            raise ConfigError("world/volumes: organs, looks and runs must each name at least one")
        for runs in self.runs:
            check_range("volumes", "runs", runs, 0, 3)
            if self.lesions % max(1, runs):
                raise ConfigError(f"world/volumes: {self.lesions} lesions cannot be cut into {runs} equal runs")
        check_range("volumes", "lesions", self.lesions, max(self.runs), self.depth - 2 * (max(1, *self.runs, 1) - 1))


class VolumeSet(WorldSet):
    """Volumes with truth. The bag of slices of row i is the same whatever the number of runs."""

    name = "volumes"
    Controls = VolumeControls
    BLOCK = 32
    FIELDS = {
        "volume": "the grid, (D, H, W) uint8",
        "report": "radiology-like: 4 sentences of findings, negations and what is normal",
        "label": "organ and number of runs of lesion slices in words: needs the order of the slices",
        "runs": "runs of lesion slices, 0 to 3, int64",
        "organ": "liver, kidney, lung or brain",
        "look": "ct, mr-t1, mr-t2 or ultrasound",
        "slice_labels": "(D,) uint8, 1 = the slice shows a lesion",
        "mask": "(D, H, W) uint8: 0 elsewhere, 1 organ, 2 lesion, 3 free fluid",
        "sentences": "text, finding, present and character span (start, end) of each sentence",
    }

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        c: VolumeControls = self.controls
        volumes = volume.sample(self.seed, indices, c.depth, c.lesions, c.runs, c.organs, c.looks)
        out: Columns = {"runs": volumes.runs, "slice_labels": volumes.slice_labels}
        out["organ"] = [c.organs[j] for j in volumes.organ]
        out["look"] = [c.looks[j] for j in volumes.look]
        out["label"] = [f"{organ}, {NUMBERS[r]}" for organ, r in zip(out["organ"], volumes.runs, strict=True)]
        if {"volume", "mask"} & set(fields):
            grids, out["mask"] = volume.render(volumes, c.size, c.contrast)
            out["volume"] = (255 * grids + 0.5).astype(np.uint8)
        if {"report", "sentences"} & set(fields):
            made = [joined(one) for one in volume_words.reports(volumes)]
            out |= {"report": [text for text, _ in made], "sentences": [spans for _, spans in made]}
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """All slices in reading order, a long strip; a bar below each that shows a lesion."""
        grid = np.asarray(row["volume"])
        depth, height, width = grid.shape
        across = int(np.ceil(np.sqrt(6 * depth)))
        down = -(-depth // across)
        sheet = np.full((down * (height + 4), across * (width + 2), 3), 255, dtype=np.uint8)
        for j, picture in enumerate(grid):
            top, left = (j // across) * (height + 4), (j % across) * (width + 2)
            sheet[top : top + height, left : left + width] = picture[:, :, None]
            if "slice_labels" in row and row["slice_labels"][j]:
                sheet[top + height : top + height + 2, left : left + width] = (214, 40, 40)
        times = max(1, round(800 / sheet.shape[1]))
        shown = Image.fromarray(sheet).resize(
            (times * sheet.shape[1], times * sheet.shape[0]), Image.Resampling.NEAREST
        )
        return np.asarray(shown)

    def words(self, row: Mapping[str, Any]) -> str:
        return str(row["report"]) if "report" in row else super().words(row)
