"""Splits, tails, ties, distractors, noise: each control does what it says, and no shortcut reads the truth."""

import numpy as np
import pytest

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world import image
from jointspace.world.config import BACKGROUNDS, LINKS, OBJECT, RICH, WorldConfig
from jointspace.world.entities import of_entities, split
from jointspace.world.language.entities import entities, entity_id
from jointspace.world.pixels import crops, labels, sampled
from jointspace.world.relations import relations
from jointspace.world.scene import sample


@pytest.mark.parametrize(
    "pairs", [(("striped", "star"), ("dotted", "ring")), (("hat", "red"), ("wings", "blue")), (("tiny", "arrow"),)]
)
def test_held_out_pairs_of_any_two_attributes(pairs):
    config = {**RICH, "sizes": ("small", "large", "tiny"), "held_out": pairs}
    without = sample(WorldConfig(**config), 0, np.arange(1500))
    only = sample(WorldConfig(**config, only_held_out=True), 0, np.arange(150))
    for i in range(1500):
        for thing in without.objects(i):
            assert not any(set(pair) <= set(map(str, thing.values())) for pair in pairs)
    for i in range(150):
        values = set(map(str, only.objects(i)[0].values()))
        free = only.count[i] > 1 and only.anchor[i, 1] == 0  # parts of linked objects are taken off
        assert free or any(set(pair) <= values for pair in pairs)


def test_held_out_links_never_occur_and_rare_ones_are_rare():
    out = (("star", "on", "square"), ("heart", "touching", "circle"))
    tail = {"links": 3.0}
    config = WorldConfig(layout="free", objects=(2, 6), links=LINKS[1:], held_out_links=out, long_tail=tail)
    scenes = sample(config, 0, np.arange(3000))
    count = dict.fromkeys(LINKS[1:], 0)
    for i in range(3000):
        for name, a, b in relations(scenes, i):
            if name in count:
                count[name] += 1
                assert (config.shapes[scenes.shape[i, a]], name, config.shapes[scenes.shape[i, b]]) not in out
    assert 0 < count["holding"] < 0.05 * sum(count.values())


def test_a_bare_on_in_yaml_is_the_link():
    made = world.scenes(n=1, layout="free", links=[True, "inside"], held_out_links=[["star", True, "ring"]])
    assert made.controls.links == ("on", "inside") and made.controls.held_out_links == (("star", "on", "ring"),)


def test_long_tail_follows_zipf():
    scenes = sample(WorldConfig(objects=(6, 6), long_tail={"shapes": 1.0, "backgrounds": 2.0}), 0, np.arange(4000))
    share = np.bincount(scenes.shape.ravel(), minlength=12) / scenes.shape.size
    want = 1 / np.arange(1, 13)
    assert share == pytest.approx(want / want.sum(), abs=0.01)


def test_spurious_background_has_its_strength():
    config = WorldConfig(backgrounds=BACKGROUNDS, spurious_background=0.8)
    scenes = sample(config, 0, np.arange(4000))
    assert (scenes.background == scenes.shape[:, 0] % 8).mean() == pytest.approx(0.8 + 0.2 / 8, abs=0.02)


def test_distractors_differ_from_the_first_object_in_one_attribute():
    config = WorldConfig(objects=(4, 4), distractors=1.0, size=48)
    scenes = sample(config, 0, np.arange(300))
    for i in range(300):
        first, *others = scenes.objects(i)
        for thing in others:
            assert sum(first[name] != thing[name] for name in OBJECT) == 1


def test_label_noise_has_its_rate_and_keeps_the_truth():
    rows = world.scenes(n=3000, label_noise=0.3, fields=["label", "true_label"])
    label, true = rows.column("label"), rows.column("true_label")
    assert np.mean([a != b for a, b in zip(label, true)]) == pytest.approx(0.3, abs=0.025)
    clean = world.scenes(n=50, fields=["label"]).column("label")
    assert clean == labels(sample(WorldConfig(), 0, np.arange(50)))[1]


def test_two_coloured_textures_name_the_second_colour():
    scenes = sample(WorldConfig(two_coloured=0.5, textures=("striped",)), 0, np.arange(400))
    seen = [t for i in range(400) for t in scenes.objects(i)]
    assert np.mean([t["second"] != "" for t in seen]) == pytest.approx(0.5, abs=0.06)
    assert not any(t["second"] == t["colour"] for t in seen)


def test_fields_of_the_picture_agree():
    fields = ["image", "objects", "masks", "boxes", "semantic", "image_crop", "crop_object"]
    rows = world.scenes(n=20, size=48, semantic_by="colour", fields=fields, **{**RICH, "objects": (2, 4)})
    colours = rows.config.colours
    for row in rows:
        k = row["crop_object"]
        assert row["masks"][k].any() and row["masks"].shape == (len(row["boxes"]), 48, 48)
        box = np.array([row["boxes"][k]])
        assert (row["image_crop"] == crops(row["image"][None], box, 48, 0.15)[0]).all()
        assert set(row["semantic"][row["masks"][k]]) <= {1 + colours.index(row["objects"][k]["colour"]), image.IGNORE}


def test_cropping_a_whole_picture_gives_it_back():
    pictures = world.scenes(n=5, size=32).images()
    whole = np.tile([0, 0, 32, 32], (5, 1))
    assert (crops(pictures, whole, 32) == pictures).all()
    assert sampled(pictures, np.full((5, 1, 1), 3.0), np.full((5, 1, 1), 4.0))[:, 0, 0] == pytest.approx(
        pictures[:, 3, 4]
    )


def test_scenes_of_entities_show_them():
    config = WorldConfig(shapes=("circle", "star", "ring", "arrow", "heart", "cross"), objects=(1, 1), camera=0.5)
    assert entities(config) == 240
    seen, new = split(240, 160)
    assert len(seen) == 160 and len(new) == 80 and not set(seen) & set(new)
    numbers = np.repeat(new, 10)
    scenes = of_entities(config, 0, np.arange(800), numbers)
    assert [entity_id(scenes.objects(i)[0], config) for i in range(800)] == numbers.tolist()
    assert len({image.render(scenes.take([i])).tobytes() for i in range(10)}) == 10  # ten views of one entity
    with pytest.raises(ConfigError, match="0 to 239, got 3 to 240"):
        of_entities(config, 0, np.arange(2), np.array([3, 240]))


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"links": ["on"]}, "links needs layout=free"),
        ({"layout": "fre"}, "no 'fre'.*free"),
        ({"backgrounds": ["gras"]}, "no 'gras'.*grass"),
        ({"blur": 2}, "blur must be in 0 to 1"),
        ({"parts": []}, "parts is empty"),
        ({"long_tail": {"shape": 1}}, "no control 'shape'.*shapes"),
        ({"held_out": [["red", "star"], ["striped", "ring"]]}, "same two attributes"),
        ({"unlabelled": ["sta"]}, "no shape 'sta'.*star"),
        ({"layout": "free", "links": ["on"], "held_out_links": [["star", "in", "ring"]]}, "no .shape, link, shape."),
    ],
)
def test_bad_controls_are_named(controls, message):
    with pytest.raises(ConfigError, match=message):
        world.make("scenes", n=2, **controls)


def _probe(features, label, penalty=1.0):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    half = len(features) * 2 // 3
    scaled = StandardScaler().fit(features[:half]).transform(features)
    return (
        LogisticRegression(max_iter=300, C=penalty).fit(scaled[:half], label[:half]).score(scaled[half:], label[half:])
    )


@pytest.mark.slow
def test_no_shortcut_in_the_rich_world():
    """Mean colour, the background, the number of bright pixels and place tell next to nothing of what is there."""
    config = WorldConfig(size=32, **{**RICH, "objects": (1, 3), "links": ()})
    scenes = sample(config, 0, np.arange(2400))
    pictures = image.render(scenes).reshape(2400, -1, 3).astype(float)
    mean = np.concatenate([pictures.mean(1), pictures.std(1)], axis=1)
    ground = np.eye(8)[scenes.background]
    place = np.stack([scenes.x[:, 0], scenes.y[:, 0], scenes.radius[:, 0]], axis=1)
    chance = 1 / 12
    for features in (mean, ground, place):
        assert _probe(features, scenes.shape[:, 0]) < chance + 0.06
    assert _probe(ground, scenes.colour[:, 0]) < 0.1 + 0.06
    tied = sample(WorldConfig(size=32, **{**RICH, "spurious": 0.9}), 0, np.arange(2400))
    assert _probe(np.eye(10)[tied.colour[:, 0]], tied.shape[:, 0]) > 0.6  # the planted shortcut is there
    linked = sample(WorldConfig(**{**RICH, "objects": (2, 2), "linked": 1.0}), 0, np.arange(2400))
    kinds = np.concatenate([np.eye(12)[linked.shape[:, 0]], np.eye(12)[linked.shape[:, 1]]], axis=1)
    assert _probe(kinds, linked.link[:, 1]) < 0.5  # shapes that cannot hold things tell a little
