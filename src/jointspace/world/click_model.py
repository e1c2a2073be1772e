"""The click model: who clicks on what, with which probability. A population of values and a formula on them.

The generator of click logs that embedding-compression, optembed and unified-embedding share: F columns of long-tailed
ids; each value v of a column has a bias u_v and a latent vector z_v of the column's rank; a planted share of the
values is useless (u = z = 0). With numeric columns x,

    logit = b + sum_i u_i + sum_{i<j} s_ij <z_i, z_j> + <w, x>,    P(click) = 1 / (1 + exp(-logit)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import key, normal, permutation, uniform

WIDTH = 8  # latent vectors are padded with zeros to this width
NUMERIC = ("price", "recency", "position", "dwell")
_LIMIT = np.pi / 2  # tastes turn by at most a quarter


@dataclass(frozen=True)
class ClickModel:
    """The truth behind a log: a pure function of (seed, sizes, ranks, ...), the same for every row.

    share[i] (n_i,): probability of each id of column i; bias[i] (n_i,); latent[i] and turned[i] (n_i, WIDTH), what
    latent is after a quarter turn of drift; useless[i] (n_i,) bool; pair (F, F) upper triangle s_ij; weight (4,) of the
    numeric columns; intercept b; drift: radians that tastes turn in 10,000 rows.
    """

    share: tuple[np.ndarray, ...]
    bias: tuple[np.ndarray, ...]
    latent: tuple[np.ndarray, ...]
    turned: tuple[np.ndarray, ...]
    useless: tuple[np.ndarray, ...]
    pair: np.ndarray
    weight: np.ndarray
    intercept: float
    drift: float

    def ids(self, keys: np.ndarray) -> np.ndarray:
        """Ids of the rows with these keys: (B, F) int64."""
        u = uniform(keys, len(self.share), stream=1)
        drawn = [np.searchsorted(np.cumsum(p), u[:, i] * p.sum(), side="right") for i, p in enumerate(self.share)]
        return np.minimum(np.stack(drawn, axis=1), [len(p) - 1 for p in self.share])

    def numbers(self, keys: np.ndarray) -> np.ndarray:
        """Numeric columns of the rows with these keys: (B, 4) float32, standard normal."""
        return normal(keys, len(NUMERIC), stream=2).astype(np.float32)

    def logits(self, ids: np.ndarray, numbers: np.ndarray, time: np.ndarray) -> np.ndarray:
        """ids (B, F), numbers (B, 4), time (B,) in rows since the start -> (B,) float64."""
        out = self.intercept + numbers.astype(np.float64) @ self.weight
        for i, bias in enumerate(self.bias):
            out = out + bias[ids[:, i]]
        z = np.stack([latent[ids[:, i]] for i, latent in enumerate(self.latent)], axis=1)
        if self.drift:
            angle = np.clip(self.drift * time / 10_000, 0, _LIMIT)[:, None, None]
            other = np.stack([turned[ids[:, i]] for i, turned in enumerate(self.turned)], axis=1)
            z = np.cos(angle) * z + np.sin(angle) * other
        return out + np.einsum("bif,ij,bjf->b", z, self.pair, z, optimize=True)


def click_model(
    seed: int,
    sizes: tuple[int, ...],
    ranks: tuple[int, ...],
    *,
    zipf: float,
    useless: float,
    rate: float,
    drift: float = 0.0,
    ordered: bool = False,
) -> ClickModel:
    """Draw the population. `rate`: share of clicks, met by the intercept; `ordered`: id 0 is the most frequent."""
    share, bias, latent, turned, idle = [], [], [], [], []
    for i, (size, rank) in enumerate(zip(sizes, ranks, strict=True)):
        values = key(seed, "value", i, np.arange(size))
        p = (1.0 + np.arange(size)) ** -zipf
        p /= p.sum()
        share.append(p if ordered else p[np.argsort(permutation(key(seed, "order", i), size))])
        idle.append(uniform(values, 1, stream=1)[:, 0] < useless)
        useful = ~idle[-1]
        bias.append(0.5 * normal(values, 1, stream=2)[:, 0] * useful)
        column = (np.arange(WIDTH) < rank) * useful[:, None]
        latent.append(normal(values, WIDTH, stream=3) * column)
        turned.append(normal(values, WIDTH, stream=4) * column)
    f = len(sizes)
    pair = np.triu(0.4 * normal(key(seed, "pair", np.arange(f)), f), k=1)
    weight = 0.15 * normal(key(seed, "numeric"), len(NUMERIC))
    parts = tuple(share), tuple(bias), tuple(latent), tuple(turned), tuple(idle)
    model = ClickModel(*parts, pair, weight, 0.0, drift)
    keys = key(seed, "intercept", np.arange(20_000))
    plain = model.logits(model.ids(keys), model.numbers(keys), np.zeros(len(keys)))
    return ClickModel(*parts, pair, weight, _intercept(plain, rate), drift)


def _intercept(logits: np.ndarray, rate: float) -> float:
    """b such that the mean of sigmoid(logits + b) is `rate`, by bisection."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(logits + middle).mean() < rate else (low, middle)
    return round((low + high) / 2, 6)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), 1 - 1 / (1 + np.exp(-np.abs(x))))
