"""Whatever is said of a scene is so: sentences, phrases, expressions, triplets against the arrays themselves."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.config import CHOICES, RICH, WorldConfig
from jointspace.world.language import captions, captions_with_phrases
from jointspace.world.language.claims import PLACES, Claim, holds, objects_of, place
from jointspace.world.language.describe import long_caption
from jointspace.world.language.dice import dice
from jointspace.world.language.facts import Description, Facts, matches, read
from jointspace.world.language.forms import FORMS, PREDICATE_WORDS
from jointspace.world.language.paraphrase import paraphrases, partial, restated
from jointspace.world.language.questions import Logic, answer_kind, answer_of, answer_table, question_words, questions
from jointspace.world.language.referring import referring
from jointspace.world.language.relational import annotated, careless, triplets
from jointspace.world.language.statements import is_so, statements
from jointspace.world.language.words import NUMBERS, WORDS
from jointspace.world.relations import FACTS, facts
from jointspace.world.scene import Scenes, sample

MEANS = {  # word -> (attribute, value), the last word of two-word ones
    w.split()[-1]: (attribute, value)
    for attribute, known in CHOICES.values()
    if attribute in ("shape", "colour", "size", "texture", "material")
    for value in known
    for w in WORDS.get(value, (value,))
}
worlds = st.builds(
    lambda rich, low, more: WorldConfig(**(RICH if rich else {}) | {"objects": (low, min(6, low + more))}),
    st.booleans(),
    st.integers(1, 4),
    st.integers(0, 4),
)
some = settings(max_examples=20, deadline=None)


def slow_matches(scenes: Scenes, i: int, d: Description) -> list[int]:
    """A description against the arrays, without the bits and caches of the library."""
    found = []
    for k in range(scenes.count[i]):
        own = {a: scenes.config.values(a)[getattr(scenes, a)[i, k]] for a in ("shape", "colour", "size", "texture")}
        own |= {a: scenes.config.values(a)[getattr(scenes, a)[i, k]] for a in ("part", "material", "mark")}
        own["orientation"] = CHOICES["orientations"][1][scenes.orientation[i, k]]
        if all(own[a] == v for a, v in d.attributes):
            found.append(k)
    if d.of is not None:
        (other,) = slow_matches(scenes, i, d.of)
        held = set(facts(scenes, i))
        found = [k for k in found if k != other and (d.predicate, k, other) in held]
    if d.extreme:
        way = {"leftmost": (scenes.x, 1), "rightmost": (scenes.x, -1), "topmost": (scenes.y, 1)}
        array, sign = way.get(d.extreme, (scenes.y, -1))
        found = [k for k in found if all(sign * (array[i, j] - array[i, k]) > 1 / 6 for j in found if j != k)]
    return found


def slow_holds(scenes: Scenes, i: int, claim: Claim) -> bool:
    """A claim against the arrays."""
    if claim.kind == "background":
        return scenes.config.backgrounds[scenes.background[i]] == claim.value
    found = slow_matches(scenes, i, claim.subject)
    if claim.kind in ("exists", "absent", "count"):
        return {"exists": bool(found), "absent": not found, "count": len(found) == claim.number}[claim.kind]
    if len(found) != 1:
        return False
    (k,) = found
    if claim.kind == "attribute":
        return slow_matches(scenes, i, Description(((claim.key, claim.value),))).count(k) == 1
    if claim.kind == "place":
        across, down = int(np.clip(3 * scenes.x[i, k], 0, 2)), int(np.clip(3 * scenes.y[i, k], 0, 2))
        return PLACES[3 * down + across] == claim.value
    assert claim.other is not None
    others = slow_matches(scenes, i, claim.other)
    return len(others) == 1 and (claim.value, k, others[0]) in set(facts(scenes, i))


def spoken(phrase: str) -> dict[str, str]:
    """The attributes that a noun phrase names, read from its words up to the first relation or addition."""
    words = phrase.lower().strip("?.")
    for stop in (
        " that ",
        " with ",
        " marked ",
        " turned ",
        *(f" {w} " for ws in PREDICATE_WORDS.values() for w in ws),
    ):
        words = words.split(stop)[0]
    found = {}
    for w in words.replace(",", " ").split():
        for name in (w, w.removesuffix("s"), w.removesuffix("es")):
            if name in MEANS:
                found[MEANS[name][0]] = MEANS[name][1]
                break
    return found


def told(config: WorldConfig, seed: int, purpose: str = "t", n: int = 6) -> list[tuple[Facts, object]]:
    scenes = sample(config, seed, np.arange(n))
    return list(zip(read(scenes), dice(seed, scenes.keys, purpose), strict=True))


def test_no_word_stands_for_two_values():
    words = [w for value in {v for _, known in CHOICES.values() for v in known} for w in WORDS.get(value, (value,))]
    twice = [w for w, n in Counter(words).items() if n > 1]
    assert not twice, twice
    assert min(len(forms) for forms in FORMS.values()) >= 8
    assert set(PREDICATE_WORDS) == set(FACTS)


@some
@given(config=worlds, seed=st.integers(0, 10_000), wrong=st.sampled_from((0.0, 0.5)))
def test_sentences_of_long_captions(config, seed, wrong):
    for f, d in told(config, seed):
        long = long_caption(f, d, wrong)
        assert 6 <= len(long.sentences) <= 12
        assert " ".join(s.text for s in long.sentences) == long.text
        named = set()
        for s in long.sentences:
            assert long.text[s.start : s.end] == s.text and s.text[0].isupper() and s.text.endswith(".")
            assert s.true == slow_holds(f.scenes, f.index, s.claim) == holds(f, s.claim)
            assert wrong or (s.true and list(s.objects) == objects_of(f, s.claim))
            for span in s.spans:
                phrase = long.text[span.start : span.end]
                for k in span.objects if s.true else ():
                    thing = f.things[k]
                    assert all(thing[a] == v for a, v in spoken(phrase).items()), (phrase, thing)
                if s.true and phrase.split()[0].lower() in NUMBERS:
                    assert NUMBERS.index(phrase.split()[0].lower()) == len(span.objects)
                if s.claim.kind == "exists":
                    named |= set(span.objects)
        assert wrong or named == set(range(len(f.things)))


@some
@given(config=worlds, seed=st.integers(0, 10_000))
def test_referring_expressions_fit_one_object(config, seed):
    for f, d in told(config, seed):
        for r in referring(f, d):
            assert slow_matches(f.scenes, f.index, r.description) == [r.object]
            assert r.rivals == sum(t["shape"] == f.things[r.object]["shape"] for t in f.things) - 1
            assert all(f.things[r.object][a] == v for a, v in spoken(r.text).items())
            if r.kind == "relation":  # its attributes alone do not suffice
                assert len(matches(f, Description(r.description.attributes))) > 1


@some
@given(config=worlds, seed=st.integers(0, 10_000))
def test_triplets_annotations_and_careless_captions(config, seed):
    for f, d in told(config, seed):
        true = set(facts(f.scenes, f.index))
        found = triplets(f, d)
        assert {(t.predicate, t.subject, t.object) for t in found} == true and len(found) == len(true)
        for t in found:
            assert any(f" {w} " in t.phrase for w in PREDICATE_WORDS[t.predicate])
        for a in annotated(f, d):
            assert a.predicate in a.predicates
            assert set(a.predicates) == {p for p, s, o in true if (s, o) == (a.subject, a.object)}
        for c in careless(f, d, 0.5):
            assert (c.predicate, c.subject, c.object) in true
            one, said, other = c.said
            right = (said, c.subject, c.object) in true
            right &= (one, other) == (f.things[c.subject]["shape"], f.things[c.object]["shape"])
            assert c.true == right


@some
@given(config=worlds, seed=st.integers(0, 10_000))
def test_answers_equal_those_from_the_arrays(config, seed):
    words, table = set(question_words()), answer_table(config)
    for f, d in told(config, seed):
        asked = questions(f, d, soft=0.5)
        assert "exists" in {q.type for q in asked}
        for q in asked:
            assert q.answer == slow_answer(f.scenes, f.index, q.logic) == answer_of(f, q.logic) != ""
            assert set(q.text.rstrip("?").lower().split()) <= words
            assert q.answer in table[answer_kind(q.logic)] and q.answers[0] == q.answer and q.scores[0] == 1
            if q.type in ("exists", "count"):  # the words themselves, not only the logic behind them
                wanted = spoken(q.text.split(" are there")[0].split(" can you see")[0])
                fit = [t for t in f.things if all(t[a] == v for a, v in wanted.items())]
                assert q.answer == (str(len(fit)) if q.type == "count" else ("yes" if fit else "no")), q.text


def slow_answer(scenes: Scenes, i: int, logic: Logic) -> str:
    if logic.ask == "claim":
        assert logic.claim is not None
        return "yes" if slow_holds(scenes, i, logic.claim) else "no"
    found = slow_matches(scenes, i, logic.one)
    if logic.ask == "exists":
        return "yes" if found else "no"
    if logic.ask == "count":
        return str(len(found))
    if logic.ask == "attribute":
        (k,) = found
        return str(scenes.objects(i)[k][logic.key])
    assert logic.two is not None
    other = len(slow_matches(scenes, i, logic.two))
    return "yes" if (len(found) > other if logic.ask == "more" else len(found) == other) else "no"


@some
@given(config=worlds, seed=st.integers(0, 10_000))
def test_statements_on_two_scenes(config, seed):
    left = told(config, seed)
    right = told(config, seed + 1)
    for (f, d), (g, _) in zip(left, right, strict=True):
        for s in statements(f, g, d, 7):
            n, m = (len(slow_matches(x.scenes, x.index, s.about)) for x in (f, g))
            assert s.true == is_so(s.kind, n, m)
            assert spoken(s.text).items() <= dict(s.about.attributes).items()


@some
@given(config=worlds, seed=st.integers(0, 10_000))
def test_paraphrases_say_the_same(config, seed):
    for f, d in told(config, seed):
        texts = paraphrases(f, d)
        assert len(set(texts)) == 8
        things = Counter((t["size"], t["colour"], t["shape"]) for t in f.things)
        for text in texts:
            words = [w.strip(".,:").lower() for w in text.split(". ")[0].split()]
            said = Counter(MEANS[w] for w in words if w in MEANS and MEANS[w][0] in ("size", "colour", "shape"))
            own = Counter(pair for t in f.things for pair in ((a, t[a]) for a in ("size", "colour", "shape")))
            assert said == own, (text, things)
        claim = Claim("place", Description(), value=place(f.things[0]["x"], f.things[0]["y"]))
        if len(f.things) == 1:
            assert len(set(restated(f, claim, d))) == 8


def test_partial_captions_name_what_they_say():
    for f, d in told(WorldConfig(objects=(1, 5)), 4, n=50):
        found = partial(f, d)
        assert [len(p.objects) for p in found] == list(range(1, min(3, len(f.things)) + 1))
        for p in found:
            own = Counter(
                pair for k in p.objects for pair in ((a, f.things[k][a]) for a in ("size", "colour", "shape"))
            )
            assert Counter(MEANS[w] for w in p.text.lower().strip(".").replace(",", "").split() if w in MEANS) == own


def test_phrases_of_the_default_caption():
    scenes = sample(WorldConfig(objects=(1, 6)), 5, np.arange(300))
    whole = captions_with_phrases(scenes, 5)
    assert [text for text, _ in whole] == captions(scenes, 5)
    for i, (text, spans) in enumerate(whole):
        assert sorted(k for _, _, k in spans) == list(range(scenes.count[i]))
        for start, end, k in spans:
            assert spoken(text[start:end]).items() <= scenes.objects(i)[k].items()
            assert {"size", "colour", "shape"} <= set(spoken(text[start:end]))


def test_pinned_default_captions():
    """What ALIGN's reproduction was trained on: the sentences of before language became a package."""
    said = captions(sample(WorldConfig(), 5, np.arange(500)), 5)
    assert hashlib.sha256("\n".join(said).encode()).hexdigest()[:16] == "3ee325bb11f9b8ad"


def test_the_background_is_light_only_where_it_is():
    scenes = sample(WorldConfig(styles=("night", "plain"), backgrounds=("grass", "plain")), 1, np.arange(400))
    light = np.array(["light background" in text for text in captions(scenes, 1)])
    assert light.any() and not light[(scenes.style == 0) | (scenes.background == 0)].any()


def test_annotators_prefer_common_words():
    scenes = sample(WorldConfig(**RICH | {"objects": (4, 6)}), 3, np.arange(1500))
    rolled = dice(3, scenes.keys, "annotations")
    said = Counter(a.predicate for f, d in zip(read(scenes), rolled, strict=True) for a in annotated(f, d))
    counts = sorted(said.values())
    assert set(said) == set(FACTS) and counts[-1] > 100 * counts[0] and counts[2] < 0.01 * sum(counts)


def test_captioner_is_wrong_at_its_rate():
    scenes = sample(WorldConfig(objects=(2, 4)), 3, np.arange(2000))
    said = [c for f, d in zip(read(scenes), dice(1, scenes.keys, "c"), strict=True) for c in careless(f, d, 0.2)]
    assert len(said) > 2000 and np.mean([not c.true for c in said]) == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_wrong_sentences_come_at_their_rate(rate):
    rows = world.make("scenes", n=600, seed=2, objects=[4, 6], wrong_sentences=rate, fields=["sentences"])
    true = [s["true"] for made in rows.column("sentences") for s in made]
    assert np.mean(true) == pytest.approx(1 - rate, abs=0.015) and (rate or all(true))


def test_bad_controls_of_language():
    with pytest.raises(ConfigError, match="wrong_sentences must be in 0 to 1, got 2"):
        world.make("scenes", n=3, wrong_sentences=2)
    with pytest.raises(ConfigError, match="document_kind: no 'needel'.*needle"):
        world.make("scenes", n=3, document_kind="needel")
    with pytest.raises(ConfigError, match="no field 'questionz'.*question"):
        world.make("scenes", n=3, fields=["questionz"])


def test_fields_are_made_when_asked_for_and_rows_depend_on_their_index_alone():
    names = list(world.kind("scenes").FIELDS)
    whole = world.make("scenes", n=40, seed=4, objects=[1, 6], fields=["long_caption", "question", "pairs", "document"])
    few = world.make("scenes", n=7, seed=4, objects=[1, 6], fields=["pairs", "document", "question", "long_caption"])
    assert all(whole[i] == few[i] for i in range(7))
    assert "questions" in names and "questions" not in world.make("scenes", n=1)[0]
