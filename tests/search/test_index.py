"""The store against a plain in-memory model of it."""

import json

import numpy as np
import pytest

from jointspace.errors import DataError, SpaceError
from jointspace.search import Index, compose, reciprocal_rank_fusion


def unit(n, d=16, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture()
def index(tmp_path, text_space):
    words = ["a red apple", "ein roter Apfel", "une pomme rouge", "a green pear", "白い猫", "a white cat"]
    payload = [
        {"lang": lang, "n": i, "words": w} for i, (w, lang) in enumerate(zip(words, "en de fr en zh en".split()))
    ]
    return Index.create(tmp_path / "store", text_space, words, payload, ids=[f"id{i}" for i in range(6)])


def test_exact_search_is_the_matrix_product(tmp_path, text_space):
    dim = text_space.dim
    vectors, asked = unit(300, dim), unit(5, dim, seed=1)
    index = Index.create(tmp_path / "s", text_space, vectors=vectors)
    for q in asked:
        hits = index.search(vector=q, k=7)
        scores = vectors @ q
        want = np.argsort(-scores)[:7]
        assert [h.id for h in hits] == [str(i) for i in want]
        assert [h.score for h in hits] == pytest.approx(scores[want].tolist(), abs=1e-5)
        assert [h.rank for h in hits] == list(range(1, 8))


def test_finds_itself_and_carries_its_payload(index):
    hit = index.search("a green pear", k=1)[0]
    assert (hit.id, hit.payload) == ("id3", {"lang": "en", "n": 3, "words": "a green pear"})
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert len(index) == 6 and index.columns == ["lang", "n", "words"]


def test_filters_are_sql_on_the_payload(index):
    assert {h.id for h in index.search("apple", where="lang = 'en' AND n > 0")} == {"id3", "id5"}
    with pytest.raises(DataError, match="nothere"):
        index.search("apple", where="nothere = 3")


def test_add_upsert_delete(index):
    assert index.add(["a blue plum"], [{"lang": "en", "n": 9, "words": "a blue plum"}], ids=["new"]) == 1
    with pytest.raises(DataError, match="'new' is there already"):
        index.add(["x"], [{"lang": "en", "n": 9, "words": "x"}], ids=["new"])
    assert len(index) == 7
    assert index.upsert(["a yellow bus"], [{"lang": "en", "n": 1, "words": "a yellow bus"}], ids=["new"]) == 1
    assert len(index) == 7 and index.search("a yellow bus", k=1)[0].id == "new"
    assert index.delete(["new", "absent"]) == 1 and index.delete(where="lang = 'en'") == 3
    assert sorted(h.id for h in index.search("cat", k=10)) == ["id1", "id2", "id4"]
    with pytest.raises(DataError, match="column 'colour'"):
        index.add(["x"], [{"colour": "red"}], ids=["y"])


def test_ids_are_counted_on(tmp_path, text_space):
    index = Index.create(tmp_path / "s", text_space, ["one", "two"])
    index.add(["three"])
    assert index.search("three", k=1)[0].id == "2"


def test_several_vectors_an_item(tmp_path, text_space):
    items = [["a cat", "a dog"], ["a tree"], ["a cat on a tree", "the moon", "a dog"]]
    index = Index.create(tmp_path / "s", text_space, items, ids=["a", "b", "c"])
    hits = index.search("a dog", k=3)
    assert len(index) == 3 and {h.id for h in hits} == {"a", "b", "c"}  # each item once
    assert {hits[0].id, hits[1].id} == {"a", "c"} and hits[0].part in (1, 2)
    index.upsert([["one vector now"]], ids=["c"])
    assert index.table.count_rows("item = 'c'") == 1


def test_refuses_another_space(index, other_text_space):
    with pytest.raises(SpaceError, match="never mixed"):
        Index.open(index.store, other_text_space)
    assert len(Index.open(index.store)) == 6  # its own copy
    assert Index.open(index.store).search("a white cat", k=1)[0].id == "id5"


def test_hybrid_and_full_text(index):
    with pytest.raises(DataError, match="no full-text index"):
        index.search("pomme", mode="hybrid")
    index.optimize(text=["words"])
    assert index.search("pomme", mode="text", k=1)[0].id == "id2"
    hits = index.search("pomme", mode="hybrid", k=6)
    assert hits[0].id == "id2" and len({h.id for h in hits}) == len(hits)


@pytest.mark.slow
def test_approximate_search_recalls(tmp_path, text_space):
    vectors = unit(2000, text_space.dim)
    index = Index.create(tmp_path / "s", text_space, vectors=vectors)
    index.optimize()
    asked = unit(20, text_space.dim, seed=5)
    found = [{h.id for h in index.search(vector=q, k=10, mode="approximate")} for q in asked]
    exact = [{h.id for h in index.search(vector=q, k=10)} for q in asked]
    assert np.mean([len(a & b) / 10 for a, b in zip(found, exact)]) > 0.9


def test_bad_calls_name_what_is_wrong(tmp_path, index, text_space):
    with pytest.raises(DataError, match="exists already"):
        Index.create(index.store, text_space, ["x"])
    with pytest.raises(DataError, match="no store here"):
        Index.open(tmp_path / "nowhere")
    with pytest.raises(DataError, match="2 ids"):
        Index.create(tmp_path / "t", text_space, ["x"], ids=["a", "b"])
    with pytest.raises(DataError, match="'a' is given twice"):
        Index.create(tmp_path / "t", text_space, ["x", "y"], ids=["a", "a"])
    with pytest.raises(DataError, match="payload has 1 rows"):
        Index.create(tmp_path / "t", text_space, ["x", "y"], [{"a": 1}])
    with pytest.raises(DataError, match="vector 1 is not finite"):
        bad = unit(3, text_space.dim)
        bad[1, 0] = np.nan
        Index.create(tmp_path / "t", text_space, vectors=bad)
    with pytest.raises(DataError, match="hybird.*hybrid"):
        index.search("x", mode="hybird")
    assert not (tmp_path / "t").exists() and not list(tmp_path.glob(".t*"))


def test_store_says_what_made_it(index, text_space):
    about = json.loads((index.store / "store.json").read_text())
    assert about["fingerprint"] == text_space.fingerprint() and about["dim"] == text_space.dim
    assert set(index.table.search().limit(None).to_arrow()["space"].to_pylist()) == {text_space.fingerprint()}


def test_composed_query_limits():
    a, b = unit(2, 8)
    assert np.allclose(compose([a, b], [1, 0]), a, atol=1e-6)  # weight 0: the first part's ranking exactly
    assert np.allclose(compose([a * 7, b * 0.1], [1, 0.5]), compose([a, b], [1, 0.5]), atol=1e-6)  # scale-free
    assert np.linalg.norm(compose([a, b], [1, -0.5])) == pytest.approx(1)
    with pytest.raises(SpaceError, match="cancel"):
        compose([a, a], [1, -1])


def test_reciprocal_rank_fusion_by_hand():
    fused = dict(reciprocal_rank_fusion([["a", "b"], ["b", "c"]], constant=60))
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})
    assert [k for k, _ in reciprocal_rank_fusion([["a", "b"], ["b", "c"]])] == ["b", "a", "c"]
