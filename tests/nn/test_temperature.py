"""Fixed, direct and logarithmic temperature."""

from __future__ import annotations

import pytest
import torch

from jointspace.errors import ConfigError
from jointspace.nn.temperature import Temperature


@pytest.mark.parametrize("learn", ["fixed", "direct", "log"])
def test_temperature_starts_where_told_and_survives_its_state_dict(learn):
    module = Temperature(0.07, learn)
    assert module().item() == pytest.approx(0.07, rel=1e-6) and module().shape == ()
    assert len(list(module.parameters())) == (learn != "fixed")
    other = Temperature(0.5, learn)
    other.load_state_dict(module.state_dict())
    assert other() == module()


@pytest.mark.parametrize(("learn", "lowest"), [("direct", 1e-3), ("log", 1e-2)])
def test_temperature_is_clamped_after_the_step(learn, lowest):
    module = Temperature(0.05, learn)
    optimiser = torch.optim.SGD(module.parameters(), lr=100.0)
    module().backward()
    optimiser.step()
    module.clamp_()
    assert module().item() == pytest.approx(lowest, rel=1e-5)


def test_temperature_refuses_nonsense():
    with pytest.raises(ConfigError, match="did you mean log"):
        Temperature(0.1, "logs")
    with pytest.raises(ConfigError, match="must be positive"):
        Temperature(0.0, "direct")
