"""`world/solids`: coloured point clouds, meshes, views from all sides, names and captions of 3-D bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jointspace.world import solids_words
from jointspace.world.base import Columns, WorldSet
from jointspace.world.meshes import Mesh
from jointspace.world.solids_truth import SolidControls, Solids, sample
from jointspace.world.views import DISTANCE, EXTENT, depth_picture

_FAR = 1 << 40  # rows that are in no set: what the free captions speak of
_SIDE = 96  # pixels of the views on a contact sheet


class SolidSet(WorldSet):
    """Solids of 74 fine classes in 12 groups. z is up, the front looks to -y, every body lies in the unit ball."""

    name = "solids"
    Controls = SolidControls
    FIELDS = {
        "points": "coloured point cloud (N, 6) float32: x, y, z in -1..1 and red, green, blue in 0..1",
        "image": "thumbnail (S, S, 3) uint8 from azimuth 30, elevation 20",
        "views": "pictures (V, S, S, 3) uint8 at azimuths 360 / V degrees apart from the front on",
        "depth": f"of the same views (V, S, S) float32: distance from {DISTANCE:g} before the middle, 0 = nothing",
        "azimuth": "degrees of each view (V,) float32: 0 = front, 90 = right side, 180 = back",
        "elevation": "degrees above the horizon, one for all views of a row",
        "label": "fine class by name, such as tall cup with a handle",
        "group": "one of 12 coarse groups",
        "kind": "what it is without proportion and part",
        "proportion": "plain, flat, tall, long or wide",
        "part": "added part, none = without",
        "colour": "main colour",
        "accent": "colour of its parts",
        "style": "plain, striped, dotted or checked",
        "raw_name": "the name it was uploaded with",
        "subset": "clean or noisy: where the raw name comes from",
        "name_noise": "whether the raw name says nothing (bool)",
        "caption": "of the first captioner, wrong at the stated rate",
        "caption_error": "what the caption has wrong: colour, style, label or empty",
        "caption_2": "of the second captioner",
        "caption_2_error": "what the second caption has wrong",
        "mesh_vertices": "corner points (V, 3) float32",
        "mesh_faces": "triangles (F, 3) int32, counter-clockwise from outside",
    }

    def solids(self, indices: np.ndarray | None = None) -> Solids:
        """The exact truth of the rows `indices`, default all."""
        return sample(self.controls, self.seed, np.arange(self.n) if indices is None else indices)

    def mesh(self, index: int) -> Mesh:
        """The body of a row."""
        return self.solids(np.array([index])).mesh(0)

    def render(self, index: int, azimuth: Any, elevation: Any = 20.0, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
        """Views of a row from any degrees: pictures (V, size, size, 3) uint8 and depths (V, size, size) float32."""
        a, e = np.broadcast_arrays(np.atleast_1d(azimuth), np.atleast_1d(elevation))
        return self.solids(np.array([index])).render(0, a.astype(float), e.astype(float), size)

    def free_captions(self, n: int = 20_000) -> list[str]:
        """n loose texts about solids of the same world, none of them about a row: what a retriever searches."""
        return solids_words.free_captions(self.solids(_FAR + np.arange(n)))

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        c, solids, wanted = self.controls, self.solids(indices), set(fields)
        rows = range(len(solids))
        out: Columns = {}
        for name in ("label", "group", "kind", "proportion", "part", "colour", "accent", "style"):
            if name in wanted:
                out[name] = [solids.facts(i)[name] for i in rows]
        if "points" in wanted:
            out["points"] = np.stack([solids.points(i, c.points) for i in rows])
        if "image" in wanted:
            out["image"] = np.stack([solids.render(i, np.array([30.0]), np.array([20.0]), c.size)[0][0] for i in rows])
        azimuth = 360.0 * np.arange(c.views) / c.views
        if {"views", "depth"} & wanted:
            made = [solids.render(i, azimuth, np.full(c.views, solids.elevation[i]), c.size) for i in rows]
            out["views"], out["depth"] = (np.stack(v) for v in zip(*made, strict=True))
        if "azimuth" in wanted:
            out["azimuth"] = np.tile(azimuth.astype(np.float32), (len(solids), 1))
        if "elevation" in wanted:
            out["elevation"] = solids.elevation.astype(np.float32)
        if {"raw_name", "subset", "name_noise"} & wanted:
            out["raw_name"], out["subset"], out["name_noise"] = solids_words.raw_names(solids)
        for captioner, name in enumerate(("caption", "caption_2")):
            if {name, f"{name}_error"} & wanted:
                out[name], out[f"{name}_error"] = solids_words.captions(solids, captioner)
        if {"mesh_vertices", "mesh_faces"} & wanted:
            meshes = [solids.mesh(i).indexed() for i in rows]
            out["mesh_vertices"], out["mesh_faces"] = ([m[k] for m in meshes] for k in (0, 1))
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """The cloud from the front right and the back left, then the first and middle view and a depth."""
        tiles = []
        if "points" in row:
            tiles += [_cloud(np.asarray(row["points"]), azimuth) for azimuth in (30.0, 210.0)]
        if "views" in row:
            tiles += [row["views"][0], row["views"][len(row["views"]) // 2]]
        elif "image" in row:
            tiles.append(row["image"])
        if "depth" in row:
            tiles.append(depth_picture(np.asarray(row["depth"][0])))
        return np.concatenate([_enlarged(np.asarray(t)) for t in tiles], axis=1)

    def words(self, row: Mapping[str, Any]) -> str:
        return str(row.get("caption") or row.get("label", ""))


def _enlarged(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))


def _cloud(points: np.ndarray, azimuth: float) -> np.ndarray:
    """Points as dots of their colour, near ones over far ones."""
    from jointspace.world.views import project

    at = project(points[:, :3].astype(float), azimuth, 20.0, _SIDE)[0]
    order = np.argsort(-at[:, 2])
    canvas = np.full((_SIDE, _SIDE, 3), 250, dtype=np.float32)
    column, row = (np.clip(at[order, k].astype(int), 0, _SIDE - 2) for k in (0, 1))
    fade = (0.75 + 0.25 * (DISTANCE + EXTENT - at[order, 2, None]) / (2 * EXTENT)).clip(0, 1)
    for dy in (0, 1):
        for dx in (0, 1):
            canvas[row + dy, column + dx] = points[order, 3:] * 255 * fade
    return canvas.astype(np.uint8)
