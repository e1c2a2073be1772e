"""Claims of the form "arm A beats arm B on metric M by at least x", judged on paired seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Arms = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Claim:
    """`arm` beats `than` (another arm, or a constant) on `metric` by at least `by`.

    lower: a lower score is better. each_seed: the margin must hold in every seed, not only in the mean. optional: does
    not count for the status. A claim is judged on the seeds both arms have.
    """

    text: str
    arm: str
    than: str | float
    metric: str
    by: float = 0.0
    lower: bool = False
    each_seed: bool = False
    optional: bool = False

    def differences(self, arms: Arms) -> list[float]:
        """One difference a seed, positive = the claim's way."""
        ours = list(arms[self.arm][self.metric])
        theirs = list(arms[self.than][self.metric]) if isinstance(self.than, str) else [self.than] * len(ours)
        sign = -1.0 if self.lower else 1.0
        return [sign * (a - b) for a, b in zip(ours, theirs)]  # an optional arm may have fewer seeds

    def judge(self, arms: Arms) -> dict[str, Any]:
        """The claim's fields, its mean difference, 95 % paired Student interval and verdict.

        holds: mean >= by (and each seed, where the claim says so); direction: every seed has the sign, the margin is
        missed; fails: else.
        """
        d = self.differences(arms)
        mean = sum(d) / len(d)
        reached = mean >= self.by and (not self.each_seed or min(d) >= self.by)
        verdict = "holds" if reached else "direction" if min(d) > 0 else "fails"
        return {**asdict(self), "differences": d, "mean": mean, "interval": student(d), "verdict": verdict}


def student(differences: Sequence[float], level: float = 0.95) -> list[float] | None:
    """Two-sided Student interval of the mean of paired differences; None for fewer than two seeds."""
    n = len(differences)
    if n < 2:
        return None
    from scipy.stats import t

    mean = sum(differences) / n
    sd = math.sqrt(sum((x - mean) ** 2 for x in differences) / (n - 1))
    half = float(t.ppf(0.5 + level / 2, n - 1)) * sd / math.sqrt(n)
    return [mean - half, mean + half]


def status(judged: Sequence[Mapping[str, Any]]) -> str:
    """reproduced = no claim that counts fails; else failed."""
    return "failed" if any(c["verdict"] == "fails" and not c["optional"] for c in judged) else "reproduced"
