"""From columns to scores: which interval is taken when."""

import numpy as np
import pytest

from jointspace.evaluation.measuring import Measure, Resampling, measure
from jointspace.evaluation.score import Score, Units
from jointspace.metrics.bootstrap import LARGE, mean_interval
from jointspace.metrics.clustering import contingency, v_measure

HOW = Resampling(samples=1000)


def units(n, **columns):
    return Units("items", [str(i) for i in range(n)], columns)


def test_a_mean_has_the_interval_of_the_metrics():
    x = np.random.default_rng(0).random(50)
    (score,) = measure(units(50, x=x), "item", [Measure("m", {"value": "x"})], HOW)
    assert score.value == pytest.approx(x.mean()) and score.n == 50
    assert score.interval == pytest.approx(tuple(mean_interval(x, samples=1000)))
    assert (score.per_unit == x).all()


def test_agreement_many_and_single_units():
    all_right = measure(units(20, x=np.ones(20)), "item", [Measure("m", {"value": "x"})], HOW)[0]
    assert all_right.interval[0] == pytest.approx(0.025 ** (1 / 20)) and all_right.interval[1] == 1
    assert measure(units(1, x=np.ones(1)), "item", [Measure("m", {"value": "x"})], HOW)[0].interval is None
    n = LARGE + 1000
    rng = np.random.default_rng(0)
    x, y = rng.random(n) < 0.5, rng.normal(size=n)
    measures = [Measure("m", {"value": "x"}), Measure("mid", {"value": "y"}, "median", bounds=(-9, 9))]
    mean, median = measure(units(n, x=x, y=y), "item", measures, HOW)
    assert np.diff(mean.interval)[0] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(n), rel=0.02)
    assert np.diff(median.interval)[0] == pytest.approx(2 * 1.96 * 1.2533 / np.sqrt(n), rel=0.25)


def test_intervals_of_biased_statistics_are_centred_and_stay_in_bounds():
    rng = np.random.default_rng(0)
    label, cluster = rng.integers(0, 8, 60), rng.integers(0, 8, 60)
    how = {"label": "label", "cluster": "cluster"}
    (score,) = measure(units(60, label=label, cluster=cluster), "item", [Measure("v", how, "v_measure")], HOW)
    assert score.value == pytest.approx(v_measure(contingency(label, cluster)))
    assert np.mean(score.interval) == pytest.approx(score.value) and 0 <= score.interval[0] < score.interval[1] <= 1


def test_groups_count_as_one_unit():
    x, groups = np.repeat(np.random.default_rng(0).random(30), 4), np.repeat(np.arange(30) * 10, 4)
    table = Units("q", [str(i) for i in range(120)], {"x": x}, groups)
    (score,) = measure(table, "row", [Measure("m", {"value": "x"})], HOW)
    assert score.n == 30 and score.interval == pytest.approx(tuple(mean_interval(x[::4], samples=1000)))


def test_a_score_without_its_units_says_so():
    score = Score("m", 0.5, None, 3, "item", columns={"value": "x"})
    assert score.per_unit is None
    with pytest.raises(ValueError, match="score m: its per-unit values are not loaded"):
        score.prepared()
