"""Volumes: the class lies in the order of the slices alone; masks, slice labels and reports agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from jointspace import world
from jointspace.errors import ConfigError

SMALL = dict(depth=12, size=16, lesions=6)


def runs_of(line):
    """The oracle: how many runs of ones."""
    return int((np.diff(np.concatenate([[0], line])) == 1).sum())


def test_pinned():
    assert world.make("volumes", n=2, seed=5).digest() == "c1e1a0a1811de9b3"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_truths_agree(seed):
    for row in world.make("volumes", n=4, seed=seed, runs=[0, 1, 2, 3]):
        assert row["volume"].shape == row["mask"].shape == (24, 32, 32)
        assert runs_of(row["slice_labels"]) == row["runs"]
        assert row["slice_labels"].sum() == (6 if row["runs"] else 0)
        assert ((row["mask"] == 2).any(axis=(1, 2)) == row["slice_labels"].astype(bool)).all()
        assert (row["mask"] == 1).any(axis=(1, 2)).all(), "the organ is in every slice"
        assert row["label"] == f"{row['organ']}, {('no run', 'one run', 'two runs', 'three runs')[row['runs']]}"
        said = {s["finding"]: s for s in row["sentences"]}
        assert set(said) == {"scan", "size", "fluid", "lesion"}
        assert all(row["report"][s["start"] : s["end"]] == s["text"] for s in row["sentences"])
        assert said["lesion"]["present"] == (row["runs"] > 0)
        assert said["fluid"]["present"] == (row["mask"] == 3).any()
        assert row["organ"] in said["scan"]["text"].lower()
        number = ("", "one group", "two separate groups", "three separate groups")[row["runs"]]
        assert number in said["lesion"]["text"]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_bag_of_slices_is_the_same_for_every_class(seed):
    """Byte by byte: whatever forgets the order of the slices is at chance, by construction."""
    bags = []
    for runs in (1, 2, 3):
        volumes = world.make("volumes", n=3, seed=seed, runs=[runs], **SMALL, fields=["volume", "runs"]).columns()
        assert (volumes["runs"] == runs).all()
        bags.append([sorted(s.tobytes() for s in grid) for grid in volumes["volume"]])
    assert bags[0] == bags[1] == bags[2]


def test_upside_down_the_class_is_the_same_and_depths_are_fair():
    rows = world.make("volumes", n=3000, seed=0, fields=["runs", "slice_labels"]).columns()
    lines, runs = rows["slice_labels"], rows["runs"]
    assert all(runs_of(line[::-1]) == r for line, r in zip(lines, runs, strict=True))
    assert np.bincount(runs)[1:] == pytest.approx(1000, abs=90)
    for r in (1, 2, 3):
        depth = lines[runs == r].mean(axis=0)
        assert depth == pytest.approx(depth[::-1], abs=0.07)
        assert depth.sum() == pytest.approx(6)


def test_the_lesion_is_seen_where_the_mask_says():
    seen = world.make("volumes", n=24, seed=3, fields=["volume", "mask"]).columns()
    none = world.make("volumes", n=24, seed=3, contrast=0, fields=["volume"]).column("volume")
    gap = np.abs(seen["volume"].astype(int) - none)
    assert gap[seen["mask"] == 2].mean() > 20 > 1 > gap[seen["mask"] != 2].mean()


@pytest.mark.parametrize("look", ["ct", "mr-t1", "mr-t2", "ultrasound"])
def test_lesions_are_as_bright_as_said(look):
    seen, none = (world.make("volumes", n=8, seed=3, looks=[look], contrast=c, **SMALL) for c in (1, 0))
    for a, b in zip(seen, none, strict=True):
        gap = a["volume"][a["mask"] == 2].astype(float).mean() - b["volume"][a["mask"] == 2].mean()
        assert (gap > 0) == ("bright" in a["report"].lower()) != ("dark" in a["report"].lower())


def probe(x, y, cut):
    x = StandardScaler().fit(x[:cut]).transform(x)
    return LogisticRegression(max_iter=500).fit(x[:cut], y[:cut]).score(x[cut:], y[cut:])


@pytest.mark.slow
def test_ceilings_of_mean_pooling_and_single_slices():
    c = world.make(
        "volumes", n=420, seed=0, organs=["liver", "kidney"], fields=["volume", "runs", "organ", "mask"]
    ).columns()
    grid, runs = c["volume"] / 255, c["runs"]
    pooled = np.stack([(grid * (c["mask"] == k)).mean(axis=(2, 3)).mean(axis=1) for k in range(4)], axis=1)
    levels = np.stack([(grid < t).mean(axis=(1, 2, 3)) for t in np.linspace(0.1, 0.9, 9)], axis=1)
    mean = np.concatenate([pooled, levels], axis=1)  # even with the masks' help
    middle = grid[:, 12].reshape(420, -1)
    assert probe(mean, runs, 280) < 0.45  # chance 0.33
    assert probe(middle, runs, 280) < 0.47
    # an order-aware reader of the masks is right every time
    lines = (c["mask"] == 2).any(axis=(2, 3)).astype(int)
    assert all(runs_of(line) == r for line, r in zip(lines, runs, strict=True))


def test_one_slice_and_other_depths():
    row = world.make("volumes", n=1, depth=1, lesions=1, runs=[1])[0]
    assert row["volume"].shape == (1, 32, 32) and row["slice_labels"].tolist() == [1]
    row = world.make("volumes", n=1, depth=40, lesions=12, size=16)[0]
    assert row["volume"].shape == (40, 16, 16) and row["slice_labels"].sum() == 12
    assert set(world.make("volumes", n=20, looks=["ultrasound"], **SMALL, fields=["look"]).column("look")) == {
        "ultrasound"
    }


def test_bad_controls():
    with pytest.raises(ConfigError, match="4 lesions cannot be cut into 3"):
        world.make("volumes", n=1, lesions=4)
    with pytest.raises(ConfigError, match="organs: no 'livre'.*liver"):
        world.make("volumes", n=1, organs=["livre"])
    with pytest.raises(ConfigError, match="lesions must be in 3 to 4"):
        world.make("volumes", n=1, depth=8)
    with pytest.raises(ConfigError, match="runs must be in 0 to 3"):
        world.make("volumes", n=1, runs=[4])
