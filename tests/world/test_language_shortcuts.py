"""Texts alone do not give away what is asked: ceilings of baselines that never see the picture."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from jointspace import world
from jointspace.world.config import COLOURS, SHAPES, TEXTURES
from jointspace.world.language.distractors import distractors
from jointspace.world.language.fields import Told

CEILINGS = {  # accuracy of words and pairs of words of the question; chance is 1/2, 1/2, ..., 1/10, 1/12, 1/4, 1/2
    "exists": 0.56, "compare": 0.56, "relation": 0.56, "verify": 0.56, "count": 0.45, "colour": 0.2, "shape": 0.2,
    "texture": 0.36, "size": 0.6,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return world.make("scenes", n=2500, seed=11, objects=[1, 6], wrong_sentences=0.5)


def words_alone(texts: list[str], labels: list) -> float:
    """Test accuracy of logistic regression on words and pairs of words, trained on two thirds."""
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", min_df=2).fit_transform(texts)
    n = len(texts) * 2 // 3
    return float(LogisticRegression(max_iter=300, C=0.3).fit(counts[:n], labels[:n]).score(counts[n:], labels[n:]))


@pytest.mark.slow
def test_questions_do_not_tell_their_answers(rows):
    by_kind = defaultdict(list)
    for asked in rows.column("questions"):
        for q in asked:
            kind = q["type"]
            if kind in ("attribute", "multi-hop"):
                known = {"colour": COLOURS, "shape": SHAPES, "texture": TEXTURES}
                kind = next((k for k, values in known.items() if q["answer"] in values), "size")
            by_kind[kind].append((q["question"], q["answer"]))
    assert set(by_kind) == set(CEILINGS)
    for kind, pairs in by_kind.items():
        texts, answers = map(list, zip(*pairs, strict=True))
        assert len(texts) > 500
        score = words_alone(texts, answers)
        assert score < CEILINGS[kind], (kind, score)
        assert Counter(answers).most_common(1)[0][1] / len(answers) < CEILINGS[kind]


@pytest.mark.slow
def test_second_sentences_do_not_tell_the_label(rows):
    pairs = [pair for made in rows.column("pairs") for pair in made]
    labels = [pair["label"] for pair in pairs]
    assert set(labels) == {"entailment", "neutral", "contradiction"} and len(pairs) > 5000
    assert words_alone([pair["hypothesis"] for pair in pairs], labels) < 0.46
    assert words_alone([pair["premise"] for pair in pairs], labels) < 0.55


@pytest.mark.slow
def test_statements_and_sentences_do_not_tell_their_truth(rows):
    said = [s for made in rows.column("statements") for s in made]
    assert words_alone([s["text"] for s in said], [s["true"] for s in said]) < 0.55
    said = [s for made in rows.column("sentences") for s in made][:12000]
    assert words_alone([s["text"] for s in said], [s["true"] for s in said]) < 0.6


def test_distractors_have_the_words_of_the_caption_and_are_false():
    rows = world.make("scenes", n=300, seed=3, objects=[2, 4])
    told = Told(rows.scenes(), 3, np.arange(300), rows.controls)
    number = 0
    for f, (text, _), wrong in zip(told.facts, told.captions, told.distractors, strict=True):
        for d in wrong:
            number += 1
            assert sorted(bare(d.text)) == sorted(bare(text)) and d.text != text
            a, b = d.objects
            swapped = [dict(t) for t in f.things]
            swapped[a][d.swapped], swapped[b][d.swapped] = swapped[b][d.swapped], swapped[a][d.swapped]
            key = lambda t: (t["size"], t["colour"], t["shape"])  # noqa: E731
            assert Counter(map(key, swapped)) != Counter(map(key, f.things))
    assert number > 300
    assert distractors(told.facts[0], (told.captions[0][0], told.captions[0][1][:1]), told.dice("x")[0]) == []


def bare(text: str) -> list[str]:
    return text.replace(",", "").split()


def test_similarity_is_graded_and_labels_follow_the_scene():
    rows = world.make("scenes", n=800, seed=5, objects=[2, 5])
    pairs = [pair for made in rows.column("pairs") for pair in made]
    for pair in pairs:
        assert 0 <= pair["similarity"] <= 5
        assert pair["true"] or pair["label"] != "entailment"
        assert not pair["true"] or pair["label"] != "contradiction"
    assert len({pair["similarity"] for pair in pairs}) > 6
    neutral = [pair["true"] for pair in pairs if pair["label"] == "neutral"]
    assert 0.3 < np.mean(neutral) < 0.9
    by_label = {
        label: np.mean([p["similarity"] for p in pairs if p["label"] == label]) for label in ("entailment", "neutral")
    }
    assert by_label["entailment"] > by_label["neutral"] + 1
