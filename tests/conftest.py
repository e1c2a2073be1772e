"""Fixtures that many tests share: tiny Spaces with random weights, made once a session."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest


def _text_space(seed: int):
    import torch

    from jointspace.encoders.config import EncoderConfig
    from jointspace.space import Space, Tower

    torch.manual_seed(seed)
    encoder = EncoderConfig(name="transformer", layers=1, width=32, heads=2, vocab_size=320, max_length=16).build(
        "text"
    )
    encoder.prepare(["a red apple and a green pear", "ein roter Apfel", "une pomme rouge", "the cat sat on the mat"])
    return Space(method="sentence_pairs", text=Tower(encoder.eval(), pooling="mean"))


@pytest.fixture(scope="session")
def text_space():
    """One text tower: a transformer of width 32 with its own tokenizer, random weights."""
    return _text_space(0)


@pytest.fixture(scope="session")
def other_text_space():
    """The same with other weights, hence another fingerprint."""
    return _text_space(1)
