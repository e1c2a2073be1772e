"""The battery passes a sound method and names what is wrong with an unsound one."""

import pytest
import torch
from torch import nn
from toys import Toy, pairs

from jointspace.training import check_method


def test_a_sound_method():
    assert check_method(Toy, pairs()) == [
        "fields", "terms", "seeded", "gradients", "embeddings", "cached", "trained and resumed", "saved",
    ]  # fmt: skip


class Unused(Toy):
    def __init__(self, config=None):
        super().__init__(config)
        self.spare = nn.Linear(2, 2)


class Forgets(Toy):
    """State that no checkpoint sees."""

    def __init__(self, config=None):
        super().__init__(config)
        self.count = 0

    def before_step(self, progress):
        self.count += 1

    def terms(self, text, text_positive, row):
        both = super().terms(text, text_positive, row)
        return {name: value / (1 + self.count) for name, value in both.items()}


class Total(Toy):
    def embed(self, batch):
        return super().embed(batch) | {"shares": torch.ones(3)}

    def terms(self, text, text_positive, row, shares):
        return super().terms(text, text_positive, row)


class Vector(Toy):
    def terms(self, text, text_positive, row):
        return {"each": (text - text_positive).square().sum(1)}


class Draws(Toy):
    """Draws from a generator of its own, which no seed reaches."""

    def __init__(self, config=None):
        super().__init__(config)
        self.own = torch.Generator().manual_seed(0)

    def terms(self, text, text_positive, row):
        return super().terms(text + torch.rand(text.shape, generator=self.own), text_positive, row)


@pytest.mark.parametrize(
    "cls, words",
    [
        (Unused, "the parameter spare.weight gets no gradient"),
        (Forgets, "state outside parameters and buffers"),
        (Total, "'shares' has shape"),
        (Vector, "the term 'each' has shape"),
        (Draws, "the same weights, batch and seed give"),
    ],
)
def test_an_unsound_one_is_named(cls, words):
    with pytest.raises(AssertionError, match=words):
        check_method(cls, pairs())


def test_a_parameter_may_rightly_get_no_gradient():
    assert "gradients" in check_method(Unused, pairs(), unreached="spare")
