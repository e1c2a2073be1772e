"""The paper's three examples as experiments for `rates`, and a fourth: any frozen Space on real rows.

Every draw has its own truth and separate random streams for unlabelled rows, labelled rows and starts; smaller samples
are the beginning of larger ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from jointspace.errors import ConfigError
from jointspace.theory.curves import Size
from jointspace.theory.factor import FactorModel
from jointspace.theory.heads import LabelHead, LinearHead
from jointspace.theory.latent import LatentModel
from jointspace.theory.mixture import GaussianMixture
from jointspace.theory.pairs import PairModel

RIDGE = np.logspace(-3, 4, 22)  # strengths that cross-validation chooses from


class _Draw:
    """Arms of one draw; phi^ is kept by m, supervised arms by n."""

    truth: Any

    def __init__(self, seed: int):
        streams = np.random.SeedSequence(seed).spawn(4)  # truth, unlabelled, labelled, evaluation
        self.streams = [np.random.default_rng(stream) for stream in streams]
        self.seed = seed
        self._models: dict[int, LatentModel] = {}
        self._supervised: dict[int | None, Mapping[str, float]] = {}

    def risks(self, m: Size, n: int | None) -> Mapping[str, float]:
        """Excess risk of each arm; n None: infinitely many labels, two-phase alone."""
        if m == "n" and n is None:
            raise ConfigError('m = "n" needs a number of labels')
        model = self.model(int(n if m == "n" else m))  # type: ignore[arg-type]
        if n is None:
            return {"two-phase": self.limit(model)}
        if n not in self._supervised:
            self._supervised[n] = {"oracle": self.excess(self.truth, n), **self.supervised(n)}
        return {"two-phase": self.excess(model, n), **self._supervised[n]}

    def model(self, m: int) -> LatentModel:
        if m not in self._models:
            self._models[m] = self.pretrain(m)
        return self._models[m]

    def pretrain(self, m: int) -> LatentModel:
        raise TypeError(f"{type(self).__name__} defines no pretrain")

    def excess(self, model: Any, n: int) -> float:
        raise TypeError(f"{type(self).__name__} defines no excess")

    def limit(self, model: Any) -> float:
        raise ConfigError("this experiment has no closed form for infinitely many labels")

    def supervised(self, n: int) -> Mapping[str, float]:
        return {}


def _linear_arms(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Weights (d,) of ridge with its strength by leave-one-out, and of least squares (least norm where n < d)."""
    from sklearn.linear_model import RidgeCV

    ridge = RidgeCV(alphas=RIDGE, fit_intercept=False).fit(x, y)
    return {"ridge": ridge.coef_, "least squares": np.linalg.lstsq(x, y, rcond=None)[0]}


@dataclass(frozen=True)
class FactorExperiment:
    """A. d columns, r factors, singular values of B from singular[0] down to singular[1], |beta| = 1, label noise eps.

    Misspecification: rank = factors that are fitted (None: r); tails = degrees of freedom of a Student noise of unit
    variance (None: normal); off_span: labels depend on a direction that the factors do not hold.
    """

    d: int = 60
    r: int = 3
    singular: tuple[float, float] = (2.0, 1.0)
    eps: float = 0.5
    most: int = 20_000  # unlabelled rows drawn
    labels: int = 1280
    rank: int | None = None
    tails: float | None = None
    off_span: bool = False

    def draw(self, seed: int) -> _FactorDraw:
        return _FactorDraw(self, seed)


class _FactorDraw(_Draw):
    def __init__(self, spec: FactorExperiment, seed: int):
        super().__init__(seed)
        self.spec = spec
        rng = self.streams[0]
        basis, _ = np.linalg.qr(rng.standard_normal((spec.d, spec.r + 1)))
        rotation, _ = np.linalg.qr(rng.standard_normal((spec.r, spec.r)))
        loadings = basis[:, : spec.r] * np.linspace(*spec.singular, spec.r) @ rotation
        self.truth = FactorModel(spec.r, loadings=loadings)
        beta = rng.standard_normal(spec.r)
        self.beta = beta / np.linalg.norm(beta)
        self.off = basis[:, spec.r]  # orthogonal to every column of B
        self.best = self.off if spec.off_span else self.truth.weights(self.beta)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (n, d) and labels (n,)."""
        spec = self.spec
        z = rng.standard_normal((n, spec.r))
        if spec.tails is None:
            u = rng.standard_normal((n, spec.d))
        else:
            u = rng.standard_t(spec.tails, (n, spec.d)) * np.sqrt((spec.tails - 2) / spec.tails)
        y = (u @ self.off if spec.off_span else z @ self.beta) + spec.eps * rng.standard_normal(n)
        return z @ self.truth.b.T + u, y

    @cached_property
    def unlabelled(self) -> np.ndarray:
        return self.sample(self.spec.most, self.streams[1])[0]

    @cached_property
    def labelled(self) -> tuple[np.ndarray, np.ndarray]:
        return self.sample(self.spec.labels, self.streams[2])

    def pretrain(self, m: int) -> FactorModel:
        return FactorModel(self.spec.rank or self.spec.r).fit(_first(self.unlabelled, m))

    def excess(self, model: FactorModel, n: int) -> float:
        x, y = (_first(part, n) for part in self.labelled)
        head = LinearHead().fit(model.posterior(x), y)
        return self.truth.excess(model.weights(head.coefficients), self.best)

    def limit(self, model: FactorModel) -> float:
        return self.truth.excess(model.weights(self.truth.population_head(model, self.best)), self.best)

    def supervised(self, n: int) -> Mapping[str, float]:
        arms = _linear_arms(*(_first(part, n) for part in self.labelled))
        return {name: self.truth.excess(w, self.best) for name, w in arms.items()}


@dataclass(frozen=True)
class MixtureExperiment:
    """B. K components in d columns with mean pairwise distance `apart`; classes alternate; labels flip with chance eta.

    fitted: components that are fitted (None: K).
    """

    d: int = 30
    k: int = 6
    apart: float = 5.0
    eta: float = 0.1
    most: int = 5000
    labels: int = 400
    test: int = 20_000
    fitted: int | None = None
    restarts: int = 5

    def draw(self, seed: int) -> _MixtureDraw:
        return _MixtureDraw(self, seed)


class _MixtureDraw(_Draw):
    def __init__(self, spec: MixtureExperiment, seed: int):
        super().__init__(seed)
        self.spec = spec
        means = self.streams[0].standard_normal((spec.k, spec.d))
        pairs = np.linalg.norm(means[:, None] - means[None], axis=-1)[np.triu_indices(spec.k, 1)]
        self.truth = GaussianMixture(spec.k, means=means * spec.apart / pairs.mean())
        self.classes = np.arange(spec.k) % 2
        self.unlabelled = self.truth.sample(spec.most, self.streams[1])[0]
        x, z = self.truth.sample(spec.labels, self.streams[2])
        flipped = self.streams[2].random(spec.labels) < spec.eta
        self.labelled = x, self.classes[z] ^ flipped
        self.test = self.truth.sample(spec.test, self.streams[3])[0]
        self.chance = self.truth.posterior(self.test) @ self.classes  # P(class 1 | x), before flips

    def pretrain(self, m: int) -> GaussianMixture:
        model = GaussianMixture(self.spec.fitted or self.spec.k, restarts=self.spec.restarts)
        return model.fit(_first(self.unlabelled, m), seed=self.seed)

    def excess(self, model: GaussianMixture, n: int) -> float:
        x, y = (_first(part, n) for part in self.labelled)
        head = LabelHead().fit(model.posterior(x), y)
        return self.risk(head.predict(model.posterior(self.test)))[0]

    def risk(self, predicted: np.ndarray) -> tuple[float, float]:
        """Excess 0-1 risk over the Bayes rule and its Monte Carlo standard error; chances in place of labels."""
        lost = np.where(predicted == (self.chance > 0.5), 0.0, np.abs(2 * self.chance - 1)) * (1 - 2 * self.spec.eta)
        return float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(len(lost)))

    def supervised(self, n: int) -> Mapping[str, float]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import SVC

        x, y = (_first(part, n) for part in self.labelled)
        if len(set(y.tolist())) == 1:
            alone = self.risk(np.full(len(self.test), y[0]))[0]
            return {"logistic": alone, "RBF-SVM": alone}
        arms = {"logistic": LogisticRegression(max_iter=1000), "RBF-SVM": SVC()}
        return {name: self.risk(arm.fit(x, y).predict(self.test))[0] for name, arm in arms.items()}


@dataclass(frozen=True)
class PairExperiment:
    """C. x ~ N(0, I_d), f(x) = scale Q'x, orthonormal Q (d, r); z = f(x) + N(0, I_r), y = beta'z + nu, |beta| = 1."""

    d: int = 20
    r: int = 3
    scale: float = 2.0
    eps: float = 0.5
    most: int = 20_000
    labels: int = 320

    def draw(self, seed: int) -> _PairDraw:
        return _PairDraw(self, seed)


class _PairDraw(_Draw):
    def __init__(self, spec: PairExperiment, seed: int):
        super().__init__(seed)
        self.spec = spec
        q, _ = np.linalg.qr(self.streams[0].standard_normal((spec.d, spec.r)))
        self.truth = PairModel(spec.r, theta=spec.scale * q.T)
        beta = self.streams[0].standard_normal(spec.r)
        self.best = self.truth.f.T @ beta / np.linalg.norm(beta)
        pairs = self.streams[1].standard_normal((spec.most, 2, spec.d))
        agree = (self.truth.posterior(pairs[:, 0]) * self.truth.posterior(pairs[:, 1])).sum(axis=1)
        self.unlabelled = pairs, (self.streams[1].random(spec.most) < expit(agree)).astype(int)
        x = self.streams[2].standard_normal((spec.labels, spec.d))
        noise = np.sqrt(1 + spec.eps**2) * self.streams[2].standard_normal(spec.labels)  # of z along beta, and nu
        self.labelled = x, x @ self.best + noise

    def pretrain(self, m: int) -> PairModel:
        x, s = (_first(part, m) for part in self.unlabelled)
        return PairModel(self.spec.r).fit(x, s, seed=self.seed)

    def excess(self, model: PairModel, n: int) -> float:
        x, y = (_first(part, n) for part in self.labelled)
        head = LinearHead().fit(model.posterior(x), y)
        return float(((model.f.T @ head.coefficients - self.best) ** 2).sum())

    def limit(self, model: PairModel) -> float:
        head = np.linalg.lstsq(model.f.T, self.best, rcond=None)[0]
        return float(((model.f.T @ head - self.best) ** 2).sum())

    def supervised(self, n: int) -> Mapping[str, float]:
        arms = _linear_arms(*(_first(part, n) for part in self.labelled))
        return {name: float(((w - self.best) ** 2).sum()) for name, w in arms.items()}


@dataclass(frozen=True)
class SpaceExperiment:
    """A frozen Space (phi^ given) against raw input under the same head: ridge, strength by leave-one-out.

    vectors (N, E): `space.encode(rows)` or the posterior of a fitted model; raw (N, d): the rows as numbers; y (N,).
    Labels are drawn anew for each seed; the risk is the mean squared error on the other rows, over the variance of y.
    """

    vectors: np.ndarray
    raw: np.ndarray
    y: np.ndarray
    test: int = 1000

    def draw(self, seed: int) -> SpaceExperiment._Chosen:
        return SpaceExperiment._Chosen(self, np.random.default_rng(seed).permutation(len(self.y)))

    @dataclass(frozen=True)
    class _Chosen:
        spec: SpaceExperiment
        order: np.ndarray

        def risks(self, m: Size, n: int | None) -> Mapping[str, float]:
            if n is None or n + self.spec.test > len(self.order):
                raise ConfigError(f"{n} labels and {self.spec.test} test rows of {len(self.order)} rows")
            train, test = self.order[:n], self.order[-self.spec.test :]
            return {
                name: _ridge_risk(x[train], self.spec.y[train], x[test], self.spec.y[test])
                for name, x in (("two-phase", self.spec.vectors), ("ridge", self.spec.raw))
            }


def _ridge_risk(x: np.ndarray, y: np.ndarray, test: np.ndarray, wanted: np.ndarray) -> float:
    """Columns keep their relative scale: dividing each by its own spread would blow up columns that hardly vary."""
    from sklearn.linear_model import RidgeCV

    scale = np.sqrt(((x - x.mean(axis=0)) ** 2).mean()) or 1.0
    predicted = RidgeCV(alphas=RIDGE).fit(x / scale, y).predict(test / scale)
    return float(((predicted - wanted) ** 2).mean() / wanted.var())


def _first(part: np.ndarray, n: int) -> np.ndarray:
    if n > len(part):
        raise ConfigError(f"{n} rows are wanted, the experiment draws {len(part)}: raise `most` or `labels`")
    return part[:n]
