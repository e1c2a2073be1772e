"""Exponential moving average of a module: a teacher, or the weights that are evaluated."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn


class HasProgress(Protocol):
    """What `update` reads of a run's progress."""

    @property
    def step(self) -> int: ...

    @property
    def fraction(self) -> float: ...


class EMA(nn.Module):
    """A copy of `module` that follows it: p <- m p + (1 - m) p_module. MECHANISMS ruling 15.

    momentum m: a number or a function of the run's fraction (0 at the first step, 1 at the last). update: after the
    optimiser's step, every `every` steps; up to step `start` the copy equals the module; from step `until` on it
    stays. Parameters are interpolated, buffers copied. The copy is always in eval mode and asks for no gradient; the
    state dict holds the copy, not the module it follows.
    """

    def __init__(
        self,
        module: nn.Module,
        momentum: float | Callable[[float], float] = 0.999,
        every: int = 1,
        start: int = 0,
        until: int | None = None,
    ):
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.momentum, self.every, self.start, self.until = momentum, every, start, until

    def train(self, mode: bool = True) -> EMA:
        """The copy stays in eval mode, whatever happens to the method that holds it."""
        return super().train(False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged module says, without gradient."""
        with torch.no_grad():
            return self.module(*args, **kwargs)

    @torch.no_grad()
    def update(self, module: nn.Module, progress: HasProgress) -> None:
        """Follow `module`, which has the structure of the one that was copied. Call once after every optimiser step."""
        step = progress.step
        if (self.until is not None and step >= self.until) or step % self.every:
            return
        m = self.momentum(progress.fraction) if callable(self.momentum) else self.momentum
        if step < self.start:
            m = 0.0
        ours, theirs = list(self.module.parameters()), list(module.parameters())
        if len(ours) != len(theirs):
            raise ValueError(f"the average has {len(ours)} parameters, the module {len(theirs)}")
        for mine, new in zip(ours, theirs, strict=True):
            if m == 0.0:
                mine.copy_(new)
            else:
                mine.lerp_(new.to(mine.dtype), 1.0 - m)
        for kept, current in zip(self.module.buffers(), module.buffers(), strict=True):
            kept.copy_(current)
