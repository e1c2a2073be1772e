"""Scenes -> words: true sentences about what is there."""

from __future__ import annotations

import numpy as np

from jointspace.data.draws import integers, key
from jointspace.world.scene import Scenes, relations

SYNONYMS = {
    "large": ("large", "big"),
    "small": ("small", "little"),
    "circle": ("circle", "disc"),
    "square": ("square",),
    "crescent": ("crescent", "moon"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise"),
    "striped": ("striped", "stripy"),
    "checked": ("checked", "chequered"),
}
OPENINGS = (
    "{0}",
    "a picture of {0}",
    "{0} on a light background",
    "an image with {0}",
    "there is {0}",
    "a drawing of {0}",
    "{0} in the picture",
    "this shows {0}",
)
BETWEEN = {
    "left of": ("{0} to the left of {1}", "{0} left of {1}", "{0} beside {1} on its left"),
    "above": ("{0} above {1}", "{0} over {1}", "{0} higher than {1}"),
    "larger than": ("{0} and {1}",),
    "same colour as": ("{0} and {1}",),
}


def phrase(thing: dict[str, str], words: np.ndarray, *, size: bool = True, texture: bool = False) -> str:
    """Noun phrase of an object; `words` are random integers that choose among synonyms."""
    parts = [thing["size"] if size else "", thing["colour"], thing["texture"] if texture else "", thing["shape"]]
    if parts[2] == "plain":
        parts[2] = ""
    said = [_say(p, int(words[i])) for i, p in enumerate(parts) if p]
    return f"{'an' if said[0][0] in 'aeiou' else 'a'} {' '.join(said)}"


def _say(word: str, number: int) -> str:
    options = SYNONYMS.get(word, (word,))
    return options[number % len(options)]


def captions(scenes: Scenes, seed: int = 0, variant: int = 0) -> list[str]:
    """One true caption a scene, by a template, synonyms and a relation drawn from (scene, seed, variant).

    Names every object by size, colour and shape; texture in about half of the captions. Different variants are
    paraphrases of the same facts.
    """
    drawn = integers(key(seed, scenes.keys, "caption", variant), 1 << 30, 32)
    return [_caption(scenes, i, drawn[i]) for i in range(len(scenes))]


def _caption(scenes: Scenes, i: int, drawn: np.ndarray) -> str:
    things = scenes.objects(i)
    textured = bool(drawn[0] % 2)
    said = [phrase(thing, drawn[4 + 4 * k : 8 + 4 * k], texture=textured) for k, thing in enumerate(things)]
    body = _join(said)
    if len(said) == 2 and drawn[1] % 2:
        facts = [r for r in relations(scenes, i) if r[0] in ("left of", "above")]
        if facts:
            name, a, b = facts[drawn[2] % len(facts)]
            forms = BETWEEN[name]
            body = forms[drawn[3] % len(forms)].format(said[a], said[b])
    return OPENINGS[drawn[28] % len(OPENINGS)].format(body)


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
