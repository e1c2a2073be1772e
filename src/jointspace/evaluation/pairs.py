"""Pairs of items: graded similarity against human scores, and same-or-not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import DataError
from jointspace.evaluation.measuring import Measure, measure
from jointspace.evaluation.roles import Inputs, Role
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import coarsen, encode_role, pair_scores, scorer_of

FIRST = Role("first", "one item", True, aliases=("sentence1", "text1", "sentence_1", "premise", "anchor", "question1"))
SECOND = Role(
    "second", "the other", True, aliases=("sentence2", "text2", "sentence_2", "hypothesis", "positive", "question2")
)


def similarities(space: Any, inputs: Inputs, context: Context) -> np.ndarray:
    """Similarity of each row's two items: (N,) float64."""
    sides = [
        encode_role(space, inputs, role, context.encoding, choices="first").vectors for role in ("first", "second")
    ]
    both = np.concatenate(sides)  # one scale for both sides where precision is lost
    (both,) = coarsen(context.encoding.precision, both)
    scorer = scorer_of(space, inputs.modality("second"), context.encoding.output)
    return pair_scores(both[: len(sides[0])], both[len(sides[0]) :], scorer)


@dataclass
class SemanticSimilarity(Task):
    """Correlation of similarity with human scores: Spearman (of ranks) and Pearson."""

    name: ClassVar[str] = "sts"
    roles: ClassVar[tuple[Role, ...]] = (
        FIRST,
        SECOND,
        Role("score", "how similar people find them", aliases=("similarity", "similarity_score", "relatedness_score")),
    )

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        target = inputs.plain("score").astype(np.float64)
        columns = {"similarity": similarities(space, inputs, context), "score": target}
        units = Units("pairs", np.asarray(inputs.data.ids), columns)
        how = {"x": "similarity", "y": "score"}
        measures = [Measure(n, how, n, chance=0.0, bounds=(-1.0, 1.0)) for n in ("spearman", "pearson")]
        return measure(units, "pair", measures, context.resampling)


@dataclass
class PairClassification(Task):
    """Average precision of similarity for "these two belong together", and the best that one threshold reaches.

    positive: the label that means yes (default: 1, true, yes). The thresholds are chosen on the judged rows
    themselves, as is usual; they stand in the details.
    """

    name: ClassVar[str] = "pair_classification"
    roles: ClassVar[tuple[Role, ...]] = (
        FIRST,
        SECOND,
        Role("label", "whether they belong together", aliases=("is_duplicate", "match", "paraphrase")),
    )

    positive: Any = None

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        label = self._binary(inputs.plain("label"))
        score = similarities(space, inputs, context)
        share = float(label.mean())
        units = Units("pairs", np.asarray(inputs.data.ids), {"similarity": score, "label": label})
        how = {"score": "similarity", "label": "label"}
        accuracy_at, f1_at = best_thresholds(score, label)
        measures = [
            Measure("ap", how, "average_precision", chance=share),
            Measure("accuracy", how, "best_accuracy", max(share, 1 - share), details={"threshold": accuracy_at}),
            Measure("f1", how, "best_f1", 2 * share / (1 + share), details={"threshold": f1_at}),
        ]
        return measure(units, "pair", measures, context.resampling)

    def _binary(self, label: np.ndarray) -> np.ndarray:
        words = np.array([str(v).lower() for v in label.tolist()])
        if self.positive is not None:
            answer = words == str(self.positive).lower()
        else:
            yes, no = ("1", "1.0", "true", "yes"), ("0", "0.0", "-1", "-1.0", "false", "no")
            unknown = ~np.isin(words, yes + no)
            if unknown.any():
                kinds = ", ".join(sorted(set(words.tolist()))[:6])
                raise DataError(f"pair_classification: say positive=LABEL, the one that means yes, among {kinds}")
            answer = np.isin(words, yes)
        if answer.all() or not answer.any():
            raise DataError(f"pair_classification: all {len(answer)} pairs have the same label")
        return answer.astype(np.float64)


def best_thresholds(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Scores at or above which "yes" has the best accuracy, and the best F1."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # a threshold stands below all equal scores
    right = np.cumsum(label[order])
    every = np.arange(1, len(score) + 1)
    accuracy = np.where(last, 2 * right - every, -np.inf)
    f1 = np.where(last, 2 * right / (every + label.sum()), -np.inf)
    best = int(accuracy.argmax())
    above_all = float(np.nextafter(score.max(), np.inf))
    return (float(score[order[best]]) if accuracy[best] >= 0 else above_all), float(score[order[int(f1.argmax())]])
