"""Which orders of a task's steps are possible: its partial order, random and all orders that respect it."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np

from jointspace.world.procedures_tasks import TASKS


@cache
def before(task: int) -> np.ndarray:
    """(S, S) bool: [i, j] says that step i must come before step j, directly or through others."""
    steps = TASKS[task].steps
    must = np.zeros((len(steps), len(steps)), dtype=bool)
    for j, step in enumerate(steps):
        must[list(step.after), j] = True
    for k in range(len(steps)):
        must |= must[:, k : k + 1] & must[k : k + 1]
    return must


def is_valid(task: int, order: tuple[int, ...] | list[int]) -> bool:
    """Whether no step of `order` (steps of one window, what came earlier being done) comes before one it needs."""
    must = before(task)
    return not any(must[later, earlier] for n, earlier in enumerate(order) for later in order[n + 1 :])


@cache
def valid_orders(task: int, steps: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """All valid orders of these steps (sorted numbers)."""
    return tuple(order for order in permutations(steps) if is_valid(task, order))


@cache
def invalid_orders(task: int, steps: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """All other orders of these steps."""
    return tuple(order for order in permutations(steps) if not is_valid(task, order))


def random_orders(task: int, wish: np.ndarray) -> np.ndarray:
    """One valid order of all steps a row: wish (n, S), at each point the possible step with the least wish comes next.

    Returns (n, S) step numbers. Every valid order is the answer to some wish: its own ranks.
    """
    must = before(task)
    done = np.zeros(wish.shape, dtype=bool)
    order = np.empty(wish.shape, dtype=np.int64)
    rows = np.arange(len(wish))
    for position in range(wish.shape[1]):
        missing = (~done[:, :, None] & must).any(axis=1)  # (n, S): something it needs is not done
        order[:, position] = np.where(done | missing, np.inf, wish).argmin(axis=1)
        done[rows, order[:, position]] = True
    return order
