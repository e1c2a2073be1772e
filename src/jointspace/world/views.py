"""Pictures of meshes from any side: a z-buffer over all triangles and views at once, in NumPy.

The camera looks at the origin along parallel rays (orthographic). Azimuth 0 sees the front (from -y), 90 the right side
(from +x); elevation lifts it. A picture spans -EXTENT..EXTENT; depth is the distance from a plane DISTANCE before the
origin, 0 where nothing is. A pixel is the mean of 2 x 2 samples, its depth that of the nearest of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.world.meshes import SNAP, Mesh

EXTENT, DISTANCE = 1.04, 2.0
SAMPLES = 2  # samples along each side of a pixel
_LIGHT = np.array([-0.42, 0.57, 0.71])  # in camera axes (right, up, toward): over the viewer's left shoulder


def axes(azimuth: Any, elevation: Any) -> np.ndarray:
    """(V, 3, 3): right, up and toward-the-camera of each view; degrees. Entries rounded to 2^-40, alike everywhere."""
    a, e = np.radians(np.atleast_1d(azimuth).astype(float)), np.radians(np.atleast_1d(elevation).astype(float))
    a, e = np.broadcast_arrays(a, e)
    ca, sa, ce, se = np.cos(a), np.sin(a), np.cos(e), np.sin(e)
    rows = [[ca, sa, 0 * a], [-sa * se, ca * se, ce], [sa * ce, -ca * ce, se]]
    return np.round(np.moveaxis(np.array(rows), 2, 0) * 2.0**40) / 2.0**40


def project(points: np.ndarray, azimuth: Any, elevation: Any, size: int) -> np.ndarray:
    """Positions (..., 3) -> (V, ..., 3): column and row in pixels (pixel j covers j to j + 1) and depth."""
    frame = axes(azimuth, elevation)
    x, y, z = (
        sum(np.multiply.outer(frame[:, k, j], points[..., j]) for j in range(3))  # no BLAS: sums in one order
        for k in range(3)
    )
    scale = size / (2 * EXTENT)
    return np.stack([size / 2 + x * scale, size / 2 - y * scale, DISTANCE - z], axis=-1)


def rasterise(corners: np.ndarray) -> tuple[np.ndarray, ...]:
    """Which triangle each sample sees: `corners` (V, F, 3, 3) as from `project`, samples at pixel centres.

    Returns, for the S samples that see one, view, row, column, face (S,) int and weights (S, 3) of its corners. Faces
    turned away are left out: bodies are closed. Samples beyond any picture are included; the caller cuts.
    """
    x, y, z = np.moveaxis(corners, -1, 0)  # each (V, F, 3)
    area = (x[..., 2] - x[..., 0]) * (y[..., 1] - y[..., 0]) - (x[..., 1] - x[..., 0]) * (y[..., 2] - y[..., 0])
    view, face = np.nonzero(area > 1e-12)
    x, y, z, area = x[view, face], y[view, face], z[view, face], area[view, face]
    (left, right), (top, bottom) = (_span(*v.T) for v in (x, y))
    wide, high = right - left + 1, bottom - top + 1
    count = np.maximum(wide, 0) * np.maximum(high, 0)
    t = np.repeat(np.arange(len(view)), count)  # the triangle of each candidate sample
    local = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    row, column = top[t] + local // wide[t], left[t] + local % wide[t]
    px, py = column + 0.5, row + 0.5
    w0 = ((x[t, 2] - px) * (y[t, 1] - py) - (x[t, 1] - px) * (y[t, 2] - py)) / area[t]
    w1 = ((x[t, 0] - px) * (y[t, 2] - py) - (x[t, 2] - px) * (y[t, 0] - py)) / area[t]
    w2 = 1 - w0 - w1
    inside = np.flatnonzero((w0 >= 0) & (w1 >= 0) & (w2 >= 0))
    t, row, column = t[inside], row[inside], column[inside]
    weights = np.stack([w0[inside], w1[inside], w2[inside]], axis=1)
    depth = _mix(weights, z[t])
    order = np.argsort(-depth, kind="stable")  # far to near: the last one written stays
    if not len(order):
        return view[t], row, column, face[t], weights
    row0, column0 = row.min(), column.min()
    cells = (view[t] * (np.ptp(row) + 1) + row - row0) * (np.ptp(column) + 1) + column - column0
    nearest = np.full(int(cells.max()) + 1, -1)
    nearest[cells[order]] = order
    seen = nearest[nearest >= 0]
    return view[t[seen]], row[seen], column[seen], face[t[seen]], weights[seen]


def render(
    mesh: Mesh,
    paint: Any,
    azimuth: Any,
    elevation: Any,
    size: int,
    backdrop: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Views of a mesh: pictures (V, size, size, 3) uint8 and depths (V, size, size) float32, 0 = nothing there.

    paint(positions (S, 3), faces (S,)) -> colours (S, 3) in 0..255; backdrop (3,) its colour, default light grey.
    """
    side = SAMPLES * size
    mesh = mesh.snapped()
    corners = project(mesh.corners, azimuth, elevation, side)
    view, row, column, face, weights = rasterise(corners)
    inner = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    view, row, column, face, weights = view[inner], row[inner], column[inner], face[inner], weights[inner]
    position = _mix(weights, mesh.corners[face])
    colours = paint(position, face) * _shade(mesh, axes(azimuth, elevation), view, face, weights)[:, None]
    canvas = np.empty((len(corners), side, side, 3), dtype=np.float32)
    ground = np.array([236, 237, 240] if backdrop is None else backdrop, dtype=np.float32)
    canvas[:] = ground * np.linspace(1.04, 0.9, side, dtype=np.float32)[:, None, None]
    canvas[view, row, column] = colours
    depth = np.full((len(corners), side, side), np.inf)
    depth[view, row, column] = _mix(weights, corners[view, face, :, 2])
    steps = [(a, b) for a in range(SAMPLES) for b in range(SAMPLES)]
    mean = sum(canvas[:, a::SAMPLES, b::SAMPLES] for a, b in steps) / len(steps)
    pictures = np.clip(mean + 0.5, 0, 255).astype(np.uint8)
    nearest = np.minimum.reduce([depth[:, a::SAMPLES, b::SAMPLES] for a, b in steps])
    return pictures, np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)


def unproject(depth: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """A depth map (H, W) of one view -> positions (N, 3) of its pixels, to within half a pixel of the surface."""
    size = depth.shape[0]
    rows, columns = np.nonzero(depth)
    scale = 2 * EXTENT / size
    local = np.stack([(columns + 0.5 - size / 2) * scale, (size / 2 - rows - 0.5) * scale], axis=1)
    local = np.concatenate([local, DISTANCE - depth[rows, columns][:, None]], axis=1)
    return (local[:, :, None] * axes(azimuth, elevation)[0][None]).sum(axis=1)


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Depths (..., H, W) as grey pictures (..., H, W, 3) uint8: near is bright, nothing is black."""
    grey = np.where(depth > 0, np.clip(255 - 190 * (depth - (DISTANCE - 1)) / 2, 40, 255), 0)
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)


def _mix(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weights (S, 3) and values (S, 3, ...) -> their weighted sums (S, ...)."""
    w = weights.reshape(*weights.shape, *(1,) * (values.ndim - 2))
    return w[:, 0] * values[:, 0] + w[:, 1] * values[:, 1] + w[:, 2] * values[:, 2]


def _span(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel whose centre lies between the least and the largest of three coordinates."""
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    return np.ceil(low - 0.5).astype(int), np.floor(high - 0.5).astype(int)


def _shade(mesh: Mesh, frame: np.ndarray, view: np.ndarray, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brightness (S,) of each sample: ambient, diffuse and a small highlight."""
    normal = _mix(weights, mesh.normals[face])
    light = np.round(SNAP * (frame * _LIGHT[None, :, None]).sum(axis=1)) / SNAP  # the light in the body's axes, (V, 3)
    length = np.sqrt(_mix(normal, normal))
    lit = _mix(normal, light[view]) / np.maximum(length, 1e-6)
    return 0.5 + 0.5 * np.maximum(lit, 0) + 0.12 * np.maximum(lit - 0.85, 0) / 0.15 + 0.12 * np.minimum(lit, 0)
