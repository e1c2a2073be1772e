"""Numbers that tell whether all embeddings became alike."""

import numpy as np
import pytest
from scipy.stats import norm

from jointspace.metrics.collapse import _kl, collapse


def test_equal_rows_give_zero():
    row = np.random.default_rng(0).normal(size=(1, 4, 8))
    assert max(collapse(np.repeat(row, 10, axis=0)).values()) < 1e-30


def test_closed_forms():
    x = np.random.default_rng(0).normal(size=(2000, 4, 8))
    found = collapse(x, pairs=200)
    assert found["variance"] == pytest.approx(1, abs=0.02) and found["mean_variance"] == pytest.approx(1 / 4, abs=0.01)
    assert found["distance"] == pytest.approx(8, abs=0.2)  # sqrt(2 L D)
    assert collapse(3 * x, pairs=200)["distance"] == pytest.approx(3 * found["distance"])


def test_kl_of_two_normal_samples_is_about_the_true_one():
    u = norm.ppf((np.arange(2000) + 0.5) / 2000)
    assert _kl(u, u + 1) == pytest.approx(0.5, abs=0.1) and _kl(u, u) == 0


def test_errors():
    with pytest.raises(ValueError, match="two rows"):
        collapse(np.zeros((1, 3, 4)))
