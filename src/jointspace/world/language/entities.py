"""Entities: each combination of attributes is one, with a made-up name, an alias and a one-sentence description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jointspace.world.config import WorldConfig
from jointspace.world.language.claims import values
from jointspace.world.language.dice import dice
from jointspace.world.language.facts import Description, read
from jointspace.world.language.names import made_up
from jointspace.world.language.say import an
from jointspace.world.scene import Scenes

KEYS = ("shape", "colour", "texture")


@dataclass(frozen=True)
class Entity:
    """id: its number in `entity_table`; two entities share each alias: alone it does not tell which is meant."""

    id: int
    name: str
    alias: str
    description: str


def entity_id(thing: Mapping[str, Any], config: WorldConfig) -> int:
    """The number of an object's entity: its shape, colour and texture counted through in the config's order."""
    found = 0
    for key in KEYS:
        options = values(config, key)
        found = found * len(options) + options.index(thing[key])
    return found


def entity(number: int, config: WorldConfig) -> Entity:
    """Entity by number, 0 .. `entities(config)` - 1."""
    pairs, left = [], number
    for key in reversed(KEYS):
        options = values(config, key)
        left, at = divmod(left, len(options))
        pairs.append((key, options[at]))
    name = made_up(number, "entity")
    said = an(Description(tuple(reversed(pairs))))
    return Entity(number, name, made_up(number // 2, "alias"), f"{name} is {said}.")


def entities(config: WorldConfig) -> int:
    """How many entities there are: shapes x colours x textures; 6 x 10 x 4 = 240 with half of the shapes."""
    return len(config.shapes) * len(config.colours) * len(config.textures)


def called(scenes: Scenes, seed: int = 0) -> list[tuple[str, str]]:
    """For each scene a name of its first object's entity (in half of the cases its alias), and a wrong name."""
    number = entities(scenes.config)
    found = []
    for facts, d in zip(read(scenes), dice(seed, scenes.keys, "called"), strict=True):
        right = entity_id(facts.things[0], scenes.config)
        own = entity(right, scenes.config)
        wrong = entity((right + 1 + d.number(max(1, number - 1))) % number, scenes.config)
        found.append((own.alias if d.chance(0.5) else own.name, wrong.name))
    return found
