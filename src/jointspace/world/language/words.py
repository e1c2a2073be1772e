"""The words of the world: synonyms that name one value only, plurals, numbers, lists."""

from __future__ import annotations

from collections.abc import Sequence

from jointspace.world.language.dice import Dice

WORDS = {  # value -> words for it; no word stands for two values, the first is the plain one
    "large": ("large", "big"),
    "small": ("small", "little"),
    "circle": ("circle", "disc"),
    "square": ("square",),
    "triangle": ("triangle",),
    "star": ("star",),
    "heart": ("heart",),
    "cross": ("cross", "plus sign"),
    "ring": ("ring", "hoop"),
    "diamond": ("diamond", "rhombus"),
    "pentagon": ("pentagon",),
    "hexagon": ("hexagon",),
    "crescent": ("crescent", "moon"),
    "arrow": ("arrow",),
    "red": ("red", "scarlet"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "yellow": ("yellow", "lemon"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise"),
    "pink": ("pink", "rosy"),
    "brown": ("brown", "chestnut"),
    "black": ("black", "jet-black"),
    "plain": ("plain", "unpatterned"),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted"),
    "checked": ("checked", "chequered"),
    "noisy": ("noisy", "speckled"),
    "gradient": ("shaded", "graded"),
    "zigzag": ("zigzag", "zigzagged"),
    "ringed": ("ringed", "banded"),
    "tiny": ("tiny", "minute"),
    "matte": ("matte", "dull"),
    "metal": ("metal", "steel"),
    "glass": ("glass", "crystal"),
}
KINDS_OF_THING = ("thing", "object", "item")
PHRASES = {  # values that are no adjective or noun of their own
    "handle": "a handle",
    "wheels": "wheels",
    "hat": "a hat",
    "wings": "wings",
    "dot": "a dot",
    "bar": "a bar",
    "plus": "a plus",
    **{digit: f"the digit {digit}" for digit in "0123456789"},
    "turned right": "turned a quarter to the right",
    "turned left": "turned a quarter to the left",
    "upside down": "upside down",
}
GROUNDS = {  # backgrounds as they stand in a sentence
    "plain": "a plain surface",
    "bricks": "a brick wall",
    "boards": "a wooden floor",
    "tiles": "a tiled floor",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def word(value: str, dice: Dice | None = None) -> str:
    """A word for a value: the plain one, or one of its synonyms where there are dice."""
    options = WORDS.get(value, (value,))
    return options[0] if dice is None else dice.pick(options)


def with_article(text: str) -> str:
    """`red star` -> `a red star`, `orange star` -> `an orange star`."""
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def plural(noun: str) -> str:
    """`star` -> `stars`, `cross` -> `crosses`."""
    return f"{noun}es" if noun.endswith(("s", "x", "ch")) else f"{noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """With a capital at its start."""
    return text[:1].upper() + text[1:]
