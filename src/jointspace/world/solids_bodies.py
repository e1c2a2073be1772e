"""The bodies: how each kind of solid is put together, and where its part goes.

Axes: x right, y away from the viewer of the front, z up. Paints: MAIN carries the style, ACCENT the second colour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jointspace.world.meshes import (
    Mesh,
    arc,
    ball,
    bipyramid,
    box,
    cylinder,
    frustum,
    join,
    lathe,
    prism,
    strip,
    tube,
)

MAIN, ACCENT, DARK, PALE = 0, 1, 2, 3
BODY = 0.72  # largest radius of the body without its part: a part at the back changes nothing that the front shows
PROPORTIONS = {
    "": (1.0, 1.0, 1.0),
    "flat": (1.1, 1.1, 0.5),
    "tall": (0.85, 0.85, 1.45),
    "long": (1.5, 0.95, 0.95),
    "wide": (1.4, 1.4, 0.85),
}
OWN = {  # where "wide" means another thing
    ("plane", "wide"): (0.8, 1.4, 1.0),
    ("chair", "wide"): (1.5, 0.95, 0.9),
    ("house", "wide"): (1.5, 0.9, 0.8),
}
Scale = tuple[float, float, float]
Made = tuple[list[Mesh], list[Mesh]]  # what is stretched with the proportion; what is not


def build(kind: str, proportion: str, part: str, shape: np.ndarray) -> Mesh:
    """A solid within the unit ball; shape (8,) in -1..1: three stretches, details of the kind, size."""
    stretch = OWN.get((kind, proportion), PROPORTIONS[proportion])
    sx, sy, sz = (f * (1 + 0.1 * float(d)) for f, d in zip(stretch, shape[:3], strict=True))
    s = (sx, sy, sz)
    parts = [m.scaled(*s) for m in BODIES[kind](shape[3:7])]
    if kind in ("car", "truck"):  # wheels stay round however long the car
        parts += _wheels(*join(parts).bounds(), 0.2)
    body = join(parts)
    low, high = body.bounds()
    middle = (low + high) / 2
    radius = np.sqrt(((body.corners - middle) ** 2).sum(axis=-1).max())
    whole = join([body, *PARTS[part](kind, low, high, s)]) if part else body
    whole = whole.moved(*-middle).scaled(*[BODY * (0.84 + 0.16 * float(shape[7])) / radius] * 3)
    reach = np.sqrt((whole.corners**2).sum(axis=-1).max())
    return whole.scaled(*[1 / reach] * 3) if reach > 1 else whole


def _polygon(sides: int) -> np.ndarray:
    return arc(0.9, 90, 90 + 360 * (sides - 1) / sides, sides)


def _star(d: np.ndarray) -> list[Mesh]:
    r = np.where(np.arange(10) % 2 == 0, 1.0, 0.44 + 0.04 * d[0])
    a = np.pi / 2 + np.pi * np.arange(10) / 5
    return [prism(np.stack([r * np.cos(a), r * np.sin(a)], axis=1), 0.16, bulge=2.2)]


def _heart(d: np.ndarray) -> list[Mesh]:
    t = 2 * np.pi * np.arange(36) / 36
    x = 16 * np.sin(t) ** 3
    z = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [prism(np.stack([-x, z + 2], axis=1) / 17, 0.2 + 0.03 * d[0], bulge=1.7)]


def _cross(d: np.ndarray) -> list[Mesh]:
    a, b = 0.3 + 0.03 * d[0], 0.95
    corner = [
        (a, -b),
        (a, -a),
        (b, -a),
        (b, a),
        (a, a),
        (a, b),
        (-a, b),
        (-a, a),
        (-b, a),
        (-b, -a),
        (-a, -a),
        (-a, -b),
    ]
    return [prism(np.array(corner), 0.28)]


def _crescent(d: np.ndarray) -> list[Mesh]:
    outer = arc(0.95, 50, 310, 26)  # counter-clockwise over the left
    tip = outer[0]
    inner = arc(float(np.hypot(tip[0] - 0.42, tip[1])), *_opening(tip, 0.42), 26) + np.array([0.42, 0.0])
    inner[[0, -1]] = outer[[0, -1]]
    return [strip(outer, inner, 0.26 + 0.04 * d[0])]


def _opening(tip: np.ndarray, x: float) -> tuple[float, float]:
    start = float(np.degrees(np.arctan2(tip[1], tip[0] - x)))
    return start, 360 - start


def _arrow(d: np.ndarray) -> list[Mesh]:
    w = 0.24 + 0.03 * d[0]
    outline = [(-0.95, -w), (0.1, -w), (0.1, -0.66), (0.98, 0.0), (0.1, 0.66), (0.1, w), (-0.95, w)]
    return [prism(np.array(outline), 0.24, centre=(0.2, 0.0))]


def _ring(d: np.ndarray) -> list[Mesh]:
    a = arc(0.7, 0, 360, 29)
    return [tube(np.stack([a[:, 0], 0 * a[:, 0], a[:, 1]], axis=1), 0.25 + 0.04 * d[0], (0, 1, 0), 12)]


def _cup(d: np.ndarray) -> list[Mesh]:
    top, foot = 0.66 + 0.04 * d[0], 0.5 + 0.05 * d[1]
    return [lathe(((0, -0.75), (foot, -0.75), (top, 0.75), (top - 0.09, 0.75), (foot - 0.07, -0.6), (0, -0.6)), 22)]


def _bottle(d: np.ndarray) -> list[Mesh]:
    neck, shoulder = 0.15 + 0.02 * d[0], 0.1 + 0.08 * d[1]
    side = ((0, -1), (0.42, -1), (0.44, -0.94), (0.44, shoulder), (0.36, shoulder + 0.2), (neck, shoulder + 0.42))
    return [lathe((*side, (neck, 0.86), (neck + 0.05, 0.88), (neck + 0.05, 0.98), (0, 0.98)), 20)]


def _table(d: np.ndarray) -> list[Mesh]:
    w, t = 0.9, 0.6 + 0.04 * d[0]
    legs = [box(0.13, 0.13, 1.1, x * (w - 0.1), y * (t - 0.1), -0.1) for x in (-1, 1) for y in (-1, 1)]
    return [box(2 * w, 2 * t, 0.14, z=0.52), *[leg.painted(ACCENT) for leg in legs]]


def _chair(d: np.ndarray) -> list[Mesh]:
    legs = [box(0.12, 0.12, 0.72, x * 0.48, y * 0.46, -0.6) for x in (-1, 1) for y in (-1, 1)]
    back = box(1.1, 0.13, 0.95 + 0.08 * d[0], y=0.5, z=0.3)
    return [box(1.12, 1.1, 0.14, z=-0.2), back, *[leg.painted(ACCENT) for leg in legs]]


def _stool(d: np.ndarray) -> list[Mesh]:
    feet = [(np.cos(a), np.sin(a)) for a in np.radians([-90, 30, 150])]
    paths = [np.array([[0.42 * x, 0.42 * y, 0.4], [0.6 * x, 0.6 * y, -0.8]]) for x, y in feet]
    legs = [tube(p, 0.075, (-y, x, 0)) for p, (x, y) in zip(paths, feet, strict=True)]
    return [cylinder(0.36, 0.58, 0.68, 0.68), *[leg.painted(ACCENT) for leg in legs]]


def _lamp(d: np.ndarray) -> list[Mesh]:
    shade = cylinder(0.25, 0.95, 0.62 + 0.04 * d[0], 0.3 + 0.04 * d[1])
    return [shade, cylinder(-0.9, 0.3, 0.06, 0.06, 10).painted(DARK), cylinder(-1, -0.86, 0.46, 0.4).painted(ACCENT)]


def _car(d: np.ndarray) -> list[Mesh]:
    roof = 0.5 + 0.05 * d[0]
    cabin = prism(np.array([(-0.72, 0.12), (0.48, 0.12), (0.22, roof), (-0.55, roof)]), 0.34, centre=(-0.1, 0.3))
    frame = box(0.07, 0.7, roof - 0.16, -0.12, 0, 0.12 + (roof - 0.12) / 2)
    lights = [box(0.05, 0.14, 0.1, 0.99, y, -0.05) for y in (-0.26, 0.26)]
    top = box(0.8, 0.72, 0.06, -0.165, 0, roof)
    hull = box(2.0, 0.84, 0.38, z=-0.06)
    return [hull, cabin.painted(PALE), top, frame, *[m.painted(PALE) for m in lights]]


def _truck(d: np.ndarray) -> list[Mesh]:
    cab = box(0.6, 0.8, 0.78, 0.62, 0, 0.24)
    bed = [box(1.25, 0.06, 0.3, -0.36, y, 0.12) for y in (-0.37, 0.37)] + [box(0.06, 0.78, 0.3, -0.96, 0, 0.12)]
    glass = [box(0.3, 0.84, 0.28, 0.7, 0, 0.4), box(0.06, 0.6, 0.26, 0.92, 0, 0.4)]
    return [cab, box(2.0, 0.8, 0.2, -0.02, 0, -0.14).painted(ACCENT), *bed, *[m.painted(PALE) for m in glass]]


def _plane(d: np.ndarray) -> list[Mesh]:
    hull = ball().scaled(1.0, 0.19, 0.19)
    swept = np.array([(-0.28, -1.0), (0.0, -1.0), (0.26, 0.0), (0.0, 1.0), (-0.28, 1.0), (-0.2, 0.0)])
    wings = prism(swept, 0.035).turned("x", -90).moved(0.12, 0, 0.0)
    tail = prism(0.4 * swept, 0.03).turned("x", -90).moved(-0.82, 0, 0.04)
    fin = prism(np.array([(-1.0, 0.05), (-0.62, 0.05), (-0.86, 0.46 + 0.05 * d[0]), (-1.02, 0.46)]), 0.03, (-0.87, 0.2))
    cockpit = ball(0.16).scaled(1.5, 0.75, 0.8).moved(0.6, 0, 0.12)
    return [hull, wings.painted(ACCENT), tail.painted(ACCENT), fin.painted(ACCENT), cockpit.painted(PALE)]


def _rocket(d: np.ndarray) -> list[Mesh]:
    hull = lathe(((0, -0.8), (0.25, -0.8), (0.3, -0.1), (0.28, 0.4), (0.17, 0.75), (0, 1.0)), 18)
    fin = prism(np.array([(0.2, -0.75), (0.62, -1.0), (0.62, -0.75), (0.26, -0.2)]), 0.035, (0.36, -0.68))
    fins = [fin.turned("z", a + 45).painted(ACCENT) for a in (0, 90, 180, 270)]
    window = ball(0.14).moved(0, -0.22, 0.32).painted(PALE)
    return [hull, *fins, window, cylinder(-0.92, -0.78, 0.2, 0.14).painted(DARK)]


def _house(d: np.ndarray) -> list[Mesh]:
    top = 0.85 + 0.08 * d[0]
    roof = prism(np.array([(-0.92, 0.12), (0.92, 0.12), (0.0, top)]), 0.78, centre=(0, 0.35)).painted(ACCENT)
    windows = [box(0.28, 0.04, 0.28, x, y, -0.18) for x in (-0.48, 0.48) for y in (-0.7, 0.7)]
    windows += [box(0.04, 0.5, 0.28, x, 0.1, -0.18) for x in (-0.8, 0.8)]
    panes = [m.painted(PALE) for m in windows]
    return [box(1.6, 1.4, 0.95, z=-0.35), roof, *panes, box(0.3, 0.06, 0.55, 0, -0.7, -0.55).painted(DARK)]


BODIES: dict[str, Callable[[np.ndarray], list[Mesh]]] = {
    "circle": lambda d: [ball(0.9)],
    "square": lambda d: [box(1.5, 1.5, 1.5)],
    "triangle": lambda d: [frustum(4, -0.75, 0.95 + 0.1 * d[0], 1.2, 0.0)],
    "star": _star,
    "heart": _heart,
    "cross": _cross,
    "ring": _ring,
    "diamond": lambda d: [bipyramid(4, -1.0, 1.0 + 0.1 * d[0], 0.72)],
    "pentagon": lambda d: [prism(_polygon(5), 0.42 + 0.06 * d[0])],
    "hexagon": lambda d: [prism(_polygon(6), 0.42 + 0.06 * d[0])],
    "crescent": _crescent,
    "arrow": _arrow,
    "cup": _cup,
    "bottle": _bottle,
    "table": _table,
    "chair": _chair,
    "stool": _stool,
    "lamp": _lamp,
    "car": _car,
    "truck": _truck,
    "plane": _plane,
    "rocket": _rocket,
    "house": _house,
}


def _wheels(low: np.ndarray, high: np.ndarray, radius: float) -> list[Mesh]:
    """Four wheels below the corners, axles from front to back."""
    out = []
    inset = min(0.55 * radius + 0.2, 0.35 * (high[0] - low[0]))
    for x in (low[0] + inset, high[0] - inset):
        for y, sign in ((low[1] + 0.04, -1), (high[1] - 0.04, 1)):
            wheel = cylinder(-0.09, 0.09, radius, radius, 14).turned("x", 90).moved(x, y, low[2])
            hub = (
                cylinder(-0.02, 0.02, 0.45 * radius, 0.45 * radius, 10)
                .turned("x", 90)
                .moved(x, y + sign * 0.09, low[2])
            )
            out += [wheel.painted(DARK), hub.painted(PALE)]
    return out


def _handle(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    """A bow at the back, low enough that the body hides it from the front."""
    height = high[2] - low[2]
    middle, rise = low[2] + 0.42 * height, 0.2 * height
    back = {"lamp": 0.05 * s[1], "bottle": 0.43 * s[1], "heart": 0.2 * s[1]}.get(kind, high[1] - 0.04)
    if kind == "cup":
        back = 0.56 * s[1]
    reach = 0.3 if kind == "lamp" else min(0.28, 0.6 * rise + 0.12)
    a = np.radians(np.linspace(-90, 90, 11))
    path = np.stack([0 * a, back + reach * np.cos(a), middle + rise * np.sin(a)], axis=1)
    return [tube(path, 0.075, (1, 0, 0)).painted(ACCENT)]


def _wings(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    """Two feathered wings, from the sides outward and up."""
    feathers = np.array(
        [
            (0, -0.12),
            (0.3, -0.3),
            (0.42, -0.12),
            (0.6, -0.16),
            (0.66, 0.06),
            (0.84, 0.1),
            (0.8, 0.5),
            (0.36, 0.34),
            (0, 0.2),
        ]
    )
    x, z = 0.76 * high[0], (low[2] + high[2]) / 2
    right = prism(feathers + np.array([x, z]), 0.05, centre=(x + 0.36, z + 0.08))
    left = prism((feathers * [-1, 1] + np.array([-x, z]))[::-1], 0.05, centre=(-x - 0.36, z + 0.08))
    return [m.moved(y=0.3 * high[1]).painted(ACCENT) for m in (right, left)]


def _hat(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    z = high[2] - 0.16
    return [m.painted(ACCENT) for m in (cylinder(z, z + 0.07, 0.42, 0.42), cylinder(z, z + 0.45, 0.27, 0.24))]


def _cart(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    wheels = _wheels(low, high, 0.13 if kind in ("table", "chair", "lamp") else 0.2)
    if kind in ("ring", "diamond", "arrow", "lamp"):  # round below: the wheels need a board
        board = box(0.66 * (high[0] - low[0]), high[1] - low[1], 0.1, z=low[2] + 0.03).painted(ACCENT)
        return [board, *wheels]
    return wheels


def _lid(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    z = high[2]
    if kind == "bottle":
        return [cylinder(z - 0.12, z + 0.12, 0.26 * s[0], 0.26 * s[0]).painted(ACCENT)]
    wide = high[0] + 0.03
    return [cylinder(z, z + 0.14, wide, 0.75 * wide).painted(ACCENT), ball(0.12).moved(z=z + 0.2).painted(ACCENT)]


def _drawer(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    y = low[1] + 0.16
    return [box(0.8, 0.4, 0.34, 0, y, high[2] - 0.32), ball(0.07).moved(0, y - 0.22, high[2] - 0.32).painted(DARK)]


def _shelf(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    return [box(0.86 * (high[0] - low[0]), 0.82 * (high[1] - low[1]), 0.09, z=low[2] + 0.3)]


def _armrests(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    out = []
    for x in (low[0] + 0.06, high[0] - 0.06):
        out += [box(0.14, 0.95 * s[1], 0.09, x, 0, 0.18), box(0.1, 0.1, 0.34, x, low[1] + 0.1, 0.0)]
    return [m.painted(ACCENT) for m in out]


def _second_shade(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    return [cylinder(-0.42 * s[2], 0.08 * s[2], 0.5 * s[0], 0.22 * s[0])]


def _spoiler(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    x, z = low[0] + 0.12, 0.13 * s[2]
    posts = [box(0.06, 0.06, 0.24, x, y, z + 0.1) for y in (-0.28, 0.28)]
    return [m.painted(ACCENT) for m in (*posts, box(0.26, 0.92, 0.06, x, 0, z + 0.24))]


def _roof_box(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    return [box(0.7, 0.5, 0.2, -0.16 * s[0], 0, high[2] + 0.1).painted(ACCENT)]


def _propeller(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    x = high[0]
    blades = [box(0.05, 0.11, 0.8, x).turned("x", a) for a in (30, 120)]
    return [*[m.painted(DARK) for m in blades], ball(0.1).moved(x).painted(PALE)]


def _second_wing(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    struts = [box(0.05, 0.05, 0.5, 0.12, y, 0.25) for y in (-0.6 * s[1], 0.6 * s[1])]
    return [box(0.36, 1.7 * s[1], 0.06, 0.12, 0, 0.5).painted(ACCENT), *[m.painted(DARK) for m in struts]]


def _chimney(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    return [box(0.24, 0.24, 0.7, 0.42 * s[0], 0.1, high[2] - 0.2)]


def _porch(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    y, z = low[1], -0.12 * s[2]
    height = z - low[2]
    posts = [box(0.08, 0.08, height, x, y - 0.38, low[2] + height / 2) for x in (-0.44, 0.44)]
    return [m.painted(ACCENT) for m in (box(1.1, 0.5, 0.09, 0, y - 0.2, z), *posts)]


def _tower(kind: str, low: np.ndarray, high: np.ndarray, s: Scale) -> list[Mesh]:
    x, y, top = 0.8 * s[0], -0.45 * s[1], high[2]
    return [
        cylinder(low[2], top, 0.3, 0.3).moved(x, y),
        cylinder(top, top + 0.5, 0.38, 0.0).moved(x, y).painted(ACCENT),
    ]


PARTS: dict[str, Callable[[str, np.ndarray, np.ndarray, Scale], list[Mesh]]] = {
    "handle": _handle,
    "wings": _wings,
    "wheels": _cart,
    "hat": _hat,
    "lid": _lid,
    "drawer": _drawer,
    "shelf": _shelf,
    "armrests": _armrests,
    "second shade": _second_shade,
    "spoiler": _spoiler,
    "roof box": _roof_box,
    "propeller": _propeller,
    "second wing": _second_wing,
    "chimney": _chimney,
    "porch": _porch,
    "tower": _tower,
}
