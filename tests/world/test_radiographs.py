"""Radiographs: reports, boxes, masks and labels agree; brightness, length and mere mention give nothing away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.radiograph import FINDINGS, SEVERITIES, SIDES
from jointspace.world.radiograph_slices import SOURCES
from jointspace.world.radiograph_words import ABSENT, PRESENT


def read(report_sentence):
    """The oracle: which paraphrase a sentence is, hence (finding, present)."""
    for present, table in ((True, PRESENT), (False, ABSENT)):
        for finding, forms in table.items():
            for form in forms:
                for v in ("", *SEVERITIES):
                    for s in ("", *SIDES):
                        if form.format(v=v, V=v.capitalize(), s=s, S=s.capitalize()) == report_sentence:
                            return finding, present, s if "{s" in form or "{S" in form else "", v
    raise AssertionError(report_sentence)


def test_pinned():
    assert world.make("radiographs", n=6, seed=5).digest() == "8d154a0b399a6008"
    assert world.make("radiographs", n=6, seed=5, view="slices", size=32).digest() == "209830403646e7da"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_chest_truths_agree(seed):
    for row in world.make("radiographs", n=4, seed=seed):
        there = [f["finding"] for f in row["findings"]]
        assert [FINDINGS[j] for j in np.flatnonzero(row["labels"])] == (there or ["none"])
        assert row["label"] == (there or ["none"])[0] and len(there) <= 3
        assert row["grade"] == max([1 + SEVERITIES.index(f["severity"]) for f in row["findings"]], default=0)
        assert row["mask"].any() == bool(there)
        covered = np.zeros_like(row["mask"])
        for f in row["findings"]:
            x0, y0, x1, y1 = f["box"]
            assert x0 < x1 and y0 < y1, f
            covered[y0:y1, x0:x1] = True
            if f["side"]:  # the patient's left is on the right of the picture
                assert ((x0 + x1) / 2 > 21) if f["side"] == "left" else ((x0 + x1) / 2 < 27), f
        assert not (row["mask"] & ~covered).any()
        assert row["image"].shape == (48, 48, 3) and (np.ptp(row["image"], axis=2) == 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), exclusive=st.booleans())
def test_reports_say_the_truth_and_every_finding(seed, exclusive):
    rows = world.make(
        "radiographs", n=8, seed=seed, exclusive=exclusive, fields=["report", "sentences", "findings", "query"]
    )
    for i, row in enumerate(rows):
        truth = {f["finding"]: (f["side"], f["severity"]) for f in row["findings"]}
        assert 3 <= len(row["sentences"]) <= 7 and len({s["finding"] for s in row["sentences"]}) == len(
            row["sentences"]
        )
        said = set()
        for s in row["sentences"]:
            assert row["report"][s["start"] : s["end"]] == s["text"]
            finding, present, side, severity = read(s["text"])
            assert (finding, present) == (s["finding"], s["present"])
            if finding == "none":
                assert not truth
            else:
                assert present == (finding in truth)
            if present and finding != "none":
                assert (side, severity) == truth[finding] == (s["side"], s["severity"])
                said.add(finding)
        assert said == set(truth)
        assert read(row["query"])[:2] == ((next(iter(truth)) if truth else "none"), True)
        if exclusive:
            assert list(truth) == ([FINDINGS[i]] if i < 7 else [])


def test_sentences_have_at_least_five_paraphrases():
    assert set(PRESENT) == set(FINDINGS) and all(
        len(set(forms)) >= 5 for forms in [*PRESENT.values(), *ABSENT.values()]
    )


def test_findings_change_the_picture_where_the_mask_is():
    seen = world.make("radiographs", n=64, seed=1, exclusive=True).columns("image", "mask", "label")
    none = world.make("radiographs", n=64, seed=1, exclusive=True, contrast=0).column("image")
    for i, label in enumerate(seen["label"]):
        gap = np.abs(seen["image"][i, ..., 0].astype(int) - none[i, ..., 0])
        assert (gap.max() <= 1) if label == "none" else (gap.max() > 8), label
        if label in ("nodule", "effusion", "collapsed edge", "haze", "device line"):
            assert gap[seen["mask"][i]].mean() > 4 * gap[~seen["mask"][i]].mean(), label


def auc(x, labels, cut, classes=8):
    found = []
    for j in range(classes):
        model = LogisticRegression(max_iter=300).fit(x[:cut], labels[:cut, j])
        found.append(roc_auc_score(labels[cut:, j], model.decision_function(x[cut:])))
    return np.array(found)


@pytest.mark.slow
def test_chest_ceilings():
    c = world.make("radiographs", n=2400, seed=0).columns("image", "labels", "report", "sentences")
    grey, labels, cut = c["image"][..., 0] / 255, c["labels"], 1600
    mean = auc(np.stack([grey.mean((1, 2)), grey.std((1, 2))], 1) * 10, labels, cut)
    length = auc(np.array([[len(r), len(s)] for r, s in zip(c["report"], c["sentences"])]) / [100, 1], labels, cut)
    named = np.array([[f.split()[-1] in r.lower() for f in FINDINGS[:-1]] for r in c["report"]], dtype=float)
    mention = auc(named, labels, cut)
    assert mean.mean() < 0.62 and mean.max() < 0.7
    assert length.mean() < 0.62
    assert mention.mean() < 0.65


@pytest.mark.slow
def test_slices():
    rows = world.make("radiographs", n=3000, seed=0, view="slices", size=32)
    c = rows.columns("image", "mask", "grade", "source", "labels", "findings", "sentences")
    grade, area = c["grade"], c["mask"].mean((1, 2))
    assert set(c["source"]) == set(SOURCES) and (c["labels"].argmax(1) == grade).all()
    edges = [0.003, 0.0165, 0.0385]  # the oracle: the mask's area is the grade
    assert (np.searchsorted(edges, area) == grade).all()
    grey = c["image"][..., 0] / 255
    kind = np.eye(6)[[list(SOURCES).index(s) for s in c["source"]]]
    simple = np.stack([grey.mean((1, 2)), grey.std((1, 2))], 1) * 5
    x = np.concatenate([kind, (kind[:, :, None] * simple[:, None]).reshape(len(kind), -1)], axis=1)
    model = LogisticRegression(max_iter=1000).fit(x[:2000], grade[:2000])
    assert model.score(x[2000:], grade[2000:]) < 0.33  # chance 0.25
    for row in rows[:200]:
        said = row["sentences"][1]
        assert said["present"] == (row["grade"] > 0) == bool(row["findings"])
        ys, xs = np.nonzero(row["mask"])
        if len(ys):
            assert row["findings"][0]["box"] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            for word, wrong in (("upper", ys.mean() > 16.5), ("lower", ys.mean() < 15.5)):
                assert not (word in said["text"].split() and wrong)
            for word, wrong in (("left", xs.mean() > 16.5), ("right", xs.mean() < 15.5)):
                assert not (word in said["text"].split() and wrong)


def test_lesions_are_as_bright_as_said():
    seen, none = (world.make("radiographs", n=200, seed=3, view="slices", size=48, contrast=c) for c in (1, 0))
    for a, b in zip(seen, none, strict=True):
        if a["grade"]:
            gap = a["image"][a["mask"]].astype(float).mean() - b["image"][a["mask"]].mean()
            assert (gap > 0) == ("bright" in a["report"]) != ("dark" in a["report"]), a["report"]


def test_a_source_left_out_is_never_seen():
    some = world.make("radiographs", n=100, view="slices", sources=["liver-ct", "lung-ct"], fields=["source"])
    assert set(some.column("source")) == {"liver-ct", "lung-ct"}


def test_bad_controls():
    with pytest.raises(ConfigError, match="view: no 'slice'.*slices"):
        world.make("radiographs", n=1, view="slice")
    with pytest.raises(ConfigError, match="sources: no 'liver'.*liver-ct"):
        world.make("radiographs", n=1, view="slices", sources=["liver"])
    with pytest.raises(ConfigError, match="size must be in 24"):
        world.make("radiographs", n=1, size=8)
