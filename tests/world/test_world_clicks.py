"""Click logs: the label follows the stated formula, ids have their tails, no single column gives the click away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from jointspace import world
from jointspace.errors import ConfigError

SMALL = dict(sizes=[300, 200, 50, 5])


@pytest.fixture(scope="module")
def log():
    rows = world.make("clicks", n=40_000, seed=0)
    return rows, rows.columns()


def test_pinned():
    assert world.make("clicks", n=8, seed=5).digest() == "8ee1ed8371e87949"


def test_row_depends_on_seed_and_index_alone():
    many, few = world.make("clicks", n=5000, seed=3, **SMALL), world.make("clicks", n=20, seed=3, **SMALL)
    assert many[:20] == few[:20]
    made = many.block(np.array([4100, 7]), ["user", "label"])
    assert [made["user"][1], made["label"][1]] == [few[7]["user"], few[7]["label"]]
    assert world.make("clicks", n=20, seed=4, **SMALL)[:20] != few[:20]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), drift=st.sampled_from([0.0, 0.5]))
def test_probability_is_the_formula_written_out(seed, drift):
    rows = world.make("clicks", n=6, seed=seed, drift=drift, **SMALL)
    m = rows.model
    for row in rows:
        ids = [row[name] for name in ("user", "item", "page", "brand")]
        angle = drift * row["time"] / 10_000
        z = [np.cos(angle) * m.latent[i][v] + np.sin(angle) * m.turned[i][v] for i, v in enumerate(ids)]
        logit = m.intercept + sum(m.bias[i][v] for i, v in enumerate(ids))
        logit += sum(m.pair[i, j] * (z[i] @ z[j]) for i in range(4) for j in range(i + 1, 4))
        logit += m.weight @ [row[name] for name in ("price", "recency", "position", "dwell")]
        assert row["probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def test_population_is_planted_as_stated():
    m = world.make("clicks", n=1, seed=1).model
    ranks = (8, 6, 4, 4, 2, 2, 1, 1)
    for i, rank in enumerate(ranks):
        assert not m.latent[i][m.useless[i]].any() and not m.bias[i][m.useless[i]].any()
        used = np.any(m.latent[i] != 0, axis=0)
        assert used[:rank].all() and not used[rank:].any()
        assert m.share[i].sum() == pytest.approx(1)
    assert np.mean(m.useless[0]) == pytest.approx(0.3, abs=0.02)
    assert m.bias[0][~m.useless[0]].std() == pytest.approx(0.5, abs=0.02)
    top = np.sort(m.share[1])[::-1]
    assert top[0] / top[99] == pytest.approx(100**1.05)
    ordered = world.make("clicks", n=1, seed=1, ordered=True).model
    assert (np.diff(ordered.share[1]) <= 0).all() and (np.diff(m.share[1]) > 0).any()


def test_clicks_are_as_frequent_and_as_sure_as_stated(log):
    _, c = log
    assert c["label"].mean() == pytest.approx(0.25, abs=0.015)
    for low in np.arange(0, 1, 0.2):  # calibrated: among rows of probability p, a share p is clicked
        these = (c["probability"] >= low) & (c["probability"] < low + 0.2)
        assert c["label"][these].mean() == pytest.approx(c["probability"][these].mean(), abs=0.03)


def test_oracle_and_ceilings(log):
    rows, c = log
    y, cut = c["label"], 36_000
    assert roc_auc_score(y, c["probability"]) > 0.87  # the best there is
    scores = {}
    for i, name in enumerate(rows.controls.columns):  # click rate of each value, smoothed
        size = rows.controls.sizes[i]
        clicks, shown = np.bincount(c[name][:cut], y[:cut], size), np.bincount(c[name][:cut], minlength=size)
        scores[name] = roc_auc_score(y[cut:], ((clicks + 2.5) / (shown + 10))[c[name][cut:]])
    assert max(scores.values()) < 0.62
    assert (
        roc_auc_score(y, np.stack([c[k] for k in ("price", "recency", "position", "dwell")], 1) @ rows.model.weight)
        < 0.6
    )
    # even the true biases of all values do not suffice: half of the truth lies in pairs of values
    assert roc_auc_score(y, sum(rows.model.bias[i][c[k]] for i, k in enumerate(rows.controls.columns))) < 0.72


def test_drift_turns_tastes():
    still, moved = (world.make("clicks", n=30_000, seed=2, drift=d, **SMALL) for d in (0.0, 1.0))
    a, b = still.columns("probability", "user"), moved.columns("probability", "user")
    assert (a["user"] == b["user"]).all()
    gap = np.abs(a["probability"] - b["probability"])
    assert gap[:100].mean() < 0.01 < 0.1 < gap[-5000:].mean()


def test_bad_controls():
    with pytest.raises(ConfigError, match="no control 'size'.*sizes"):
        world.make("clicks", n=1, size=[3, 3])
    with pytest.raises(ConfigError, match="3 ranks for 2 sizes"):
        world.make("clicks", n=1, sizes=[3, 3], ranks=[1, 1, 1])
    with pytest.raises(ConfigError, match="no column 'page' with 2 sizes"):
        world.make("clicks", n=1, sizes=[3, 3], fields=["page"])
    with pytest.raises(ConfigError, match="useless must be in 0 to 1"):
        world.make("clicks", n=1, useless=2)


def test_portrait_and_words():
    rows = world.make("clicks", n=3, seed=0, **SMALL)
    picture = rows.portrait(rows[0])
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    assert str(rows[0]["item"]) in rows.words(rows[0])
