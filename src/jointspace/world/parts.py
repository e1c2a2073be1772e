"""Parts that an object may have: where they sit on each shape and what they look like."""

from __future__ import annotations

import numpy as np

from jointspace.world.shapes import box, disc, ends

# Each part is drawn in the object's own frame (unit extent, y down) from where the shape ends on the side it sits on.


def _hat(u: np.ndarray, v: np.ndarray, at: np.float32) -> np.ndarray:
    v = v + at  # from the top of the shape
    return np.minimum(box(0.62, 0.09, 0, 0.02)(u, v), box(0.36, 0.24, 0, -0.22)(u, v))


def _wheels(u: np.ndarray, v: np.ndarray, at: np.float32) -> np.ndarray:
    return disc(0.29, 0.45, 0.0)(np.abs(u), v - at)


def _handle(u: np.ndarray, v: np.ndarray, at: np.float32) -> np.ndarray:
    centre = u - at - np.float32(0.14)
    radius = np.sqrt(centre**2 + v**2)
    return np.abs(radius - np.float32(0.32)) - np.float32(0.11)


def _wings(u: np.ndarray, v: np.ndarray, at: np.float32) -> np.ndarray:
    x, y = np.abs(u) - at - np.float32(0.12), v + np.float32(0.2)
    along, across = 0.86 * x - 0.5 * y, 0.5 * x + 0.86 * y
    return (np.sqrt((along / 0.62) ** 2 + (across / 0.3) ** 2) - 1) * np.float32(0.3)


_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
SDFS = {"hat": _hat, "wheels": _wheels, "handle": _handle, "wings": _wings}
BEHIND = ("handle", "wings")  # drawn behind the body, the others in front
_SIDE = {"hat": (_TOP, 0.0), "wheels": (_BOTTOM, 0.45), "handle": (_RIGHT, 0.0), "wings": (_RIGHT, -0.2)}
REACH = 1.55  # extent of an object with a part, in units of its radius


def distance(part: str, shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance to a part on a shape, in units of the object's radius; negative inside."""
    return SDFS[part](u, v, _seat(part, shape))


def _seat(part: str, shape: str) -> np.float32:
    """How far the shape reaches where the part sits; a little less, so that the two are joined."""
    side, along = _SIDE[part]
    reach = float(ends(shape, 0, side, along))
    if part == "wings":  # one on each side, and a crescent is hollow on one
        reach = max(reach, float(ends(shape, 0, _LEFT, along)))
    return np.float32((reach if np.isfinite(reach) else 0.7) - 0.06)


def colour(part: str, own: np.ndarray) -> np.ndarray:
    """(..., 3) colour of a part of an object of colour `own` (..., 3)."""
    if part == "wings":
        return 0.4 * own + 0.6 * np.float32(250)
    if part == "handle":
        return np.where(own.mean(axis=-1, keepdims=True) < 60, own + 70, 0.6 * own)
    return np.broadcast_to(np.array(_FIXED[part], dtype=np.float32), own.shape)


_FIXED = {"hat": (88, 62, 44), "wheels": (66, 70, 78)}
