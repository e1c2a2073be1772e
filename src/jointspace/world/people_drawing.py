"""People -> pictures and maps of their parts: soft-edged limbs laid over one another, back to front.

Places are in body units: u to the side (facing +u when seen from the side), v down; 0 is the top of the head and 1 the
soles. Every figure is drawn for all rows at once; a limb touches only the rows that have it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import key, uniform
from jointspace.world.people_truth import VIEWS, Sightings

PARTS = ("background", "hair", "skin", "top", "bottom", "shoes", "hat", "carried", "occluder")
Number = Any  # a number or (B,)
Place = Any  # u and v, each a Number


class Sheet:
    """Canvas (B, H, W, 3) and part map (B, H, W) with the pens; `frame` turns pixels into body units."""

    def __init__(self, canvas: np.ndarray, height: np.ndarray, centre: np.ndarray, feet: np.ndarray, flip: np.ndarray):
        b, h, w, _ = canvas.shape
        self.canvas, self.part = canvas, np.zeros((b, h, w), dtype=np.uint8)
        self.height, self.feet = height.astype(np.float32), feet.astype(np.float32)
        x = (np.arange(w, dtype=np.float32) + 0.5)[None, :] - centre.astype(np.float32)[:, None]
        y = (np.arange(h, dtype=np.float32) + 0.5)[None, :] - feet.astype(np.float32)[:, None]
        self.u = (x * flip.astype(np.float32)[:, None] / self.height[:, None])[:, None, :]
        self.v = (1 + y / self.height[:, None])[:, :, None]

    def paint(self, part: str, active: np.ndarray, colour: np.ndarray, span: tuple[np.ndarray, np.ndarray],
              distance: Any, pattern: Any = None) -> None:  # fmt: skip
        """Lays colour (B, 3) over the rows `active` where distance(rows, u, v) < 0; pattern(rows, u, v) darkens.

        span: least and largest v (B, 1, 1) that it may reach.
        """
        rows = np.flatnonzero(active)
        if not len(rows):
            return
        low, high = (self.feet[rows] + (v[rows, 0, 0] - 1) * self.height[rows] for v in span)
        band = slice(max(0, int(low.min()) - 1), min(self.part.shape[1], int(high.max()) + 2))
        if band.start >= band.stop:
            return
        u, v = self.u[rows], self.v[rows, band]
        alpha = np.clip(0.5 - distance(rows, u, v) * self.height[rows, None, None], 0, 1)
        ink = colour[rows, None, None].astype(np.float32)
        if pattern is not None:
            ink = ink * pattern(rows, u, v)[..., None]
        under = self.canvas[rows, band]
        self.canvas[rows, band] = under + alpha[..., None] * (ink - under)
        self.part[rows, band] = np.where(alpha > 0.5, PARTS.index(part), self.part[rows, band])

    def limb(self, part: str, active: np.ndarray, colour: np.ndarray, a: Place, b: Place,
             thick: Number, thin: Number | None = None) -> None:  # fmt: skip
        """A round-ended limb from a to b, half as wide as `thick` at a and `thin` at b."""
        n = len(self.height)
        ax, ay, bx, by, ra, rb = (np.broadcast_to(p, n).astype(np.float32)[:, None, None]
                                  for p in (*a, *b, thick, thick if thin is None else thin))  # fmt: skip

        def distance(r: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
            dx, dy = bx[r] - ax[r], by[r] - ay[r]
            t = np.clip(((u - ax[r]) * dx + (v - ay[r]) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
            return np.sqrt((u - ax[r] - t * dx) ** 2 + (v - ay[r] - t * dy) ** 2) - (ra[r] + t * (rb[r] - ra[r]))

        reach = np.maximum(ra, rb)
        self.paint(part, active, colour, (np.minimum(ay, by) - reach, np.maximum(ay, by) + reach), distance)

    def oval(self, part: str, active: np.ndarray, colour: np.ndarray, x: Number, y: Number, wide: Number, high: Number,
             low: Number = 9.0, top: Number = -9.0) -> None:  # fmt: skip
        """An ellipse with half axes `wide` and `high`, cut off below v = low and above v = top."""
        n = len(self.height)
        x, y, wide, high, low, top = (np.broadcast_to(p, n).astype(np.float32)[:, None, None]
                                      for p in (x, y, wide, high, low, top))  # fmt: skip

        def distance(r: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
            round_ = (np.sqrt(((u - x[r]) / wide[r]) ** 2 + ((v - y[r]) / high[r]) ** 2) - 1) * np.minimum(
                wide[r], high[r]
            )
            return np.maximum(np.maximum(round_, v - low[r]), top[r] - v)

        span = (np.maximum(y - high, top), np.minimum(y + high, low))
        self.paint(part, active, colour, span, distance)

    def panel(self, part: str, active: np.ndarray, colour: np.ndarray, top: Number, low: Number, wide: Number,
              hem: Number, x: Number = 0.0, pattern: Any = None) -> None:  # fmt: skip
        """A trapezium about u = x between v = top and low: half as wide as `wide` above and `hem` below."""
        n = len(self.height)
        top, low, wide, hem, x = (
            np.broadcast_to(p, n).astype(np.float32)[:, None, None] for p in (top, low, wide, hem, x)
        )

        def distance(r: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
            t = np.clip((v - top[r]) / (low[r] - top[r]), 0, 1)
            edge = np.abs(u - x[r]) - (wide[r] + t * (hem[r] - wide[r]))
            return np.maximum(np.maximum(edge, top[r] - v), v - low[r])

        self.paint(part, active, colour, (top, low), distance, pattern)


def draw(s: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (B, H, H / 2, 3) uint8 and part maps (B, H, H / 2) uint8, indices into PARTS."""
    size = s.controls.size
    u = uniform(s.keys, 8, stream=5).astype(np.float32)
    child = s.is_("person", "boy", "girl")
    camera = _camera(s)
    height = size * 0.8 * np.where(child, 0.76, 1.0) * (camera[:, 0] + 0.06 * (u[:, 0] - 0.5))
    centre = size / 4 + (u[:, 1] - 0.5) * 0.09 * size
    feet = size * (0.93 + 0.05 * (u[:, 2] - 0.5))
    flip = np.where(s.view == VIEWS.index("left"), -1.0, 1.0)
    sheet = Sheet(_background(s, camera), height, centre, feet, flip)
    _figure(s, sheet, child)
    _occlude(s, sheet, camera)
    gain = 1 + s.controls.cast * (camera[:, 1:4] - 0.5) * 0.4 + 0.1 * (u[:, 3:4] - 0.5)
    dark = 0.72 if s.controls.domain == "station" else 1.0
    grain = (uniform(s.keys, size * size // 2, stream=6).reshape(-1, size, size // 2, 1) - 0.5) * 14
    picture = sheet.canvas * (gain * dark)[:, None, None] + grain
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8), sheet.part


def _figure(s: Sightings, sheet: Sheet, child: np.ndarray) -> None:
    from jointspace.world import people_figure as figure

    pose = figure.Pose.of(s, child)
    figure.behind(s, sheet, pose)
    figure.legs(s, sheet, pose)
    figure.trunk(s, sheet, pose)
    figure.head(s, sheet, pose)
    figure.carried(s, sheet, pose)


def _camera(s: Sightings) -> np.ndarray:
    """(B, 16) numbers of each row's camera: scale, cast (3), then what its place looks like."""
    number = key(s.seed, "camera", s.controls.domain, s.camera)
    u = uniform(number, 16).astype(np.float32)
    u[:, 0] = 0.88 + 0.12 * u[:, 0]
    return u


def _background(s: Sightings, camera: np.ndarray) -> np.ndarray:
    """Wall and floor of the camera's place: bricks, boards or a plain wall with a window, and a shadow at the feet."""
    size = s.controls.size
    y, x = (np.arange(n, dtype=np.float32)[None] / size for n in (size, size // 2))
    shift = uniform(s.keys, 1, stream=7).astype(np.float32)
    x = x + shift  # the person stands elsewhere along the wall each time
    horizon = 0.62 + 0.2 * camera[:, 4:5]
    wall = 105 + 80 * camera[:, 5:6] + 45 * camera[:, 6:9]
    floor = 90 + 60 * camera[:, 8:9] + 35 * camera[:, 9:12]
    kind = (camera[:, 13] * 3).astype(int)
    rows = np.floor(y * 14)
    bricks = ((y * 14) % 1 < 0.16)[:, :, None] | (((x[:, None, :] * 9 + 0.5 * (rows % 2)[:, :, None]) % 1) < 0.1)
    boards = np.broadcast_to(((x * 11) % 1 < 0.12)[:, None, :], bricks.shape)
    window = (np.abs((x * 1.6) % 1 - 0.5) < 0.3)[:, None, :] & (np.abs(y - 0.28) < 0.14)[:, :, None]
    marks = np.choose(kind[:, None, None], [bricks * -0.16, boards * -0.14, window * 0.28]).astype(np.float32)
    below = (y > horizon)[:, :, None]
    canvas = np.where(below[..., None], floor[:, None, None], wall[:, None, None])
    canvas = canvas * (1 + np.where(below, -0.25 * (1 - y)[:, :, None], marks))[..., None]
    return canvas.astype(np.float32)


def _occlude(s: Sightings, sheet: Sheet, camera: np.ndarray) -> None:
    """A hedge before the legs or a post before one side."""
    u = uniform(s.keys, 4, stream=8)
    hit, low = u[:, 0] < s.controls.occlusion, u[:, 1] < 0.6
    colour = np.where(low[:, None], (58, 105, 52), 110 + 50 * camera[:, 12:13] + np.zeros(3))
    top = 0.72 + 0.14 * u[:, 2]
    leaves = np.float32(9.0)

    def ragged(rows: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return 0.86 + 0.2 * np.sin(leaves * 7 * a + 3) * np.sin(leaves * 6 * b)

    n = len(s)
    sheet.panel("occluder", hit & low, colour, top, np.full(n, 3.0), 3.0, 3.0, pattern=ragged)
    side = np.where(u[:, 3] < 0.5, -1, 1) * 0.17
    sheet.panel("occluder", hit & ~low, colour, np.full(n, -3.0), np.full(n, 3.0), 0.06, 0.06, x=side)
