"""Heads that read the tokens of a row; gathering by place."""

import pytest
import torch

from jointspace.errors import ConfigError
from jointspace.nn.masked import take_tokens
from jointspace.nn.registry import from_config, to_config
from jointspace.nn.token_heads import HEADS, FlattenTokens, MeanOfTokens, token_head

X = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", HEADS)
def test_heads_say_their_width(name):
    head = token_head(name, 5, 4)
    assert head(X).shape == (3, head.dim)


def test_each_head_is_what_it_says():
    assert torch.equal(token_head("mean", 5, 4)(X), X.mean(1)) and torch.equal(token_head("max", 5, 4)(X), X.amax(1))
    per = token_head("per_feature", 5, 4)
    want = torch.stack([X[:, i] @ per.weight[i] + per.bias[i] for i in range(5)], dim=1)
    assert torch.allclose(per(X), want, atol=1e-6)
    conv = token_head("conv", 5, 4)
    assert torch.allclose(conv(X)[:, 2], torch.einsum("bkd,dk->b", X[:, 1:4], conv.conv.weight[0]) + conv.conv.bias)
    flat = FlattenTokens(5, 4)(X)
    assert torch.allclose(MeanOfTokens(5, 4, skip=2)(flat), X[:, 2:].mean(1))


def test_savable_and_errors():
    for module in (FlattenTokens(5, 4), MeanOfTokens(5, 4, 1)):
        assert to_config(from_config(to_config(module))) == to_config(module)
    with pytest.raises(ConfigError, match="did you mean flatten"):
        token_head("flaten", 5, 4)


def test_take_tokens():
    index = torch.tensor([[[0, 4], [1, 1]]] * 3)
    taken = take_tokens(X, index)
    assert taken.shape == (3, 2, 2, 4) and torch.equal(taken[1, 0, 1], X[1, 4]) and torch.equal(taken[2, 1, 0], X[2, 1])
