"""How well names in many languages find their pictures among those of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.emoji import HELD_OUT, TRAINED, load_emoji
from jointspace.metrics.bootstrap import Interval, mean_interval
from jointspace.metrics.ranking import rank
from jointspace.metrics.relevance import pairs_with_equal_keys
from jointspace.metrics.retrieval import hit_rate, reciprocal_rank

GROUPS = {"English": ("en",), "eight trained languages": TRAINED, "nine languages never trained on": HELD_OUT}
K = 10


@dataclass
class Found:
    """One language: R@10 and reciprocal rank of each query (Q,), and which picture each asks for (Q,)."""

    language: str
    recall: np.ndarray
    reciprocal: np.ndarray
    picture: np.ndarray


class Gallery:
    """All pictures of a split; a pixel-equal twin of the right one counts as right."""

    def __init__(self, split: str):
        from jointspace.data.dataset import load_data
        from jointspace.data.decode import decode_image

        self.split = split
        self.data = load_data("emoji", split=split)
        self.pictures = self.data.column("image")
        content: dict[bytes, int] = {}
        keys = [content.setdefault(decode_image(p).tobytes(), len(content)) for p in self.pictures]
        self.content = np.array(keys)
        self.place = {name: i for i, name in enumerate(self.data.ids)}

    def queries(self, language: str) -> tuple[list[str], np.ndarray]:
        """Names in that language and the number of the picture each asks for; pictures without a name are skipped."""
        named = load_emoji(self.split, [language], ("name",))
        texts = [t[0] if isinstance(t, list) else t for t in named.column("text")]
        return texts, np.array([self.place[i] for i in named.ids])

    def judge(self, language: str, asked: np.ndarray, pictures: np.ndarray, own: np.ndarray) -> Found:
        """Vectors of the queries (Q, D) and of all pictures (N, D) -> what was found."""
        query, item = pairs_with_equal_keys(self.content[own], self.content)
        positions = rank(asked, pictures, query, item)
        return Found(language, hit_rate(positions, K), reciprocal_rank(positions), own)

    def chance(self, own: np.ndarray) -> float:
        """R@10 of a scorer that gives every picture the same score."""
        same = np.ones((1, 1))
        query, item = pairs_with_equal_keys(self.content[own], self.content)
        constant = rank(np.repeat(same, len(own), 0), np.repeat(same, len(self.content), 0), query, item)
        return float(hit_rate(constant, K).mean())


def judge_space(space: Any, gallery: Gallery, languages: Sequence[str]) -> dict[str, Found]:
    """Every language's names against all pictures of the split."""
    vectors = space.encode(gallery.pictures, modality="image", batch_size=128)
    return judge_texts(lambda texts: space.encode(texts, batch_size=512), vectors, gallery, languages)


def judge_texts(
    encode: Callable[[list[str]], np.ndarray], vectors: np.ndarray, gallery: Gallery, languages: Sequence[str]
) -> dict[str, Found]:
    """The same with any function from texts to vectors."""
    found = {}
    for language in languages:
        texts, own = gallery.queries(language)
        found[language] = gallery.judge(language, encode(texts), vectors, own)
    return found


def over(found: Mapping[str, Found], languages: Sequence[str]) -> tuple[float, Interval]:
    """Mean over languages of R@10, and its 95 % interval: pictures are resampled, with all the names they have."""
    weights = [np.full(len(found[la].recall), 1 / len(found[la].recall)) for la in languages]
    value = np.concatenate([found[la].recall for la in languages])
    picture = np.unique(np.concatenate([found[la].picture for la in languages]), return_inverse=True)[1]
    mean = float(np.mean([found[la].recall.mean() for la in languages]))
    scaled = value * np.concatenate(weights) * len(value) / len(languages)  # its mean is the mean over languages
    return mean, mean_interval(scaled, groups=picture)


def nearest_name_baseline(
    training: Any, gallery: Gallery, features: np.ndarray, gallery_features: np.ndarray, languages: Sequence[str]
) -> dict[str, Found]:
    """Without any learning: the training text most alike in spelling (character n-grams, tf-idf) lends its picture,
    and pictures are ranked by how alike their network features are to that one's.

    training: Dataset with several texts a row; features (N, D) of its pictures, gallery_features (M, D).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, owner = [], []
    for row, values in enumerate(training.column("text")):
        texts += values
        owner += [row] * len(values)
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    known = grams.fit_transform(texts)
    owners = np.array(owner)

    def encode(queries: list[str]) -> np.ndarray:
        similar = grams.transform(queries) @ known.T
        best = np.asarray(similar.argmax(axis=1)).ravel()
        return features[owners[best]]

    return judge_texts(encode, gallery_features, gallery, languages)
