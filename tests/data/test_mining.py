"""Triplets from labels: right classes, every other text as likely, the most similar text by words."""

import numpy as np
import pytest

import jointspace as js
from jointspace.data.mining import label_triplets
from jointspace.errors import ConfigError, DataError

TEXTS = [
    "my card is lost", "where is my card", "card lost today", "lost", "change my pin", "pin change please",
    "my pin is lost", "alone",
]  # fmt: skip
LABELS = ["lost"] * 4 + ["pin"] * 3 + ["single"]


@pytest.fixture
def data():
    return js.load_data({"text": TEXTS, "label": LABELS})


@pytest.mark.parametrize("negatives", ["overlap", "random"])
def test_positives_share_the_class_and_negatives_do_not(data, negatives):
    label = dict(zip(TEXTS, LABELS, strict=True))
    found = [label_triplets(data, negatives=negatives, seed=seed) for seed in range(30)]
    for rows in found:
        assert rows.column("text") == TEXTS[:-1] and rows.column("label") == LABELS[:-1]  # a class of one is left out
        for text, positive, negative in zip(*(rows.column(f) for f in rows.fields[:3]), strict=True):
            assert text != positive and label[text] == label[positive] != label[negative]
    seen = {(r.column("text")[0], r.column("text_positive")[0]) for r in found}
    assert len(seen) == 3  # all others of the class come up
    if negatives == "random":
        assert len({r.column("text_negative")[0] for r in found}) == 3


def test_overlap_takes_the_text_that_shares_most_words(data):
    rows = label_triplets(data)
    negative = dict(zip(rows.column("text"), rows.column("text_negative"), strict=True))
    assert negative["my card is lost"] == "my pin is lost"
    assert negative["my pin is lost"] == "my card is lost"


def test_seed_decides_and_sizes_are_large(data):
    again = [label_triplets(data, negatives="random", seed=3).column("text_negative") for _ in range(2)]
    assert again[0] == again[1]
    many = js.load_data({"text": [f"word{i} x{i % 7}" for i in range(1100)], "label": [i % 11 for i in range(1100)]})
    rows = label_triplets(many)  # more than one block
    other = np.array([int(t.split()[0][4:]) % 11 for t in rows.column("text_negative")])
    assert (other != np.array(many.column("label"))).all()


def test_what_does_not_fit_is_named(data):
    with pytest.raises(ConfigError, match="no field 'lable'.*label"):
        label_triplets(data, label="lable")
    with pytest.raises(ConfigError, match="no negatives are called 'overlp'.*overlap"):
        label_triplets(data, negatives="overlp")
    with pytest.raises(DataError, match="fewer than two values of 'label'"):
        label_triplets(js.load_data({"text": ["a", "b"], "label": [1, 1]}))
