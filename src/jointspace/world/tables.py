"""Scenes as rows of a table: what kind of thing stands where, beside what, in categories and numbers.

The row is about the scene's first object and the neighbour nearest to it. Three targets depend on stated columns alone
(`TARGETS`); three columns depend on nothing (`NOISE`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, normal, uniform
from jointspace.world.config import COLOURS
from jointspace.world.scene import Scenes

CATEGORICAL = ("shape", "colour", "size", "texture", "neighbour_shape", "neighbour_colour", "side", "batch")
NUMERIC = ("count", "x", "y", "angle", "area", "distance", "crowd", "brightness", "humidity", "clock")
FEATURES = CATEGORICAL + NUMERIC
NOISE = ("batch", "humidity", "clock")
TARGETS = {  # target -> the columns that it is a function of
    "label": ("colour", "shape"),
    "parity": ("colour", "shape", "x"),
    "value": ("area", "y", "texture", "count"),
}
WARM = ("red", "yellow", "orange", "pink", "brown")
POINTED = ("triangle", "star", "diamond", "arrow", "crescent", "heart")
LABELS = ("cold blunt", "cold pointed", "warm blunt", "warm pointed")
SIDES = ("left", "right", "above", "below")  # where the neighbour stands
BATCHES = ("A", "B", "C", "D", "E")


def features(scenes: Scenes, seed: int) -> dict[str, np.ndarray]:
    """All columns without a gap: object arrays of str for CATEGORICAL, float32 for NUMERIC; (B,) each.

    x, y in 0..1 (y downward), angle in degrees, area and crowd (all objects) in per cent of the picture, distance to
    the neighbour as a share of the side. An object alone has neighbour and side "none" and distance NaN.
    """
    c, rows = scenes.config, np.arange(len(scenes))
    slot = np.arange(scenes.x.shape[1]) < scenes.count[:, None]
    gap = np.hypot(scenes.x - scenes.x[:, :1], scenes.y - scenes.y[:, :1])
    gap[~slot] = np.inf
    gap[:, 0] = np.inf
    near, alone = gap.argmin(axis=1), scenes.count == 1
    dx, dy = scenes.x[rows, near] - scenes.x[:, 0], scenes.y[rows, near] - scenes.y[:, 0]
    side = np.where(np.abs(dx) > np.abs(dy), np.where(dx < 0, 0, 1), np.where(dy < 0, 2, 3))
    area = 400.0 * scenes.radius**2  # of the square around it
    light = np.array([np.dot(COLOURS[name], (0.299, 0.587, 0.114)) / 255 for name in c.colours])[scenes.colour]
    own = key(seed, scenes.keys, "table")

    def named(values: Any, index: np.ndarray, empty: np.ndarray | bool = False) -> np.ndarray:
        return np.where(empty, "none", np.array(values, dtype=object)[index])

    out = {
        "shape": named(c.shapes, scenes.shape[:, 0]),
        "colour": named(c.colours, scenes.colour[:, 0]),
        "size": named(tuple(c.sizes), scenes.size[:, 0]),
        "texture": named(c.textures, scenes.texture[:, 0]),
        "neighbour_shape": named(c.shapes, scenes.shape[rows, near], alone),
        "neighbour_colour": named(c.colours, scenes.colour[rows, near], alone),
        "side": named(SIDES, side, alone),
        "batch": named(BATCHES, integers(own, len(BATCHES), 1, stream=1)[:, 0]),
    }
    numbers = {
        "count": scenes.count,
        "x": scenes.x[:, 0],
        "y": scenes.y[:, 0],
        "angle": np.degrees(scenes.angle[:, 0]),
        "area": area[:, 0],
        "distance": np.where(alone, np.nan, gap[rows, near]),
        "crowd": np.where(slot, area, 0).sum(axis=1),
        "brightness": np.where(slot, area * light, 0).sum(axis=1) / np.where(slot, area, 0).sum(axis=1),
        "humidity": 50 + 12 * normal(own, 1, stream=2)[:, 0],
        "clock": 24 * uniform(own, 1, stream=3)[:, 0],
    }
    return out | {name: np.asarray(value, dtype=np.float32) for name, value in numbers.items()}


def targets(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The targets by their rules, from columns without a gap.

    label: warm or cold colour and pointed or blunt shape, in words. parity: "odd" where one or three of warm, pointed,
    x < 0.5 hold. value: area / 4 + count / 2 + 3 y (2 - y) where the texture is plain, - 3 y (2 - y) elsewhere.
    """
    warm, pointed = np.isin(columns["colour"], WARM), np.isin(columns["shape"], POINTED)
    y = columns["y"].astype(np.float64)
    bent = 3 * y * (2 - y) * np.where(columns["texture"] == "plain", 1, -1)
    return {
        "label": np.array(LABELS, dtype=object)[2 * warm + pointed],
        "parity": np.where(warm ^ pointed ^ (columns["x"] < 0.5), "odd", "even").astype(object),
        "value": (columns["area"] / 4 + columns["count"] / 2 + bent).astype(np.float32),
    }
