"""Intervals: closed forms, invariances, and the coverage they promise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from jointspace.metrics.bootstrap import (
    agreeing_interval,
    bootstrap,
    mean_error,
    mean_interval,
    normal_interval,
    percentile_interval,
    resample,
)
from jointspace.metrics.statistics import mean, spearman


def test_each_resample_has_as_many_rows_as_there_are():
    blocks = list(resample(50, 7000, seed=1))
    counts = np.concatenate(blocks)
    assert counts.shape == (7000, 50) and (counts.sum(axis=1) == 50).all()
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.02)  # binomial(n, 1 / n)


def test_groups_are_drawn_whole():
    groups = np.repeat(np.arange(10), 3)
    counts = np.concatenate(list(resample(30, 100, groups=groups))).reshape(100, 10, 3)
    assert (counts == counts[:, :, :1]).all() and (counts[:, :, 0].sum(axis=1) == 10).all()


def test_the_spread_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(0).normal(size=400)
    values = bootstrap([mean(x)], 400, samples=8000)[0]
    assert values.std() == pytest.approx(mean_error(x), rel=0.03)
    low, high = mean_interval(x)
    want = normal_interval(x.mean(), mean_error(x))
    assert low == pytest.approx(want.low, abs=0.01) and high == pytest.approx(want.high, abs=0.01)


def test_repeated_rows_in_groups_add_no_certainty():
    x = np.random.default_rng(0).normal(size=60)
    alone, grouped = mean_interval(x), mean_interval(np.repeat(x, 5), groups=np.repeat(np.arange(60), 5))
    assert grouped == pytest.approx(alone)
    assert mean_error(np.repeat(x, 5), np.repeat(np.arange(60), 5)) == pytest.approx(mean_error(x))


def test_the_same_seed_gives_the_same_interval_and_shifts_move_it():
    x = np.random.default_rng(0).normal(size=40)
    assert mean_interval(x) == mean_interval(x) and mean_interval(x) != mean_interval(x, seed=1)
    assert np.subtract(mean_interval(x + 3), mean_interval(x)) == pytest.approx([3, 3])


@pytest.mark.parametrize("n", [2, 5, 50])
def test_units_that_all_agree_have_the_exact_bound(n):
    for value in (0, 1):
        low, high = mean_interval(np.full(n, float(value)))
        want = binomtest(value * n, n).proportion_ci(0.95, method="exact")
        assert (low, high) == pytest.approx((want.low, want.high))
    assert agreeing_interval(1.0, 50).low == pytest.approx(0.9289, abs=1e-4)


def test_large_samples_take_the_normal_interval():
    x = (np.random.default_rng(0).random(30_000) < 0.3).astype(float)
    low, high = mean_interval(x)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 30_000), rel=0.01)


def test_one_unit_has_no_interval():
    with pytest.raises(ValueError, match="at least two units, got 1"):
        percentile_interval(np.zeros(10), 1)


@pytest.mark.slow
@pytest.mark.parametrize("n, p", [(15, 0.5), (60, 0.3), (200, 0.1)])
def test_coverage_of_a_hit_rate(n, p):
    rng = np.random.default_rng(7)
    inside = [
        low <= p <= high for low, high in (mean_interval(rng.binomial(1, p, n), samples=1000) for _ in range(1000))
    ]
    assert 0.93 <= np.mean(inside) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n", [8, 30])
def test_coverage_of_a_mean_of_few_units(n):
    rng = np.random.default_rng(8)
    drawn = (mean_interval(rng.normal(size=n), samples=1000) for _ in range(1000))
    inside = [low <= 0 <= high for low, high in drawn]
    assert 0.925 <= np.mean(inside) <= 0.975


@pytest.mark.slow
def test_coverage_with_groups():
    rng, groups, inside = np.random.default_rng(9), np.repeat(np.arange(40), 5), []
    for _ in range(800):
        x = np.repeat(rng.normal(size=40), 5) + rng.normal(size=200)
        low, high = mean_interval(x, samples=1000, groups=groups)
        inside.append(low <= 0 <= high)
    assert 0.93 <= np.mean(inside) <= 0.975


@pytest.mark.slow
def test_coverage_of_a_rank_correlation():
    rng, inside = np.random.default_rng(10), []
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # of a bivariate normal with correlation .6
    for _ in range(500):
        x = rng.normal(size=100)
        y = 0.6 * x + 0.8 * rng.normal(size=100)
        low, high = percentile_interval(bootstrap([spearman(x, y)], 100, samples=800)[0], 100)
        inside.append(low <= truth <= high)
    assert 0.92 <= np.mean(inside) <= 0.98
