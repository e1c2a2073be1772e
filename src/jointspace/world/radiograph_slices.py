"""Slices of six sources, organ by scanner, with lesions of four grades: the other view of `world/radiographs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.world import looks
from jointspace.world.anatomy import Array, grid, lesion, organ, placed, seat, tall

SOURCES = {  # source -> organ, look
    "brain-mr": ("brain", "mr-t2"),
    "liver-ct": ("liver", "ct"),
    "kidney-ultrasound": ("kidney", "ultrasound"),
    "lung-ct": ("lung", "ct"),
    "heart-mr": ("heart", "mr-t1"),
    "breast-ultrasound": ("breast", "ultrasound"),
}
GRADES = ("no lesion", "a small lesion", "a medium lesion", "a large lesion")
_GAIN = {"ultrasound": 1.3, "mr-t2": -1.0}  # speckle hides much; what is dense is dark in T2
_RADIUS = np.array([0.0, 0.11, 0.18, 0.27])


@dataclass(frozen=True)
class Slices:
    """B slices: source (B,) index into the sources in use, grade (B,) 0 to 3, bright (B,) bool, centre 2 x (B,)."""

    sources: tuple[str, ...]
    keys: Array
    source: Array
    grade: Array
    bright: Array
    centre: tuple[Array, Array]


def sample(seed: int, indices: Array, sources: tuple[str, ...]) -> Slices:
    """Slices number `indices`: sources and grades equally often, lesions as often brighter as darker than the organ."""
    keys = key(seed, "slice", np.asarray(indices, dtype=np.int64))
    source, grade = integers(keys, len(sources), 1, 1)[:, 0], integers(keys, 4, 1, 2)[:, 0]
    x, y, u = np.zeros(len(keys)), np.zeros(len(keys)), uniform(keys, 3, stream=3)
    for j, name in enumerate(sources):
        rows = source == j
        x[rows], y[rows] = seat(SOURCES[name][0], u[rows])
    return Slices(sources, keys, source, grade, uniform(keys, 1, stream=4)[:, 0] < 0.5, (x, y))


def render(slices: Slices, size: int, contrast: float = 1.0) -> tuple[Array, Array]:
    """Pictures (B, size, size) float32 in 0..1 and the lesions' pixels (B, size, size) bool."""
    out = np.empty((len(slices.keys), size, size), dtype=np.float32)
    mask = np.zeros(out.shape, dtype=bool)
    for j, name in enumerate(slices.sources):
        rows = np.flatnonzero(slices.source == j)
        if not len(rows):
            continue
        kind, look = SOURCES[name]
        keys = slices.keys[rows]
        x, y = placed(keys, *grid(size, size))
        density, _ = organ(kind, keys, x, y)
        centre = slices.centre[0][rows], slices.centre[1][rows]
        cover, mask[rows] = lesion(keys, x, y, centre, _RADIUS[slices.grade[rows]])
        shift = np.where(slices.bright[rows], 0.3, -0.3) * contrast * _GAIN.get(look, 1.0)
        density = np.where(cover > 0, np.clip(density + tall(shift) * cover, 0.06, 1), density)  # tissue, never air
        out[rows] = looks.apply(look, density, keys)
    return out, mask


def facts(slices: Slices) -> list[list[dict[str, Any]]]:
    """Sentences about each slice, in the form of `radiograph_words.reports`."""
    number = integers(key(0, slices.keys, "report"), 3, 2)
    return [_facts(slices, i, number[i]) for i in range(len(slices.keys))]


def _facts(slices: Slices, i: int, number: Array) -> list[dict[str, Any]]:
    kind, look = SOURCES[slices.sources[slices.source[i]]]
    scan = {"ct": "CT", "mr-t1": "MR", "mr-t2": "MR", "ultrasound": "ultrasound"}[look]
    grade = int(slices.grade[i])
    shown = (f"{scan} slice of the {kind}.", f"This {scan} picture shows the {kind}.", f"{kind.capitalize()}, {scan}.")
    where = _where(float(slices.centre[0][i]), float(slices.centre[1][i]))
    look_of = "bright" if slices.bright[i] else "dark"
    found = (
        (
            f"There is {GRADES[grade]}, {look_of}, in the {where} part.",
            f"In the {where} part lies {GRADES[grade]}, {look_of}.",
        )
        if grade
        else ("There is no lesion.", f"The {kind} is free of lesions.")
    )
    about = {
        "finding": "lesion",
        "present": grade > 0,
        "side": "",
        "severity": GRADES[grade].split()[-2] if grade else "",
    }
    none = {"finding": kind, "present": True, "side": "", "severity": ""}
    return [{"text": shown[number[0]], **none}, {"text": found[number[1] % 2], **about}]


def _where(x: float, y: float) -> str:
    """Part of the picture in words that hold wherever the jitter moves the organ."""
    said = ["" if abs(v) < 0.18 else words[v > 0] for v, words in ((y, ("upper", "lower")), (x, ("left", "right")))]
    return " ".join(word for word in said if word) or "central"
