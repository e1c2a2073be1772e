"""Scenes of given entities: fine-grained kinds told apart by shape, colour and texture together.

Names, aliases and descriptions of the entities are those of `jointspace.world.language.entities`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jointspace.data.draws import key, permutation
from jointspace.errors import ConfigError
from jointspace.world.config import WorldConfig
from jointspace.world.scene import Scenes, sample


def of_entities(config: WorldConfig, seed: int, indices: np.ndarray, numbers: np.ndarray) -> Scenes:
    """Scenes `indices` of the world (config, seed) whose first object is entity `numbers` (B,).

    Entity number = (shape x colours + colour) x textures + texture, each an index into the config's tuple; all else of
    the scene is as it was: size, place, turn, other objects, background. Raises ConfigError for a number beyond.
    """
    numbers = np.asarray(numbers, dtype=np.int64)
    total = len(config.shapes) * len(config.colours) * len(config.textures)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < total:
        raise ConfigError(f"world: entities are numbered 0 to {total - 1}, got {numbers.min()} to {numbers.max()}")
    scenes = sample(config, seed, indices)
    rest, texture = np.divmod(numbers, len(config.textures))
    shape, colour = np.divmod(rest, len(config.colours))
    arrays = {name: getattr(scenes, name).copy() for name in ("shape", "colour", "texture")}
    arrays["shape"][:, 0], arrays["colour"][:, 0], arrays["texture"][:, 0] = shape, colour, texture
    return replace(scenes, **arrays)


def split(total: int, seen: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers 0 .. total - 1 in two: `seen` for training, the rest for tests on new ones; both sorted."""
    if not 0 <= seen <= total:
        raise ConfigError(f"world: entities: seen must be in 0 to {total}, got {seen}")
    order = permutation(key(seed, "entities"), total)
    return np.sort(order[:seen]), np.sort(order[seen:])
