"""Tests of differences: closed forms, all sign patterns by hand, calibration under no difference, power."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm, ttest_rel

from jointspace.evaluation.significance import Result, holm, more_needed, over_seeds, paired, sign_flip
from jointspace.metrics.statistics import mean, spearman


def test_all_sign_patterns_by_hand():
    d = np.array([0.3, -0.1, 0.7, 0.2, 0.4, -0.05])
    far = [abs(sum(s * x for s, x in zip(p, d, strict=True))) for p in product([1, -1], repeat=6)]
    assert sign_flip(d) == np.mean(np.array(far) >= abs(d.sum()) - 1e-12)
    assert sign_flip(np.ones(5)) == 2 / 2**5 and sign_flip(np.zeros(9)) == 1
    assert sign_flip(np.r_[d, np.zeros(100)]) == sign_flip(d)  # units without a difference say nothing


def test_random_patterns_and_the_normal_limit_agree():
    d = np.random.default_rng(0).normal(0.1, 1, 400)
    want = 2 * norm.sf(abs(d.sum()) / np.sqrt((d**2).sum()))
    assert sign_flip(d, samples=40_000) == pytest.approx(want, abs=0.01)
    assert sign_flip(np.tile(d, 20)) < sign_flip(d)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1]) and holm([0.2]) == [0.2]


def test_a_pair_of_means_has_the_interval_of_students_t():
    rng = np.random.default_rng(0)
    a = rng.random(60)
    b = a + 0.05 + 0.1 * rng.normal(size=60)
    r = paired(mean(a), mean(b), 60, kind="mean", values=(a, b))
    want = ttest_rel(b, a)
    assert r.difference == pytest.approx((b - a).mean()) and r.p == pytest.approx(want.pvalue, abs=0.01)
    assert r.interval == pytest.approx(tuple(want.confidence_interval()), abs=0.004)
    turned = paired(mean(b), mean(a), 60, kind="mean", values=(b, a))
    assert turned.difference == -r.difference and turned.p == pytest.approx(r.p)
    same = paired(mean(a), mean(a), 60, kind="mean", values=(a, a))
    assert same.difference == 0 and same.p == 1 and same.interval == (0, 0)


def test_repeating_rows_in_groups_changes_nothing():
    rng = np.random.default_rng(0)
    a, b = rng.random(30), rng.random(30)
    alone = paired(mean(a), mean(b), 30, kind="mean", values=(a, b))
    x, y, groups = np.repeat(a, 4), np.repeat(b, 4), np.repeat(np.arange(30), 4)
    grouped = paired(mean(x), mean(y), 120, kind="mean", values=(x, y), groups=groups)
    assert grouped.interval == pytest.approx(alone.interval) and grouped.p == pytest.approx(alone.p)


def test_seeds_widen_the_interval():
    rng = np.random.default_rng(0)
    item = rng.random(300)
    runs = [
        [item + shift + 0.02 * rng.normal(size=300) for shift in shifts] for shifts in ([0, 0.1, -0.1], [0.1, 0.2, 0])
    ]
    a, b = ([mean(x) for x in side] for side in runs)
    together, apart = over_seeds(a, b, 300, same_seeds=True), over_seeds(a, b, 300, same_seeds=False)
    assert together.difference == pytest.approx(apart.difference) == pytest.approx(0.1, abs=0.01)
    assert apart.of_seeds == pytest.approx(np.sqrt(2 * 0.01 / 3), rel=0.1)  # var of three shifts .01, mean over 3
    assert together.of_seeds < 0.005 and together.p < 0.001 < apart.p
    one = over_seeds(a[:1], b, 300, same_seeds=False)
    assert one.error > 0


def test_how_many_more_closed_form():
    z = (1.959964 + 0.841621) ** 2
    r = Result(0.02, (0, 0), 0.5, 0.01 * 2, 0.02, 0.0)
    assert more_needed(r, 100, 1) == (int(np.ceil(z * 0.02**2 * 100 / 0.02**2)) - 100, None)
    assert more_needed(Result(0.02, (0, 0), 0.5, 0.1, 0.001, 0.05), 100, 3)[0] is None
    assert more_needed(Result(0.02, (0, 0), 0.5, 0.1, 0.001, 0.05), 100, 3)[1] > 3
    assert more_needed(Result(0.02, (0, 0), 0.5, 0.1, 0.05, 0.05), 100, 3) == (None, None)
    assert more_needed(Result(0.0, (0, 0), 1, 0.1, 0.05, 0.05), 100, 3) == (None, None)


def test_one_unit_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two units, got 1"):
        paired(mean(np.ones(1)), mean(np.ones(1)), 1, kind="mean", values=None)


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 100])
def test_no_difference_is_seldom_called_real(n):
    rng, p, inside = np.random.default_rng(1), [], []
    for _ in range(500):
        a, b = rng.binomial(1, 0.4, n).astype(float), rng.binomial(1, 0.4, n).astype(float)
        r = paired(mean(a), mean(b), n, kind="mean", values=(a, b), samples=1000)
        p.append(r.p)
        inside.append(r.interval[0] <= 0 <= r.interval[1])
    assert np.mean(np.array(p) < 0.05) <= 0.07 and np.mean(inside) >= 0.93


@pytest.mark.slow
def test_no_difference_of_correlations_is_seldom_called_real():
    rng, p = np.random.default_rng(2), []
    for _ in range(300):
        y, e, f = rng.normal(size=(3, 80))
        a, b = spearman(y + e, y), spearman(y + f, y)
        p.append(paired(a, b, 80, kind="spearman", values=None, samples=400).p)
    assert np.mean(np.array(p) < 0.05) <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("same_seeds", [True, False])
def test_coverage_over_new_seeds_and_new_items(same_seeds):
    rng, inside = np.random.default_rng(3), []
    for _ in range(400):
        item, shift = rng.normal(size=60), rng.normal(size=(2, 4, 1))
        if same_seeds:
            shift[1] = shift[0] + 0.3 * rng.normal(size=(4, 1))
        runs = item * np.array([1, 1.3])[:, None, None] + 0.5 * shift + 0.3 * rng.normal(size=(2, 4, 60))
        a, b = ([mean(x) for x in side] for side in runs)
        r = over_seeds(a, b, 60, same_seeds=same_seeds, samples=400)
        inside.append(r.interval[0] <= 0 <= r.interval[1])
    assert 0.92 <= np.mean(inside) <= 0.995


@pytest.mark.slow
def test_the_estimate_of_items_needed_gives_the_power_it_promises():
    rng, found = np.random.default_rng(4), 0
    d, sd, n = 0.05, 0.5, 200
    more, _ = more_needed(Result(d, (0, 0), 0.5, sd / np.sqrt(n), sd / np.sqrt(n), 0.0), n, 1)
    for _ in range(400):
        found += sign_flip(rng.normal(d, sd, n + more), samples=500) < 0.05
    assert 0.74 <= found / 400 <= 0.87
