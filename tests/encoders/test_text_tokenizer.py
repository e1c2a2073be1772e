"""The tokenizer learnt from training rows: any script, same rows same ids."""

from __future__ import annotations

import unicodedata

import pytest

from jointspace.encoders.text.tokenizer import SPECIAL, train

TEXTS = [
    f"{a} {b}" for a in ("red", "rote", "красный", "赤い", "लाल", "أحمر") for b in ("square", "Kreis", "круг", "円")
]
TEXTS = TEXTS * 5


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_any_text_survives_and_nothing_is_unknown(algorithm):
    tokenizer = train(TEXTS, 500, algorithm, lowercase=False)
    assert len(tokenizer) <= 500
    for text in ("red circle", "ζ ქართული 한국어 🙂👍🏽", "a\u0301 ﬁ"):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True).strip() == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_the_same_texts_give_the_same_tokenizer(algorithm):
    first, second = (train(TEXTS, 400, algorithm).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


def test_special_tokens_stand_first_and_around():
    tokenizer = train(TEXTS, 400)
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL.values())) == [0, 1, 2, 3, 4]
    ids = tokenizer("RED")["input_ids"]
    assert ids[0] == 2 and ids[-1] == 3 and ids == tokenizer("red")["input_ids"]


def test_frequent_words_become_one_token():
    assert len(train(TEXTS, 500)("square")["input_ids"]) == 3


def test_unigram_finds_pieces_where_there_is_variety():
    texts = [
        f"{a}{b}ing {b}{a}s" for a in ("walk", "talk", "jump", "read", "sing") for b in ("out", "over", "under", "up")
    ]
    tokenizer = train(texts * 5, 400, "unigram")
    lengths = [len(ids) - 2 for ids in tokenizer(texts)["input_ids"]]
    assert sum(lengths) < 0.7 * sum(len(text) for text in texts)
