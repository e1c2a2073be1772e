"""The short caption: one true sentence that names every object, and where each phrase stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def phrase(thing: dict[str, str], words: Sequence[int], *, size: bool = True, texture: bool = False) -> str:
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
    return [text for text, _ in captions_with_phrases(scenes, seed, variant)]


def captions_with_phrases(
    scenes: Scenes, seed: int = 0, variant: int = 0
) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """The captions of `captions`, each with (start, end, object) of its phrases: characters start..end name it."""
    drawn = integers(key(seed, scenes.keys, "caption", variant), 1 << 30, 32).tolist()
    return [_caption(scenes, i, drawn[i]) for i in range(len(scenes))]


def _caption(scenes: Scenes, i: int, drawn: Sequence[int]) -> tuple[str, list[tuple[int, int, int]]]:
    things: list[dict[str, Any]] = scenes.objects(i)
    textured = bool(drawn[0] % 2)
    said = [phrase(thing, drawn[4 + 4 * k : 8 + 4 * k], texture=textured) for k, thing in enumerate(things)]
    body, order = _listed(said), list(range(len(said)))
    if len(said) == 2 and drawn[1] % 2:
        facts = [r for r in relations(scenes, i) if r[0] in ("left of", "above")]
        if facts:
            name, a, b = facts[drawn[2] % len(facts)]
            forms = BETWEEN[name]
            body, order = forms[drawn[3] % len(forms)].format(said[a], said[b]), [a, b]
    opening = OPENINGS[drawn[28] % len(OPENINGS)]
    look = (scenes.config.styles[scenes.style[i]], scenes.config.backgrounds[scenes.background[i]])
    if "background" in opening and look != ("plain", "plain"):
        opening = OPENINGS[0]  # it may be dark, or more than a background
    text = opening.format(body)
    spans, at = [], 0
    for k in order:  # the phrases stand in this order, and no opening holds a colour: the next one found is meant
        at = text.index(said[k], at)
        spans.append((at, at + len(said[k]), k))
        at += len(said[k])
    return text, spans


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
