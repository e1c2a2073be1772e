import math

import pytest
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from jointspace.errors import ConfigError
from jointspace.training.method import Progress
from jointspace.training.schedules import rate_factor


@pytest.mark.parametrize("kind, theirs", [("linear", get_linear_schedule_with_warmup),
                                          ("cosine", get_cosine_schedule_with_warmup)])  # fmt: skip
def test_after_the_warm_up_as_in_transformers(kind, theirs):
    import torch

    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = theirs(optimiser, 5, 40)
    for step in range(40):
        if step >= 5:
            assert rate_factor(kind, Progress(step, 40), 5) == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)
        optimiser.step()
        schedule.step()


def test_warm_up_is_linear_and_its_first_step_is_not_wasted():
    assert [rate_factor("constant", Progress(s, 10), 4) for s in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rate_factor("constant", Progress(0, 10)) == 1.0


def test_no_step_is_without_effect_and_the_lowest_rate_holds():
    for kind in ("linear", "cosine"):
        factors = [rate_factor(kind, Progress(s, 50), 5, 0.1) for s in range(50)]
        assert min(factors[5:]) > 0.1 and factors[5] == 1.0
        assert all(a >= b for a, b in zip(factors[5:], factors[6:]))
    assert rate_factor("cosine", Progress(25, 50)) == pytest.approx(0.5)
    assert rate_factor("linear", Progress(49, 50)) == pytest.approx(1 / 50)
    assert math.isclose(rate_factor("linear", Progress(0, 1), 1), 1.0)


def test_unknown_kind():
    with pytest.raises(ConfigError, match="did you mean linear"):
        rate_factor("linaer", Progress(0, 1))
