"""The synthetic world: one scene, every modality, exact truth. NumPy and `data` alone.

`js.world.scenes(n=1000, seed=1)` gives an indexable set of rows; `jointspace data make world/scenes OUT` writes it;
`jointspace data show world/scenes` draws a contact sheet. `to_torch(rows)` and `to_huggingface(rows)` wrap any set.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from jointspace.errors import ConfigError, nearest

_SETS = {  # name -> class in `jointspace.world.sets.<name>`, what it is
    "scenes": ("SceneSet", "pictures of 1 to 6 objects: captions, alt-texts, boxes, masks, questions, relations"),
    "clips": ("ClipSet", "short clips of moving objects with captions that name the motion"),
    "procedures": ("ProcedureSet", "tasks with ordered steps, start and goal pictures"),
    "sounds": ("SoundSet", "sounds of object kinds and mixtures of them with their clean sources"),
    "solids": ("SolidSet", "coloured point clouds and views of 3-D solids in 60 fine classes"),
    "volumes": ("VolumeSet", "voxel grids of organs with lesions: slices, masks, labels, reports"),
    "radiographs": ("RadiographSet", "chest-like pictures with findings and their reports"),
    "people": ("PersonSet", "person-like sprites seen by many cameras, with descriptions"),
    "lettering": ("LetteringSet", "pictures of words in many fonts and distortions"),
    "records": ("RecordSet", "patient visits: a note, time series with gaps, labels by stated rules"),
    "table": ("TableSet", "typed rows with missing values and targets of known feature subsets"),
    "graph": ("GraphSet", "nodes and edges with planted communities and structural roles"),
    "clicks": ("ClickSet", "click logs of users and items under a known click model"),
    "wiki": ("WikiSet", "a small linked encyclopaedia: pages, sections, links"),
}


def names() -> list[str]:
    """Names of the sets there are, in the order in which to meet them."""
    return list(_SETS)


def describe(name: str) -> str:
    """What a set is, in a line."""
    return _SETS[name][1]


def kind(name: str) -> Any:
    """The class of a set. ConfigError for an unknown name."""
    if name not in _SETS:
        raise ConfigError(f"world/{name}: no such set{nearest(name, _SETS)}")
    return getattr(importlib.import_module(f"jointspace.world.sets.{name}"), _SETS[name][0])


def make(name: str, n: int = 1000, seed: int = 0, fields: Sequence[str] | None = None, **controls: Any) -> Any:
    """The set of that name: `make("scenes", n=100, objects=[1, 3])`. ConfigError for an unknown name or control."""
    from jointspace.world.base import read_controls

    made = kind(name)
    return made(n, seed, read_controls(made.Controls, controls, name), fields)


def __getattr__(name: str) -> Any:
    if name in _SETS:
        return partial(make, name)
    if name in ("to_torch", "to_huggingface"):
        return getattr(importlib.import_module("jointspace.world.wrappers"), name)
    raise AttributeError(f"module 'jointspace.world' has no attribute {name!r}")
