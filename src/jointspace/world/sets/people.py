"""`world/people`: people seen by many cameras, with their attributes and descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jointspace.world import people_words
from jointspace.world.base import Columns, WorldSet
from jointspace.world.people_drawing import PARTS, draw
from jointspace.world.people_truth import VIEWS, PersonControls, Sightings, sample, tracks

_TINTS = np.array([(24, 24, 28), (150, 90, 40), (240, 190, 150), (60, 120, 220), (70, 170, 90), (230, 200, 60),
                   (200, 70, 160), (230, 80, 60), (120, 120, 120)], dtype=np.uint8)  # fmt: skip


class PersonSet(WorldSet):
    """One row is one sighting: identity i // sightings under one of the cameras. Identities are of (seed, number)."""

    name = "people"
    Controls = PersonControls
    FIELDS = {
        "image": "the picture (H, H / 2, 3) uint8",
        "identity": "number of who is seen",
        "track": "the identity as a tracker has it: wrong or split off at the rate identity_noise",
        "camera": "number of the camera",
        "view": "front, back, left or right: which way the person faces",
        "attributes": "all attributes by name, none where there is nothing",
        "phrases": "what is said of each attribute in plain words, a list",
        "caption": "a free sentence, some attributes left out",
        "caption_slots": "which attributes it tells, a list",
        "caption_2": "another free sentence",
        "caption_2_slots": "which attributes that one tells",
        "short": "a few words, such as a person in a red shirt",
        "description": "five sentences that tell everything",
        "pseudo_text": "a prompt filled with attribute phrases, wrong at the rate pseudo_errors",
        "pseudo_errors": "attributes that pseudo_text has wrong, a list",
        "part_map": "for each pixel (H, H / 2) uint8: " + ", ".join(f"{i} {p}" for i, p in enumerate(PARTS)),
        "mask": "pixels of the person and of what it carries (H, H / 2) bool",
        "box": "x0, y0, x1, y1 around the mask, pixels, x1 and y1 exclusive",
        "occluded": "whether something stands in front of the person",
    }

    def sightings(self, indices: np.ndarray | None = None) -> Sightings:
        """The exact truth of the rows `indices`, default all."""
        return sample(self.controls, self.seed, np.arange(self.n) if indices is None else indices)

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        s, wanted = self.sightings(indices), set(fields)
        rows = range(len(s))
        out: Columns = {
            "identity": s.identity,
            "camera": s.camera,
            "view": [VIEWS[v] for v in s.view],
            "track": tracks(s, np.asarray(indices)),
        }
        if {"image", "part_map", "mask", "box", "occluded"} & wanted:
            out["image"], out["part_map"] = draw(s)
            out["mask"] = (out["part_map"] > 0) & (out["part_map"] < PARTS.index("occluder"))
            out["box"] = np.array([_box(m) for m in out["mask"]], dtype=np.int32)
            out["occluded"] = (out["part_map"] == PARTS.index("occluder")).any(axis=(1, 2))
        if "attributes" in wanted:
            out["attributes"] = [s.attributes(i) for i in rows]
        if "phrases" in wanted:
            out["phrases"] = [list(p.values()) for p in people_words.phrases(s)]
        for variant, name in enumerate(("caption", "caption_2")):
            if {name, f"{name}_slots"} & wanted:
                out[name], out[f"{name}_slots"] = people_words.captions(s, variant)
        if "short" in wanted:
            out["short"] = people_words.short_captions(s)
        if "description" in wanted:
            out["description"] = people_words.descriptions(s)
        if {"pseudo_text", "pseudo_errors"} & wanted:
            out["pseudo_text"], out["pseudo_errors"] = people_words.pseudo_texts(s)
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """The picture, and its parts in colours beside it."""
        tiles = [np.asarray(row["image"])] + ([_TINTS[row["part_map"]]] if "part_map" in row else [])
        times = max(1, 192 // tiles[0].shape[0])
        return np.concatenate([t.repeat(times, axis=0).repeat(times, axis=1) for t in tiles], axis=1)


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
