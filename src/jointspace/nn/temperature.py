"""The temperature of a softmax over similarities, fixed or learnt."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest

# MECHANISMS ruling 8: a direct temperature may not cross zero, a scale exp(.) may not pass 100
_LOWEST = {"fixed": 0.0, "direct": 1e-3, "log": 0.01}


class Temperature(nn.Module):
    """A positive number T; scores are divided by it (a scale of 30 is T = 1 / 30).

    learn: "fixed"; "direct" = T itself is the parameter; "log" = its logarithm is. lowest: after each optimiser step
    `clamp_` brings T back to at least this (.01 for log, .001 for direct). The parameter has no dimension, so that
    neither weight decay nor a trust ratio touches it. ConfigError for a value that is not positive.
    """

    def __init__(self, init: float = 0.07, learn: str = "log", lowest: float | None = None):
        super().__init__()
        if learn not in _LOWEST:
            raise ConfigError(f"no way to learn a temperature is called {learn!r}{nearest(learn, _LOWEST)}")
        self.learn = learn
        self.lowest = _LOWEST[learn] if lowest is None else lowest
        if not init > 0 or init < self.lowest:
            raise ConfigError(f"temperature {init} must be positive and at least {self.lowest}")
        value = torch.tensor(math.log(init) if learn == "log" else init)
        if learn == "fixed":
            self.register_buffer("value", value)
        else:
            self.value = nn.Parameter(value)

    def forward(self) -> Tensor:
        """T, a scalar tensor with gradient to the parameter."""
        return self.value.exp() if self.learn == "log" else self.value

    @torch.no_grad()
    def clamp_(self) -> None:
        """Call after the optimiser's step."""
        if self.learn != "fixed":
            self.value.clamp_(min=math.log(self.lowest) if self.learn == "log" else self.lowest)

    def extra_repr(self) -> str:
        return f"T={float(self()):.4g}, learn={self.learn}, lowest={self.lowest:g}"
