"""compare: from saved scores alone; unlike protocols refused; ties named; seeds; JSON, table, picture."""

import json

import numpy as np
import pytest
from fake_space import FakeSpace

import jointspace as js
from jointspace.errors import DataError

WORDS = [f"w{i}" for i in range(150)]
PAIRS = {"image": [f"{w}#p".encode() for w in WORDS], "text": [f"{w}#t" for w in WORDS]}


def judged(noise, seed=0, data=None, **options):
    space = FakeSpace(noise, seed=seed)
    return js.evaluate(space, data or PAIRS, seed=seed, name=f"noise {noise}", samples=200, **options)


def test_a_real_difference_and_a_tie_from_files_alone(tmp_path):
    for name, noise, seed in (("good", 1.0, 0), ("same", 1.0, 1), ("bad", 3.0, 2)):
        judged(noise, seed).save(tmp_path / name / "scores")
    result = js.compare([tmp_path / n for n in ("good", "same", "bad")], names=["good", "same", "bad"], scores=["mrr"])
    verdicts = {(d.a, d.b): d.verdict for d in result.differences}
    assert verdicts[("good", "bad")] == "good is better" and verdicts[("same", "bad")] == "same is better"
    assert verdicts[("good", "same")] == "tie"
    assert [sorted(group) for group in result.ties["text_to_image/mrr"]] == [["good", "same"]]
    tie = next(d for d in result.differences if d.b == "same")
    assert "more" in tie.needs and tie.p <= tie.p_holm
    text = result.table()
    assert "good is better" in text and "Ties: " in text and "-" in text


def test_lower_is_better_for_ranks():
    result = js.compare({"good": judged(1.0), "bad": judged(3.0)}, scores=["median_rank"])
    (d,) = result.differences
    assert d.difference > 0 and d.better == "good" and result.values["text_to_image/median_rank"][0] < 10


def test_order_of_units_does_not_matter(tmp_path):
    a, b = judged(1.0), judged(2.0)
    want = js.compare([a, b], scores=["mrr"]).differences[0]
    order = np.random.default_rng(0).permutation(150)
    for units in {id(s.units): s.units for s in b}.values():
        units.ids = units.ids[order]
        units.columns = {k: v[order] for k, v in units.columns.items()}
    got = js.compare([a, b], scores=["mrr"]).differences[0]
    assert got.difference == pytest.approx(want.difference) and got.p == pytest.approx(want.p, abs=0.01)


def test_every_kind_of_statistic_can_be_compared():
    rng = np.random.default_rng(0)
    pairs = {
        "sentence1": [f"w{i}#a" for i in range(80)],
        "sentence2": [f"w{i + i % 2}#b" for i in range(80)],
        "score": (rng.random(80) + 1 - np.arange(80) % 2).tolist(),
        "label": [1 - i % 2 for i in range(80)],
    }
    items = {"text": [f"w{i % 4}#{i}" for i in range(80)], "label": [i % 4 for i in range(80)]}
    for task, data in (("sts", pairs), ("pair_classification", pairs), ("clustering", items), ("knn", items)):
        scores = [
            js.evaluate(FakeSpace(noise, seed=s), data, task=task, samples=200) for s, noise in ((0, 0.5), (1, 4.0))
        ]
        result = js.compare(scores, samples=500)
        assert {d.score for d in result.differences} == set(scores[0].names)
        assert all(d.better == "fake-0" and d.difference < 0 for d in result.differences), task
        assert result.differences[0].real


@pytest.mark.parametrize(
    "options, field",
    [
        (dict(truncate_dim=8), "encoding.truncate_dim is None and 8"),
        (dict(prompt="a "), "encoding.prompt is None and 'a '"),
        (dict(twins=False), "options.twins is True and False"),
        (dict(limit=100), "data.hash is"),
        (dict(precision="int8"), "encoding.precision is 'float32' and 'int8'"),
    ],
)
def test_unlike_protocols_are_refused(options, field):
    with pytest.raises(DataError, match="not judged alike: .*") as caught:
        js.compare([judged(1.0), judged(1.0, 1, **options)])
    assert field in str(caught.value) and "\n" not in str(caught.value)


def test_a_protocol_field_may_be_allowed_to_differ():
    a, b = judged(1.0), judged(1.0, truncate_dim=4)
    for allow in (["encoding.truncate_dim"], ["encoding"]):
        result = js.compare([a, b], names=["whole", "cut"], scores=["mrr"], allow=allow)
        assert result.differences[0].verdict == "whole is better"


def test_other_tasks_other_numbers_and_missing_units_are_refused(tmp_path):
    a = judged(1.0)
    with pytest.raises(DataError, match="needs at least two systems, got 1"):
        js.compare([a])
    with pytest.raises(DataError, match="3 names for 2 systems"):
        js.compare([a, a], names=["x", "y", "z"])
    with pytest.raises(DataError, match=r"no score 'mmr' that all systems have"):
        js.compare([a, a], scores=["mmr"])
    folder = judged(1.0, 1).save(tmp_path / "b")
    for file in (folder / "units").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="per-unit values of text_to_image/r@1 are missing"):
        js.compare([a, folder])


def test_seeds_are_resampled_around_the_items():
    runs = {"good": [judged(1.0, s) for s in (1, 2, 3)], "bad": [judged(2.5, s) for s in (3, 1, 2)]}
    result = js.compare(runs, scores=["mrr"])
    (d,) = result.differences
    assert result.seeds == [3, 3] and d.real and d.better == "good"
    assert d.difference == pytest.approx(np.mean([r["mrr"].value for r in runs["bad"]]) - result.values[d.score][0])
    alone = js.compare({k: v[0] for k, v in runs.items()}, scores=["mrr"]).differences[0]
    assert alone.p <= 0.001
    apart = {"good": runs["good"], "bad": [judged(2.5, s) for s in (7, 8)]}
    assert js.compare(apart, scores=["mrr"]).seeds == [3, 2]


def test_many_tests_are_corrected():
    a, b = judged(1.0), judged(1.3, 1)
    one = js.compare([a, b], scores=["mrr"]).differences[0]
    many = js.compare([a, b]).differences
    assert len(many) == 12 and one.p == one.p_holm
    assert all(d.p_holm >= d.p for d in many)


def test_json_and_picture(tmp_path):
    result = js.compare({"a": judged(1.0), "b": judged(2.0)})
    table = json.loads(result.save(tmp_path / "out" / "compare.json").read_text())
    assert table["systems"] == ["a", "b"] and len(table["differences"]) == 12
    assert {"verdict", "needs", "interval", "p_holm", "more_units"} <= set(table["differences"][0])
    assert result.plot(tmp_path / "out" / "compare.png").stat().st_size > 5000


def test_equal_names_are_told_apart(tmp_path):
    a, b = judged(1.0), judged(1.0, 1)
    assert js.compare([a, b], scores=["mrr"]).systems == ["noise 1.0 1", "noise 1.0 2"]
    paths = [a.save(tmp_path / "a"), b.save(tmp_path / "b")]
    assert js.compare(paths, scores=["mrr"]).systems == [str(p) for p in paths]
