"""Voxel grids of an organ with lesions, whose class lies in the order of the slices alone.

A volume is a bag of slices, some with a lesion, put in order: all lesion slices in one run, or in two or three. The
same bag serves every class, so that nothing that forgets the order (a mean over slices, say) can tell the classes
apart, and a volume turned upside down has the same class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import bits, integers, key, permutation, uniform
from jointspace.world import looks
from jointspace.world.anatomy import Array, grid, lesion, organ, placed, seat, soft, tall

_LOOKS_OF_A_SLICE = ("ultrasound",)  # speckle is new in every slice; other scanners treat the volume as one


@dataclass(frozen=True)
class Volumes:
    """B volumes of D slices. organ, look (B,) indices into organs, looks; runs (B,) of lesion slices, 0 = no lesion;
    lesions: lesion slices of a volume; bright, fluid, enlarged (B,) bool; centre 2 x (B,); order (B, D): which slice of
    the bag stands at each depth, those below `lesions` being the ones with a lesion."""

    organs: tuple[str, ...]
    looks: tuple[str, ...]
    lesions: int
    keys: Array
    organ: Array
    look: Array
    runs: Array
    bright: Array
    fluid: Array
    enlarged: Array
    centre: tuple[Array, Array]
    order: Array

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def slice_labels(self) -> Array:
        """(B, D) uint8: 1 = the slice shows a lesion."""
        return ((self.order < self.lesions) & (self.runs > 0)[:, None]).astype(np.uint8)


def sample(
    seed: int,
    indices: Array,
    depth: int,
    lesions: int,
    runs: tuple[int, ...],
    organs: tuple[str, ...],
    scans: tuple[str, ...],
) -> Volumes:
    """Volumes number `indices`; every draw but the order of the slices is the same whatever `runs` may be."""
    keys = key(seed, "volume", np.asarray(indices, dtype=np.int64))
    kind, u = integers(keys, len(organs), 1, 1)[:, 0], uniform(keys, 3, stream=2)
    x, y, coins = np.zeros(len(keys)), np.zeros(len(keys)), uniform(keys, 3, stream=3)
    for j, name in enumerate(organs):
        rows = kind == j
        x[rows], y[rows] = seat(name, u[rows])
    number = np.array(runs)[integers(keys, len(runs), 1, 4)[:, 0]]
    look = integers(keys, len(scans), 1, 5)[:, 0]
    order = _order(keys, number, depth, lesions)
    flags = coins[:, 0] < 0.5, coins[:, 1] < 0.3, coins[:, 2] < 0.3
    return Volumes(organs, scans, lesions, keys, kind, look, number, *flags, (x, y), order)


def _order(keys: Array, runs: Array, depth: int, lesions: int) -> Array:
    """Positions of the slices: runs of equal length, at least two healthy slices between them, else anywhere."""
    sick = np.argsort(bits(keys, lesions, stream=6), axis=1)
    healthy = lesions + permutation(keys, depth - lesions, stream=7)
    out = np.empty((len(keys), depth), dtype=np.int64)
    for r in np.unique(runs):
        rows = np.flatnonzero(runs == r)
        at = _places(keys[rows], max(1, int(r)), depth, lesions)
        there = np.zeros((len(rows), depth), dtype=bool)
        np.put_along_axis(there, at, True, axis=1)
        block = np.empty((len(rows), depth), dtype=np.int64)
        block[there] = sick[rows].reshape(-1)
        block[~there] = healthy[rows].reshape(-1)
        out[rows] = block
    return out


def _places(keys: Array, runs: int, depth: int, lesions: int) -> Array:
    """Depths of the lesion slices (B, lesions): all ways to place the runs are equally likely."""
    free = depth - lesions - 2 * (runs - 1)  # healthy slices beyond the two that must lie between runs
    chosen = np.sort(permutation(keys, free + runs, stream=8)[:, :runs], axis=1)
    before = chosen - np.arange(runs)  # free slices before each run
    length = lesions // runs
    starts = before + np.arange(runs) * (length + 2)
    return (starts[:, :, None] + np.arange(length)).reshape(len(keys), lesions)


def render(volumes: Volumes, size: int, contrast: float = 1.0) -> tuple[Array, Array]:
    """Grids (B, D, size, size) float32 in 0..1; masks uint8: 0 elsewhere, 1 organ, 2 lesion, 3 fluid."""
    b, depth = volumes.order.shape
    out, mask = np.empty((b, depth, size, size), np.float32), np.empty((b, depth, size, size), np.uint8)
    for kind in range(len(volumes.organs)):
        for look in range(len(volumes.looks)):
            rows = np.flatnonzero((volumes.organ == kind) & (volumes.look == look))
            if len(rows):
                bag, truth = _bag(volumes, rows, size, contrast, volumes.organs[kind], volumes.looks[look])
                order = volumes.order[rows][:, :, None, None]
                out[rows], mask[rows] = np.take_along_axis(bag, order, 1), np.take_along_axis(truth, order, 1)
    return out, mask


def _bag(v: Volumes, rows: Array, size: int, contrast: float, name: str, look: str) -> tuple[Array, Array]:
    """The slices of volumes `rows` in the order of the bag: (b, D, size, size)."""
    depth = v.order.shape[1]
    own = np.repeat(v.keys[rows], depth)  # textures are those of the volume, so that slices belong together
    each = key(0, own, "bag", np.tile(np.arange(depth), len(rows)))
    u = uniform(each, 4)
    x, y = placed(own, *grid(size, size), 0.05, 0.1)
    grown = np.repeat(np.where(v.enlarged[rows], 0.92, 1.14), depth) * (0.97 + 0.06 * u[:, 0])
    x, y = x * tall(grown) + tall(0.03 * (u[:, 1] - 0.5)), y * tall(grown) + tall(0.03 * (u[:, 2] - 0.5))
    density, inside = organ(name, own, x, y)
    pool = soft(np.abs(np.hypot(x / 0.84, y / 0.96) - 0.98) - 0.07, 0.06) * soft(0.45 - y, 0.06)
    pool = pool * tall(np.repeat(v.fluid[rows], depth))
    density = density + pool * (0.85 - density)
    sick = np.flatnonzero(np.tile(np.arange(depth) < v.lesions, len(rows)) & np.repeat(v.runs[rows] > 0, depth))
    centre = v.centre[0][rows][sick // depth], v.centre[1][rows][sick // depth]
    spot = np.zeros(density.shape, dtype=bool)
    cover, spot[sick] = lesion(own[sick], x[sick], y[sick], centre, 0.18 + 0.04 * u[sick, 3])
    tone = -contrast if look == "mr-t2" else contrast  # what is dense is dark in T2
    changed = density[sick] + tall(np.where(v.bright[rows], 0.34, -0.34)[sick // depth] * tone) * cover
    density[sick] = np.where(cover > 0, np.clip(changed, 0.06, 1), density[sick])  # tissue, never air
    density = np.clip(density, 0, 1)
    seen = looks.apply(look, density, each if look in _LOOKS_OF_A_SLICE else own)
    seen = np.clip(seen + 0.025 * _grain(each, seen.shape), 0, 1)
    mask = np.where(spot, 2, np.where(inside, 1, np.where(pool > 0.5, 3, 0)))
    shape = (len(rows), depth, size, size)
    return seen.astype(np.float32).reshape(shape), mask.astype(np.uint8).reshape(shape)


def _grain(keys: Array, shape: tuple[int, ...]) -> Array:
    """Nearly normal noise of unit spread: the sum of the four 16-bit parts of one random word a pixel."""
    parts = bits(keys, shape[1] * shape[2], stream=9).view(np.uint16).reshape(*shape, 4)
    return (parts.sum(axis=-1, dtype=np.int32) - 131_070).astype(np.float32) / 37_837
