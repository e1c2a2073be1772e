"""Learning rate over a run, as a factor of `learning_rate`: warm-up, then constant, linear or cosine. Torch-free.

As functions of where the run stands, not of what came before, so a resumed run needs no scheduler state. Differs from
transformers' schedules by one step in the warm-up: the first step has 1 / warmup_steps of the rate, not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from jointspace.errors import ConfigError, nearest

# (share of the decay that is done, 0 .. 1) -> factor 1 .. 0
SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}


class _Where(Protocol):
    @property
    def step(self) -> int: ...

    @property
    def steps(self) -> int: ...


def rate_factor(kind: str, progress: _Where, warmup_steps: float = 0, lowest: float = 0.0) -> float:
    """Factor for the step that `progress` is at (0-based).

    warm-up: (step + 1) / warmup_steps. After it a share (step - warmup) / (steps - warmup) of the decay is done, from 1
    down to `lowest`, which would be reached one step after the last: no step is without effect.
    Raises ConfigError for an unknown kind.
    """
    if kind not in SHAPES:
        raise ConfigError(f"lr_scheduler_type: no schedule is called {kind!r}{nearest(kind, SHAPES)}")
    if progress.step < warmup_steps:
        return min(1.0, (progress.step + 1) / warmup_steps)
    done = (progress.step - warmup_steps) / max(1.0, progress.steps - warmup_steps)
    return lowest + (1.0 - lowest) * SHAPES[kind](min(1.0, done))
