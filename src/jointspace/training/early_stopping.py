"""Which evaluation was the best, and whether to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jointspace.errors import TrainingError, nearest
from jointspace.training.config import TrainingConfig


class BestScore:
    """Follows `metric_for_best_model`. `step`, `score`, `scores`: of the best evaluation so far; `since`: evaluations
    without improvement since. All of it is part of a checkpoint."""

    def __init__(self, config: TrainingConfig):
        self.config = config
        self.step: int | None = None
        self.score: float | None = None
        self.scores: dict[str, float] = {}
        self.since = 0

    def see(self, step: int, scores: Mapping[str, float]) -> bool:
        """Take note of an evaluation; True where it is the best so far. TrainingError: the score is not among them."""
        name = self.config.metric_for_best_model
        if name is None:
            return False
        if name not in scores:
            raise TrainingError(f"metric_for_best_model: the evaluation gives no {name!r}{nearest(name, scores)}")
        value = float(scores[name])
        sign = 1.0 if self.config.better_is_greater else -1.0
        gain = float("inf") if self.score is None else sign * (value - self.score)
        self.since = 0 if gain > self.config.early_stopping_threshold else self.since + 1
        if gain > 0:
            self.step, self.score, self.scores = step, value, dict(scores)
        return gain > 0

    @property
    def enough(self) -> bool:
        """True once patience has run out."""
        patience = self.config.early_stopping_patience
        return patience is not None and self.since >= patience

    def state(self) -> dict[str, Any]:
        return {"step": self.step, "score": self.score, "scores": self.scores, "since": self.since}

    def load(self, state: Mapping[str, Any]) -> None:
        self.step, self.score, self.since = state["step"], state["score"], state["since"]
        self.scores = dict(state["scores"])
