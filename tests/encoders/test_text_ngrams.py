"""Hashed n-grams: the definition written out, independence of the batch, pinned ids, speed."""

from __future__ import annotations

import pickle
import time
import unicodedata

import numpy as np
import pytest
import torch

from jointspace.data.draws import key
from jointspace.encoders import EncoderConfig
from jointspace.encoders.text.hashing import ngram_ids, normalise

TEXTS = ["the cat, sat", "", "  ", "a", "你好 世界 नमस्ते", " x--y ", "cat", "naïve café!", "🙂👍🏽", "b\u200dc"]


def parts(character):
    category = unicodedata.category(character)
    return category[0] in "ZP" or category in ("Cc", "Cs")


def slow(text, n_min, n_max, words):
    """Distinct n-grams, and long words, of a text."""
    found, word = [], ""
    for character in text + " ":
        if not parts(character):
            word += character
            continue
        if word:
            s = f"\0{word}\0"
            found += [
                s[i : i + n] for n in range(n_min, n_max + 1) for i in range(len(s) - n + 1) if s[i : i + n] != "\0"
            ]
            found += [("word", s)] * (words and len(s) > n_max)
        word = ""
    return found


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize(("n_min", "n_max"), [(1, 5), (2, 3), (3, 3), (1, 1), (2, 2), (4, 9)])
def test_agrees_with_the_definition_written_out(n_min, n_max, words):
    got = ngram_ids(TEXTS, n_min, n_max, 1 << 31, words=words)
    want = [slow(text, n_min, n_max, words) for text in TEXTS]
    assert [len(ids) for ids in got] == [len(grams) for grams in want]
    assert len({i for ids in got for i in ids.tolist()}) == len({gram for grams in want for gram in grams})


def test_a_text_has_the_same_ids_alone_and_in_any_batch():
    together = ngram_ids(TEXTS, 1, 4, 1000)
    for text, ids in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(ngram_ids([text], 1, 4, 1000)[0], ids)
    assert set(ngram_ids(["cat"], 1, 5, 1 << 31)[0]) <= set(ngram_ids(["my cat runs"], 1, 5, 1 << 31)[0])


# of "ab": <a, <ab, ab, ab>, the whole word, b>
PINNED = [12574, 1532, 10401, 58513, 42417, 33794]


def test_ids_are_pinned():
    """Equal on every platform, and for as long as saved Spaces are to be read."""
    assert ngram_ids(["ab"], 2, 3, 65536)[0].tolist() == PINNED
    boundary, a, b = np.uint64(0), np.uint64(ord("a")), np.uint64(ord("b"))
    one = key(key(0x6E6772616D, "n-gram"), np.array([boundary, a, b]))
    two = key(one[:2], np.array([a, b]))
    assert [(int(h) >> 32) * 65536 >> 32 for h in two] == [PINNED[0], PINNED[2]]


def test_reading_order_and_limit():
    full = ngram_ids(["abcdef ghi"], 1, 3, 1 << 31)[0]
    np.testing.assert_array_equal(ngram_ids(["abcdef ghi"], 1, 3, 1 << 31, longest=7)[0], full[:7])


def test_normal_form():
    assert normalise("ＡＢＣ ﬁ") == "abc fi" and normalise("ＡＢＣ", lowercase=False) == "ABC"


def build(**options):
    torch.manual_seed(0)
    return EncoderConfig(name="ngrams", width=8, **options).build("text")


def test_vector_is_the_normalised_sum_of_the_table():
    encoder = build(norm=False, buckets=50).eval()
    batch = encoder.processor(["cat", "a cat sat", ""])
    said = encoder(batch[""], batch["mask"])
    for i in range(3):
        ids = batch[""][i][batch["mask"][i]]
        want = encoder.table[ids].sum(0) / max(1, len(ids)) ** 0.5
        torch.testing.assert_close(said.pooled[i], want)
    assert torch.equal(said.tokens[:, 0], said.pooled) and said.tokens.shape == (3, 1, 8)
    assert (batch[""][batch["mask"]] >= 1).all() and batch[""].max() <= 50


def test_dropout_leaves_out_n_grams_but_never_the_first():
    encoder = build(norm=False, dropout=0.99, buckets=50).train()
    batch = encoder.processor(["c"])  # two boundaries and a letter
    said = encoder(batch[""], batch["mask"]).pooled
    torch.testing.assert_close(said[0], encoder.table[batch[""][0, 0]])
    assert not torch.equal(encoder.eval()(batch[""], batch["mask"]).pooled, said)


def test_sparse_gradients_equal_dense_ones():
    batch = build(buckets=97).processor(TEXTS)
    grads = []
    for sparse in (False, True):
        encoder = build(buckets=97, sparse=sparse)
        encoder(batch[""], batch["mask"]).pooled.square().sum().backward()
        grads.append(encoder.table.grad)
    assert grads[1].is_sparse
    torch.testing.assert_close(grads[0], grads[1].to_dense())
    assert not grads[0][0].any()  # padding learns nothing


def test_the_cache_changes_nothing_and_stays_behind_when_sent_to_a_worker():
    processor = build().processor
    first = processor(TEXTS)[""]
    assert torch.equal(processor(TEXTS)[""], first) and len(processor._cache) == len(set(TEXTS))
    assert len(pickle.loads(pickle.dumps(processor))._cache) == 0


@pytest.mark.slow
def test_fifty_thousand_texts_a_second():
    texts = [f"sample number {i} of a short name" for i in range(20000)]
    processor = build().processor
    processor(texts[:10])
    for start in range(0, len(texts), 500):
        processor(texts[start : start + 500])
    begin = time.process_time()
    for start in range(0, len(texts), 500):
        processor(texts[start : start + 500])
    assert len(texts) / (time.process_time() - begin) > 50_000
