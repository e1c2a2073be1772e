"""The battery itself: each check fails on an encoder made wrong on purpose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from jointspace.encoders import EncoderConfig
from jointspace.encoders.base import Encoding
from jointspace.encoders.text.static import StaticText
from jointspace.testing import check_encoder, sample_items


def broken(forward=None, after=None):
    """A bag of tokens whose forward, or whose making, is spoiled."""

    def build():
        encoder = EncoderConfig(name="static", width=8).build("text")
        if after is not None:
            after(encoder)
        if forward is not None:
            encoder.forward = lambda *args, **kwargs: forward(encoder, *args, **kwargs)
        return encoder

    return build


def say(encoder, x, mask, layers=False):
    return StaticText.forward(encoder, x, mask, layers=layers)


def wrong_width(encoder, x, mask=None, *, layers=False):
    said = say(encoder, x, mask, layers)
    return Encoding(said.tokens[..., :4], said.mask, None, layers=said.layers)


def integer_mask(encoder, x, mask=None, *, layers=False):
    said = say(encoder, x, mask, layers)
    return Encoding(said.tokens, said.mask.long(), said.pooled, layers=said.layers)


def random(encoder, x, mask=None, *, layers=False):
    said = say(encoder, x, mask, layers)
    return Encoding(said.tokens + torch.rand(1), said.mask, said.pooled, layers=said.layers)


def padding_counts(encoder, x, mask=None, *, layers=False):
    said = say(encoder, x, mask, layers)
    return Encoding(said.tokens, said.mask, said.tokens.mean(1), layers=said.layers)


def batch_counts(encoder, x, mask=None, *, layers=False):
    said = say(encoder, x, mask, layers)
    return Encoding(said.tokens - said.tokens.detach()[:1, :1].mean(), said.mask, said.pooled, layers=said.layers)


def no_gradient(encoder):
    encoder.unused = nn.Linear(3, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (broken(wrong_width), r"tokens have shape .* expected \(6, L, 8\)"),
        (broken(integer_mask), "mask is torch.int64, expected bool"),
        (broken(random), "differs between two equal calls"),
        (broken(padding_counts), "under the padding change pooled"),
        (broken(batch_counts), "differs between batch and alone"),
        (broken(after=no_gradient), "no finite gradient reaches 2 parameters, unused.weight"),
    ],
)
def test_what_is_wrong_is_found(build, message):
    with pytest.raises(AssertionError, match=message):
        check_encoder(build)


def test_exceptions_can_be_declared_and_what_ran_is_told():
    with pytest.raises(AssertionError, match="after save and load|lacks|does not have"):
        try:
            check_encoder(broken(after=no_gradient), unreached=r"^unused\.")
        except ValueError as error:  # the spoiled part is not among the options, so that loading refuses it
            raise AssertionError(str(error)) from error
    ran = check_encoder(broken())
    assert ran == ["shapes", "twice", "padding", "batch = one by one", "gradients", "bfloat16", "save and load"]


def test_sample_items():
    assert len(sample_items("text")) == 6 and "" in sample_items("text")
    assert len({item.shape for item in sample_items("image")}) > 1
    with pytest.raises(AssertionError, match="pass items="):
        sample_items("graph")
