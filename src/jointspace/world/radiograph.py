"""Chest-like radiographs: the same anatomy every time, jittered, with none to three findings at low contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.world import looks
from jointspace.world.anatomy import Array, grid, placed, soft, tall, waves

FINDINGS = (
    "nodule",
    "effusion",
    "enlarged heart",
    "collapsed edge",
    "fracture gap",
    "haze",
    "device line",
    "none",
)
SIDES = ("right", "left")  # the patient's: the right lung is on the left of the picture
SEVERITIES = ("mild", "moderate", "marked")
_RIBS, _FIRST, _STEP, _SLOPE = 7, -0.62, 0.2, 0.3


@dataclass(frozen=True)
class Chests:
    """B chests. present (B, 7) bool, in the order of FINDINGS without "none"; side (B, 7) 0 right, 1 left; severity
    (B, 7) 1 to 3; place (B, 7, 3) uniform numbers: where; keys (B,) for whatever else is drawn."""

    keys: Array
    present: Array
    side: Array
    severity: Array
    place: Array

    def __len__(self) -> int:
        return len(self.keys)


def sample(seed: int, indices: Array, exclusive: bool = False) -> Chests:
    """Chests number `indices`: 0 to 3 findings (25, 35, 25, 15 %), or with `exclusive` row i has finding i modulo 8."""
    indices = np.asarray(indices, dtype=np.int64)
    keys, n = key(seed, "chest", indices), len(FINDINGS) - 1
    if exclusive:
        present = np.arange(n) == (indices % len(FINDINGS))[:, None]
    else:
        count = np.searchsorted([0.25, 0.6, 0.85], uniform(keys, 1, stream=1)[:, 0], side="right")
        present = permutation(keys, n, stream=2) < count[:, None]
    side, severity = integers(keys, 2, n, stream=3), 1 + integers(keys, 3, n, stream=4)
    return Chests(keys, present, side, severity, uniform(keys, 3 * n, stream=5).reshape(-1, n, 3))


def render(chests: Chests, size: int, contrast: float = 1.0) -> tuple[Array, Array]:
    """Films (B, size, size) float32 in 0..1 and the pixels of each finding (B, 7, size, size) bool."""
    b, x, y = len(chests), *grid(size, size)
    u = uniform(chests.keys, 8, stream=10)
    x, y = placed(chests.keys, x, y, 0.07, 0.06, 11)
    masks = np.zeros((b, len(FINDINGS) - 1, size, size), dtype=bool)
    heart = 1 + (0.16 + 0.09 * chests.severity[:, 2]) * chests.present[:, 2] * contrast**0.5
    out, lung = _thorax(chests, x, y, u, heart)
    ribs, masks[:, 4] = _ribs(chests, x, y, contrast)
    out = out + 0.15 * ribs
    masks[:, 2] = _heart(x, y, heart, u)[1] & tall(chests.present[:, 2]).astype(bool)
    for j, draw in ((0, _nodule), (1, _effusion), (3, _collapse), (5, _haze), (6, _line)):
        rows = np.flatnonzero(chests.present[:, j])
        if len(rows):
            some = _Some(x[rows], y[rows], lung[rows], out[rows], chests, rows, j, contrast)
            out[rows], masks[rows, j] = draw(some)
    return looks.apply("xray", np.clip(0.92 * out, 0, 1.3), chests.keys), masks


class _Some:
    """The rows that have a finding: coordinates, lungs, density so far, and the finding's own numbers."""

    def __init__(
        self, x: Array, y: Array, lung: Array, out: Array, chests: Chests, rows: Array, j: int, contrast: float
    ):
        self.x, self.y, self.lung, self.out, self.keys = x, y, lung, out, chests.keys[rows]
        self.sign = tall(2 * chests.side[rows, j] - 1)  # the patient's left is on the right of the picture
        self.across = x * self.sign  # positive on the finding's side
        self.severity, self.contrast = tall(chests.severity[rows, j]), contrast
        self.place = [tall(chests.place[rows, j, k]) for k in range(3)]

    def on(self, low: float, high: float, k: int) -> Array:
        return low + (high - low) * self.place[k]


def _thorax(chests: Chests, x: Array, y: Array, u: Array, heart: Array) -> tuple[Array, Array]:
    """Density without ribs (B, H, W) and the lungs' coverage in 0..1."""
    side = np.abs(x)
    wide, high = tall(0.29 + 0.05 * u[:, 0]), tall(0.64 + 0.07 * u[:, 1])
    dome = tall(0.47 + 0.08 * u[:, 2]) + 1.1 * (side - 0.4) ** 2 - 0.04 * (x < 0)
    lung = soft(np.maximum(np.hypot((side - 0.43) / wide, (y + 0.06) / high) - 1, y - dome), 0.1)
    body = soft(np.maximum(np.hypot(x / 0.98, (y - 0.35) / 1.5) - 1, -y - 0.78 - 0.25 * np.cos(2 * x)), 0.1)
    spine = soft(side - 0.09, 0.08) * (0.8 + 0.2 * np.cos(22 * y))
    vessels = soft(np.abs(waves(chests.keys, x, y, 2.5, 5, 5, 12)) - 0.05, 0.3) * np.exp(-3.2 * np.abs(side - 0.17))
    out = body * (0.52 + 0.1 * waves(chests.keys, x, y, 0.4, 1.2, 3, 13) * 0.3 + 0.2 * spine)
    out = out + lung * (0.12 + 0.16 * vessels - out) + 0.12 * soft(dome - y, 0.1) * body
    clavicle = soft(np.abs(y + 0.72 - 0.16 * side) - 0.025, 0.05) * soft(0.1 - side) * soft(side - 0.8, 0.1)
    cover, _ = _heart(x, y, heart, u)
    return out + 0.13 * clavicle + cover * np.maximum(0.72 - out, 0), lung * (1 - cover)


def _heart(x: Array, y: Array, grown: Array, u: Array) -> tuple[Array, Array]:
    """Coverage in 0..1 and pixels of the heart, `grown` (B,) times its usual width."""
    rx, ry = tall((0.24 + 0.03 * u[:, 3]) * grown), tall((0.27 + 0.03 * u[:, 4]) * (1 + (grown - 1) * 0.5))
    cx = tall(0.1 + 0.03 * u[:, 5] + 0.06 * (grown - 1))
    ratio = np.hypot((x - cx + 0.25 * (y - 0.22)) / rx, (y - 0.22) / ry) - 1
    return soft(ratio, 0.25), ratio < 0


def _ribs(chests: Chests, x: Array, y: Array, contrast: float) -> tuple[Array, Array]:
    """Ribs in 0..1, one broken where there is a fracture, and the pixels of the gap."""
    side, j = np.abs(x), 4
    broken, here = tall(chests.present[:, j]).astype(bool), np.sign(x) == tall(2 * chests.side[:, j] - 1)
    rib = 2 + np.floor(3 * tall(chests.place[:, j, 0]))
    at = 0.34 + 0.26 * tall(chests.place[:, j, 1])
    phase = (y - _SLOPE * (side - 0.15) - _FIRST) / _STEP
    outer = broken & here & (side > at) & (np.abs(phase - rib) < 0.5)
    phase = phase - outer * (0.12 + 0.13 * tall(chests.severity[:, j])) * contrast**0.5  # the outer piece sinks
    number = np.round(phase)
    seen = np.exp(-(((phase - number) * _STEP / 0.036) ** 2)) * (number >= 0) * (number < _RIBS)
    seen = seen * soft(0.1 - side, 0.1) * soft(side - 0.8 + 0.05 * np.abs(y), 0.08)
    half = 0.06 + 0.02 * tall(chests.severity[:, j])
    gap = broken & here & (number == rib) & (np.abs(side - at) < half)
    return seen * (1 - gap * min(1.0, contrast)), gap & (np.abs(phase - number) < 0.35)


def _nodule(s: _Some) -> tuple[Array, Array]:
    r = np.hypot(s.across - s.on(0.32, 0.55, 0), s.y - s.on(-0.42, 0.28, 1)) / (0.07 + 0.022 * s.severity)
    return s.out + (0.2 + 0.05 * s.severity) * s.contrast * soft(r - 1, 0.5), (r < 1)


def _effusion(s: _Some) -> tuple[Array, Array]:
    level = 0.44 - 0.13 * s.severity + s.on(-0.03, 0.03, 0) - 0.9 * np.maximum(s.across - 0.42, 0) ** 2
    filled = soft(level - s.y, 0.12) * s.lung * (s.across > 0.02)
    return s.out + filled * s.contrast * np.maximum(0.52 - s.out, 0), filled > 0.5


def _collapse(s: _Some) -> tuple[Array, Array]:
    edge = np.hypot((s.across - 0.36) / 0.3, (s.y + 0.02) / 0.64)  # the lung shrinks towards its root
    rim = soft(1.09 - 0.12 * s.severity - edge, 0.06) * s.lung * (s.across > 0.3) * (s.y < 0.4)
    line = soft(np.abs(edge - 1.07 + 0.12 * s.severity) - 0.02, 0.05) * s.lung * (s.across > 0.3) * (s.y < 0.4)
    empty = s.out + rim * s.contrast * (0.02 - s.out) * 0.75
    return empty + 0.14 * s.contrast * line, rim > 0.5


def _haze(s: _Some) -> tuple[Array, Array]:
    dx, dy = s.across - s.on(0.34, 0.5, 0), s.y - s.on(-0.4, 0.2, 1)
    cloud = np.exp(-(dx**2 + dy**2) / (2 * (0.13 + 0.025 * s.severity) ** 2)) * s.lung
    mottled = cloud * (1 + 0.35 * waves(s.keys, s.x, s.y, 3, 6, 4, 14))
    return s.out + (0.13 + 0.05 * s.severity) * s.contrast * mottled, cloud > 0.45


def _line(s: _Some) -> tuple[Array, Array]:
    """A thin tube from beside the neck down to above the heart; how deep its tip lies is the severity."""
    tip = -0.22 + 0.16 * s.severity
    path = 0.07 + 0.42 * np.exp(-((s.y + 0.9) ** 2) / 0.09) + 0.03 * np.sin(6 * s.y + 6 * s.place[0])
    near = np.abs(s.across - path)
    seen = soft(near - 0.018, 0.05) * soft(s.y - tip, 0.05)
    return s.out + 0.36 * s.contrast * seen, (near < 0.045) & (s.y < tip)
