"""Scores: found by name, saved, loaded, shown, drawn."""

import json

import numpy as np
import pytest
from fake_space import FakeSpace

import jointspace as js
from jointspace.errors import DataError
from jointspace.evaluation import Scores
from jointspace.evaluation.scores import find_scores

PAIRS = {"image": [f"w{i}#p".encode() for i in range(30)], "text": [f"w{i}#t" for i in range(30)]}


@pytest.fixture(scope="module")
def scores():
    return js.evaluate(FakeSpace(1.0), PAIRS, name="mine", seed=3, baselines={"noisy": FakeSpace(3.0)})


def test_saved_scores_are_whole(scores, tmp_path):
    folder = scores.save(tmp_path / "deep" / "scores")
    again = Scores.load(folder)
    assert again.to_json() == json.loads(json.dumps(scores.to_json()))
    for a, b in zip(scores, again, strict=True):
        assert (a.per_unit == b.per_unit).all() and (a.units.ids == b.units.ids).all()
        assert b.protocol == json.loads(json.dumps(a.protocol))
    assert again.baselines["noisy"]["r@1"].value == scores.baselines["noisy"]["r@1"].value
    assert again.seed == 3 and again.space["fingerprint"] == FakeSpace(1.0).fingerprint()
    assert again.table() == scores.table()
    assert sorted(p.name for p in folder.iterdir()) == ["baselines", "scores.json", "units"]
    assert [p.name for p in folder.parent.iterdir()] == ["scores"]  # nothing half-written beside it
    assert Scores.load(scores.save(folder)).values() == scores.values()  # over older scores


def test_other_folders_are_not_overwritten(scores, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="holds something other than scores"):
        scores.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_scores_are_found_where_runs_keep_them(scores, tmp_path):
    scores.save(tmp_path / "run" / "evaluation" / "retrieval")
    assert find_scores(tmp_path / "run") == tmp_path / "run" / "evaluation" / "retrieval"
    scores.save(tmp_path / "run" / "evaluation" / "knn")
    with pytest.raises(DataError, match="holds several, say which"):
        find_scores(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no scores.json in it"):
        find_scores(tmp_path / "empty")
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        find_scores(tmp_path / "nowhere")


def test_broken_files_are_named(scores, tmp_path):
    folder = scores.save(tmp_path / "scores")
    (folder / "scores.json").write_text("{")
    with pytest.raises(DataError, match="scores.json: not JSON"):
        Scores.load(folder)
    (folder / "scores.json").write_text('{"scores": []}')
    with pytest.raises(DataError, match="scores.json: not saved scores \\(field 'task'\\)"):
        Scores.load(folder)


def test_a_wrong_name_has_the_nearest(scores):
    with pytest.raises(DataError, match=r"no score 'text_to_image/r@11' \(did you mean text_to_image/r@1"):
        scores["text_to_image/r@11"]
    assert scores[0].name == "text_to_image/r@1" and len(scores) == 12
    assert scores["image_to_text/mrr"].name == "image_to_text/mrr"


def test_the_table_has_a_line_a_score(scores):
    lines = scores.table().splitlines()
    assert lines[0].startswith("mine: retrieval on") and len(lines) == 3 + 12
    assert all(len(line) < 120 for line in lines)
    assert f"{scores['r@1'].value:.3f}" in lines[3] and "text query" in lines[3]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures(scores, tmp_path, suffix):
    path = scores.plot(tmp_path / "plots" / f"scores.{suffix}")
    assert path.stat().st_size > 5000
    with pytest.raises(DataError, match="scores.xyz: cannot draw"):
        scores.plot(tmp_path / "scores.xyz")


def test_protocols_say_what_was_judged(scores):
    protocol = scores.protocol
    assert protocol["task"] == "retrieval" and protocol["version"] == 1
    assert protocol["data"]["rows"] == 30 and len(protocol["data"]["hash"]) == 16
    other = js.evaluate(FakeSpace(1.0), {**PAIRS, "more": list(range(30))}, columns={"image": "image", "text": "text"})
    assert other.protocol["data"]["hash"] == protocol["data"]["hash"]  # only what the task reads counts
    turned = {k: v[::-1] for k, v in PAIRS.items()}
    assert js.evaluate(FakeSpace(1.0), turned).protocol["data"]["hash"] != protocol["data"]["hash"]
    assert np.isfinite([s.value for s in scores]).all()
