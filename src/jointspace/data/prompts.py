"""Texts around texts: templates for class names, ensembles of them, instructions in front of a query.

One rule everywhere (MECHANISMS, ruling 12): the vector of a class is the mean of the normalised vectors of its
prompts, normalised again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jointspace.errors import ConfigError, nearest

TEMPLATES: dict[str, tuple[str, ...]] = {
    "plain": ("{}",),
    "photo": ("a photo of {}",),
    "general": (
        "{}",
        "a photo of {}",
        "a picture of {}",
        "a close-up photo of {}",
        "a bright photo of {}",
        "a dark photo of {}",
        "a blurred photo of {}",
        "a cropped photo of {}",
        "a photo of one {}",
        "a photo of many {}",
        "a drawing of {}",
        "a sketch of {}",
        "a painting of {}",
        "an icon of {}",
        "there is {} in the picture",
        "this is {}",
    ),
    "drawing": ("{}", "a drawing of {}", "an icon of {}", "an emoji of {}", "a cartoon of {}", "a symbol of {}"),
    "sound": ("{}", "the sound of {}", "a recording of {}", "one can hear {}"),
    "shape": ("{}", "a 3D model of {}", "a point cloud of {}", "a rendering of {}"),
}


def templates(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Templates from the name of a set (`general`), one template (`a photo of {}`), a list of them, or None = plain.

    Raises ConfigError for an unknown set or an entry without `{}`.
    """
    if value is None:
        return TEMPLATES["plain"]
    if isinstance(value, str):
        if "{}" not in value:
            if value not in TEMPLATES:
                raise ConfigError(f"prompts: no template set {value!r}{nearest(value, TEMPLATES)}")
            return TEMPLATES[value]
        value = [value]
    if not value:
        raise ConfigError("prompts: an empty list of templates")
    for template in value:
        if "{}" not in template:
            raise ConfigError(f"prompts: the template {template!r} has no {{}} for the name")
    return tuple(value)


def fill(template: str, text: str) -> str:
    """`a photo of {}` with the text in its place; a template without `{}` is a prefix."""
    return template.replace("{}", text) if "{}" in template else template + text


def ensemble(names: Sequence[str | Sequence[str]], value: str | Sequence[str] | None = "general") -> list[list[str]]:
    """All prompts of each class: K lists. A class may have several names; each goes into every template."""
    wanted = templates(value)
    return [
        [fill(template, name) for name in ([entry] if isinstance(entry, str) else entry) for template in wanted]
        for entry in names
    ]


def class_vectors(vectors: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """One unit vector a class, (K, D), from the vectors of its prompts, (sum of counts, D), in the order of `ensemble`.

    Each prompt's vector is normalised, the mean taken, and that normalised (ruling 12).
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if len(vectors) != sum(counts):
        raise ValueError(f"class_vectors: {len(vectors)} vectors for {sum(counts)} prompts")
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    owner = np.repeat(np.arange(len(counts)), counts)
    total = np.zeros((len(counts), vectors.shape[1]))
    np.add.at(total, owner, unit)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def instruct(task: str, text: str) -> str:
    """A query with the instruction that tells a decoder-based encoder what to look for."""
    return f"Instruct: {task}\nQuery: {text}"


def prompt_of(prompt: Any, field: str) -> str | None:
    """The prompt of a source for one of its text fields.

    A string holds for all text fields. A mapping is asked for the field's name, then for its role: `query` for `text`
    and `text_query`, `document` for the other text fields.
    """
    if prompt is None or isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, Mapping):
        raise ConfigError(f"prompt: expected a string or {{role: string}}, got {type(prompt).__name__}")
    role = "query" if field in ("text", "text_query") else "document"
    return prompt.get(field, prompt.get(role))
