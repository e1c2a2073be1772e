"""Filters of image-text pairs by frequency alone, as ALIGN cleans its raw alt-texts.

Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision", ICML 2021,
arXiv 2102.05918, section 3. Pictures: no pornography, shorter side > 200 pixels, aspect ratio < 3, at most 1,000
different texts, no (near-)duplicate of a test picture. Texts: at most 10 pictures, 3 to 20 words, no word outside the
100 million most frequent unigrams and bigrams.

Every rule is judged on the raw rows, so that the order of rules changes nothing; the paper does not say whether its
counts were taken before or after the other rules. Counts that fit 1.8 billion pairs mean nothing on a desk: give them
as fractions (below 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data.cleaning.image_hash import average_hash, near_duplicates
from jointspace.data.cleaning.report import CleaningReport
from jointspace.data.dataset import Dataset, load_data
from jointspace.data.decode import decode_image
from jointspace.errors import ConfigError, nearest

Words = Callable[[str], Sequence[str]]


@dataclass(kw_only=True)
class Filters:
    """Each rule with its own switch: None (the default) turns it off; `Filters.paper()` has all of the paper's.

    A limit of 1 or more is a count; one below 1 a fraction: of the rows, for `vocabulary` of the distinct n-grams.
    """

    min_side: int | None = None  # pixels; the shorter side must be longer (paper: 200)
    max_aspect: float | None = None  # longer / shorter side must be below (paper: 3)
    max_texts_per_image: float | None = None  # different texts of one picture (paper: 1,000)
    max_images_per_text: float | None = None  # different pictures of one text (paper: 10)
    min_words: int | None = None  # (paper: 3)
    max_words: int | None = None  # (paper: 20)
    vocabulary: float | None = (
        None  # most frequent unigrams + bigrams; a rarer word drops its text (paper: 100 million)
    )
    test_images: Any = None  # raw pictures of the test sets; or what `load_data` takes, whose field `image` is meant
    test_distance: int = 2  # bits of the 64-bit average hash within which a picture is a near-duplicate
    unsafe: Callable[[Any], bool] | None = None  # PIL picture -> True where it must go (the caller's own detector)
    keep: Mapping[str, Any] | None = None  # field -> the value, or list of values, that rows must have (ours)

    def __post_init__(self) -> None:
        for name in PAPER:
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value > 0):
                raise ConfigError(f"filters.{name}: a number above 0 or none, got {value!r}")
        if self.min_words is not None and self.max_words is not None and self.min_words > self.max_words:
            raise ConfigError(f"filters: min_words {self.min_words} is above max_words {self.max_words}")

    @classmethod
    def paper(cls, **changes: Any) -> Filters:
        """The thresholds of ALIGN, with changes. Test pictures and the detector of unsafe ones are the caller's."""
        return cls(**{**PAPER, **changes})


RULES = tuple(field.name for field in fields(Filters))
TEXT_RULES = {"max_images_per_text", "max_texts_per_image", "min_words", "max_words", "vocabulary"}
PAPER = {
    "min_side": 200,
    "max_aspect": 3.0,
    "max_texts_per_image": 1000,
    "max_images_per_text": 10,
    "min_words": 3,
    "max_words": 20,
    "vocabulary": 100_000_000,
}


def clean(
    data: Dataset,
    filters: Filters | None = None,
    *,
    image: str = "image",
    text: str = "text",
    words: Words = str.split,
    **rules: Any,
) -> tuple[Dataset, CleaningReport]:
    """Rows that break no rule (their `skipped` counts the others by reason), and a report by reason.

    filters, or the rules as keywords (`min_words=3`, what a recipe's `filters:` holds). words: how a text is cut for
    counting (default: at white space). Rules that look at pixels decode every picture once. Raises ConfigError for an
    unknown rule or a field that is missing or has several texts a row, DataError for an undecodable picture.
    """
    for name in rules:
        if name not in RULES:
            raise ConfigError(f"filters: no rule {name!r}{nearest(name, RULES)}")
    filters = replace(filters or Filters(), **rules)
    active = {name for name in RULES if name not in ("test_distance", "keep") and getattr(filters, name) is not None}
    if active and image not in data.fields and text not in data.fields:
        raise ConfigError(f"filters: {data.name} has neither a field {image!r} nor {text!r} to clean")
    if active & TEXT_RULES and text in data.fields and data.is_multi(text):
        raise ConfigError(f"filters: {text} has several values a row; make each pair its own row")
    report = CleaningReport(len(data))
    for name, wanted in (filters.keep or {}).items():
        values = wanted if isinstance(wanted, list | tuple | set) else [wanted]
        report.hits[f"{name} not {' or '.join(map(str, values))}"] = np.flatnonzero(
            [value not in values for value in data.column(name)]
        )
    if image in data.fields:
        for name, bad in _image_rules(data, filters, image, text):
            report.hits[name] = np.flatnonzero(bad)
    if active & TEXT_RULES and text in data.fields:
        for name, bad in _text_rules(data, filters, image, text, words):
            report.hits[name] = np.flatnonzero(bad)
    kept = data.select(report.kept)
    kept.skipped = {**data.skipped, **{reason: n for reason, n in report.first().items() if n}}
    return kept, report


def _test_pictures(given: Any) -> list[Any] | None:
    if given is None:
        return None
    if isinstance(given, str | Path):
        given = load_data(given)
    elif isinstance(given, dict):
        given = load_data(given.get("path"), **{k: v for k, v in given.items() if k != "path"})
    return list(given.items("image")) if isinstance(given, Dataset) else list(given)


def _image_rules(data: Dataset, filters: Filters, image: str, text: str) -> Iterable[tuple[str, np.ndarray]]:
    tests = _test_pictures(filters.test_images)
    if filters.min_side or filters.max_aspect or filters.unsafe or tests is not None:
        sizes, unsafe, hashes = [], [], []
        for index, value in enumerate(data.column(image)):
            picture = decode_image(value, f"{data.where(index)}: {image}")
            sizes.append(picture.size)
            unsafe.append(filters.unsafe is not None and bool(filters.unsafe(picture)))
            if tests is not None:
                hashes.append(average_hash([picture])[0])
        size = np.array(sizes, dtype=np.float64).reshape(-1, 2)
        if filters.unsafe is not None:
            yield "unsafe picture", np.array(unsafe, dtype=bool)
        if filters.min_side is not None:
            yield f"shorter side at most {filters.min_side} pixels", size.min(1) <= filters.min_side
        if filters.max_aspect is not None:
            yield f"aspect ratio {filters.max_aspect:g} or more", size.max(1) / size.min(1) >= filters.max_aspect
        if tests is not None:
            mine = np.array(hashes, dtype=bool).reshape(-1, 64)
            yield "near-duplicate of a test picture", near_duplicates(mine, average_hash(tests), filters.test_distance)
    if filters.max_texts_per_image is not None and text in data.fields:
        limit = _count(filters.max_texts_per_image, len(data))
        many = _partners(data.content_hash(image), data.content_hash(text)) > limit
        yield f"picture with more than {limit} texts", many


def _text_rules(
    data: Dataset, filters: Filters, image: str, text: str, words: Words
) -> Iterable[tuple[str, np.ndarray]]:
    cut = [list(words(t or "")) for t in data.column(text)]
    lengths = np.array([len(w) for w in cut])
    if filters.max_images_per_text is not None and image in data.fields:
        limit = _count(filters.max_images_per_text, len(data))
        many = _partners(data.content_hash(text), data.content_hash(image)) > limit
        yield f"text of more than {limit} pictures", many
    if filters.min_words is not None:
        yield f"fewer than {filters.min_words} words", lengths < filters.min_words
    if filters.max_words is not None:
        yield f"more than {filters.max_words} words", lengths > filters.max_words
    if filters.vocabulary is not None:
        frequent = _frequent(cut, filters.vocabulary)
        rare = np.array([any((w,) not in frequent for w in text_words) for text_words in cut], dtype=bool)
        yield "rare word", rare


def _count(limit: float, rows: int) -> int:
    """A limit as a count: below 1 it is a fraction of the rows, at least 1."""
    return int(limit) if limit >= 1 else max(1, int(limit * rows))


def _partners(key: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """(N,) number of different partners that the key of each row has."""
    pairs = np.unique(np.stack([key, partner], axis=1), axis=0)
    keys, counts = np.unique(pairs[:, 0], return_counts=True)
    return counts[np.searchsorted(keys, key)]


def _frequent(texts: Sequence[Sequence[str]], limit: float) -> set[tuple[str, ...]]:
    """The most frequent unigrams and bigrams together, as tuples. Ties at the edge are kept, so that the order of rows
    does not matter; bigrams only compete for places, as in the paper: a text falls for a rare unigram."""
    count: Counter[tuple[str, ...]] = Counter()
    for words in texts:
        count.update((w,) for w in words)
        count.update(zip(words, words[1:], strict=False))
    places = _count(limit, len(count))
    if places >= len(count):
        return set(count)
    edge = count.most_common(places)[-1][1]
    return {gram for gram, n in count.items() if n >= edge}
