"""Features as columns: computed once a content, resumable, memory-mapped, in step with the value drawn."""

import pickle

import numpy as np
import pytest
import torch
from batching_fakes import Letters, Pixels, shifted

from jointspace.data.cache import cache, fingerprint
from jointspace.data.collate import Collator
from jointspace.data.dataset import load_data
from jointspace.errors import ConfigError, DataError


class Guide:
    """Something like a Space: the sum of letters and the length of a text; tokens = its letters."""

    def __init__(self, version="a"):
        self.version, self.seen = version, []

    def fingerprint(self):
        return f"guide-{self.version}"

    def encode(self, items, *, modality=None, output="dense"):
        assert modality == "text"
        self.seen += items
        if output == "tokens":
            return [np.array([[ord(c)] for c in item], dtype=np.float64) for item in items]
        return np.array([[sum(map(ord, item)), len(item)] for item in items], dtype=np.float64)


TEXTS = ["ab", "c", "ab", "dddd", "c"]


@pytest.fixture
def data():
    return load_data({"text": TEXTS, "label": [0, 1, 0, 1, 0]})


def features(text):
    return [sum(map(ord, text)), len(text)]


def test_a_cached_column_is_a_field(data, tmp_path):
    guide = Guide()
    more = cache(data, {"guide_text": (guide, "text", "dense")}, tmp_path)
    assert sorted(guide.seen) == ["ab", "c", "dddd"]  # equal contents are computed once
    assert more.fields == ["text", "label", "guide_text"] and data.fields == ["text", "label"]
    assert more[3]["guide_text"].tolist() == features("dddd")
    batch = Collator(more, {"text": Letters()}, ["text", "guide_text"], seed=0)(np.array([4, 0, 3]))
    assert batch["guide_text"].dtype == torch.float32
    assert batch["guide_text"].tolist() == [features(TEXTS[i]) for i in (4, 0, 3)]
    assert more.fingerprint != data.fingerprint
    assert more.select([3, 1])[0]["guide_text"].tolist() == features("dddd")


def test_what_is_there_is_not_computed_again_and_other_data_reuse_it(data, tmp_path):
    cache(data, {"guide_text": (Guide(), "text")}, tmp_path)
    again, other, newer = Guide(), Guide(), Guide("b")
    cache(data, {"guide_text": (again, "text")}, tmp_path)
    assert again.seen == []
    more = cache(load_data({"text": ["new", "ab", "dddd"]}), {"g": (other, "text")}, tmp_path)
    assert other.seen == ["new"]
    assert [more[i]["g"].tolist() for i in range(3)] == [features(t) for t in ("new", "ab", "dddd")]
    cache(data, {"guide_text": (newer, "text")}, tmp_path)  # another fingerprint: other features
    assert len(newer.seen) == 3


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("jointspace.data.cache.SHARD_BYTES", 1)
    data = load_data({"text": [f"text {i}" for i in range(10)]})

    class Stops(Guide):
        def encode(self, items, **more):
            if len(self.seen) >= 6:
                raise KeyboardInterrupt
            return super().encode(items, **more)

    with pytest.raises(KeyboardInterrupt):
        cache(data, {"g": (Stops(), "text")}, tmp_path, batch_size=2)
    folder = next(tmp_path.iterdir())
    np.save(folder / "shard-00003.npy", np.zeros(3))  # half-written: no keys
    rest = Guide()
    more = cache(data, {"g": (rest, "text")}, tmp_path, batch_size=2)
    assert rest.seen == [f"text {i}" for i in range(6, 10)]
    assert [more[i]["g"].tolist() for i in range(10)] == [features(f"text {i}") for i in range(10)]


def test_tokens_are_padded_with_a_mask(data, tmp_path):
    more = cache(data, {"guide": (Guide(), "text", "tokens")}, tmp_path)
    batch = Collator(more, {}, ["guide"], seed=0)(np.array([0, 3, 1]))
    assert batch["guide"].shape == (3, 4, 1)
    assert batch["guide_mask"].sum(dim=1).tolist() == [2, 4, 1]
    assert batch["guide"][1, :, 0].tolist() == [100.0] * 4


def test_of_several_values_the_one_drawn(tmp_path):
    data = load_data({"text": [["a", "bb", "ccc"], ["dddd"]]})
    more = cache(data, {"guide": (Guide(), "text")}, tmp_path)
    collate = Collator(more, {"text": Letters()}, ["text", "guide"], seed=0, views={"text": 2})
    seen = set()
    for epoch in range(12):
        batch = collate(np.array([0, 1]), epoch)
        for view in ("", "_view_2"):
            length = batch[f"text{view}_mask"].sum(dim=1)
            assert batch[f"guide{view}"][:, 1].tolist() == length.tolist()
            seen.add(int(length[0]))
    assert seen == {1, 2, 3}


def test_workers_read_the_map(data, tmp_path):
    more = pickle.loads(pickle.dumps(cache(data, {"g": (Guide(), "text")}, tmp_path)))
    assert more[0]["g"].tolist() == features("ab")
    assert len(pickle.dumps(more.parts[0].columns["g"])) < 2000


def test_pictures_by_a_function(tmp_path):
    data = load_data({"image": [np.full((2, 2, 3), i, dtype=np.uint8) for i in range(4)]})
    more = cache(data, {"level": (mean_level, "image")}, tmp_path)
    assert [float(more[i]["level"]) for i in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match="'level' was computed from 'image' as it is, which training augments"):
        Collator(more, {"image": Pixels()}, ["image", "level"], seed=0, augment={"image": shifted})
    Collator(more, {"image": Pixels()}, ["image", "level"], seed=0, augment={"image": shifted}, train=False)


def mean_level(items):
    return np.array([np.mean(item) for item in items])


def test_who_computed_it_must_be_known():
    assert fingerprint(mean_level) == fingerprint(mean_level)
    assert fingerprint(lambda items: [1]) != fingerprint(lambda items: [2])
    weight = 2
    closure = lambda items: [weight for _ in items]  # noqa: E731
    with pytest.raises(ConfigError, match="say which version it is by an attribute: source.fingerprint"):
        fingerprint(closure)
    closure.fingerprint = "twos-1"
    assert fingerprint(closure) == "twos-1"


def test_bad_requests_and_answers(data, tmp_path):
    with pytest.raises(ConfigError, match="made from 'txt', which the data lacks .did you mean text"):
        cache(data, {"g": (Guide(), "txt")}, tmp_path)
    with pytest.raises(ConfigError, match="has a field 'label' already"):
        cache(data, {"label": (Guide(), "text")}, tmp_path)
    with pytest.raises(ConfigError, match="'g' must be .source, field. or .source, field, output."):
        cache(data, {"g": (Guide(),)}, tmp_path)
    with pytest.raises(DataError, match="'g' got 1 answers for 3 items of 'text'"):
        cache(data, {"g": (lambda items: [np.zeros(2)], "text")}, tmp_path)
    with pytest.raises(DataError, match="row 1: cache 'g': the answer for 'text' is not finite"):
        cache(data, {"g": (lambda items: [[float("nan")] if i == "c" else [0.0] for i in items], "text")}, tmp_path)
