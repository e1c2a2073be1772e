"""Skip-gram with negatives: closed form, the definition written out, limits, gradients."""

import math

import pytest
import torch

from jointspace.objectives.skip_gram import skip_gram_loss


def scores(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("negatives", [1, 5])
def test_equal_scores_cost_one_plus_q_times_log_two(negatives):
    zero = torch.zeros(4, 1, dtype=torch.float64)
    want = (1 + negatives) * math.log(2)
    assert skip_gram_loss(zero, zero.expand(4, negatives)).item() == pytest.approx(want, abs=1e-12)
    shared = skip_gram_loss(zero, zero.expand(4, 40), negative_weight=negatives / 40)
    assert shared.item() == pytest.approx(want, abs=1e-12)


def test_agrees_with_the_definition_written_out():
    near, far, w, v = scores(3, 4), scores(3, 6, seed=1), scores(3, 4, seed=2).abs(), scores(6, seed=3).abs()

    def cost(x):
        return math.log(1 + math.exp(-x))

    want = sum(
        sum(float(w[i, j]) * cost(float(near[i, j])) for j in range(4))
        + sum(float(v[k]) * cost(-float(far[i, k])) for k in range(6))
        for i in range(3)
    )
    assert skip_gram_loss(near, far, positive_weight=w, negative_weight=v).item() == pytest.approx(want / 3, rel=1e-12)


def test_large_scores_are_finite_and_right_ones_cost_nothing():
    huge = torch.full((2, 1), 1e4, dtype=torch.float64)
    assert skip_gram_loss(huge, -huge).item() == pytest.approx(0, abs=1e-12)
    assert skip_gram_loss(-huge, huge).item() == pytest.approx(2e4)


def test_no_row_costs_nothing_and_has_a_gradient():
    empty = torch.zeros(0, 3, requires_grad=True)
    loss = skip_gram_loss(empty, empty)
    loss.backward()
    assert loss.item() == 0 and empty.grad.shape == (0, 3)


def test_gradients():
    x, y = scores(3, 2).requires_grad_(), scores(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: skip_gram_loss(a, b, negative_weight=0.5), (x, y))
