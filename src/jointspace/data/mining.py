"""Triplets from labels: a positive of the same class, a hard negative of another one."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.dataset import Dataset, load_data
from jointspace.errors import ConfigError, DataError, nearest

NEGATIVES = ("overlap", "random")
_BLOCK = 512  # rows whose similarities to all others are held at a time


def label_triplets(
    data: Dataset, *, text: str = "text", label: str = "label", negatives: str = "overlap", seed: int = 0
) -> Dataset:
    """One row a text: `text`, `text_positive` (another text of its class, at random), `text_negative`, `label`.

    negatives: "overlap" = the text of another class that shares most words with it (cosine of TF-IDF, rare words
    counting more); "random" = any of another class. Texts of classes with one member are left out. The source of a row
    is kept by calling this once a source and joining the answers (`concat`).

    Raises ConfigError for an unknown field or kind of negative, DataError where fewer than two classes have two texts.
    """
    for name in (text, label):
        if name not in data.fields:
            raise ConfigError(f"label_triplets: the data has no field {name!r}{nearest(name, data.fields)}")
    if negatives not in NEGATIVES:
        raise ConfigError(f"label_triplets: no negatives are called {negatives!r}{nearest(negatives, NEGATIVES)}")
    texts = [str(t) for t in data.column(text)]
    names, classes, counts = np.unique(
        np.array([str(v) for v in data.column(label)]), return_inverse=True, return_counts=True
    )
    kept = np.flatnonzero(counts[classes] > 1)
    if len(np.unique(classes[kept])) < 2:
        raise DataError(f"{data.name}: fewer than two values of {label!r} have two rows, so there are no triplets")
    rng = np.random.default_rng(seed)
    positive = _same_class(classes, kept, rng)
    if negatives == "overlap":
        negative = kept[_most_words_shared([texts[i] for i in kept], classes[kept])]
    else:
        negative = _other_class(classes, kept, rng)
    rows: dict[str, Any] = {
        "text": [texts[i] for i in kept],
        "text_positive": [texts[i] for i in positive],
        "text_negative": [texts[i] for i in negative],
        "label": [str(names[classes[i]]) for i in kept],
    }
    return load_data(rows)


def _same_class(classes: np.ndarray, kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each kept row another row of its class."""
    order = kept[np.argsort(classes[kept], kind="stable")]
    first = np.searchsorted(classes[order], classes[kept])
    count = np.searchsorted(classes[order], classes[kept], side="right") - first
    place = np.empty(len(classes), dtype=np.int64)
    place[order] = np.arange(len(order))
    step = 1 + np.floor(rng.random(len(kept)) * (count - 1)).astype(np.int64)
    return order[first + (place[kept] - first + step) % count]


def _other_class(classes: np.ndarray, kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each kept row a row of another class, each with the same chance."""
    order = kept[np.argsort(classes[kept], kind="stable")]
    first = np.searchsorted(classes[order], classes[kept])
    last = np.searchsorted(classes[order], classes[kept], side="right")
    drawn = np.floor(rng.random(len(kept)) * (len(kept) - (last - first))).astype(np.int64)
    return order[np.where(drawn < first, drawn, drawn + last - first)]


def _most_words_shared(texts: list[str], classes: np.ndarray) -> np.ndarray:
    """For each text the place of the one of another class with the largest cosine of TF-IDF; the first of equals."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b").fit_transform(texts)
    found = []
    for start in range(0, len(texts), _BLOCK):
        block = slice(start, start + _BLOCK)
        shared = (words[block] @ words.T).toarray()
        shared[classes[block, None] == classes[None]] = -1.0
        found.append(shared.argmax(axis=1))
    return np.concatenate(found)
