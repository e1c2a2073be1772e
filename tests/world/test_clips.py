"""Clips: tracks, boxes, captions and labels agree with what moves; no single frame tells a way from its opposite."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world import motion_words
from jointspace.world.language import SYNONYMS
from jointspace.world.motion import MOTIONS, OPPOSITES

EDGE = 1.12


def step(track, axis, edge):
    """Way from frame to frame along an axis on which what leaves comes in again."""
    d = np.diff(track[:, axis])
    length = 1 + 2 * edge
    return (d + length / 2) % length - length / 2


def turning(track, centre):
    """Angle turned about `centre`, clockwise as seen."""
    angle = np.unwrap(np.arctan2(track[:, 1] - centre[1], track[:, 0] - centre[0]))
    return angle[-1] - angle[0]


def oracle(tracks):
    """Motion of the first object, read off the tracks (T, objects, 4)."""
    track = tracks[:, 0]
    if not track[:, 3].all():
        return "blink"
    growth = track[-1, 2] / track[0, 2]
    if abs(growth - 1) > 0.5:
        return "grow" if growth > 1 else "shrink"
    edge = EDGE * track[0, 2]
    dx, dy = step(track, 0, edge), step(track, 1, edge)
    if max(abs(dx).max(), abs(dy).max()) < 1e-6:
        return "still"
    if tracks.shape[1] == 2 and np.ptp(tracks[:, 1, :2], axis=0).max() > 1e-6:
        apart = np.hypot(*(tracks[:, 0, :2] - tracks[:, 1, :2]).T)
        middle = (tracks[:, 0, :2] + tracks[:, 1, :2]) / 2
        if np.ptp(middle, axis=0).max() < 1e-5 and apart[len(apart) // 2] < apart[0] - 0.1:
            return "collide"
        if np.ptp(apart) < 1e-5 and abs(turning(tracks[:, 0], (0.5, 0.5))) > 2:
            return "follow"
    if abs(dy).max() < 1e-6:
        return "left" if dx.mean() < 0 else "right"
    if abs(dx).max() < 1e-6:
        return "up" if dy.mean() < 0 else "down"
    first, second, third = track[0, :2], track[2, :2], track[4, :2]
    a = np.array([second - first, third - first]) * 2  # the centre lies at equal distance from three points
    b = np.array([second @ second - first @ first, third @ third - first @ first])
    return "clockwise" if turning(track, np.linalg.solve(a, b)) > 0 else "counter-clockwise"


def test_an_oracle_that_reads_the_tracks_is_always_right():
    rows = world.clips(n=600, seed=2, both_move=0.5, fields=["tracks", "motion", "label", "labels", "objects"])
    seen = set()
    for row in rows:
        assert oracle(row["tracks"].astype(float)) == row["motion"] == row["objects"][0]["motion"]
        assert row["labels"][0] == row["label"] == motion_words.label(row["motion"], row["objects"][0]["shape"])
        seen.add(row["motion"])
    assert seen == set(MOTIONS)


def test_the_follower_is_behind():
    rows = world.clips(n=60, seed=1, motions=["follow"], fields=["tracks", "objects"])
    for row in rows:
        way = np.sign(turning(row["tracks"][:, 0], (0.5, 0.5)))
        a, b = (np.arctan2(*(row["tracks"][0, k, 1::-1] - 0.5)) for k in (0, 1))
        assert 1.4 < (way * (b - a)) % (2 * np.pi) < 1.8
        assert [t["motion"] for t in row["objects"]] == ["follow", "led"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([24, 32, 48]), frames=st.sampled_from([4, 8, 9]))
def test_boxes_agree_with_the_tracks(seed, size, frames):
    rows = world.clips(n=4, seed=seed, size=size, frames=frames, both_move=0.5)
    for row in rows:
        boxes, tracks = row["boxes"], row["tracks"]
        assert row["video"].shape == (frames, size, size, 3)
        assert boxes.shape == tracks.shape == (frames, len(row["objects"]), 4)
        for box, (x, y, radius, shown) in zip(boxes.reshape(-1, 4), tracks.reshape(-1, 4), strict=True):
            assert box.min() >= 0 and box.max() <= size
            if not shown:
                assert not box.any()
                continue
            low = np.floor(np.array([x - EDGE * radius, y - EDGE * radius]) * size - 1)
            high = np.ceil(np.array([x + EDGE * radius, y + EDGE * radius]) * size + 1)
            if box.any():
                assert (box[:2] >= low).all() and (box[2:] <= high).all() and (box[2:] > box[:2]).all()
            else:  # nothing seen: out of the picture, or the other object stands before it
                assert min(x, y, 1 - x, 1 - y) < 0.5 * radius or len(row["objects"]) == 2


def test_a_frame_without_the_object_is_the_plain_ground():
    common = {"n": 30, "motions": ["blink"], "objects": [1, 1]}
    dressed = world.clips(seed=4, parts=["hat", "wings", "wheels"], backgrounds=["grass", "bricks"], **common)
    for row in [*world.clips(seed=3, **common), *dressed]:
        gone = row["tracks"][:, 0, 3] == 0
        assert 0 < gone.sum() < 8
        ground = row["video"][gone][0].astype(int)
        assert (row["video"][gone] == ground).all(), "nothing is left of it"
        assert (np.abs(row["video"][~gone] - ground).sum(axis=(1, 2, 3)) > 500).all()


def test_captions_name_what_is_there_and_what_it_does():
    rows = world.clips(n=300, seed=5, told=0.5, both_move=0.5, fields=[f for f in world.kind("clips").FIELDS][1:9])
    assert np.mean([row["told"] for row in rows]) == pytest.approx(0.5, abs=0.08)
    verbs = {v for forms in motion_words.VERBS.values() for v in forms}
    for row in rows:
        assert row["caption"] == row["caption_motion" if row["told"] else "caption_still"]
        for thing in row["objects"]:
            for field in ("colour", "shape"):
                said = SYNONYMS.get(thing[field], (thing[field],))
                assert all(any(w in row[f"caption_{kind}"] for w in said) for kind in ("motion", "still"))
        assert not any(f" {verb}" in row["caption_still"] for verb in verbs)
        alone = [t["motion"] for t in row["objects"]]
        if row["motion"] not in motion_words.PAIRS:
            assert all(any(verb in row["caption"] for verb in motion_words.VERBS[m]) for m in alone if row["told"])
        if len(alone) == 2:
            a, b = row["objects"]
            assert (a["colour"], a["shape"]) != (b["colour"], b["shape"])


def test_held_out_motions_never_or_always():
    pairs = (("left", "star"), ("collide", "ring"), ("still", "heart"), ("grow", "square"))
    common = {"n": 500, "seed": 0, "fields": ["objects", "motion", "label"], "both_move": 0.5}
    without = world.clips(held_out_motions=pairs, held_out=[["red", "star"]], **common)
    for row in without:
        for thing in row["objects"]:
            assert (thing["motion"], thing["shape"]) not in pairs
            assert (thing["colour"], thing["shape"]) != ("red", "star")
    only = world.clips(held_out_motions=pairs, only_held_out_motions=True, **common)
    assert {(row["motion"], row["objects"][0]["shape"]) for row in only} == set(pairs)
    assert set(r["label"] for r in only) == set(without.label_names(held_out=True)) == set(only.label_names())
    assert not {r["label"] for r in without} & set(without.label_names(held_out=True))
    assert len(without.label_names()) == 12 * 12 - 4


def test_image_is_a_frame_and_the_digest_is_pinned():
    rows = world.clips(n=40, seed=7)
    assert all((row["image"] == row["video"][row["frame"]]).all() for row in rows)
    fields = ["video", "caption", "motion", "boxes", "tracks"]
    assert world.clips(n=8, seed=7, fields=fields).digest() == "a0d1814a1c309514"


def test_neighbours_do_not_matter_in_a_rich_world_either():
    rows = world.clips(n=70, seed=3, parts=["none", "hat", "wings"], backgrounds=["plain", "grass"], fields=["video"])
    for i in (0, 33, 69):
        assert (rows.block(np.array([i]), ["video"])["video"][0] == rows[i]["video"]).all()


def test_controls_name_what_is_wrong():
    with pytest.raises(ConfigError, match="motions: no 'lft'.*left"):
        world.clips(n=1, motions=["lft"])
    with pytest.raises(ConfigError, match="objects must be in 1 to 2"):
        world.clips(n=1, objects=[1, 3])
    with pytest.raises(ConfigError, match="leave no circle any motion"):
        world.clips(n=1, motions=["collide"], objects=[1, 1])
    with pytest.raises(ConfigError, match=r"\(up, star\) is no"):
        world.clips(n=1, shapes=["circle"], held_out_motions=[["up", "star"]])
    with pytest.raises(ConfigError, match="choose one"):
        world.clips(
            n=1,
            held_out=[["red", "star"]],
            only_held_out=True,
            held_out_motions=[["up", "star"]],
            only_held_out_motions=True,
        )


@pytest.fixture(scope="module")
def directions():
    """Small grey clips of one object that goes one of six ways: features of each frame, and the way."""
    motions = list(itertools.chain(*OPPOSITES))
    rows = world.clips(n=1500, seed=11, motions=motions, objects=[1, 1], clutter=0.0, textures=["plain"])
    columns = rows.columns("video", "motion", "caption_still", "objects")
    small = columns["video"].astype(np.float32).reshape(1500, 8, 8, 4, 8, 4, 3).mean(axis=(3, 5))
    return small.reshape(1500, 8, -1) / 255, np.array(columns["motion"]), columns["caption_still"]


def centroids(features):
    """Where in each frame (n, T, 8 x 8 x 3) lies what differs from the ground, and its way to the next frame."""
    cells = features.reshape(len(features), features.shape[1], 64, 3)
    mass = np.abs(cells - np.median(cells, axis=2, keepdims=True)).sum(axis=3)
    mass /= mass.sum(axis=2, keepdims=True) + 1e-6
    down, across = np.divmod(np.arange(64), 8)
    place = np.stack([(mass * across).sum(axis=2), (mass * down).sum(axis=2)], axis=-1)
    return np.concatenate([place, np.diff(place, axis=1)], axis=1).reshape(len(features), -1)


def accuracy(features, labels, model=None):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cut = 2 * len(labels) // 3
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, C=0.05)) if model is None else model
    return model.fit(features[:cut], labels[:cut]).score(features[cut:], labels[cut:])


@pytest.mark.slow
@pytest.mark.parametrize("pair", OPPOSITES, ids="-".join)
def test_no_frame_and_no_bag_of_frames_tells_a_way_from_its_opposite(directions, pair):
    """Chance 0.5. Ceiling 0.62 (0.60 measured) for each single frame, their mean and their range."""
    from sklearn.ensemble import ExtraTreesClassifier

    features, motion, _ = directions
    these = np.isin(motion, pair)
    x, y = features[these], motion[these]
    frames = [x[:, 0], x[:, 4], x[:, 7], x.mean(axis=1), x.max(axis=1) - x.min(axis=1)]
    for flat in frames:
        assert accuracy(flat, y) < 0.62
        assert accuracy(flat, y, ExtraTreesClassifier(100, random_state=0)) < 0.62


@pytest.mark.slow
def test_all_frames_together_tell_all_six_ways(directions):
    """One frame alone gives the axis at most (0.29 measured, chance 1/6); where things are in all frames gives all."""
    from sklearn.ensemble import ExtraTreesClassifier

    features, motion, _ = directions
    forest = ExtraTreesClassifier(100, random_state=0)
    assert accuracy(features[:, 4], motion, forest) < 0.36
    assert accuracy(centroids(features), motion, forest) > 0.95


@pytest.mark.slow
def test_mean_colour_and_words_do_not_tell_the_way(directions):
    """Chance 1/6 of six ways; ceiling 0.24."""
    from sklearn.feature_extraction.text import CountVectorizer

    features, motion, captions = directions
    colour = features.reshape(len(motion), 8, -1, 3).mean(axis=(1, 2))
    words = CountVectorizer().fit_transform(captions).toarray().astype(float)
    assert accuracy(colour, motion) < 0.24
    assert accuracy(words, motion) < 0.24
    assert accuracy(np.array([[len(c)] for c in captions], float), motion) < 0.24
