"""Networks for tables on frozen tokens or raw numbers, with one budget: linear, MLP, ResNet, transformer, boosting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.errors import ConfigError, DataError, nearest
from jointspace.metrics.probe import linear_probe
from jointspace.nn.attention import Transformer
from jointspace.nn.token_heads import token_head

NETWORKS = ("linear", "mlp", "resnet", "transformer", "boosting")


@dataclass(frozen=True)
class Budget:
    """What every network gets: passes, rows a batch, rate, hidden width, layers."""

    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    hidden: int = 128
    layers: int = 2


@dataclass(frozen=True)
class Outcome:
    """predicted (N,): labels, or numbers in units of the train rows' deviation; cost (N,): 0 / 1 errors, or squares."""

    predicted: np.ndarray
    cost: np.ndarray
    regression: bool

    @property
    def score(self) -> float:
        """Accuracy, or root mean squared error of the standardised target."""
        mean = float(self.cost.mean())
        return mean**0.5 if self.regression else 1.0 - mean


def is_regression(labels: Any) -> bool:
    """Numbers of more than 20 kinds are a quantity, everything else is a class."""
    labels = np.asarray(labels)
    return labels.dtype.kind in "iuf" and len(np.unique(labels)) > 20


def downstream(
    train: np.ndarray,
    labels: Any,
    test: np.ndarray,
    test_labels: Any,
    *,
    network: str = "mlp",
    head: str = "flatten",
    regression: bool | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Outcome:
    """Fit a network on train, judge it on test: inputs (N, F), or tokens (N, L, D) that `head` reads first
    (`jointspace.nn.token_heads`: flatten, per_feature, conv, mean, max). linear and boosting read them flat.

    regression: None = by `is_regression`. Entries are standardised by the train rows.
    Raises ConfigError for an unknown name, DataError for a single class.
    """
    if network not in NETWORKS:
        raise ConfigError(f"network: none is called {network!r}{nearest(network, NETWORKS)}")
    x, z = (np.asarray(a, dtype=np.float32) for a in (train, test))
    known, truth = np.asarray(labels), np.asarray(test_labels)
    regression = is_regression(known) if regression is None else regression
    if regression:
        mean, deviation = known.mean(), known.std()
        known, truth = (known - mean) / deviation, (truth - mean) / deviation
    elif len(np.unique(known)) < 2:
        raise DataError("downstream: the train rows hold a single class")
    shift, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-6] = 1.0
    x, z = (x - shift) / scale, (z - shift) / scale
    if network == "linear":
        predicted = _linear(x.reshape(len(x), -1), known, z.reshape(len(z), -1), truth, regression)
    elif network == "boosting":
        predicted = _boosting(x.reshape(len(x), -1), known, z.reshape(len(z), -1), regression, seed)
    else:
        predicted = _network(x, known, z, network, head, regression, seed, budget or Budget())
    cost = (predicted - truth) ** 2 if regression else (predicted != truth).astype(np.float64)
    return Outcome(predicted, cost, regression)


def _linear(x: np.ndarray, known: np.ndarray, z: np.ndarray, truth: np.ndarray, regression: bool) -> np.ndarray:
    if not regression:
        return linear_probe(x, known, z, truth, standardize=False, max_iter=300).predicted[0]
    from sklearn.linear_model import RidgeCV

    made = RidgeCV(alphas=np.logspace(-2, 4, 7)).fit(x.astype(np.float64), known)
    # a linear map has no bounds: one odd row far outside the train rows would decide the mean square
    return np.clip(made.predict(z.astype(np.float64)), known.min(), known.max())


def _boosting(x: np.ndarray, known: np.ndarray, z: np.ndarray, regression: bool, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return made(random_state=seed).fit(x, known).predict(z)


class _Residual(nn.Module):
    """x + linear(relu(linear(norm(x)))): a block of ResNet for tables (Gorishniy et al., arXiv 2106.11959)."""

    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class _Attentive(nn.Module):
    """FT-Transformer on tokens that exist: width changed, a class token in front, blocks, the class token's state."""

    def __init__(self, width: int, out: int, budget: Budget):
        super().__init__()
        inner = max(8, budget.hidden // 4)
        self.enter = nn.Linear(width, inner)
        self.cls = nn.Parameter(torch.zeros(inner))
        self.blocks = Transformer(inner, 4, budget.layers, feed_forward=2 * inner)
        self.leave = nn.Linear(inner, out)

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.cat([self.cls.expand(len(tokens), 1, -1), self.enter(tokens)], dim=1)
        return self.leave(self.blocks(x)[0][:, 0])


class _Columns(nn.Module):
    """(B, F) numbers -> (B, F, D) tokens: x_j w_j + b_j, so that a transformer can read raw rows."""

    def __init__(self, length: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(length, width) * width**-0.5)
        self.bias = nn.Parameter(torch.randn(length, width) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1) * self.weight + self.bias


def _build(shape: tuple[int, ...], out: int, network: str, head: str, budget: Budget) -> nn.Module:
    if network == "transformer":
        width = shape[1] if len(shape) == 2 else 32
        first = nn.Identity() if len(shape) == 2 else _Columns(shape[0], width)
        return nn.Sequential(first, _Attentive(width, out, budget))
    reader = token_head(head, *shape) if len(shape) == 2 else nn.Identity()
    width = int(reader.dim) if len(shape) == 2 else shape[0]  # type: ignore[arg-type]
    stack: list[nn.Module] = [reader, nn.Linear(width, budget.hidden)]
    for _ in range(budget.layers - 1 if network == "mlp" else budget.layers):
        stack += (
            [nn.ReLU(), nn.Linear(budget.hidden, budget.hidden)] if network == "mlp" else [_Residual(budget.hidden)]
        )
    return nn.Sequential(*stack, nn.ReLU(), nn.Linear(budget.hidden, out))


def _network(
    x: np.ndarray, known: np.ndarray, z: np.ndarray, network: str, head: str, regression: bool, seed: int,
    budget: Budget,
) -> np.ndarray:  # fmt: skip
    kinds, number = (known, known) if regression else np.unique(known, return_inverse=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _build(x.shape[1:], 1 if regression else len(kinds), network, head, budget)
        rows, target = torch.from_numpy(x), torch.from_numpy(number)
        target = target.float() if regression else target
        optimiser = torch.optim.AdamW(model.parameters(), budget.learning_rate, weight_decay=budget.weight_decay)
        for _ in range(budget.epochs):
            for part in torch.randperm(len(rows)).split(budget.batch_size):
                said = model(rows[part])
                loss = F.mse_loss(said[:, 0], target[part]) if regression else F.cross_entropy(said, target[part])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        model.eval()
        with torch.no_grad():
            said = torch.cat([model(part) for part in torch.from_numpy(z).split(1024)])
    return said[:, 0].numpy().astype(np.float64) if regression else kinds[said.argmax(dim=1).numpy()]
