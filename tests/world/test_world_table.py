"""Table rows: columns say what the scenes are, targets follow their rules, no single column gives them away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world import tables
from jointspace.world.config import WorldConfig
from jointspace.world.scene import sample
from jointspace.world.tables import CATEGORICAL, FEATURES, LABELS, NOISE, NUMERIC, POINTED, TARGETS, WARM


@pytest.fixture(scope="module")
def whole():
    return world.make("table", n=4000, seed=0, missing=0.0).columns()


def coded(columns, names):
    """Category codes and numbers, NaN where missing."""
    out = []
    for name in names:
        if name in CATEGORICAL:
            kinds = sorted({v for v in columns[name] if v is not None})
            out.append([np.nan if v is None else kinds.index(v) for v in columns[name]])
        else:
            out.append(columns[name])
    return np.array(out, dtype=float).T


def forest(columns, names, target, cut=3000):
    x, y = coded(columns, names), np.array(columns[target])
    where = [j for j, name in enumerate(names) if name in CATEGORICAL]
    model = HistGradientBoostingClassifier(max_iter=40, categorical_features=where or None, random_state=0)
    return model.fit(x[:cut], y[:cut]).score(x[cut:], y[cut:])


def test_pinned():
    assert world.make("table", n=8, seed=5).digest() == "578757f3e654e601"


def test_fields_are_the_columns():
    rows = world.make("table", n=1)
    assert set(rows.FIELDS) == {*CATEGORICAL, *NUMERIC, *TARGETS} and set(NOISE) < set(FEATURES)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_columns_say_what_the_scene_is(seed):
    scenes = sample(WorldConfig(objects=(1, 6)), seed, np.arange(5))
    rows = world.make("table", n=5, seed=seed, missing=0.0)
    for i, row in enumerate(rows):
        first, *others = scenes.objects(i)
        assert [row[k] for k in ("shape", "colour", "size", "texture")] == [
            first[k] for k in ("shape", "colour", "size", "texture")
        ]
        assert row["count"] == 1 + len(others)
        if not others:
            assert (row["neighbour_shape"], row["side"]) == ("none", "none") and row["distance"] is None
            continue
        gaps = [np.hypot(o["x"] - first["x"], o["y"] - first["y"]) for o in others]
        near = others[int(np.argmin(gaps))]
        assert (row["neighbour_shape"], row["neighbour_colour"]) == (near["shape"], near["colour"])
        assert row["distance"] == pytest.approx(min(gaps), abs=1e-6)
        if row["side"] in ("left", "right"):
            assert (near["x"] < first["x"]) == (row["side"] == "left")
        else:
            assert (near["y"] < first["y"]) == (row["side"] == "above")


def test_oracle_knows_the_targets_from_the_stated_columns_alone(whole):
    for i in range(1000):
        row = {name: whole[name][i] for name in FEATURES}
        warm, pointed = row["colour"] in WARM, row["shape"] in POINTED
        assert whole["label"][i] == f"{'warm' if warm else 'cold'} {'pointed' if pointed else 'blunt'}"
        assert whole["parity"][i] == ("odd" if (warm + pointed + (row["x"] < 0.5)) % 2 else "even")
        bent = 3 * row["y"] * (2 - row["y"]) * (1 if row["texture"] == "plain" else -1)
        assert whole["value"][i] == pytest.approx(row["area"] / 4 + row["count"] / 2 + bent, abs=1e-5)
    scenes = sample(WorldConfig(objects=(1, 6)), 0, np.arange(100))
    columns = tables.features(scenes, 0)
    for target, used in TARGETS.items():  # other columns shuffled: nothing changes
        order = np.roll(np.arange(100), 1)
        mixed = {name: value if name in used else value[order] for name, value in columns.items()}
        assert (tables.targets(mixed)[target] == tables.targets(columns)[target]).all()


def test_missing_cells_have_their_rate_and_hide_nothing_else(whole):
    holes = world.make("table", n=4000, seed=0, missing=0.3).columns()
    for name in FEATURES:
        seen = np.array([v is not None for v in holes[name]])
        there = np.array([v is not None for v in whole[name]])
        rate = 1 - seen[there].mean()
        assert rate == pytest.approx(0.0 if name == "count" else 0.3, abs=0.03)
        assert all(holes[name][i] == whole[name][i] for i in np.flatnonzero(seen))
    for name in TARGETS:
        assert list(holes[name]) == list(whole[name])


def test_noise_has_its_rate(whole):
    noisy = world.make("table", n=4000, seed=0, missing=0.0, noise=0.4).columns()
    assert np.mean(np.array(noisy["label"]) != np.array(whole["label"])) == pytest.approx(0.4 * 3 / 4, abs=0.03)
    assert np.mean(np.array(noisy["parity"]) != np.array(whole["parity"])) == pytest.approx(0.4 / 2, abs=0.03)
    assert np.mean(noisy["value"] != whole["value"]) == pytest.approx(0.4, abs=0.03)


@pytest.mark.slow
def test_ceilings_of_single_columns(whole):
    label = {name: forest(whole, [name], "label") for name in FEATURES}
    parity = {name: forest(whole, [name], "parity") for name in FEATURES}
    pair = max(forest(whole, pair, "parity") for pair in (["colour", "shape"], ["colour", "x"], ["shape", "x"]))
    majority = max(np.mean(np.array(whole["label"]) == name) for name in LABELS)
    rest = forest(whole, [name for name in FEATURES if name not in TARGETS["label"]], "label")
    assert majority < 0.3
    assert max(label.values()) < 0.57
    assert max(parity.values()) < 0.56 and pair < 0.57
    assert rest < 0.45  # brightness knows a little of the colour
    assert forest(whole, TARGETS["label"], "label") > 0.99
    assert forest(whole, TARGETS["parity"], "parity") > 0.95


def test_bad_controls():
    with pytest.raises(ConfigError, match="missing must be in 0"):
        world.make("table", n=1, missing=1.5)
    with pytest.raises(ConfigError, match="objects must be a range"):
        world.make("table", n=1, objects=[0, 9])
