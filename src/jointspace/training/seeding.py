"""Randomness of a run: everything that is drawn inside a step is a function of (seed, step, process).

Nothing that evaluation, a probe or a callback draws can shift what the next step draws, and a resumed run needs no
saved generator states: it re-derives them. Order of data and augmentation have their own keys (`jointspace.data`).
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from jointspace.data import draws


def seed_all(seed: int, *parts: Any) -> int:
    """Seed python's, NumPy's and torch's generators (all devices in use) from the key of (seed, *parts); the key."""
    key = int(draws.key(seed, *parts)) >> 1  # 63 bits: what every generator takes
    random.seed(key)
    np.random.seed(key & 0xFFFFFFFF)
    # torch.manual_seed would note the call, with a stack trace, for each kind of device that is not in use yet
    torch.default_generator.manual_seed(key)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(key)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(key)
    return key


def set_threads(threads: int | None) -> int:
    """Use so many CPU threads (None = leave torch's choice); returns how many are used."""
    if threads is not None and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    return torch.get_num_threads()
