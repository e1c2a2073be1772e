"""The figure itself: pose, legs, trunk and arms, head, what is carried. Places in body units, see `people_drawing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.world.people_truth import HAIR, SKIN, VIEWS, Sightings

Place = tuple[Any, Any]
LONG_SLEEVES = ("shirt", "jacket", "coat", "hoodie")


@dataclass(frozen=True)
class Pose:
    """Where the joints are, each (B,): legs and arms are listed far one first, as (start, middle, end) places."""

    side: np.ndarray
    back: np.ndarray
    front: np.ndarray
    shoulder: np.ndarray  # half widths
    waist: np.ndarray
    hip: np.ndarray
    head: np.ndarray  # radius
    legs: tuple[tuple[Place, Place, Place], ...]
    arms: tuple[tuple[Place, Place, Place], ...]
    hand: np.ndarray  # which side carries, as seen: -1 or 1

    @staticmethod
    def of(s: Sightings, child: np.ndarray) -> Pose:
        front, back = s.view == VIEWS.index("front"), s.view == VIEWS.index("back")
        side = ~(front | back)
        female = s.is_("person", "woman", "girl")
        shoulder = np.where(side, 0.07, np.where(child, 0.105, np.where(female, 0.105, 0.128)))
        waist = np.where(side, 0.062, np.where(female & ~child, 0.078, 0.1))
        hip = np.where(side, 0.068, np.where(female & ~child, 0.106, 0.098))
        swing = 0.5 * np.sin(s.phase)
        legs, arms = [], []
        for sign in (-1.0, 1.0):
            a = sign * swing
            shin = a - 0.75 * np.maximum(0, -a) - 0.05
            knee = (np.where(side, 0.24 * np.sin(a), sign * 0.056), 0.51 + 0.23 * np.where(side, np.cos(a), 1))
            lift = np.where(side, 0, 0.05 * np.maximum(0, sign * np.sin(s.phase)))
            foot = (knee[0] + np.where(side, 0.22 * np.sin(shin), sign * 0.006),
                    knee[1] + np.where(side, 0.215 * np.cos(shin), 0.215 - lift))  # fmt: skip
            legs.append(((np.where(side, 0.0, sign * 0.05), np.full(len(s), 0.51)), knee, foot))
            b = -0.8 * a
            start = (np.where(side, 0.0, sign * (shoulder - 0.012)), np.full(len(s), 0.222))
            elbow = (
                np.where(side, 0.15 * np.sin(b), sign * (shoulder + 0.03)),
                0.22 + 0.15 * np.where(side, np.cos(b), 1),
            )
            hand = (elbow[0] + np.where(side, 0.14 * np.sin(b + 0.35), sign * 0.004),
                    elbow[1] + 0.14 * np.where(side, np.cos(b + 0.35), 1))  # fmt: skip
            arms.append((start, elbow, hand))
        seen = np.where(side, 1, np.where(back, -s.hand, s.hand))
        umbrella = s.is_("carried", "umbrella")
        for k, sign in enumerate((-1, 1)):
            up = umbrella & (seen == sign)
            start, elbow, hand = arms[k]
            elbow = (
                np.where(up, np.where(side, 0.05, sign * (shoulder + 0.045)), elbow[0]),
                np.where(up, 0.35, elbow[1]),
            )
            hand = (np.where(up, np.where(side, 0.13, sign * (shoulder + 0.035)), hand[0]), np.where(up, 0.25, hand[1]))
            arms[k] = (start, elbow, hand)
        head = np.where(child, 0.1, 0.078)
        return Pose(side, back, front, shoulder, waist, hip, head, tuple(legs), tuple(arms), seen)


def _all(s: Sightings) -> np.ndarray:
    return np.ones(len(s), dtype=bool)


def _skin(s: Sightings) -> np.ndarray:
    return np.array(SKIN, dtype=np.float32)[s.skin]


def behind(s: Sightings, sheet: Any, p: Pose) -> None:
    """What the body hides in part: hair down the back, a backpack, the far arm."""
    hair = s.colour("hair_colour", HAIR)
    y = p.head + 0.005
    sheet.panel("hair", s.is_("hair", "long") & ~p.back, hair, y, 0.27, p.head * 1.02, p.head * 1.18,
                x=np.where(p.side, -0.03, 0))  # fmt: skip
    pony = s.is_("hair", "ponytail")
    sheet.limb("hair", pony & p.side, hair, (-p.head, y - 0.02), (-p.head - 0.045, 0.22), 0.03, 0.018)
    pack, colour = s.is_("carried", "backpack"), s.colour("carried_colour")
    sheet.panel("carried", pack & p.front, colour, 0.2, 0.4, p.shoulder + 0.03, p.waist + 0.05)
    far = p.side
    _arm(s, sheet, p, 0, far, 0.8)


def legs(s: Sightings, sheet: Any, p: Pose) -> None:
    """Legs, shoes, then what covers them; the far leg a little darker."""
    skin, cloth, shoe = _skin(s), s.colour("bottom_colour"), s.colour("shoes_colour")
    boots, trainers = s.is_("shoes", "boots"), s.is_("shoes", "trainers")
    full, shorts = s.is_("bottom", "trousers"), s.is_("bottom", "shorts")
    for k in (0, 1):
        dim = np.where(p.side & (k == 0), 0.78, 1.0)[:, None]
        hip, knee, foot = p.legs[k]
        sheet.limb("skin", ~full, skin * dim, hip, knee, 0.042, 0.034)
        sheet.limb("skin", ~full, skin * dim, knee, foot, 0.034, 0.024)
        sheet.limb(
            "bottom",
            full | shorts,
            cloth * dim,
            hip,
            (0.25 * hip[0] + 0.75 * knee[0], 0.25 * hip[1] + 0.75 * knee[1]),
            0.056,
            0.05,
        )
        sheet.limb("bottom", full, cloth * dim, hip, knee, 0.054, 0.044)
        sheet.limb("bottom", full, cloth * dim, knee, foot, 0.044, 0.034)
        calf = (0.5 * (knee[0] + foot[0]), 0.5 * (knee[1] + foot[1]))
        sheet.limb("shoes", boots, shoe * dim, calf, foot, 0.04, 0.036)
        toe = (foot[0] + np.where(p.side, 0.062, 0.0), foot[1] + 0.024)
        heel = (foot[0] - np.where(p.side, 0.008, 0.0), foot[1] + 0.02)
        sheet.limb("shoes", _all(s), shoe * dim, heel, toe, 0.031, 0.025)
        sole = np.where(s.is_("shoes_colour", "white")[:, None], (150, 150, 155), (250, 250, 250)).astype(np.float32)
        sheet.limb(
            "shoes", trainers, sole * dim, (heel[0] - 0.02, foot[1] + 0.044), (toe[0] + 0.014, foot[1] + 0.046), 0.01
        )
    skirt, long = s.is_("bottom", "skirt"), s.is_("bottom", "long skirt")
    spread = 0.03 * np.abs(np.sin(s.phase)) * p.side
    sheet.panel("bottom", skirt, cloth, 0.42, 0.7, p.waist + 0.006, p.hip + 0.055 + spread)
    sheet.panel("bottom", long, cloth, 0.42, 0.9, p.waist + 0.006, p.hip + 0.06 + spread)
    sheet.panel("bottom", full | shorts, cloth, 0.42, 0.55, p.waist, p.hip)


def trunk(s: Sightings, sheet: Any, p: Pose) -> None:
    """The upper garment with its pattern, and the near arms."""
    cloth = s.colour("top_colour")
    coat, jacket, hoodie, shirt = (s.is_("top", t) for t in ("coat", "jacket", "hoodie", "shirt"))
    low = np.where(coat, 0.72, np.where(jacket | hoodie, 0.52, 0.49))
    pattern = _pattern(s)
    sheet.limb("skin", _all(s), _skin(s) * 0.92, (0.0, 0.14), (0.0, 0.2), 0.036)
    slope = np.where(p.side, 0.0, p.shoulder - 0.045)  # shoulders are round
    sheet.limb("top", _all(s), cloth, (-slope, 0.225), (slope, 0.225), 0.042)
    sheet.panel("top", _all(s), cloth, 0.21, low, p.shoulder, np.where(coat, p.hip + 0.03, p.hip), pattern=pattern)
    waist = s.is_("top", "tank top")
    sheet.panel("skin", waist & ~p.side, _skin(s), 0.17, 0.24, 0.05, 0.035)
    seam = np.where(cloth.mean(axis=1, keepdims=True) < 70, cloth + 70, cloth * 0.55)
    white = np.where((s.is_("top_colour", "white"))[:, None], (90, 110, 160), (245, 245, 245)).astype(np.float32)
    sheet.panel("top", jacket & p.front, white, 0.19, low, 0.032, 0.024)
    sheet.panel("top", (shirt | coat) & p.front, seam, 0.21, low, 0.007, 0.007)
    sheet.panel("top", shirt & ~p.back, white, 0.175, 0.205, 0.045, 0.03)
    sheet.panel("top", coat & ~p.side, seam, 0.44, 0.465, p.waist + 0.018, p.waist + 0.018)
    sheet.oval("top", hoodie & p.front, seam, 0.0, 0.43, 0.06, 0.035)
    sheet.oval(
        "top", hoodie & ~p.front, cloth * 0.85, np.where(p.side, -0.06, 0.0), 0.21, np.where(p.side, 0.04, 0.075), 0.06
    )
    sheet.limb("top", hoodie & p.front, cloth * 0.85, (-0.06, 0.185), (0.06, 0.185), 0.022)
    for k in (0, 1):
        _arm(s, sheet, p, k, ~p.side if k == 0 else _all(s), 0.93)


def _arm(s: Sightings, sheet: Any, p: Pose, k: int, active: np.ndarray, dim: float) -> None:
    skin, cloth = _skin(s), s.colour("top_colour") * dim
    start, elbow, hand = p.arms[k]
    long, short = s.is_("top", *LONG_SLEEVES), s.is_("top", "t-shirt")
    sheet.limb("skin", active, skin * dim, start, elbow, 0.03, 0.027)
    sheet.limb("skin", active, skin * dim, elbow, hand, 0.026, 0.024)
    near = (0.35 * start[0] + 0.65 * elbow[0], 0.35 * start[1] + 0.65 * elbow[1])
    sheet.limb("top", active & short, cloth, start, near, 0.04, 0.04)
    sheet.limb("top", active & long, cloth, start, elbow, 0.041, 0.036)
    cuff = (0.2 * elbow[0] + 0.8 * hand[0], 0.2 * elbow[1] + 0.8 * hand[1])
    sheet.limb("top", active & long, cloth, elbow, cuff, 0.036, 0.032)


def _pattern(s: Sightings) -> Any:
    kind = s.slots["top_pattern"].astype(int)
    dark = s.is_("top_colour", "black")

    def pattern(rows: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        striped = (np.sin(2 * np.pi * v / 0.105) > 0.1) & (u == u)
        checked = (np.sin(2 * np.pi * v / 0.12) > 0) ^ (np.sin(2 * np.pi * (u + 0.03) / 0.12) > 0)
        dotted = np.cos(2 * np.pi * u / 0.085) + np.cos(2 * np.pi * v / 0.085) > 0.75
        which = kind[rows][:, None, None]
        marked = ((which == 1) & striped) | ((which == 2) & checked) | ((which == 3) & dotted)
        return np.where(marked, np.where(dark[rows], 4.2, 0.5)[:, None, None], 1.0).astype(np.float32)

    return pattern


def head(s: Sightings, sheet: Any, p: Pose) -> None:
    """Face, hair and hat."""
    skin, hair, r = _skin(s), s.colour("hair_colour", HAIR), p.head
    y = r + 0.005
    hairy, curly, long, pony = ~s.is_("hair", "bald"), *(s.is_("hair", h) for h in ("curly", "long", "ponytail"))
    sheet.oval("hair", curly, hair, np.where(p.side, -0.012, 0), y - 0.008, r * 1.16, r * 1.12)
    sheet.oval("skin", _all(s), skin, np.where(p.side, 0.008, 0), y, r * 0.84, r)
    nose = p.side
    sheet.limb("skin", nose, skin, (r * 0.7, y + 0.01), (r * 0.98, y + 0.018), 0.014)
    eye = np.broadcast_to(np.array([40, 32, 32], dtype=np.float32), (len(s), 3))
    for x, seen in ((-0.36 * r, p.front), (0.36 * r, p.front), (0.5 * r, p.side)):
        sheet.oval("skin", seen, eye, x, y + 0.004, 0.012, 0.016)
    mouth = skin * np.array([0.8, 0.5, 0.5], dtype=np.float32)
    sheet.oval(
        "skin", ~p.back, mouth, np.where(p.side, 0.55 * r, 0), y + 0.5 * r, np.where(p.side, 0.016, 0.026), 0.011
    )
    # hair: a cap of it above the brow, all over from behind, down the nape from the side
    sheet.oval(
        "hair", hairy & ~p.back, hair, np.where(p.side, -0.012, 0), y - 0.006, r * 1.0, r * 1.03, low=y - 0.42 * r
    )
    sheet.oval(
        "hair", hairy & p.side, hair, -0.45 * r, y, r * 0.58, r * 0.95, low=y + np.where(long | pony, 0.5, 0.35) * r
    )
    sheet.oval("hair", hairy & p.back, hair, 0.0, y, r * 0.95, r * 1.02, low=y + 0.62 * r)
    sheet.panel("hair", long & p.back, hair, y, 0.3, r * 0.95, r * 1.12)
    sheet.limb("hair", pony & p.back, hair * 0.86, (0.0, y - 0.01), (0.0, 0.27), 0.03, 0.022)
    hat = s.colour("hat_colour")
    cap, woolly, sun = (s.is_("hat", h) for h in ("cap", "woolly hat", "sun hat"))
    brow = y - 0.3 * r
    sheet.oval("hat", cap | woolly, hat, 0.0, y - 0.08, r * 1.04, r * 1.05, low=brow)
    sheet.oval("hat", cap | woolly, hat, 0.0, y, r * 1.06, r * 1.1, low=brow)
    sheet.limb(
        "hat",
        cap & ~p.back,
        hat * 0.8,
        (np.where(p.side, 0.5 * r, -0.5 * r), brow),
        (np.where(p.side, 1.5 * r, 0.5 * r), brow),
        0.017,
    )
    sheet.oval("hat", woolly, np.minimum(hat * 0.7 + 70, 255), 0.0, y - 1.2 * r, 0.032, 0.032)
    sheet.limb("hat", woolly, hat * 0.75, (-0.95 * r, brow), (0.95 * r, brow), 0.02)
    sheet.oval("hat", sun, hat, 0.0, brow, r * 0.95, r * 0.95, low=brow)
    sheet.oval("hat", sun, hat * 0.85, 0.0, brow, r * 1.95, 0.026)


def carried(s: Sightings, sheet: Any, p: Pose) -> None:
    """Bags at the hand, a suitcase on the ground, a backpack, an umbrella above the head."""
    colour = s.colour("carried_colour")
    metal = np.broadcast_to(np.array([70, 70, 78], dtype=np.float32), (len(s), 3))
    hand: Any = [np.where(p.hand > 0, p.arms[1][2][j], p.arms[0][2][j]) for j in (0, 1)]
    pack, handbag, shopping, suitcase, umbrella = (s.is_("carried", c) for c in (
        "backpack", "handbag", "shopping bag", "suitcase", "umbrella"))  # fmt: skip
    dark = colour * 0.72 + 8
    sheet.panel("carried", pack & p.back, colour, 0.205, 0.445, 0.082, 0.095)
    sheet.panel("carried", pack & p.back, dark, 0.345, 0.355, 0.07, 0.07)
    for sign in (-1, 1):
        sheet.limb("carried", pack & p.front, dark, (sign * 0.062, 0.195), (sign * 0.07, 0.36), 0.016)
    sheet.oval("carried", pack & p.side, colour, -0.115, 0.325, 0.062, 0.125)
    sheet.limb("carried", pack & p.side, dark, (-0.05, 0.22), (0.02, 0.3), 0.014)
    x, y = hand[0] + np.where(p.side, 0.0, 0.02 * p.hand), hand[1]
    sheet.limb("carried", handbag | shopping, dark, (x, y), (x, y + 0.06), 0.014)
    sheet.panel("carried", handbag, colour, y + 0.05, y + 0.15, 0.048, 0.066, x=x)
    sheet.panel("carried", shopping, colour, y + 0.05, y + 0.25, 0.062, 0.074, x=x)
    sheet.panel("carried", shopping, np.clip(colour * 0.5 + 127, 0, 255), y + 0.12, y + 0.17, 0.066, 0.07, x=x)
    at = np.where(p.side, -0.2, (p.shoulder + 0.09) * p.hand)
    grip = (np.where(p.side, -0.07, hand[0]), hand[1])
    sheet.limb("carried", suitcase, metal, grip, (at, np.full(len(s), 0.73)), 0.009)
    sheet.panel("carried", suitcase, colour, 0.7, 0.97, 0.082, 0.082, x=at)
    sheet.panel("carried", suitcase, dark, 0.79, 0.8, 0.082, 0.082, x=at)
    sheet.panel("carried", suitcase, dark, 0.88, 0.89, 0.082, 0.082, x=at)
    sheet.limb("carried", umbrella, metal, hand, (0.75 * hand[0], -0.03), 0.01)
    mid = 0.4 * hand[0]
    sheet.oval("carried", umbrella, colour, mid, 0.0, 0.27, 0.125, low=0.0)
    sheet.oval("carried", umbrella, dark, mid, 0.0, 0.1, 0.118, low=0.0)
    sheet.limb("carried", umbrella, metal, (mid, -0.12), (mid, -0.145), 0.008)
