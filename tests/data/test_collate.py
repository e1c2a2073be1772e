"""Collator and batches: ids, draws, views, prompts, plain columns, shapes; errors that name the row."""

import pickle

import numpy as np
import pytest
import torch
from batching_fakes import Letters, Pixels, shifted

from jointspace.data import batch as batches
from jointspace.data.collate import Collator
from jointspace.data.dataset import content_hash, load_data
from jointspace.errors import ConfigError, DataError

N = 12


@pytest.fixture(scope="module")
def data():
    return load_data(
        {
            "text": [[f"name {i}", f"word {i}", f"third {i}"] if i % 2 else [f"only {i}"] for i in range(N)],
            "image": [np.full((4, 4, 3), i, dtype=np.uint8) for i in range(N)],
            "label": ["cat", "dog", "ape"] * 4,
            "score": np.linspace(0, 1, N).tolist(),
            "count": list(range(N)),
            "vector": [[i, 0.5] for i in range(N)],
            "tags": [["a"] * (i % 3 + 1) for i in range(N)],
        }
    )


@pytest.fixture
def make(data):
    def build(fields=("image", "text"), **options):
        processors = {"text": Letters(), "image": Pixels()}
        return Collator(options.pop("data", data), processors, list(fields), seed=3, **options)

    return build


def test_fields_of_a_batch(make):
    batch = make(("image", "text", "label", "score", "count", "vector", "tags"))(np.array([3, 0, 7]), epoch=1)
    assert set(batch) == {
        "row", "source", "image", "image_id", "text", "text_mask", "text_id", "label", "score", "count", "vector",
        "tags", "tags_mask",
    }  # fmt: skip
    assert batch["row"].tolist() == [3, 0, 7] and batch["source"].tolist() == [0, 0, 0]
    assert batch["image"].shape == (3, 3, 4, 4) and batch["image"].dtype == torch.uint8
    assert batch["label"].tolist() == [1, 1, 2] and batch["label"].dtype == torch.int64  # ape, cat, dog
    assert batch["score"].dtype == torch.float32 and batch["count"].tolist() == [3, 0, 7]
    assert batch["vector"].shape == (3, 2)
    assert batch["tags"].shape == (3, 2) and batch["tags_mask"].sum(dim=1).tolist() == [1, 1, 2]
    assert batches.batch_size(batch) == 3


def test_one_of_several_values_is_drawn_by_seed_epoch_and_row(make, data):
    collate = make(("text",))
    seen = set()
    for epoch in range(30):
        batch = collate(np.arange(N), epoch)
        for i in range(N):
            text = "".join(chr(c) for c in batch["text"][i] if c)
            assert text in data.values("text", i)
            assert int(batch["text_id"][i]) == content_hash(text)  # the id of the very value used
            seen.add(text)
        alone = collate(np.array([5]), epoch)
        assert int(alone["text_id"][0]) == int(batch["text_id"][5])  # whatever stands beside it
    assert len(seen) == sum(len(data.values("text", i)) for i in range(N))
    first = make(("text",), train=False)(np.arange(N))
    assert first["text_id"].tolist() == [content_hash(data.values("text", i)[0]) for i in range(N)]


def test_drawn_values_are_uniform(make):
    collate = make(("text",))
    ids = torch.stack([collate(np.array([1]), epoch)["text_id"] for epoch in range(600)])
    counts = torch.unique(ids, return_counts=True)[1]
    assert len(counts) == 3 and counts.min() > 160  # 200 expected, sd 11.5


def test_views_take_other_values_and_other_augmentations(make):
    batch = make(views={"text": 3, "image": 2}, augment={"image": shifted})(np.array([1, 2]), epoch=0)
    ids = [int(batch[f"{name}_id"][0]) for name in ("text", "text_view_2", "text_view_3")]
    assert len(set(ids)) == 3
    assert int(batch["text_view_2_id"][1]) == int(batch["text_id"][1])  # there is but one
    assert not torch.equal(batch["image"], batch["image_view_2"])
    assert torch.equal(batch["image_id"], batch["image_view_2_id"])


def test_augmentation_hangs_on_seed_epoch_and_row_alone(make):
    collate = make(("image",), augment={"image": shifted})
    whole = collate(np.arange(N), 4)["image"]
    assert torch.equal(whole[[7]], collate(np.array([7]), 4)["image"])
    assert not torch.equal(whole, collate(np.arange(N), 5)["image"])
    plain = make(("image",))(np.arange(N), 4)["image"]
    assert torch.equal(make(("image",), augment={"image": shifted}, train=False)(np.arange(N), 4)["image"], plain)


def test_a_copy_in_another_process_gives_the_same(make):
    collate = make(("image", "text", "label", "tags"), augment={"image": shifted})
    again = pickle.loads(pickle.dumps(collate))
    a, b = collate(np.arange(N), 2), again(np.arange(N), 2)
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_prompts_of_sources_go_in_front_of_texts_but_not_into_ids():
    data = load_data(
        sources=[
            {"path": {"text": ["cat"], "text_b": ["a feline"]}, "name": "a", "prompt": "a photo of {}"},
            {"path": {"text": ["dog"], "text_b": ["a canine"]}, "name": "b", "prompt": {"query": "q: "}},
        ]
    )
    batch = Collator(data, {"text": Letters()}, ["text", "text_b"], seed=0)(np.array([0, 1]))
    texts = [["".join(chr(c) for c in row if c) for row in batch[name]] for name in ("text", "text_b")]
    assert texts == [["a photo of cat", "q: dog"], ["a photo of a feline", "a canine"]]
    assert batch["text_id"].tolist() == [content_hash("cat"), content_hash("dog")]
    assert batch["source"].tolist() == [0, 1]


def test_shared_entries_and_micro_batches(make):
    batch = make(("text", "label"), shared={"shared_names": torch.arange(3)})(np.arange(5))
    parts = list(batches.split(batch, 2))
    assert [batches.batch_size(p) for p in parts] == [2, 2, 1]
    assert all(torch.equal(p["shared_names"], torch.arange(3)) for p in parts)
    assert torch.equal(torch.cat([p["row"] for p in parts]), batch["row"])
    with pytest.raises(ConfigError, match="shared_"):
        make(("text",), shared={"names": 1})
    with pytest.raises(ValueError, match="b has 2 rows, a has 3"):
        batches.batch_size({"a": torch.zeros(3), "b": torch.zeros(2)})


def test_padding():
    padded, mask = batches.pad([np.array([1, 2, 3]), np.array([], dtype=np.int64)])
    assert padded.tolist() == [[1, 2, 3], [0, 0, 0]] and mask.tolist() == [[True] * 3, [False] * 3]
    assert batches.pad([np.zeros((0, 4))])[0].shape == (1, 1, 4)


def test_unknown_and_unserved_fields(make):
    with pytest.raises(ConfigError, match="no field 'txt'.*did you mean text"):
        make(("txt",))
    with pytest.raises(ConfigError, match="no encoder takes the field 'image'"):
        Collator(make().data, {"text": Letters()}, ["image"], seed=0)
    with pytest.raises(ConfigError, match="views: 'label'"):
        make(("text", "label"), views={"label": 2})


def test_a_bad_value_names_its_row():
    data = load_data({"image": [np.zeros((4, 4, 3), np.uint8), np.zeros(3, np.uint8)], "text": ["a", "b"]})
    with pytest.raises(DataError, match="row 1: field 'image': not a picture"):
        Collator(data, {"image": Pixels()}, ["image"], seed=0)(np.array([0, 1]))


def test_a_missing_optional_value_names_its_row():
    sources = [{"path": {"text": ["a"], "score": [0.5]}, "name": "a"}, {"path": {"text": ["b"]}, "name": "b"}]
    data = load_data(sources=sources)
    with pytest.raises(DataError, match="row 0: field 'score' has no value"):
        Collator(data, {"text": Letters()}, ["score"], seed=0)(np.array([0, 1]))
