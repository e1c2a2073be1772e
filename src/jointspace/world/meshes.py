"""Triangle meshes of simple bodies, and points spread evenly over them.

A mesh is a closed triangle soup with outward winding (counter-clockwise seen from outside). Axes: x right, y away from
the viewer of the front, z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from jointspace.data.draws import uniform

SNAP = 2.0**20  # positions and normals are multiples of 1 / SNAP: machines whose sine differs by an ulp agree


@dataclass(frozen=True)
class Mesh:
    """F triangles: corners (F, 3, 3) positions, normals (F, 3, 3) unit and one a corner, ink (F,) which paint."""

    corners: np.ndarray
    normals: np.ndarray
    ink: np.ndarray

    def __len__(self) -> int:
        return len(self.ink)

    def painted(self, ink: int) -> Mesh:
        return replace(self, ink=np.full(len(self), ink))

    def scaled(self, x: float, y: float, z: float) -> Mesh:
        """Stretched along the axes (all factors positive)."""
        s = np.array([x, y, z])
        return replace(self, corners=self.corners * s, normals=_unit(self.normals / s))

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        return replace(self, corners=self.corners + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> Mesh:
        """Right-handed turn about an axis."""
        a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))

        def turn(v: np.ndarray) -> np.ndarray:
            out = v.copy()
            out[..., a], out[..., b] = c * v[..., a] - s * v[..., b], s * v[..., a] + c * v[..., b]
            return out

        return replace(self, corners=turn(self.corners), normals=turn(self.normals))

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest x, y, z."""
        return self.corners.min(axis=(0, 1)), self.corners.max(axis=(0, 1))

    def volume(self) -> float:
        """Signed volume by the divergence theorem: positive where the winding is outward."""
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return float((a * np.cross(b, c)).sum() / 6)

    def snapped(self) -> Mesh:
        """On the grid of 1 / SNAP."""
        corners, normals = (np.round(v * SNAP) / SNAP for v in (self.corners, self.normals))
        return replace(self, corners=corners, normals=normals)

    def indexed(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) float32 without doubles and faces (F, 3) int32 into them."""
        flat = np.round(self.corners.reshape(-1, 3) * SNAP).astype(np.int64)
        vertices, faces = np.unique(flat, axis=0, return_inverse=True)
        return (vertices / SNAP).astype(np.float32), faces.reshape(-1, 3).astype(np.int32)

    def areas(self) -> np.ndarray:
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return np.sqrt((np.cross(b - a, c - a) ** 2).sum(axis=1)) / 2


def join(parts: Sequence[Mesh]) -> Mesh:
    """One mesh of several; where they overlap, inner faces stay (no view shows them)."""
    return Mesh(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("corners", "normals", "ink")))


def spread(mesh: Mesh, key: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n points even over the surface: positions (n, 3) and the faces (n,) they lie on. More points keep the first n."""
    share = np.cumsum(mesh.areas())
    face = np.minimum(np.searchsorted(share, uniform(key, n, stream=0) * share[-1], side="right"), len(mesh) - 1)
    root, v = np.sqrt(uniform(key, n, stream=1)), uniform(key, n, stream=2)
    weights = np.stack([1 - root, root * (1 - v), root * v], axis=1)
    return (weights[:, :, None] * mesh.corners[face]).sum(axis=1), face


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.sqrt((v * v).sum(axis=-1, keepdims=True))


def _flat(corners: np.ndarray) -> Mesh:
    """Faces with their own normals; faces without area are dropped."""
    n = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.sqrt((n * n).sum(axis=1))
    keep = size > 1e-9
    normals = np.repeat((n[keep] / size[keep, None])[:, None], 3, axis=1)
    return Mesh(corners[keep], normals, np.zeros(int(keep.sum()), dtype=int))


def _sheet(grid: np.ndarray, normals: np.ndarray) -> Mesh:
    """Quads between neighbours of a grid (A, B, 3) of positions -> two triangles each."""

    def triangles(g: np.ndarray) -> np.ndarray:
        a, b, c, d = g[:-1, :-1], g[1:, :-1], g[1:, 1:], g[:-1, 1:]
        return np.concatenate([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=0).reshape(-1, 3, 3)

    corners, turned = triangles(grid), triangles(normals)
    n = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    keep = (n * n).sum(axis=1) > 1e-18
    return Mesh(corners[keep], turned[keep], np.zeros(int(keep.sum()), dtype=int))


@lru_cache(maxsize=512)
def lathe(profile: tuple[tuple[float, float], ...], sides: int = 20, smooth: bool = False) -> Mesh:
    """A body of revolution about z. profile: (radius, z) from the bottom axis up the outside to the axis again.

    smooth: round along the profile as well, such as a ball; else each segment keeps its edge.
    """
    angle = 2 * np.pi * np.arange(sides + 1) / sides
    around = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides + 1)], axis=1)
    around[-1] = around[0]
    p = np.array(profile)
    step = np.diff(p, axis=0)
    out = _unit(np.stack([step[:, 1], -step[:, 0]], axis=1))  # (r, z) of each segment's normal
    parts = []
    for j in range(len(step)):
        ends = [out[j], out[j]]
        if smooth:
            ends = [_unit(out[max(j - 1, 0)] + out[j]), _unit(out[j] + out[min(j + 1, len(out) - 1)])]
            ends = [
                np.array([0.0, -1.0]) if j == 0 else ends[0],
                np.array([0.0, 1.0]) if j == len(step) - 1 else ends[1],
            ]
        grid = np.stack([around * r + np.array([0, 0, z]) for r, z in p[j : j + 2]], axis=1)
        parts.append(_sheet(grid, np.stack([around * r + np.array([0, 0, z]) for r, z in ends], axis=1)))
    return join(parts)


def ball(radius: float = 1.0) -> Mesh:
    a = np.pi * np.arange(11) / 10
    r, z = radius * np.sin(a), -radius * np.cos(a)
    r[[0, -1]] = 0
    return lathe(tuple(zip(r.tolist(), z.tolist(), strict=True)), 20, True)


def cylinder(low: float, high: float, bottom: float, top: float, sides: int = 18) -> Mesh:
    """Upright cylinder or cone between z = low and high with the radii `bottom` and `top`."""
    ends = ((0.0, low), (bottom, low), (top, high), (0.0, high))
    return lathe(ends if bottom and top else tuple(p for i, p in enumerate(ends) if i in (0, 3) or p[0]), sides)


def frustum(sides: int, low: float, high: float, bottom: float, top: float) -> Mesh:
    """A straight-edged column or pyramid of `sides` flat faces, one of them to the front."""
    angle = 2 * np.pi * (np.arange(sides + 1) + 0.5) / sides - np.pi / 2
    angle[-1] = angle[0] + 2 * np.pi
    rim = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rim[-1] = rim[0]
    parts = []
    for a, b in zip(rim[:-1], rim[1:], strict=True):
        p, q = (*(bottom * a), low), (*(bottom * b), low)
        r, s = (*(top * a), high), (*(top * b), high)
        parts += [(p, q, s), (p, s, r), ((0, 0, low), q, p), ((0, 0, high), r, s)]
    return _flat(np.array(parts, dtype=float))


def bipyramid(sides: int, low: float, high: float, radius: float) -> Mesh:
    """Two pyramids base to base at z = 0, one corner to the front."""
    angle = 2 * np.pi * np.arange(sides) / sides - np.pi / 2
    rim = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    after = np.roll(rim, -1, axis=0)
    tip, foot = (np.broadcast_to(np.array([0.0, 0.0, z]), rim.shape) for z in (high, low))
    return _flat(np.concatenate([np.stack([rim, after, tip], axis=1), np.stack([after, rim, foot], axis=1)]))


@lru_cache(maxsize=1)
def _cube() -> Mesh:
    front = np.array([[-1, -1, -1], [1, -1, -1], [1, -1, 1], [-1, -1, 1]], dtype=float)  # seen from -y
    quads = []
    for axis in range(3):  # cyclic turns of the axes keep the winding, a point reflection turns it round
        face = np.roll(front, axis, axis=1)
        quads += [face, -face[::-1]]
    return _flat(np.concatenate([np.stack([q[[0, 1, 2]], q[[0, 2, 3]]]) for q in quads]))


def box(width: float, depth: float, height: float, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
    """Sides along the axes, centre at (x, y, z)."""
    return _cube().scaled(width / 2, depth / 2, height / 2).moved(x, y, z)


def prism(outline: np.ndarray, half: float, centre: tuple[float, float] = (0.0, 0.0), bulge: float = 1.0) -> Mesh:
    """A figure standing upright: outline (K, 2) of x, z, counter-clockwise from the front, y from -half to half.

    Every point of the outline must be seen from `centre`; `bulge` times half is the thickness there.
    """
    p = np.asarray(outline, dtype=float)
    q = np.roll(p, -1, axis=0)
    hub = np.broadcast_to(np.array(centre), p.shape)

    def at(v: np.ndarray, y: float) -> np.ndarray:
        return np.stack([v[:, 0], np.full(len(v), y), v[:, 1]], axis=1)

    front = np.stack([at(hub, -half * bulge), at(p, -half), at(q, -half)], axis=1)
    back = np.stack([at(hub, half * bulge), at(q, half), at(p, half)], axis=1)
    rim = [np.stack(t, axis=1) for t in (
        (at(p, -half), at(p, half), at(q, half)), (at(p, -half), at(q, half), at(q, -half)))]  # fmt: skip
    return _flat(np.concatenate([front, back, *rim]))


def tube(path: np.ndarray, radius: np.ndarray | float, across: tuple[float, float, float], sides: int = 8) -> Mesh:
    """A pipe along a plane path (K, 3) whose plane has the normal `across`; radius a number or (K,), 0 closes an end.

    A path that ends where it began makes a ring.
    """
    path = np.asarray(path, dtype=float)
    ring = bool(np.allclose(path[0], path[-1]))
    along = np.gradient(path, axis=0)
    if ring:
        along[0] = along[-1] = path[1] - path[-2]
    up = np.broadcast_to(_unit(np.array(across, dtype=float)), path.shape)
    side = np.cross(_unit(along), up)
    angle = 2 * np.pi * np.arange(sides + 1) / sides
    spoke = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    spoke[:, -1] = spoke[:, 0]
    radii = np.broadcast_to(np.asarray(radius, dtype=float), len(path))
    grid = path[:, None] + radii[:, None, None] * spoke
    if ring:
        grid[-1], spoke[-1] = grid[0], spoke[0]
        return _sheet(grid, spoke)
    ends = _unit(along[[0, -1]])
    caps = [np.broadcast_to(path[k], grid[0].shape)[None] for k in (0, -1)]
    lids = [np.broadcast_to(sign * e, grid[0].shape)[None] for sign, e in ((-1, ends[0]), (1, ends[1]))]
    first = _sheet(np.concatenate([caps[0], grid[:1]]), np.concatenate([lids[0], lids[0]]))
    last = _sheet(np.concatenate([grid[-1:], caps[1]]), np.concatenate([lids[1], lids[1]]))
    return join([_sheet(grid, spoke), first, last])


def arc(radius: float, start: float, stop: float, steps: int) -> np.ndarray:
    """Points (steps, 2) on a circle about the origin between two angles in degrees."""
    a = np.radians(np.linspace(start, stop, steps))
    points = radius * np.stack([np.cos(a), np.sin(a)], axis=1)
    if stop - start == 360:
        points[-1] = points[0]
    return points


def strip(outer: np.ndarray, inner: np.ndarray, half: float) -> Mesh:
    """As `prism`, between two lines (K, 2) that meet at both ends: outer counter-clockwise from the front."""
    k = len(outer)

    def at(v: np.ndarray, y: float) -> np.ndarray:
        return np.stack([v[:, 0], np.full(k, y), v[:, 1]], axis=1)

    o0, o1, i0, i1 = at(outer, -half), at(outer, half), at(inner, -half), at(inner, half)
    sheets = [(o0, i0), (i1, o1), (o1, o0), (i0, i1)]  # front, back, outside, inside
    quads = [np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1) for a, b in sheets]
    corners = np.concatenate([np.stack([q[:, [0, 1, 2]], q[:, [0, 2, 3]]], axis=1).reshape(-1, 3, 3) for q in quads])
    return _flat(corners)
