"""Seeded noise in captions: what alt-texts of the web look like. Each kind has its own rate; the truth is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.errors import ConfigError, nearest

KINDS = (
    "unrelated", "generic", "file_name", "size_string", "too_short", "too_long", "date", "irrelevant", "entity",
    "wrong_entity",
)  # fmt: skip
GENERIC = ("image", "photo", "picture", "alt_img", "thumbnail", "click to enlarge", "default image", "no description")
_STEMS = ("IMG", "DSC", "photo", "scan", "pic", "image", "untitled")
_SIDES = (320, 480, 600, 640, 720, 800, 1024, 1080, 1280, 1920)
_FILLER = (
    "buy now free shipping best price new collection summer sale online shop home decoration kids room wall art "
    "poster print high quality download vector illustration isolated stock royalty free"
).split()
_MONTHS = "January February March April May June July August September October November December".split()
# 45 % noise, the rates of ALIGN's desk-scale reproduction
ALT_TEXT: Mapping[str, float] = {"unrelated": 0.25, "generic": 0.10, "file_name": 0.05, "size_string": 0.05}


def check_rates(rates: Mapping[str, float]) -> None:
    """ConfigError for an unknown kind or rates that are negative or above 1 in sum."""
    if not isinstance(rates, Mapping):
        raise ConfigError(f"world: noise_rates must be a table of kinds and rates, got {rates!r}")
    for name in rates:
        if name not in KINDS:
            raise ConfigError(f"world: noise_rates: no kind {name!r}{nearest(name, KINDS)}")
    if sum(rates.values()) > 1 + 1e-9 or min(rates.values(), default=0) < 0:
        raise ConfigError(f"world: noise_rates must be at least 0 and sum to at most 1, got {dict(rates)}")


def alt_texts(
    captions: Sequence[str],
    seed: int,
    rates: Mapping[str, float] = ALT_TEXT,
    *,
    pool: Sequence[str] | None = None,
    others: Callable[[np.ndarray], Sequence[str]] | None = None,
    indices: np.ndarray | None = None,
    names: Sequence[tuple[str, str]] | None = None,
) -> tuple[list[str], list[str]]:
    """Captions of the rows `indices` (default 0, 1, ...) -> (alt-texts, kind of noise of each, "" = as it was).

    unrelated: a text of `pool` (default: the caption of another row), or of `others(numbers)`, which gives a text for
    each of the large random numbers; generic: one of a few words that many pictures share; file_name, size_string:
    `IMG_2093.jpg`, `1920x1080`; too_short: its first two words; too_long: shop words behind it; date: a date before or
    behind it; irrelevant: four shop words among its own; entity: with the first of the row's `names`, wrong_entity:
    with both (right, wrong). Row i depends on (seed, i) and the pool alone. ConfigError as `check_rates`, and where
    entities have no names.
    """
    check_rates(rates)
    if names is None and (rates.get("entity") or rates.get("wrong_entity")):
        raise ConfigError("world: noise_rates: entity and wrong_entity need the names of entities")
    keys = key(seed, "alt-text", np.arange(len(captions)) if indices is None else indices)
    edges = np.cumsum([rates.get(kind, 0.0) for kind in KINDS])
    which = np.searchsorted(edges, uniform(keys, 1)[:, 0], side="right")  # len(KINDS) = clean
    drawn = integers(keys, 1 << 30, 16, stream=1)
    strange = np.flatnonzero(which == KINDS.index("unrelated"))
    if others is not None:
        unrelated = others(drawn[strange, 0] + (1 << 40))  # far beyond the indices of any set
    elif pool is not None:
        unrelated = [pool[j] for j in drawn[strange, 0] % len(pool)]
    else:
        n = len(captions)
        other = drawn[strange, 0] % n
        unrelated = [captions[j] for j in np.where(other == strange, other + 1, other) % n]
    kinds = [KINDS[k] if k < len(KINDS) else "" for k in which]
    called = [("", "")] * len(captions) if names is None else names
    texts = [_noisy(kind, text, d, who) for kind, text, d, who in zip(kinds, captions, drawn, called, strict=True)]
    for i, text in zip(strange, unrelated, strict=True):
        texts[i] = text
    return texts, kinds


def _noisy(kind: str, caption: str, d: np.ndarray, names: tuple[str, str]) -> str:
    if kind == "generic":
        return GENERIC[d[0] % len(GENERIC)]
    if kind == "file_name":
        return f"{_STEMS[d[0] % len(_STEMS)]}_{d[1] % 10_000:04d}.jpg"
    if kind == "size_string":
        return f"{_SIDES[d[0] % len(_SIDES)]}x{_SIDES[d[1] % len(_SIDES)]}"
    if kind == "too_short":
        return " ".join(caption.split()[:2])
    if kind == "too_long":
        return " ".join([caption, *(_FILLER[d[2 + k % 14] % len(_FILLER)] for k in range(24))])
    if kind == "date":
        day, month, year = d[0] % 28 + 1, d[1] % 12, 1995 + d[2] % 30
        dated = (f"{caption}, {day} {_MONTHS[month]} {year}", f"{year}-{month + 1:02d}-{day:02d} {caption}")
        return dated[d[3] % 2]
    if kind == "irrelevant":
        words = caption.split()
        for k in range(4):
            words.insert(d[k] % (len(words) + 1), _FILLER[d[4 + k] % len(_FILLER)])
        return " ".join(words)
    if kind in ("entity", "wrong_entity"):
        said = names[0] if kind == "entity" else " and ".join(names[:: 1 if d[1] % 2 else -1])
        return (f"{said}: {caption}", f"{caption}, {said}", f"{said}, {caption}")[d[0] % 3]
    return caption
