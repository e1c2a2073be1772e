"""The rich world: free layouts with planted links and occlusion, parts, styles; truth and pixels agree exactly."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world import image
from jointspace.world.config import BACKGROUNDS, LINKS, MARKS, ORIENTATIONS, PARTS, RICH, STYLES, WorldConfig
from jointspace.world.relations import FACTS, INVERSE, RELATIONS, facts, relations
from jointspace.world.scene import sample

FULL = {**RICH, "styles": STYLES, "marks": MARKS, "blur": 0.5, "noise": 0.5, "two_coloured": 0.3, "distractors": 0.2}


def test_pinned_rich_pictures():
    """One hash over quantised pictures, masks and attributes of the whole rich world."""
    state = hashlib.sha256()
    scenes = sample(WorldConfig(size=48, **FULL), 5, np.arange(24))
    state.update((image.render(scenes) >> 3).tobytes())
    mask = image.masks(scenes)
    state.update(np.packbits(mask).tobytes())
    state.update((image.semantic(scenes, mask)).tobytes())
    assert state.hexdigest()[:16] == "dc8c0365d4b354b7"


def test_digest_of_the_set():
    assert (
        world.scenes(n=8, seed=3, fields=["image", "objects", "boxes", "label"], **FULL).digest() == "239dfe9b48618d47"
    )


@pytest.mark.parametrize("size", [16, 32, 96])
def test_a_row_does_not_depend_on_its_neighbours(size):
    """Pixels, masks and arrays of a scene alone equal those of the same scene in a block, with everything on."""
    config = WorldConfig(size=size, **FULL)
    whole = sample(config, 11, np.arange(40))
    pictures, mask = image.render(whole), image.masks(whole)
    for i in (0, 7, 23, 39):
        alone = sample(config, 11, np.array([i]))
        assert (image.render(alone)[0] == pictures[i]).all()
        count = alone.count[0]
        assert (image.masks(alone)[0, :count] == mask[i, :count]).all()
        assert alone.objects(0) == whole.objects(i) and facts(alone, 0) == facts(whole, i)


def test_a_plain_row_is_free_of_its_neighbours_too():
    config = WorldConfig(objects=(1, 6), size=40)
    pictures = image.render(sample(config, 0, np.arange(300)))
    for i in range(0, 300, 13):
        assert (image.render(sample(config, 0, np.array([i])))[0] == pictures[i]).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([32, 48, 80]), camera=st.sampled_from([0.0, 1.0]))
def test_masks_boxes_depth_and_classes_agree(seed, size, camera):
    scenes = sample(WorldConfig(**{**FULL, "size": size, "camera": camera}), seed, np.arange(8))
    mask = image.masks(scenes)
    box, depth, classes = image.boxes(mask), image.depth(scenes, mask), image.semantic(scenes, mask)
    assert mask.sum(axis=1).max() <= 1
    for i in range(8):
        assert not mask[i, scenes.count[i] :].any()
        assert (depth[i][~mask[i].any(axis=0)] == 1).all() and (classes[i][~mask[i].any(axis=0)] == 0).all()
        for k in range(scenes.count[i]):
            ys, xs = np.nonzero(mask[i, k])
            if not len(ys):  # hidden, or pushed out of the picture
                assert box[i, k].tolist() == [0, 0, 0, 0]
                continue
            assert box[i, k].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert len(set(depth[i][mask[i, k]])) == 1
            assert set(classes[i][mask[i, k]]) <= {1 + scenes.shape[i, k], image.IGNORE}
            if k and mask[i, k - 1].any():  # later objects are nearer
                assert depth[i][mask[i, k]].max() < depth[i][mask[i, k - 1]].min()


def test_classes_ignore_borders_and_unlabelled_kinds():
    config = WorldConfig(objects=(2, 4), size=64)
    scenes = sample(config, 0, np.arange(50))
    mask = image.masks(scenes)
    plain = image.semantic(scenes, mask)
    inner = binary_dilation(~mask.any(axis=1), structure=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[None])
    assert (plain[mask.any(axis=1) & inner] == image.IGNORE).all()  # the rim of every object
    kept = image.semantic(scenes, mask, without=("star", "ring"))
    for name in ("star", "ring"):
        assert (plain == 1 + config.shapes.index(name)).any()
        assert not (kept == 1 + config.shapes.index(name)).any()
    assert (image.semantic(scenes, mask, by="colour").max(initial=0, where=plain != 255)) <= len(config.colours)
    with pytest.raises(ConfigError, match="no shape 'stra'"):
        image.semantic(scenes, mask, without=("stra",))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), camera=st.sampled_from([0.0, 0.7]))
def test_planted_links_are_seen_in_the_masks(seed, camera):
    """Linked objects meet, what is inside is surrounded, what is on stands higher, the others keep off."""
    config = WorldConfig(size=96, objects=(2, 5), layout="free", links=LINKS[1:], linked=0.8, camera=camera)
    scenes = sample(config, seed, np.arange(10))
    whole = _unhidden(scenes)
    for i in range(10):
        found = {(a, b): name for name, a, b in relations(scenes, i) if name in LINKS[1:]}
        for a in range(scenes.count[i]):
            for b in range(a):
                meet = (binary_dilation(whole[i, a], iterations=2) & whole[i, b]).any()
                name = found.get((a, b))
                overlap = (whole[i, a] & whole[i, b]).sum()
                if name is None:
                    assert not meet
                elif name == "inside":
                    rows, columns = np.nonzero(whole[i, a])
                    outer = image.boxes(whole[i, b][None, None])[0, 0]
                    assert outer[0] < columns.min() and columns.max() < outer[2] - 1
                    assert outer[1] < rows.min() and rows.max() < outer[3] - 1
                else:
                    assert meet
                    if name != "holding":
                        assert overlap < 0.3 * min(whole[i, a].sum(), whole[i, b].sum())
                    if name == "on":
                        assert scenes.y[i, a] < scenes.y[i, b]


def _unhidden(scenes):
    """Each object's mask as if it stood alone."""
    out = np.zeros((len(scenes), scenes.count.max(), scenes.config.size, scenes.config.size), dtype=bool)
    full = image.masks(scenes)
    for k in range(out.shape[1]):
        rows = np.flatnonzero(scenes.count > k)
        others = np.arange(scenes.shape.shape[1]) != k

        hidden = np.where(others & (np.arange(scenes.shape.shape[1]) > k), 1e-4, scenes.radius[rows])
        link = np.where(np.arange(scenes.shape.shape[1]) > k, 0, scenes.link[rows])
        alone = replace(scenes.take(rows), radius=hidden, link=link)
        out[rows, k] = image.masks(alone)[:, k]
        assert (out[rows, k] >= full[rows, k]).all()
    return out


@pytest.mark.parametrize("objects", [(1, 3), (4, 6)])
def test_occlusion_hides_a_part_and_never_the_whole(objects):
    config = WorldConfig(size=64, objects=objects, layout="free", occlusion=1.0)
    scenes = sample(config, 1, np.arange(150))
    mask, whole = image.masks(scenes), _unhidden(scenes)
    shares = []
    for i in range(150):
        for k in range(scenes.count[i]):
            shares.append(mask[i, k].sum() / whole[i, k].sum())
        told = {(a, b) for name, a, b in facts(scenes, i) if name == "in front of"}
        for a in range(scenes.count[i]):
            for b in range(a):
                if (whole[i, a] & whole[i, b]).sum() > 0.25 * whole[i, b].sum():
                    assert (a, b) in told
    assert min(shares) > 0.25
    assert np.mean(np.array(shares) < 0.95) > 0.15
    apart = sample(replace(config, occlusion=0.0), 1, np.arange(100))
    assert (image.masks(apart) == _unhidden(apart)).all()


def test_facts_are_closed_under_inverse_and_all_occur():
    scenes = sample(WorldConfig(size=32, **{**RICH, "objects": (3, 6)}), 2, np.arange(300))
    seen = set()
    for i in range(300):
        found = facts(scenes, i)
        assert len(found) == len(set(found))
        names = {name for name, _, _ in found}
        seen |= names
        back = {v: k for k, v in INVERSE.items()}
        for name, a, b in found:
            assert (INVERSE.get(name, back.get(name, name)), b, a) in found
        assert {r for r in relations(scenes, i)} <= set(found)
        assert {name for name, _, _ in relations(scenes, i)} <= set(RELATIONS)
    assert seen == set(FACTS) and len(FACTS) >= 14


def test_every_attribute_shows_in_the_pixels():
    """Change one attribute of a lone object: its picture changes; masks change with shape, size, part alone."""
    base = sample(WorldConfig(size=64, **{**FULL, "objects": (1, 1), "noise": 0.0, "links": ()}), 0, np.arange(40))
    before, outline = image.render(base), image.masks(base)
    for name, moves in (
        ("shape", True), ("part", True), ("colour", False), ("texture", False), ("material", False), ("mark", False),
    ):  # fmt: skip
        n = len(base.config.values(name))
        other = replace(base, **{name: (getattr(base, name) + 1) % n})
        changed = (image.render(other) != before).any(axis=(1, 2, 3))
        assert changed.mean() > (0.7 if name == "material" else 0.9), name
        assert (image.masks(other) != outline).any() == moves, name
    for name in ("style", "background"):
        other = replace(base, **{name: (getattr(base, name) + 1) % len(base.config.values(name))})
        assert (image.render(other) != before).any(axis=(1, 2, 3)).all()


def test_orientation_is_said_only_where_it_shows():
    scenes = sample(WorldConfig(objects=(4, 6), orientations=ORIENTATIONS, parts=PARTS), 0, np.arange(200))
    turned = [t for i in range(200) for t in scenes.objects(i) if t["orientation"] != "upright"]
    assert len(turned) > 20
    assert {t["orientation"] for t in turned} == set(ORIENTATIONS[1:])
    assert not any(t["shape"] in ("circle", "square", "cross", "ring", "hexagon", "diamond") for t in turned)
    assert not any(t["part"] != "none" for t in turned)


def test_a_scene_at_two_sizes_is_the_same_scene():
    scenes = sample(WorldConfig(size=48, **RICH), 4, np.arange(20))
    large = image.resized(scenes, 96)
    small_boxes, large_boxes = image.boxes(image.masks(scenes)), image.boxes(image.masks(large))
    seen = (small_boxes[..., 2] > 0) & (large_boxes[..., 2] > 0)
    off = np.abs(2 * small_boxes - large_boxes)[seen]
    assert seen.mean() > 0.4 and off.max() <= 8 and np.quantile(off, 0.98) <= 3
    halved = image.render(large).reshape(20, 48, 2, 48, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - image.render(scenes)).mean() < 12


def test_every_ground_can_be_told_apart():
    from sklearn.ensemble import RandomForestClassifier

    config = WorldConfig(objects=(1, 2), backgrounds=BACKGROUNDS, size=32)
    scenes = sample(config, 0, np.arange(600))
    pictures = image.render(scenes).astype(float)
    looks = np.concatenate(
        [
            pictures.mean((1, 2)),
            pictures.std((1, 2)),
            *(np.abs(np.diff(pictures, axis=a)).mean((1, 2)) for a in (1, 2)),
        ],
        1,
    )
    tree = RandomForestClassifier(40, random_state=0).fit(looks[:400], scenes.background[:400])
    assert tree.score(looks[400:], scenes.background[400:]) > 0.8
