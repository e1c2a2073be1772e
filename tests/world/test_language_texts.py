"""Documents, names, entities, edits, styles, instructions, noise; and what every field was on the day it was pinned."""

from __future__ import annotations

from dataclasses import fields as fields_of

import numpy as np
import pytest
from scipy.stats import chisquare

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world import noise
from jointspace.world.config import SHAPES, WorldConfig
from jointspace.world.language.dice import Dice, dice
from jointspace.world.language.documents import KINDS, documents
from jointspace.world.language.edits import edited
from jointspace.world.language.entities import entities, entity, entity_id
from jointspace.world.language.fields import FIELDS, Told
from jointspace.world.language.names import made_up, person
from jointspace.world.language.styles import ASIDES, STYLES, concepts


def test_dice_are_fair_and_endless():
    rolled = dice(1, np.arange(1500, dtype=np.uint64), "fair")
    drawn = np.array([[d.number(6) for _ in range(100)] for d in rolled])  # beyond the first chunk of 64
    assert chisquare(np.bincount(drawn.ravel())).pvalue > 1e-4
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 99])[0, 1]) < 0.1
    again: list[Dice] = dice(1, np.arange(1500, dtype=np.uint64), "fair")
    assert [again[7].number(6) for _ in range(100)] == drawn[7].tolist()
    assert sorted(again[3].shuffled("abcd")) == list("abcd") and not again[3].chance(0.0) and again[3].chance(1.0)


def test_names_differ():
    assert len({made_up(i, "place") for i in range(40_000)}) == 40_000
    assert len({person(i) for i in range(40_000)}) == 40_000


@pytest.mark.parametrize("kind", KINDS)
def test_documents_hide_their_sentence_once(kind):
    rows = np.arange(60)
    words = np.where(rows % 2, 60, 240)
    said = [f"a scene number {i}" for i in rows]
    found = documents(4, rows, words, kind, said)
    for i, document in enumerate(found):
        key = document.text[document.start : document.end]
        assert document.words == len(document.text.split()) and words[i] - 20 < document.words <= words[i]
        assert document.text.count(key) == 1 and document.answer in key
        names = [w.strip("?") for w in document.question.split()[1:] if w[0].isupper()]
        assert names and all(name in key for name in names)
        assert sum(document.question == other.question for other in found) == 1
    alone = documents(4, rows[10:11], words[10:11], kind, said[10:11])
    assert alone == [found[10]]


def test_place_of_the_hidden_sentence_is_uniform():
    found = documents(9, np.arange(1000), 300, "passkey")
    share = np.array([d.start / (len(d.text) - (d.end - d.start) + 1) for d in found])
    assert chisquare(np.histogram(share, bins=5, range=(0, 1))[0]).pvalue > 1e-4


def test_documents_refuse_what_they_cannot_make():
    with pytest.raises(ConfigError, match="document_words must be at least 30, got 12"):
        documents(0, np.arange(2), 12)
    with pytest.raises(ConfigError, match="document_kind: no 'pass'.*passkey"):
        documents(0, np.arange(2), 100, "pass")


def test_entities_are_the_combinations_and_share_aliases_in_pairs():
    config = WorldConfig(shapes=SHAPES[:6])
    assert entities(config) == 240
    known = [entity(i, config) for i in range(240)]
    assert len({e.name for e in known}) == 240 and len({e.alias for e in known}) == 120
    rows = world.make("scenes", n=100, seed=1, shapes=SHAPES[:6], fields=["objects", "entities"])
    for row in rows:
        for thing, own in zip(row["objects"], row["entities"], strict=True):
            assert own["id"] == entity_id(thing, config) and own["name"] == known[own["id"]].name
            assert thing["shape"] in own["description"].replace("disc", "circle").replace("plus sign", "cross")


def test_edits_change_one_value_and_nothing_else():
    rows = world.make("scenes", n=120, seed=1, objects=[1, 4], fields=["edit", "image", "image_edited"])
    scenes = rows.scenes()
    told = Told(scenes, 1, np.arange(120), rows.controls)
    after = edited(scenes, told.edits)
    for i, change in enumerate(told.edits):
        assert rows[i]["edit"]["text"] == change.text
        before, now = scenes.objects(i), after.objects(i)
        if change.object < 0:
            assert before == now
            continue
        assert before[change.object][change.key] == change.old and now[change.object][change.key] == change.new
        now[change.object][change.key] = change.old
        assert before == now and (rows[i]["image"] != rows[i]["image_edited"]).any()
    assert sum(change.object < 0 for change in told.edits) < 5


def test_styles_name_every_object_and_differ():
    rows = world.make("scenes", n=60, seed=2, objects=[1, 3], fields=["objects", "styles"])
    for row in rows:
        assert tuple(row["styles"]) == STYLES and len(set(row["styles"].values())) == len(STYLES)
        for thing in row["objects"]:
            assert f"{thing['size']} {thing['colour']} {thing['shape']}" in row["styles"]["clean"]
        words = row["styles"]["rich"].split()
        assert abs(np.mean([w in ASIDES for w in words]) - 0.3) < 0.08
    config = rows.controls
    assert set(concepts(config, "clean")) < set(concepts(config, "rich"))


def test_instructions_have_one_right_answer():
    rows = world.make("scenes", n=150, seed=2, objects=[2, 5], fields=["instructions", "objects", "caption"])
    tasks = set()
    for row in rows:
        for item in row["instructions"]:
            tasks.add(item["task"])
            assert item["target"] not in item["candidates"] and item["instruction"]
            if item["task"].startswith("classify"):
                assert row["objects"][item["object"]][item["task"].split()[1]] == item["target"]
    assert len(tasks) == 8


def test_noise_with_names_and_dates_keeps_the_caption():
    rates = {"date": 0.25, "irrelevant": 0.25, "entity": 0.25, "wrong_entity": 0.25}
    captions = ["a red circle"] * 400
    texts, kinds = noise.alt_texts(captions, 3, rates, names=[("Right", "Wrong")] * 400)
    for text, kind in zip(texts, kinds, strict=True):
        assert kind == "irrelevant" or "a red circle" in text
        assert ("Right" in text) == (kind in ("entity", "wrong_entity")) and ("Wrong" in text) == (
            kind == "wrong_entity"
        )
    with pytest.raises(ConfigError, match="entity and wrong_entity need the names"):
        noise.alt_texts(captions, 3, {"entity": 0.1})
    made = world.make("scenes", n=50, seed=1, noise_rates={"entity": 0.5, "wrong_entity": 0.5}, fields=["alt_text"])
    assert len(set(made.column("alt_text"))) == 50


def test_soft_answers_come_at_their_rate():
    rows = world.make("scenes", n=600, seed=2, fields=["questions"], soft_answers=0.5)
    open_ones = [q for asked in rows.column("questions") for q in asked if q["answer"].isdigit()]
    assert np.mean([len(q["answers"]) == 2 for q in open_ones]) == pytest.approx(0.5, abs=0.1)
    assert all(set(q["answers"]) & {"zero", "one", "two", "three"} for q in open_ones if len(q["answers"]) == 2)


def test_pinned_digest():
    """Every field of language as it was made first: another process, day or platform says the same."""
    rows = world.make("scenes", n=16, seed=6, objects=[1, 6], wrong_sentences=0.1, fields=list(FIELDS))
    assert rows.digest(16) == "5750016e72b698dd"
    assert {f.name for f in fields_of(rows.controls)} >= {"wrong_sentences", "longest_caption", "document_kind"}
