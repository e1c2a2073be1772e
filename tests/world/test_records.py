"""Visits: labels follow their rules, spans and channels are the evidence, one modality or mere words do not suffice."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.records_words import DENIALS, EVIDENCE, UNSAID
from jointspace.world.visits import CHANNELS, LABELS, NOTE, SERIES

NAMES = [label.name for label in LABELS]


def happens(values, channel, kind):
    """The oracle of a series: does this channel show this kind?"""
    usual, spread, noise, shift, fall = CHANNELS[channel]
    there = ~np.isnan(values)
    hours, seen = np.arange(len(values))[there], values[there]
    if kind == "level":
        late = np.median(seen[hours > 0.35 * len(values)])
        return abs(late - usual) > abs(late - usual - shift)
    if kind == "trend":
        return np.polyfit(hours / len(values), seen, 1)[0] < fall / 2
    return np.nanstd(np.diff(values)) > 2 * noise


def spoken(note, sentence):
    """The oracle of a note: None = not there, else whether it is said of the patient."""
    at = note.find(sentence)
    if at < 0:
        return None
    return not note[:at].endswith(UNSAID)


def test_pinned():
    assert world.make("records", n=4, seed=5).digest() == "1aa9502727e13840"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shared=st.sampled_from(["either", "both"]))
def test_labels_follow_their_rules_and_notes_tell_the_truth(seed, shared):
    for row in world.make("records", n=6, seed=seed, shared=shared):
        words = row["note"].split()
        assert 80 <= len(words) <= 200
        told = {name: [s for s in EVIDENCE[name] if spoken(row["note"], s)] for name in EVIDENCE}
        denied = {name: [s for s in EVIDENCE[name] if spoken(row["note"], s) is False] for name in EVIDENCE}
        denied = {name: denied[name] + [s for s in DENIALS[name] if s in row["note"]] for name in EVIDENCE}
        shown = {fact["channel"] for fact in row["channels"]}
        for k, label in enumerate(LABELS):
            in_note, in_series = bool(told.get(label.name)), bool(row["seen"][k] & SERIES)
            assert in_note == bool(row["seen"][k] & NOTE)
            rule = (
                (in_note and in_series) if label.note and label.channel and shared == "both" else in_note or in_series
            )
            assert row["labels"][k] == rule, label.name
            assert not (denied.get(label.name) and row["seen"][k]), "what shows is not denied"
            assert (label.channel in shown) == (rule and in_series and bool(label.channel))
        assert row["label"] == (", ".join(n for n, y in zip(NAMES, row["labels"]) if y) or "none")
        for fact in row["evidence"]:
            first, last = fact["words"]
            text = row["note"][slice(*fact["chars"])]
            assert text == " ".join(words[first:last]) and text.endswith(tuple(told[fact["label"]]))
        marked = sorted(row["note"][slice(*f["chars"])].split(": ")[-1] for f in row["evidence"])
        true = {n for n, y in zip(NAMES, row["labels"]) if y}
        assert marked == sorted(s for n in true & set(EVIDENCE) for s in told[n]), "all of the evidence is marked"


def test_oracle_reads_the_series():
    for seed in (0, 1):
        rows = world.make("records", n=400, seed=seed, fields=["series", "seen"])
        for row in rows:
            for k, label in enumerate(LABELS):
                if label.channel:
                    values = row["series"][:, list(CHANNELS).index(label.channel)]
                    assert happens(values, label.channel, label.kind) == bool(row["seen"][k] & SERIES), label.name


def test_shares_are_as_stated():
    c = world.make("records", n=3000, seed=0).columns()
    assert c["labels"].mean(axis=0) == pytest.approx(0.25, abs=0.03)
    either = c["seen"][:, 7:][c["labels"][:, 7:] == 1]
    assert np.bincount(either)[1:] / len(either) == pytest.approx(1 / 3, abs=0.04)
    assert min(map(len, c["series"])) == 24 and max(map(len, c["series"])) == 48
    lengths = [len(note.split()) for note in c["note"]]
    assert min(lengths) >= 80 and max(lengths) <= 200 and np.std(lengths) > 20
    share = [sum(b - a for a, b in (f["words"] for f in e)) / n for e, n in zip(c["evidence"], lengths) if e]
    assert 0.15 < np.mean(share) < 0.3, "evidence is 15 to 30 % of the note where there is any"
    gaps = np.concatenate([np.isnan(s) for s in c["series"]])
    assert 0.15 < gaps.mean() < 0.3
    whole = world.make("records", n=50, seed=0, missing=0)
    assert not any(np.isnan(row["series"]).any() for row in whole)
    assert whole[3]["note"] == c["note"][3]


def macro(x, y, cut):
    found = []
    for k in range(y.shape[1]):
        model = LogisticRegression(max_iter=400, C=0.3).fit(x[:cut], y[:cut, k])
        found.append(roc_auc_score(y[cut:, k], model.decision_function(x[cut:])))
    return np.array(found)


@pytest.mark.slow
def test_ceilings_of_one_modality_and_simple_features():
    c = world.make("records", n=2500, seed=1).columns()
    y, cut = c["labels"], 1700
    words = macro(CountVectorizer().fit_transform(c["note"]), y, cut)
    named = np.array([[name in note.lower() for name in NAMES] for note in c["note"]], dtype=float)
    mention = macro(named, y, cut)
    length = macro(np.array([[len(n) / 500] for n in c["note"]]), y, cut)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean = np.array([np.nanmean(s, axis=0) for s in c["series"]])
        spread = np.array([np.nanstd(s, axis=0) for s in c["series"]])
    mean, spread = ((v - v.mean(0)) / v.std(0) for v in (mean, spread))
    level = macro(mean, y, cut)
    both = macro(np.concatenate([mean, spread], axis=1), y, cut)
    counts = np.array([np.isnan(s).mean(0) for s in c["series"]])
    gaps = macro(counts, y, cut)
    assert words[4:7].max() < 0.6, "series-only labels are not in the note"
    assert both[:4].max() < 0.6, "note-only labels are not in the series"
    assert words.mean() < 0.74 and words.max() < 0.91 and both.mean() < 0.8
    assert mention.mean() < 0.65 and length.mean() < 0.58 and gaps.mean() < 0.56 and level.mean() < 0.75


@pytest.mark.slow
def test_words_do_not_carry_over_to_paraphrases_unseen_in_training():
    seen = world.make("records", n=1200, seed=1, phrases=[0, 1, 2]).columns("note", "labels")
    other = world.make("records", n=500, seed=2, phrases=[3, 4]).columns("note", "labels")
    x = CountVectorizer().fit(seen["note"]).transform(seen["note"] + other["note"])
    assert macro(x, np.concatenate([seen["labels"], other["labels"]]), 1200).mean() < 0.6


def test_bad_controls():
    with pytest.raises(ConfigError, match="shared: no 'eiter'.*either"):
        world.make("records", n=1, shared="eiter")
    with pytest.raises(ConfigError, match="words must be in 150"):
        world.make("records", n=1, words=[80, 90])
    with pytest.raises(ConfigError, match="missing must be in 0"):
        world.make("records", n=1, missing=1.0)
    with pytest.raises(ConfigError, match="phrases must name at least two"):
        world.make("records", n=1, phrases=[1])
