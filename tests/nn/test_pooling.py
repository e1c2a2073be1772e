"""Pooling: by hand, on both sides of padding."""

from __future__ import annotations

import pytest
import torch

from jointspace.encoders.base import Encoding
from jointspace.errors import ConfigError
from jointspace.nn.pooling import POOLINGS, AttentionPooling, pool

TOKENS = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
RIGHT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()
LEFT = RIGHT.flip(1)


@pytest.mark.parametrize("mask", [RIGHT, LEFT], ids=["right", "left"])
@pytest.mark.parametrize("how", ["cls", "mean", "last", "max"])
def test_pooling_row_by_row(how, mask):
    tokens = TOKENS.masked_fill(~mask.unsqueeze(-1), float("inf"))  # padding must not even be looked at
    got = pool(Encoding(tokens, mask), how)
    for i in range(3):
        real = TOKENS[i][mask[i]]
        want = {"cls": real[0], "mean": real.mean(0), "last": real[-1], "max": real.amax(0)}[how]
        torch.testing.assert_close(got[i], want)


def test_no_mask_means_all_real_and_nothing_real_means_zero():
    for how in ("cls", "mean", "last", "max"):
        torch.testing.assert_close(pool(Encoding(TOKENS), how), pool(Encoding(TOKENS, torch.ones(3, 4).bool()), how))
    none = torch.zeros(3, 4, dtype=torch.bool)
    for how in ("mean", "max"):
        assert not pool(Encoding(TOKENS, none), how).any()


def test_pooled_is_the_backbones_own_or_an_error():
    own = torch.ones(3, 8)
    assert pool(Encoding(TOKENS, pooled=own), "pooled") is own
    with pytest.raises(ConfigError, match="no pooled vector of its own; pooling is one of cls, mean, last, max"):
        pool(Encoding(TOKENS), "pooled")
    with pytest.raises(ConfigError, match="did you mean mean"):
        pool(Encoding(TOKENS), "men")
    assert POOLINGS == ("pooled", "cls", "mean", "last", "max")


def test_mean_sums_in_float32():
    x = torch.full((1, 1000, 1), 1.0 + 1 / 64).bfloat16()
    assert pool(Encoding(x), "mean").item() == 1.0 + 1 / 64


@pytest.mark.parametrize("query_from", ["latents", "tokens"])
def test_attention_pooling_ignores_padding(query_from):
    module = AttentionPooling(8, heads=2, latents=3, query_from=query_from, activation="geglu").eval()
    junk = torch.where(RIGHT.unsqueeze(-1), TOKENS, torch.full_like(TOKENS, 1e3))
    got = pool(Encoding(junk, RIGHT), module)
    assert got.shape == (3, 8)
    for i in range(3):
        torch.testing.assert_close(got[i], module(TOKENS[i][RIGHT[i]][None])[0], rtol=0, atol=1e-5)


def test_attention_pooling_asked_by_a_condition():
    module = AttentionPooling(8, heads=2)
    a = module(TOKENS, RIGHT, torch.zeros(3, 1, 8))
    b = module(TOKENS, RIGHT, torch.ones(3, 1, 8) * torch.arange(8))
    assert a.shape == (3, 8) and not torch.allclose(a, b)
    torch.testing.assert_close(module(TOKENS, RIGHT), module(TOKENS, RIGHT, module.latents.expand(3, -1, -1)))


def test_equal_tokens_are_pooled_to_what_one_of_them_gives():
    module = AttentionPooling(8, heads=2).eval()
    same = TOKENS[:, :1].expand(-1, 4, -1)
    torch.testing.assert_close(module(same), module(TOKENS[:, :1]), rtol=0, atol=1e-5)
