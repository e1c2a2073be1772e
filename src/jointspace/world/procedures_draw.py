"""Pictures of half-finished work: the parts that the steps done so far have added."""

from __future__ import annotations

import numpy as np

from jointspace.data.draws import integers, uniform
from jointspace.world.procedures_tasks import TASKS
from jointspace.world.shapes import SDFS, box, disc

_TURN = 5**-0.5


def _roof(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(y - 1, (2 * np.abs(x) - y - 1) * _TURN)


FORMS = {  # signed distance on the square -1..1, negative inside
    "box": box(1.0, 1.0),
    "disc": disc(1.0),
    "ring": lambda x, y: np.maximum(disc(1.0)(x, y), -disc(0.5)(x, y)),
    "roof": _roof,  # a triangle on its base
    "tip": lambda x, y: _roof(x, -y),  # a triangle on its point
    "dome": lambda x, y: np.maximum(disc(1.0)(x, y), y),  # the upper half of a disc
    "bowl": lambda x, y: np.maximum(disc(1.0)(x, y), -y),  # the lower half
    "star": SDFS["star"],
    "heart": SDFS["heart"],
}


def draw(keys: np.ndarray, task: int, done: np.ndarray, size: int) -> np.ndarray:
    """Pictures of the states of one task: keys (n,), done (n, T, S) bool -> (n, T, size, size, 3) uint8.

    A row's keys choose its ground, the place and size of the work and the ink of each step, the same in all states.
    """
    steps = TASKS[task].steps
    u = uniform(keys, 8, stream=0).astype(np.float32)
    ink = integers(keys, 1 << 20, len(steps), stream=1)
    scale, shift = 0.82 + 0.16 * u[:, 0], (u[:, 1:3] - 0.5) * 0.08
    canvas = np.repeat(_ground(u[:, 3:], size)[:, None], done.shape[1], axis=1)
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x = ((grid - shift[:, :1]) / scale[:, None] + 0.5)[:, None, :]
    y = ((grid - shift[:, 1:]) / scale[:, None] + 0.5)[:, :, None]
    for s, step in enumerate(steps):
        colour = np.array(step.inks, dtype=np.float32)[ink[:, s] % len(step.inks)] * (0.94 + 0.1 * u[:, 7:])
        cover = np.zeros((len(keys), size, size), dtype=np.float32)
        for form, cx, cy, w, h in step.parts:
            np.maximum(cover, _cover(FORMS[form], x, y, (cx, cy, w, h)), out=cover)
        alpha = cover[:, None] * done[:, :, s, None, None]
        canvas += alpha[..., None] * (colour[:, None, None, None, :] - canvas)
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)


def _cover(form, x: np.ndarray, y: np.ndarray, place: tuple[float, float, float, float]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Share of each pixel that the part covers: distance to its border over the slope of the distance."""
    cx, cy, w, h = (np.float32(v) for v in place)
    distance = form((x - cx) / w, (y - cy) / h)
    slope = np.hypot(np.gradient(distance, axis=1), np.gradient(distance, axis=2)) + np.float32(1e-6)
    return np.clip(np.float32(0.5) - distance / slope, 0, 1)


def _ground(u: np.ndarray, size: int) -> np.ndarray:
    """A muted wall, darker below: (n, size, size, 3) float32."""
    tint = 150 + 45 * u[:, :3] - 10
    ground = np.repeat(np.repeat(tint[:, None, None, :], size, axis=1), size, axis=2)
    line = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    return ground * (1.06 - (0.10 + 0.08 * u[:, 3, None, None, None]) * line)
