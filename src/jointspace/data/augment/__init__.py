"""Augmentation of batches of tensors: built from a recipe's list, seeded by keys (see `base`).

`augment: {image: [{name: random_resized_crop, size: 32, scale: [0.5, 1]}, {name: flip}, {name: colour_jitter,
brightness: 0.4}]}`. Normalising is the processor's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from jointspace.data.augment.base import Augmentation, Step, box_and_flip
from jointspace.data.augment.colour import Blur, ColourJitter, Erase, Grayscale, Solarise
from jointspace.data.augment.geometry import Affine, CentreCrop, Flip, RandomCrop, RandomResizedCrop, Resize
from jointspace.data.augment.mixing import cutmix, mixup
from jointspace.errors import ConfigError, nearest

REGISTRY: dict[str, type[Step]] = {
    step.name: step
    for step in (
        Resize,
        CentreCrop,
        RandomCrop,
        RandomResizedCrop,
        Flip,
        Affine,
        ColourJitter,
        Grayscale,
        Blur,
        Solarise,
        Erase,
    )
}


def register(step: type[Step]) -> type[Step]:
    """Make a step known to recipes under its `name`; usable as a class decorator."""
    REGISTRY[step.name] = step
    return step


def build_augmentation(value: Augmentation | Sequence[Any] | None) -> Augmentation | None:
    """From a recipe's list of names or `{name: NAME, option: value, ...}`; None or an empty list = none.

    Raises ConfigError for an unknown name or option (with the nearest valid one) or an impossible value.
    """
    if value is None or isinstance(value, Augmentation):
        return value
    if isinstance(value, str | Mapping):
        value = [value]
    return Augmentation([_step(entry) for entry in value]) if value else None


def build_augmentations(value: Mapping[str, Any] | None) -> dict[str, Augmentation]:
    """`{field or modality: list of steps}` -> `{field or modality: Augmentation}`: what the collator takes."""
    built = {name: build_augmentation(steps) for name, steps in (value or {}).items()}
    return {name: augmentation for name, augmentation in built.items() if augmentation is not None}


def _step(entry: Any) -> Step:
    if isinstance(entry, Step):
        return entry
    options = {"name": entry} if isinstance(entry, str) else dict(entry)
    name = options.pop("name", None)
    if name not in REGISTRY:
        raise ConfigError(f"augment: unknown name {name!r}{nearest(str(name), REGISTRY)}")
    valid = [f.name for f in fields(REGISTRY[name])]
    for option, given in options.items():
        if option not in valid:
            raise ConfigError(f"augment {name}: unknown option {option!r}{nearest(option, valid)}")
        options[option] = tuple(given) if isinstance(given, list) else given
    try:
        return REGISTRY[name](**options)
    except TypeError as error:
        raise ConfigError(f"augment {name}: {error}") from error


__all__ = [
    "REGISTRY",
    "Affine",
    "Augmentation",
    "Blur",
    "CentreCrop",
    "ColourJitter",
    "Erase",
    "Flip",
    "Grayscale",
    "RandomCrop",
    "RandomResizedCrop",
    "Resize",
    "Solarise",
    "Step",
    "box_and_flip",
    "build_augmentation",
    "build_augmentations",
    "cutmix",
    "mixup",
    "register",
]
