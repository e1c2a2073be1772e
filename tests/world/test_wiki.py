"""Pages, sections and links of the encyclopaedia agree with each other and with the facts behind them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.encyclopaedia import land
from jointspace.world.encyclopaedia_text import ASK, SECTIONS, TELL


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), pages=st.integers(40, 130), sections=st.integers(0, 3), longest=st.integers(2, 8))
def test_links_stand_in_the_text_and_say_what_is_so(seed, pages, sections, longest):
    rows = world.make("wiki", n=pages, seed=seed, pages=pages, sections=sections, length=(1, longest))
    tables = {name: list(table) for name, table in rows.tables().items()}
    titles = {row["page"]: row["title"] for row in tables["pages"]}
    assert len(set(titles.values())) == len(titles) == pages
    text = {(row["page"], row["section"]): row["text"] for row in tables["sections"]}
    known = land(seed, 0, pages)
    linked = defaultdict(list)
    for link in tables["links"]:
        said = text[link["source"], link["section"]][link["start"] : link["end"]]
        assert said == titles[link["target"]] and link["source"] != link["target"]
        told = known.values(link["source"], link["relation"])
        assert any(fact.target == link["target"] for fact in told)
        linked[link["source"], link["section"]].append(said)
    for row in tables["sections"]:
        assert row["links"] == linked[row["page"], row["section"]]
        assert 1 <= len(re.findall(r"\.(?: |$)", row["text"])) <= longest
    count = Counter(row["page"] for row in tables["sections"])
    assert set(count) == set(titles) and max(count.values()) <= sections + 1
    for row in tables["pages"]:
        parts = [text[row["page"], s] for s in range(count[row["page"]])]
        assert all(part in row["text"] for part in parts) and row["text"].startswith(parts[0])
        for fact in row["facts"]:
            sentence = parts[fact["section"]][fact["start"] : fact["end"]]
            assert fact["value"].lower() in sentence.lower() and sentence.endswith(".")
            assert fact["target"] < 0 or titles[fact["target"]] == fact["value"]


def test_facts_fit_together():
    known = land(3, 0, 200)
    one = lambda p, relation: known.values(p, relation)[0]  # noqa: E731
    back = {"capital": "capital of", "region": "town", "on river": "passes", "teacher": "pupil", "architect": "built"}
    for p, kind in enumerate(known.kinds):
        for relation, other in back.items():
            for fact in known.values(p, relation):
                assert any(f.target == p and f.value == known.titles[p] for f in known.values(fact.target, other))
        if kind == "person" and known.values(p, "teacher"):
            assert 20 <= int(one(p, "born").value) - int(one(one(p, "teacher").target, "born").value) <= 60
        if kind == "building":
            assert 25 <= int(one(p, "completed").value) - int(one(one(p, "architect").target, "born").value) < 60
            assert one(one(p, "architect").target, "profession").value == "architect"
        if kind == "mountain":
            assert 20 <= int(one(p, "climbed in").value) - int(one(one(p, "climber").target, "born").value) < 45
        for relation in ASK:
            assert len(known.values(p, relation)) <= 1
    told = {relation for parts in SECTIONS.values() for _, relations in parts for relation in relations}
    assert told == set(TELL) and set(ASK) <= told
    assert {fact.relation for facts in known.facts for fact in facts} == told
    assert set(Counter(known.kinds).values()) and min(Counter(known.kinds).values()) >= 5


def test_pages_depend_on_their_number_alone_and_lands_stand_alone():
    many, few = world.make("wiki", n=130, seed=2, pages=50), world.make("wiki", n=60, seed=2, pages=50)
    assert all(many[i] == few[i] for i in (0, 49, 50, 59))
    tables = few.tables()
    assert len(tables["pages"]) == 100  # whole encyclopaedias
    assert all(link["source"] // 50 == link["target"] // 50 for link in tables["links"])
    assert len({row["title"] for row in many}) == 130


def test_no_shortcut_to_the_answers():
    """The commonest answer to a kind of question, and the length of a page for its kind, say little."""
    rows = world.make("wiki", n=600, seed=5)
    by_relation = defaultdict(list)
    for page in rows:
        for q in page["questions"]:
            by_relation[re.sub(re.escape(page["title"]), "X", q["question"])].append(q["answer"])
    assert len(by_relation) >= 25
    number = sum(len(answers) for answers in by_relation.values())
    right = sum(Counter(answers).most_common(1)[0][1] for answers in by_relation.values())
    assert number > 1500 and right / number < 0.2
    length = np.array([len(page["text"].split()) for page in rows])
    kinds = np.array([page["kind"] for page in rows])
    cut = np.digitize(length, np.quantile(length, np.linspace(0, 1, 11)[1:-1]))
    guessed = sum(Counter(kinds[cut == c]).most_common(1)[0][1] for c in range(10)) / len(kinds)
    assert guessed < 0.6
    oracle = [page["facts"] for page in rows]
    assert all(
        any(f["value"] == q["answer"] for f in facts) for facts, page in zip(oracle, rows) for q in page["questions"]
    )


def test_pinned_digest_and_bad_controls():
    assert world.make("wiki", n=60, seed=1, pages=60).digest(60) == "c53fd7d760a6bf23"
    with pytest.raises(ConfigError, match="world/wiki: pages must be in 40 to 100000, got 10"):
        world.make("wiki", n=5, pages=10)
    with pytest.raises(ConfigError, match="length must be two rising numbers"):
        world.make("wiki", n=5, length=[5, 2])


def test_portraits_show_every_table():
    for table in world.make("wiki", n=40, pages=40).tables().values():
        picture = table.portrait(table[3])
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.std() > 5 and table.words(table[3])
