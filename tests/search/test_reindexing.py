"""Moving a store to a new Space: queries never fail, the pointer moves at once, and back."""

import numpy as np
import pytest
import torch

import jointspace as js
from jointspace.encoders.registry import build
from jointspace.errors import DataError, SpaceError
from jointspace.search.reindexing import cut_over, pending, reindex, roll_back
from jointspace.space import Space, Tower

WORDS = [f"{c} {s}" for c in ("red", "blue", "green", "pink", "black") for s in ("star", "ring", "cross", "heart")]


def space(seed, width):
    torch.manual_seed(seed)
    encoder = build("static", "text", width=width, vocab_size=300)
    encoder.prepare(WORDS)
    return Space(text=Tower(encoder, pooling="mean")).eval()


@pytest.fixture
def store(tmp_path):
    old = space(1, 8)
    js.Index.create(tmp_path / "store", old, WORDS, {"words": WORDS, "n": list(range(len(WORDS)))})
    return tmp_path / "store", old, space(2, 12)


def best(path, query="red star"):
    hit = js.Index.open(path).search(query, k=1)[0]
    assert set(hit.payload) == {"words", "n"}
    return hit.payload["words"]


def test_from_the_old_space_to_the_new_one_and_back(store):
    path, old, new = store
    index = js.Index.open(path)
    before = index.table.to_arrow()["vector"].to_pylist()
    with pytest.raises(DataError, match="no reindexing has begun"):
        cut_over(index)
    assert reindex(index, new, column="words", batch_size=4, limit=8) == 12, "stopped half way"
    with pytest.raises(DataError, match="12 rows have no new vector yet"):
        cut_over(index)
    assert best(path) == "red star" and js.Index.open(path).about["fingerprint"] == old.fingerprint()
    index = js.Index.open(path)  # another process goes on
    index.add(["white moon"], [{"words": "white moon", "n": 20}], ids=["later"])
    assert reindex(index, new, column="words", batch_size=5) == 0 and pending(index) == 0
    cut_over(index)
    index = js.Index.open(path)
    assert index.about["fingerprint"] == new.fingerprint() and index.space.dim == 12
    assert best(path) == "red star" and len(index) == 21
    table = index.table.to_arrow()
    made = dict(zip(table["item"].to_pylist(), table[index.vector_column].to_pylist(), strict=True))
    assert np.allclose([made[str(i)] for i in range(20)], new.encode(WORDS), atol=1e-5), "as if encoded anew"
    kept = dict(zip(table["item"].to_pylist(), table["vector"].to_pylist(), strict=True))
    assert sorted(v for k, v in kept.items() if k != "later") == sorted(before), "old vectors are not touched"
    assert set(table[index.about["space_column"]].to_pylist()) == {new.fingerprint()}
    roll_back(index)
    index = js.Index.open(path)
    assert index.about["fingerprint"] == old.fingerprint() and best(path) == "red star"
    cut_over(index)  # nothing is missing: it can come again
    assert js.Index.open(path).about["fingerprint"] == new.fingerprint()


def test_items_that_came_since_keep_from_going_back(store):
    path, old, new = store
    index = js.Index.open(path)
    reindex(index, new, items=dict(enumerate_ids()))
    cut_over(index)
    index.add(["white moon"], [{"words": "white moon", "n": 20}], ids=["later"])
    assert index.search("white moon", k=1)[0].id == "later"
    with pytest.raises(DataError, match="1 items came since the cut"):
        roll_back(index)
    index.delete(["later"])
    roll_back(index)
    assert len(index.search("red star", k=3)) == 3


def enumerate_ids():
    return [(str(i), word) for i, word in enumerate(WORDS)]


def test_bad_input(store):
    path, old, new = store
    index = js.Index.open(path)
    for how, message in (
        ({}, "needs items=, or column="),
        ({"column": "word"}, r"no payload column 'word' \(did you mean words\?\)"),
        ({"items": {"0": "red star"}}, "item '1' is not among the items given"),
        ({"items": lambda ids: ["x"]}, "gave 1 items for 20 ids"),
    ):
        with pytest.raises(DataError, match=message):
            reindex(index, new, **how)
    with pytest.raises(SpaceError, match="is of this Space already"):
        reindex(index, old, column="words")
    with pytest.raises(DataError, match="no earlier Space"):
        roll_back(index)


def test_command_line(store):
    from typer.testing import CliRunner

    from jointspace.cli.app import app

    path, old, new = store
    new.save_pretrained(path.parent / "new")
    run = CliRunner().invoke(app, ["reindex", str(path), str(path.parent / "new"), "--column", "words", "--cut-over"])
    assert run.exit_code == 0, run.output
    assert js.Index.open(path).about["fingerprint"] == new.fingerprint()
    run = CliRunner().invoke(app, ["reindex", str(path), "--roll-back"])
    assert run.exit_code == 0 and js.Index.open(path).about["fingerprint"] == old.fingerprint()
