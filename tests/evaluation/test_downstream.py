"""Networks on tokens and raw rows; relevance of columns."""

import numpy as np
import pytest
import torch

from jointspace.errors import ConfigError, DataError
from jointspace.evaluation.column_relevance import column_relevance
from jointspace.evaluation.downstream import NETWORKS, Budget, downstream, is_regression
from jointspace.nn.token_heads import HEADS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4, 6)).astype(np.float32)
KIND = np.where(X[:, 0, 0] + X[:, 2, 1] > 0, "up", "down")
VALUE = (X[:, 0, 0] - X[:, 3, 5]) * 100 + 7
FEW = Budget(epochs=25, batch_size=32, learning_rate=3e-3, hidden=16)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("raw", [True, False])
def test_every_network_learns_classes_and_quantities(network, raw):
    x = X.reshape(300, -1) if raw else X
    made = downstream(x[:200], KIND[:200], x[200:], KIND[200:], network=network, budget=FEW)
    assert made.score > 0.6 and not made.regression and set(made.predicted) <= {"up", "down"}
    made = downstream(x[:200], VALUE[:200], x[200:], VALUE[200:], network=network, budget=FEW)
    assert made.score < 0.9 and made.regression and made.score == pytest.approx(np.sqrt(made.cost.mean()))


@pytest.mark.parametrize("head", HEADS)
def test_every_head_and_the_same_seed_the_same_answer(head):
    state, how = torch.get_rng_state(), dict(head=head, budget=Budget(epochs=2, hidden=8))
    one, two = (downstream(X[:60], KIND[:60], X[60:90], KIND[60:90], **how) for _ in range(2))
    assert np.array_equal(one.predicted, two.predicted) and torch.equal(state, torch.get_rng_state())


def test_errors_and_kinds_of_targets():
    assert is_regression(np.arange(21)) and not is_regression([0, 1, 1]) and not is_regression(list("abc"))
    with pytest.raises(ConfigError, match="did you mean resnet"):
        downstream(X, KIND, X, KIND, network="resnett")
    with pytest.raises(DataError, match="single class"):
        downstream(X, ["a"] * 300, X, KIND)


def test_relevance_is_how_far_a_column_moves_a_row():
    class Linear:
        def encode(self, rows, **how):
            assert how["modality"] == "table"
            return np.array([[3.0 * row["a"], row["b"], 0.0] for row in rows])

    rows = [{"a": float(a), "b": float(b), "c": 1} for a, b in RNG.normal(size=(400, 2))]
    found = column_relevance(Linear(), rows)
    assert found["c"] == 0 and sum(found.values()) == pytest.approx(1)
    assert found["a"] == pytest.approx(0.75, abs=0.05)
    with pytest.raises(DataError, match="two rows"):
        column_relevance(Linear(), rows[:1])
