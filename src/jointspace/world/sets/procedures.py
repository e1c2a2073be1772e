"""`world/procedures`: stretches of tasks with ordered, partly exchangeable steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, normal, uniform
from jointspace.errors import ConfigError
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.procedures_draw import draw
from jointspace.world.procedures_order import before, invalid_orders, random_orders, valid_orders
from jointspace.world.procedures_tasks import ACTIONS, FEWEST, NAMES, TASKS, action

SAYINGS = ("{0}", "now {0}", "next, {0}", "then {0}", "time to {0}", "someone starts to {0}", "we {0}", "they {0}")


@dataclass(frozen=True)
class ProcedureControls:
    """horizon: steps from the start to the goal. tasks: which may occur. size: pixels of a picture's side.

    habit: probability that a row does its steps in the task's usual order; otherwise exchangeable steps come in a
    random one. drop: probability that a word of text_start and text_goal is missing; swap: that they tell of another
    step of the task. noise: standard deviation of the pictures' noise, as a share of the range.
    """

    horizon: int = 3
    tasks: tuple[str, ...] = NAMES
    size: int = 48
    habit: float = 0.5
    drop: float = 0.15
    swap: float = 0.2
    noise: float = 0.0

    def __post_init__(self) -> None:
        check_range("procedures", "horizon", self.horizon, 2, FEWEST)
        check_names("procedures", "tasks", self.tasks, NAMES)
        if not self.tasks:
            raise ConfigError("world/procedures: tasks is empty: name at least one")
        check_range("procedures", "size", self.size, 16, 512)
        for name in ("habit", "drop", "swap", "noise"):
            check_range("procedures", name, getattr(self, name), 0, 1)


@dataclass(frozen=True)
class Plans:
    """B rows: task (B,) numbers of TASKS; order: B arrays of all its steps; start (B,): how many came earlier."""

    task: np.ndarray
    order: list[np.ndarray]
    start: np.ndarray
    horizon: int

    def window(self, i: int) -> list[int]:
        """The steps from the start to the goal of row i, in order."""
        return self.order[i][self.start[i] : self.start[i] + self.horizon].tolist()


class ProcedureSet(WorldSet):
    """Stretches of tasks: the steps, pictures of the start and the goal, and which orders would also do.

    The tasks and actions are the same for every seed: `procedures_tasks.TASKS`, `.ACTIONS`.
    """

    name = "procedures"
    Controls = ProcedureControls
    FIELDS = {
        "task": "what is made",
        "task_id": "its number",
        "image_start": "the work before the first step, (H, W, 3) uint8",
        "image_goal": "the work after the last step, (H, W, 3) uint8",
        "video": "the work before, between and after the steps, (horizon + 1, H, W, 3) uint8",
        "steps": "the steps in order, as imperatives",
        "step_ids": "their numbers; tasks share some steps",
        "step_captions": "the steps in other words",
        "caption": "the task and the steps in one sentence",
        "text_start": "what is being done at the start, with words missing or of another step",
        "text_goal": "what is being done at the end, likewise",
        "done": "numbers of the steps done before the start",
        "before": "pairs (i, j): the i-th of `steps` must come before the j-th",
        "orders": "all valid orders of the steps, as lists of numbers",
        "valid": "a valid order drawn at random from these, as numbers",
        "invalid": "an order of the same steps that breaks `before`; empty where every order is valid",
    }

    @staticmethod
    def actions() -> tuple[str, ...]:
        """The text of every step number."""
        return ACTIONS

    @staticmethod
    def mask() -> np.ndarray:
        """(tasks, actions) bool: which steps belong to which task."""
        table = np.zeros((len(TASKS), len(ACTIONS)), dtype=bool)
        for t, task in enumerate(TASKS):
            table[t, [action(t, s) for s in range(len(task.steps))]] = True
        return table

    def plans(self, indices: np.ndarray) -> Plans:
        """The exact truth of the rows `indices`."""
        return _sample(self.controls, self.seed, np.asarray(indices, dtype=np.int64))

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        plans, wanted = self.plans(indices), set(fields)
        out: Columns = {"task": [NAMES[t] for t in plans.task], "task_id": plans.task}
        drawn = self._pictures(indices, plans, wanted)
        if "video" in wanted:
            out["video"] = drawn
        if wanted & {"image_start", "image_goal"}:
            out["image_start"], out["image_goal"] = drawn[:, 0], drawn[:, -1]
        if wanted - {"task", "task_id", "video", "image_start", "image_goal"}:
            words = integers(key(self.seed, "procedure-words", indices), 1 << 30, 32).tolist()
            chances = uniform(key(self.seed, "procedure-noise", indices), 48)
            rows = [self._row(plans, i, words[i], chances[i]) for i in range(len(words))]
            out |= {name: [row[name] for row in rows] for name in rows[0]}
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """The states of the work from the start to the goal."""
        frames = np.pad(row["video"], ((0, 0), (3, 3), (3, 3), (0, 0)), constant_values=255)
        return np.concatenate(list(frames), axis=1)

    def _row(self, plans: Plans, i: int, words: list[int], chances: np.ndarray) -> dict[str, Any]:
        task, window = int(plans.task[i]), plans.window(i)
        texts = [TASKS[task].steps[s].text for s in window]
        chosen = tuple(sorted(window))
        valid, invalid = valid_orders(task, chosen), invalid_orders(task, chosen)
        must = before(task)[np.ix_(window, window)]
        return {
            "steps": texts,
            "step_ids": _ids(task, window),
            "step_captions": [SAYINGS[words[k] % len(SAYINGS)].format(t) for k, t in enumerate(texts)],
            "caption": f"{NAMES[task]}: {', then '.join(texts)}",
            "text_start": self._told(task, window[0], words[8:], chances[:24]),
            "text_goal": self._told(task, window[-1], words[9:], chances[24:]),
            "done": _ids(task, plans.order[i][: plans.start[i]].tolist()),
            "before": [[int(a), int(b)] for a, b in np.argwhere(must)],
            "orders": [_ids(task, order) for order in valid],
            "valid": _ids(task, valid[words[10] % len(valid)]),
            "invalid": _ids(task, invalid[words[11] % len(invalid)]) if invalid else [],
        }

    def _told(self, task: int, step: int, words: list[int], chances: np.ndarray) -> str:
        """A step in words, some of them missing, or another step of the task."""
        steps = TASKS[task].steps
        if chances[0] < self.controls.swap:
            step = (step + 1 + words[4] % (len(steps) - 1)) % len(steps)
        said = SAYINGS[words[0] % len(SAYINGS)].format(steps[step].text).split()
        kept = [word for word, chance in zip(said, chances[1:], strict=False) if chance >= self.controls.drop]
        return " ".join(kept or said[-1:])

    def _pictures(self, indices: np.ndarray, plans: Plans, wanted: set[str]) -> np.ndarray:
        """(B, states, H, W, 3) uint8: all states if the video is wanted, else start and goal; none: an empty array."""
        c, b = self.controls, len(plans.task)
        times = [0, c.horizon] if "video" not in wanted else list(range(c.horizon + 1))
        out = np.empty((b, len(times), c.size, c.size, 3), dtype=np.uint8)
        if not wanted & {"video", "image_start", "image_goal"}:
            return out
        keys = key(self.seed, "procedure-picture", indices)
        for task in np.unique(plans.task):
            rows = np.flatnonzero(plans.task == task)
            rank = np.argsort(np.stack([plans.order[i] for i in rows]), axis=1)  # when each step is done
            done = rank[:, None] < (plans.start[rows, None] + np.array(times))[:, :, None]
            out[rows] = draw(keys[rows], int(task), done, c.size)
        return out if c.noise == 0 else _noisy(out, keys, c.noise)


def _ids(task: int, steps: Sequence[int]) -> list[int]:
    return [action(task, s) for s in steps]


def _noisy(pictures: np.ndarray, keys: np.ndarray, amount: float) -> np.ndarray:
    """Noise that is the same in all states of a row, whichever of them are drawn."""
    b, _, h, w, _ = pictures.shape
    grain = normal(key(0, keys, "grain"), h * w * 3).reshape(b, 1, h, w, 3) * (255 * amount)
    return np.clip(pictures + grain + 0.5, 0, 255).astype(np.uint8)


def _sample(c: ProcedureControls, seed: int, indices: np.ndarray) -> Plans:
    keys = key(seed, "procedure", indices)
    known = np.array([NAMES.index(name) for name in c.tasks])
    task = known[integers(keys, len(known), 1, stream=0)[:, 0]]
    u = uniform(keys, 2, stream=1)
    most = max(len(t.steps) for t in TASKS)
    wish = np.where(u[:, :1] < c.habit, np.arange(most), uniform(keys, most, stream=2))
    length = np.array([len(t.steps) for t in TASKS])[task]
    order: list[np.ndarray] = [np.empty(0)] * len(keys)
    for t in np.unique(task):
        rows = np.flatnonzero(task == t)
        for i, found in zip(rows, random_orders(int(t), wish[rows, : len(TASKS[t].steps)]), strict=True):
            order[i] = found
    start = (u[:, 1] * (length - c.horizon + 1)).astype(np.int64)
    return Plans(task, order, start, c.horizon)
