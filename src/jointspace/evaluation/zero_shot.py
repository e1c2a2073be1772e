"""Zero-shot classification: every item finds the vector of its class, made from the class's name by prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jointspace.data.prompts import class_vectors, ensemble, templates
from jointspace.errors import ConfigError, DataError
from jointspace.evaluation.measuring import Measure, measure
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import coarsen, encode_items, encode_role, scorer_of
from jointspace.metrics import retrieval
from jointspace.metrics.ranking import rank

LABELS = ("label", "class", "category", "target", "label_name")


@dataclass
class ZeroShot(Task):
    """Accuracy of taking the nearest class text. One vector a class: each prompt normalised, averaged, normalised.

    templates: a set of `jointspace.data.prompts` (general), one template (`a photo of {}`), or a list. classes: names
    to choose from, `{label: name | [names]}` or a list of labels (only their items are judged); default: every label
    in the data, named by the role class_name or, where labels are words, by itself. top: k of the top-k accuracy.
    """

    name: ClassVar[str] = "zero_shot"
    roles: ClassVar[tuple[Role, ...]] = (
        Role("item", "what is classified", item=True),
        Role("label", "its class", aliases=LABELS),
        Role("class_name", "name of the class in words", required=False, aliases=("label_name", "class_name")),
    )

    templates: str | Sequence[str] = "general"
    classes: Mapping[Any, Any] | Sequence[Any] | None = None
    top: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        templates(self.templates)
        if self.top < 1:
            raise ConfigError(f"zero_shot: top must be at least 1, got {self.top}")

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        label = inputs.plain("label").astype(str)
        named = self._names(label, inputs)
        labels = list(named)
        prompts = ensemble([named[k] for k in labels], self.templates)
        flat = [text for each in prompts for text in each]
        vectors = encode_items(space, flat, "text", context.encoding, "class")
        classes = class_vectors(vectors, [len(each) for each in prompts])
        side = encode_role(space, inputs, "item", context.encoding, choices="first")
        target = np.array([labels.index(v) if v in named else -1 for v in np.unique(label)])
        target = target[np.unique(label, return_inverse=True)[1]][side.row]
        keep = np.flatnonzero(target >= 0)
        if len(keep) == 0:
            raise DataError(f"zero_shot: no item has one of the classes {', '.join(labels[:5])}")
        x, y = coarsen(context.encoding.precision, side.vectors[keep], classes)
        scorer = scorer_of(space, inputs.modality("item"), context.encoding.output)
        positions = rank(x, y, np.arange(len(keep)), target[keep], scorer=scorer)  # type: ignore[arg-type]
        k = len(labels)
        self.facts |= {"classes": k, "prompts": len(flat), "items_of_other_classes": len(label) - len(keep)}
        columns: dict[str, Any] = {"right": retrieval.hit_rate(positions, 1), "label": label[side.row][keep]}
        measures = [
            Measure("accuracy", {"value": "right"}, chance=1 / k),
            Measure("class_mean", {"value": "right", "label": "label"}, "class_mean", chance=1 / k),
        ]
        if k > self.top > 1:
            columns[f"top_{self.top}"] = retrieval.hit_rate(positions, self.top)
            measures.insert(1, Measure(f"top_{self.top}", {"value": f"top_{self.top}"}, chance=self.top / k))
        units = Units("items", np.asarray(inputs.data.ids)[side.row[keep]], columns)
        return measure(units, "item", measures, context.resampling)

    def _names(self, label: np.ndarray, inputs: Inputs) -> dict[str, Any]:
        """label -> its name or names, in the order of the classes."""
        if isinstance(self.classes, Mapping):
            return {str(k): v for k, v in self.classes.items()}
        first = {v: i for i, v in reversed(list(enumerate(label.tolist())))}
        wanted = sorted(first) if self.classes is None else [str(v) for v in self.classes]
        if inputs.has("class_name"):
            words = inputs.plain("class_name").astype(str)
            return {v: words[first[v]] if v in first else v for v in wanted}
        if any(_is_number(v) for v in wanted):
            raise DataError(
                "zero_shot: labels are numbers; name them by columns={'class_name': ...} or classes={0: ...}"
            )
        return {v: v.replace("_", " ") for v in wanted}


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
