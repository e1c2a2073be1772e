"""ALIGN's frequency filters on a ten-row table made by hand: the exact rows each rule is against."""

import itertools

import numpy as np
import pytest
from PIL import Image

from jointspace.data.cleaning import Filters, average_hash, clean, near_duplicates
from jointspace.data.dataset import load_data
from jointspace.errors import ConfigError


def picture(seed, size=(300, 250)):
    """Eight coloured blocks across and down: no two seeds hash alike, resizing keeps the hash."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


TEST_PICTURE = picture(1, (280, 280))
ROWS = [
    {"image": picture(0), "text": "a cat on the mat"},  # 0 kept
    {"image": picture(1), "text": "a dog on the mat"},  # 1 near-duplicate of the test picture
    {"image": picture(2, (200, 300)), "text": "a cat on the mat"},  # 2 shorter side is 200
    {"image": picture(3, (900, 300)), "text": "a dog on the mat"},  # 3 aspect ratio is 3
    {"image": picture(4), "text": "img 123 cat"},  # 4 rare words
    {"image": picture(5), "text": "a cat"},  # 5 two words
    {"image": picture(6), "text": "a dog on the mat a dog on the mat"},  # 6 ten words
    {"image": picture(7), "text": "on the mat"},  # 7 a text of three pictures
    {"image": picture(8), "text": "on the mat"},  # 8
    {"image": picture(9), "text": "on the mat"},  # 9
]
RULES = {
    "min_side": (200, [2]),
    "max_aspect": (3.0, [3]),
    "test_images": ([TEST_PICTURE], [1]),
    "max_images_per_text": (2, [7, 8, 9]),
    "min_words": (3, [5]),
    "max_words": (9, [6]),
    "vocabulary": (11, [4]),
    "unsafe": (lambda p: p.size == (300, 250) and p.getpixel((0, 0)) == picture(0).getpixel((0, 0)), [0]),
}


@pytest.fixture(scope="module")
def data():
    return load_data(ROWS)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_alone_removes_exactly_its_rows(data, rule):
    limit, bad = RULES[rule]
    kept, report = clean(data, Filters(**{rule: limit}))
    assert [rows.tolist() for rows in report.hits.values() if len(rows)] == [bad]
    assert kept.rows.tolist() == [i for i in range(10) if i not in bad]
    assert sum(kept.skipped.values()) == len(bad) == sum(report.counts().values())


def test_all_rules_together(data):
    rules = {name: limit for name, (limit, _) in RULES.items() if name != "unsafe"}
    kept, report = clean(data, Filters(**rules))
    assert kept.rows.tolist() == [0]
    assert sum(report.first().values()) + len(report.kept) == 10
    assert "1 rows kept (10.0 %)" in report.lines()[-1] and report.to_json()["kept"] == 1


def test_the_order_of_rules_changes_nothing(data):
    """Per-row rules one after the other, in every order, leave what all at once leave."""
    rules = {name: RULES[name][0] for name in ("min_side", "max_aspect", "min_words", "max_words")}
    want = clean(data, **rules)[0].rows.tolist()
    for order in itertools.permutations(rules):
        left = data
        for name in order:
            left = clean(left, **{name: rules[name]})[0]
        assert left.rows.tolist() == want


def test_one_picture_of_many_texts():
    rows = [{"image": b"same", "text": f"text number {i}"} for i in range(3)] + [{"image": b"b", "text": "x y z"}]
    data = load_data(rows)
    assert clean(data, max_texts_per_image=2)[0].rows.tolist() == [3]
    assert len(clean(data, max_texts_per_image=3)[0]) == 4  # the limit itself is allowed
    repeated = load_data([{"image": b"same", "text": "same"}] * 3)
    assert len(clean(repeated, max_texts_per_image=1, max_images_per_text=1)[0]) == 3  # distinct partners count


def test_limits_below_one_are_fractions(data):
    assert clean(data, max_images_per_text=0.2)[0].rows.tolist() == clean(data, max_images_per_text=2)[0].rows.tolist()
    assert len(clean(data, vocabulary=1.0)[0]) <= len(clean(data, vocabulary=10**6)[0]) == 10
    grams = 11 + 0.5
    total = len({g for r in ROWS for w in [r["text"].split()] for g in [*zip(w), *zip(w, w[1:])]})
    assert clean(data, vocabulary=grams / total)[0].rows.tolist() == clean(data, vocabulary=11)[0].rows.tolist()


def test_nothing_is_on_by_default_and_the_paper_has_all(data):
    assert len(clean(data)[0]) == 10
    paper = Filters.paper(min_side=None, vocabulary=0.5)
    assert (paper.max_aspect, paper.max_images_per_text, paper.min_words, paper.max_words) == (3.0, 10, 3, 20)
    assert paper.min_side is None and Filters.paper().min_side == 200


def test_rows_may_be_kept_by_a_column():
    data = load_data([{"text": "a", "label": 0}, {"text": "b", "label": 2}, {"text": "c", "label": None}])
    assert clean(data, keep={"label": 0})[0].array("text").tolist() == ["a"]
    assert clean(data, keep={"label": [0, 2]})[0].skipped == {"label not 0 or 2": 1}


def test_test_pictures_may_be_a_data_set(tmp_path, data):
    (tmp_path / "test").mkdir()
    TEST_PICTURE.save(tmp_path / "test" / "x.png")
    for given in (tmp_path / "test", {"path": str(tmp_path / "test")}, load_data(tmp_path / "test")):
        assert clean(data, test_images=given)[0].rows.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9]


def test_average_hash_survives_resizing_and_recompression():
    hashes = average_hash([picture(0), picture(0, (90, 70)), picture(5)])
    assert hashes.shape == (3, 64) and hashes.dtype == bool
    assert (hashes[0] != hashes[1]).sum() <= 2 < (hashes[0] != hashes[2]).sum()
    assert average_hash([Image.new("RGB", (9, 9), "grey")]).sum() == 0


def test_hamming_distance_against_the_definition():
    generator = np.random.default_rng(0)
    a, b = generator.random((30, 64)) < 0.5, generator.random((20, 64)) < 0.5
    b[0] = a[3]
    b[1] = a[4] ^ (np.arange(64) < 2)
    for distance in (0, 2, 25):
        want = [(x != b).sum(1).min() <= distance for x in a]
        assert near_duplicates(a, b, distance, block=7).tolist() == want
    assert not near_duplicates(a, b[:0]).any()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"min_word": 3}, r"no rule 'min_word' \(did you mean min_words\?\)"),
        ({"min_side": -1}, "filters.min_side: a number above 0"),
        ({"min_words": 5, "max_words": 3}, "min_words 5 is above max_words 3"),
    ],
)
def test_wrong_rules(data, rules, message):
    with pytest.raises(ConfigError, match=message):
        clean(data, **rules)


def test_choices_and_missing_fields_are_refused():
    with pytest.raises(ConfigError, match="text has several values a row"):
        clean(load_data({"text": [["a", "b"]]}), min_words=1)
    with pytest.raises(ConfigError, match="neither a field 'image' nor 'text'"):
        clean(load_data({"label": [1]}), min_words=1)
