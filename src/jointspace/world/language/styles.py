"""The same scene told in different styles, and two domains of captions with a shared core of concepts."""

from __future__ import annotations

from jointspace.world.config import WorldConfig
from jointspace.world.language.claims import values
from jointspace.world.language.dice import Dice
from jointspace.world.language.facts import Description, Facts, attributes
from jointspace.world.language.say import an, noun
from jointspace.world.language.words import NUMBERS, WORDS, listed, sentence

STYLES = ("clean", "rich", "formal", "telegraphic", "child", "headline", "technical", "chatty")
ASIDES = (
    "vintage", "bargain", "shipping", "seaside", "monday", "gallery", "handmade", "holiday", "edition", "wallpaper",
    "sunset", "premium", "original", "trending", "unboxing", "recipe", "grandma", "festival", "download", "deluxe",
)  # fmt: skip
_KEYS = ("size", "colour", "shape")


def styled(facts: Facts, dice: Dice, noise: float = 0.3) -> dict[str, str]:
    """Style -> caption, all true of the scene. "clean": one template, one word a concept, no texture. "rich": every
    attribute in varied words, and unrelated words (`ASIDES`) put in so that they make up a share `noise` of it."""
    order = range(len(facts.things))
    plain = [an(Description(attributes(facts, k, _KEYS))) for k in order]
    bare = [noun(Description(attributes(facts, k, _KEYS)), dice) for k in order]
    full = [an(Description(attributes(facts, k)), dice) for k in order]
    number = len(plain)
    things = "one item" if number == 1 else f"{NUMBERS[number]} items"
    return {
        "clean": f"a picture of {listed(plain)}",
        "rich": _noisy(listed(full), dice, noise),
        "formal": f"The present image depicts {things}, namely {listed(full)}.",
        "telegraphic": " ".join(sentence(b) + "." for b in bare),
        "child": "Look! " + " And ".join(f"{p}!" for p in [sentence(plain[0]), *plain[1:]]),
        "headline": listed([b.title() for b in bare]) + (" Meet" if number > 1 else " Alone"),
        "technical": f"n={number}; " + "; ".join(_record(facts, k) for k in order),
        "chatty": f"so there's {listed(full)}, and that's about it really",
    }


def _record(facts: Facts, k: int) -> str:
    return f"[{k + 1}] " + ", ".join(f"{a}={v}" for a, v in attributes(facts, k))


def _noisy(text: str, dice: Dice, share: float) -> str:
    words = text.split()
    for _ in range(round(len(words) * share / (1 - share))):
        words.insert(dice.number(len(words) + 1), dice.pick(ASIDES))
    return " ".join(words)


def concepts(config: WorldConfig, style: str) -> tuple[str, ...]:
    """The words for values that the style "clean" or "rich" uses, sorted. The clean ones are among the rich ones."""
    keys = _KEYS if style == "clean" else (*_KEYS, "texture")
    found = {
        w for key in keys for v in values(config, key) for w in WORDS.get(v, (v,))[: 1 if style == "clean" else None]
    }
    return tuple(sorted(found))
