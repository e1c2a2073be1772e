"""Provable pretraining: maximum likelihood on unlabelled rows, then empirical risk minimisation on few labels.

Ge, Tang, Fan and Jin, "On the Provable Advantage of Unsupervised Pretraining", ICLR 2024, arXiv 2303.01566. No code.

Idea: data x (with side information s), a latent z, a label y that depends on z alone. Phase 1 fits p_phi(x, s) to m
unlabelled rows; phase 2 fits a head psi to n labels, through the predictor g_{phi, psi}(x) under p_phi(z | x). The
excess risk is about sqrt(C_Phi / m) + sqrt(C_Psi / n), where labels alone pay sqrt(C_{Phi o Psi} / n), if the family is
*informative*: up to a group of transformations, laws of (x, z) differ by at most kappa times what laws of (x, s) do.

Shapes: x (N, d), pairs (N, 2, d); posterior mean (N, r). NumPy, float64.
Differs from the paper: the squared loss is not truncated unless the head says so; constants of the bound are arguments,
because those of the paper were not at hand (defaults: recalled); the informative check looks at given perturbations, so
that its largest ratio bounds kappa from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from jointspace.errors import ConfigError
from jointspace.theory.latent import LatentModel


class Head(Protocol):
    """What phase 2 fits: `LinearHead`, `LabelHead`, or any scikit-learn estimator."""

    def fit(self, features: Any, y: Any) -> Any: ...

    def predict(self, features: Any) -> Any: ...


class TwoPhase:
    """`TwoPhase(FactorModel(3), LinearHead()).pretrain(x).fit(x_labelled, y).predict(x_new)`.

    model: a `LatentModel`, fitted by `pretrain` (or already: a frozen phi). head: fitted on its posterior means.
    """

    def __init__(self, model: LatentModel, head: Head):
        self.model, self.head = model, head

    def pretrain(self, x: np.ndarray, s: np.ndarray | None = None, *, seed: int = 0) -> TwoPhase:
        """Phase 1: phi^ = argmax sum_i log p_phi(x_i, s_i) over m unlabelled rows."""
        self.model.fit(x, s, seed=seed)
        return self

    def fit(self, x: np.ndarray, y: np.ndarray) -> TwoPhase:
        """Phase 2: psi^ = argmin sum_j l(g_{phi^, psi}(x_j), y_j) over n labelled rows."""
        self.head.fit(self.model.posterior(x), y)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.head.predict(self.model.posterior(x))


@dataclass(frozen=True)
class InformativeCheck:
    """One row a perturbation, as arrays (P,). ratio: joint over marginal; error: its Monte Carlo standard error.

    kappa: the largest ratio among perturbations whose marginal stands at least three standard errors from 0. The true
    constant can only be larger.
    """

    marginal: np.ndarray
    joint: np.ndarray
    aligned: np.ndarray
    ratio: np.ndarray
    error: np.ndarray

    @property
    def kappa(self) -> float:
        sure = self.ratio > 3 * self.error
        return float(self.ratio[sure].max()) if sure.any() else float("nan")


def informative(truth: LatentModel, perturbations: Sequence[LatentModel], *, seed: int = 0) -> InformativeCheck:
    """Distances of perturbed models from the truth: marginal, joint as they stand, joint after `group_align`.

    The family is informative when `aligned / marginal` stays bounded. Distances are those of the model (Hellinger for
    factors and pairs, total variation for mixtures). ConfigError where there is nothing to compare.
    """
    if not perturbations:
        raise ConfigError("informative: needs at least one perturbed model")
    marginal, errors, joint, aligned = [], [], [], []
    for number, model in enumerate(perturbations):
        apart = model.marginal_distance(truth, seed=seed + number)
        marginal.append(apart.value)
        errors.append(apart.error)
        joint.append(model.joint_distance(truth).value)
        aligned.append(model.group_align(truth).joint_distance(truth).value)
    seen = np.array(marginal)
    safe = np.maximum(seen, np.finfo(float).tiny)
    ratio = np.where(seen > 0, np.array(aligned) / safe, np.nan)
    return InformativeCheck(seen, np.array(joint), np.array(aligned), ratio, ratio * np.array(errors) / safe)


@dataclass(frozen=True)
class BoundTerms:
    """Upper bounds, often vacuous: what likelihood, head and chance add to the excess risk at most."""

    mle: float
    head: float
    confidence: float

    @property
    def total(self) -> float:
        return self.mle + self.head + self.confidence


def bound_terms(
    *,
    m: int,
    n: int,
    log_bracket: float,
    rademacher: float,
    kappa: float = 1.0,
    loss_bound: float = 1.0,
    delta: float = 0.05,
    mle_constant: float = 12.0,
    head_constant: float = 2.0,
) -> BoundTerms:
    """Error <= head_constant R_n + mle_constant kappa L sqrt(log(2 N / delta) / m) + 2 L sqrt(2 log(4 / delta) / n).

    log_bracket: log N, bracketing number of the marginals at scale 1/m (`LatentModel.complexity(m)`). rademacher: R_n
    of the losses of all predictors, worst over phi (`rademacher_finite`, `rademacher_linear`). kappa: of the
    informative condition. loss_bound: L. delta: chance that the bound is wrong. ConfigError for sizes below 1 or a
    delta outside 0..1.
    """
    if m < 1 or n < 1:
        raise ConfigError(f"bound_terms: m and n must be at least 1, got m={m}, n={n}")
    if not 0 < delta < 1:
        raise ConfigError(f"bound_terms: delta must lie between 0 and 1, got {delta}")
    return BoundTerms(
        mle=mle_constant * kappa * loss_bound * float(np.sqrt((np.log(2 / delta) + log_bracket) / m)),
        head=head_constant * rademacher,
        confidence=2 * loss_bound * float(np.sqrt(2 * np.log(4 / delta) / n)),
    )


def rademacher_finite(classes: int, n: int, loss_bound: float = 1.0) -> float:
    """Massart: L sqrt(2 log |Psi| / n); 0 for a single head."""
    return loss_bound * float(np.sqrt(2 * np.log(classes) / n))


def rademacher_linear(features: np.ndarray, radius: float, loss_bound: float = 1.0) -> float:
    """|psi| <= radius on features (n, r) under a squared loss cut at L: 2 sqrt(L) radius sqrt(sum |x|^2) / n."""
    return 2 * float(np.sqrt(loss_bound)) * radius * float(np.sqrt((features**2).sum())) / len(features)
