"""Yes or no, predicted by an output of one number: area under the ROC curve and log loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import DataError, SpaceError
from jointspace.evaluation.measuring import Measure, measure
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import encode_role


@dataclass
class Clicks(Task):
    """AUC and log loss of a logit that the Space gives (output `click` of tables).

    at_least: the label is yes from this value on; by default labels are 0 and 1. Chance of the log loss: the entropy of
    the labels, what a constant that knows their share would pay.
    """

    name: ClassVar[str] = "clicks"
    roles: ClassVar[tuple[Role, ...]] = (
        Role("item", "what is shown: a row of columns", item=True),
        Role("label", "whether it was clicked", aliases=("click", "clicked", "Label")),
    )
    default_output: ClassVar[str] = "click"

    at_least: float | None = None

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        side = encode_role(space, inputs, "item", context.encoding, choices="first")
        if side.vectors.shape[1] != 1:
            raise SpaceError(f"clicks: needs an output of one number, got {side.vectors.shape[1]}; say output=")
        logit = side.vectors[:, 0].astype(np.float64)
        label = inputs.plain("label")[side.row]
        label = (label >= self.at_least if self.at_least is not None else label).astype(np.float64)
        if set(label.tolist()) != {0.0, 1.0}:
            raise DataError("clicks: labels must be 0 and 1, both of them; ratings need at_least=")
        share = float(label.mean())
        columns = {"score": logit, "label": label, "loss": np.logaddexp(0, logit) - label * logit}
        entropy = float(-share * np.log(share) - (1 - share) * np.log(1 - share))
        measures = [
            Measure("auc", {"score": "score", "label": "label"}, "auc", chance=0.5),
            Measure("log_loss", {"value": "loss"}, chance=entropy, higher_is_better=False, bounds=(0.0, np.inf)),
        ]
        units = Units("rows", np.asarray(inputs.data.ids)[side.row], columns)
        return measure(units, "row", measures, context.resampling)
