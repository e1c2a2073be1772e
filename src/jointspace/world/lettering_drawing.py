"""Words -> pictures: lines bent, tapered and turned, on cluttered grounds, blurred and grainy.

The map from the line to the picture has a closed inverse, so letters' boxes and pixels agree: taper (one end smaller),
bend along an arc, turn, scale to fit, place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jointspace.data.draws import integers, uniform
from jointspace.world.lettering_fonts import set_word

EFFECTS = ("none", "shadow", "outline")


@dataclass(frozen=True)
class Warp:
    """B maps. width, height (B,): the lines; stretch, taper, bend, turn: shares and radians; scale, x, y: the place."""

    width: np.ndarray
    height: np.ndarray
    stretch: np.ndarray
    taper: np.ndarray
    bend: np.ndarray
    turn: np.ndarray
    scale: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def forward(self, row: int, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places on the line of row (u right, v down, pixels) -> columns and rows of the picture."""
        s = (u - self.width[row] / 2) * self.stretch[row]
        t = (v - self.height[row] / 2) * (1 + self.taper[row] * 2 * s / (self.width[row] * self.stretch[row]))
        r = self.width[row] * self.stretch[row] / self.bend[row]
        p, q = (r - t) * np.sin(s / r), r - (r - t) * np.cos(s / r)
        c, d = np.cos(self.turn[row]), np.sin(self.turn[row])
        return self.x[row] + self.scale[row] * (c * p - d * q), self.y[row] + self.scale[row] * (d * p + c * q)

    def inverse(self, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns (W,) and rows (H,) of the pictures -> u and v on the lines, (B, H, W)."""
        width, height, stretch, taper, bend, turn, scale, x, y = (
            getattr(self, name)[:, None, None] for name in self.__dataclass_fields__
        )
        a, b = (columns[None, None] - x) / scale, (rows[None, :, None] - y) / scale
        c, d = np.cos(turn), np.sin(turn)
        p, q = c * a + d * b, c * b - d * a
        r = width * stretch / bend
        sign = np.sign(r)
        s = np.arctan2(p * sign, (r - q) * sign) * r
        t = r - sign * np.sqrt(p * p + (r - q) ** 2)
        taper = np.maximum(1 + taper * 2 * s / (width * stretch), 0.2)
        return s / stretch + width / 2, t / taper + height / 2


def fitted(warp: Warp, size: tuple[int, int], u: np.ndarray, largest: np.ndarray) -> Warp:
    """The warp scaled (at most `largest`) and placed so that its line lies in a picture of size (H, W).

    u (B, 2) in 0..1 says where in the room that is left.
    """
    scale, place = np.empty(len(warp.width)), np.empty((len(warp.width), 2))
    for i in range(len(scale)):
        w, h = warp.width[i], warp.height[i]
        edge = np.linspace(0, 1, 9)
        px, py = warp.forward(
            i, np.concatenate([edge * w] * 2), np.concatenate([0.1 * h + 0 * edge, 0.95 * h + 0 * edge])
        )
        low, high = np.array([px.min(), py.min()]), np.array([px.max(), py.max()])
        room = np.array([size[1] - 2.0, size[0] - 2.0])
        scale[i] = min(largest[i], *(room / (high - low)))
        slack = room - scale[i] * (high - low)
        place[i] = 1 + slack * u[i] - scale[i] * low
    return replace(warp, scale=scale, x=place[:, 0], y=place[:, 1])


def draw(
    keys: np.ndarray, words: list[str], files: list[str], size: tuple[int, int], strength: dict[str, float]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], dict[str, np.ndarray]]:
    """Pictures (B, H, W, 3) uint8, ink masks (B, H, W) bool, boxes of the letters (L, 4) float32, what was done.

    strength: rotation and curve in degrees, perspective, blur, noise, clutter in 0..1.
    """
    u = uniform(keys, 24, stream=1)
    h, w = size
    point = 2 * int(np.ceil(0.6 * h))
    lines = [
        set_word(f, point, word, float(np.round(v * 0.16 * point)))
        for f, word, v in zip(files, words, u[:, 0], strict=True)
    ]
    warp = _warp(lines, u, size, strength)
    wide, high = max(line.shape[1] for line, _ in lines), max(line.shape[0] for line, _ in lines)
    flat = np.zeros((len(lines), high + 2, wide + 2), dtype=np.float32)  # a clear border: nothing beyond the line
    for i, (line, _) in enumerate(lines):
        flat[i, 1 : line.shape[0] + 1, 1 : line.shape[1] + 1] = line
    ink = _sample(flat, *warp.inverse(np.arange(w) + 0.5, np.arange(h) + 0.5))
    boxes = [_boxes(warp, i, box, size) for i, (_, box) in enumerate(lines)]
    effect = integers(keys, len(EFFECTS) + 2, stream=2)[:, 0] % len(EFFECTS)  # outline half as often
    picture = _colour(keys, u, ink, effect, size, strength["clutter"])
    picture = _blur(picture, np.floor(u[:, 12] * 3.999 * strength["blur"]).astype(int))
    grain = uniform(keys, h * w, stream=3).reshape(-1, h, w, 1) - 0.5
    picture += grain * (70 * strength["noise"] * u[:, 13])[:, None, None, None]
    done = {"angle": np.degrees(warp.turn), "curve": np.degrees(warp.bend), "effect": effect}
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8), ink > 0.35, boxes, done


def _warp(
    lines: list[tuple[np.ndarray, np.ndarray]], u: np.ndarray, size: tuple[int, int], strength: dict[str, float]
) -> Warp:
    width, height = (np.array([line.shape[k] for line, _ in lines], dtype=float) for k in (1, 0))
    spread = 2 * u - 1
    bend = np.radians(strength["curve"]) * spread[:, 1] * np.minimum(1, width / (3 * height))  # short words bend less
    bend = np.where(np.abs(bend) < 1e-3, 1e-3, bend)
    turn = np.radians(strength["rotation"]) * spread[:, 2]
    taper = 0.45 * strength["perspective"] * spread[:, 3]
    stretch = 1 + 0.22 * spread[:, 4]
    one, zero = np.ones(len(lines)), np.zeros(len(lines))
    return fitted(
        Warp(width, height, stretch, taper, bend, turn, one, zero, zero), size, u[:, 5:7], 0.85 + 0.55 * u[:, 7]
    )


def _sample(flat: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear values of the bordered lines at (u, v), pixel j of a line covering j to j + 1; 0 outside."""
    x = np.clip(u + 0.5, 0, flat.shape[2] - 1.001)
    y = np.clip(v + 0.5, 0, flat.shape[1] - 1.001)
    j, i = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - j).astype(np.float32), (y - i).astype(np.float32)
    at = (np.arange(len(flat))[:, None, None] * flat.shape[1] + i) * flat.shape[2] + j
    f = flat.reshape(-1)
    top = f[at] + fx * (f[at + 1] - f[at])
    low = f[at + flat.shape[2]] + fx * (f[at + flat.shape[2] + 1] - f[at + flat.shape[2]])
    return top + fy * (low - top)


def _boxes(warp: Warp, row: int, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes on the line -> boxes around their images, pixels, (L, 4) float32."""
    edge = np.linspace(0, 1, 5)
    across, down = np.meshgrid(edge, edge)
    rim = (across == 0) | (across == 1) | (down == 0) | (down == 1)
    u = box[:, :1] + (box[:, 2:3] - box[:, :1]) * across[rim]
    v = box[:, 1:2] + (box[:, 3:4] - box[:, 1:2]) * down[rim]
    x, y = warp.forward(row, u, v)
    out = np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)
    return np.clip(out, 0, [size[1], size[0], size[1], size[0]]).astype(np.float32)


def _colour(
    keys: np.ndarray, u: np.ndarray, ink: np.ndarray, effect: np.ndarray, size: tuple[int, int], clutter: float
) -> np.ndarray:
    """Ground with blotches, stripes and things lying about; the ink, its shadow or outline upon it."""
    h, w = size
    c = uniform(keys, 64, stream=4).astype(np.float32)
    light, dark = 165 + 90 * c[:, 0:3], 105 * c[:, 3:6]
    swap = (c[:, 6] < 0.35)[:, None]
    ground, pen = np.where(swap, dark, light), np.where(swap, light, dark)
    y, x = (np.arange(n, dtype=np.float32)[None] / h for n in (h, w))
    wave = (
        np.sin(2 * np.pi * (1 + 3 * c[:, 7:8]) * x + 6 * c[:, 8:9])[:, None]
        * np.cos(2 * np.pi * (0.5 + 2 * c[:, 9:10]) * y)[:, :, None]
    )
    slope = (c[:, 10] - 0.5)[:, None, None] * (x[:, None] - 2) + (c[:, 11] - 0.5)[:, None, None] * y[:, :, None]
    stripes = (np.sin(2 * np.pi * (3 + 5 * c[:, 12:13]) * x)[:, None] > 0.6) & (c[:, 13] < 0.3)[:, None, None]
    canvas = ground[:, None, None] + (np.float32(clutter) * (16 * wave + 22 * slope - 26 * stripes))[..., None]
    for k in range(4):  # discs and slabs of middling colour behind the word
        a = c[:, 16 + 8 * k : 24 + 8 * k]
        dx, dy = x[:, None] - (a[:, 0] * w / h)[:, None, None], y[:, :, None] - a[:, 1][:, None, None]
        r = (0.08 + 0.35 * a[:, 2])[:, None, None]
        disc = dx * dx + dy * dy < r * r
        slab = (np.abs(dx) < 2 * r) & (np.abs(dy) < 0.3 * r)
        inside = np.where((a[:, 3] < 0.5)[:, None, None], disc, slab)
        tint = ground + 0.5 * (a[:, 4:7] - 0.5) * 170
        at = np.nonzero(inside & (a[:, 7] < clutter)[:, None, None])
        canvas[at] = tint[at[0]]
    around = np.zeros_like(ink)
    around[:, 1:, 1:] = ink[:, :-1, :-1]
    wide = ink.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            wide = np.maximum(wide, np.roll(ink, step, axis=axis))
    halo = np.zeros_like(ink)
    halo[effect == 1], halo[effect == 2] = 0.55 * around[effect == 1], 0.9 * wide[effect == 2]
    edge = np.where(effect[:, None] == 1, 0.35 * ground, np.where(swap, 0.2 * ground, 255 - 0.2 * (255 - ground)))
    canvas = canvas + halo[..., None] * (edge[:, None, None].astype(np.float32) - canvas)
    strong = ((0.72 + 0.28 * u[:, 11]).astype(np.float32)[:, None, None] * ink)[..., None]
    return canvas + strong * (pen[:, None, None] - canvas)


def _blur(picture: np.ndarray, passes: np.ndarray) -> np.ndarray:
    """Row i smoothed `passes[i]` times by 1 2 1 along both axes."""
    for k in range(int(passes.max(initial=0))):
        these = passes > k
        part = picture[these]
        for axis in (1, 2):
            padded = np.pad(part, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
            first, last = (np.take(padded, np.arange(o, o + part.shape[axis]), axis=axis) for o in (0, 2))
            part = 0.25 * first + 0.5 * part + 0.25 * last
        picture[these] = part
    return picture
