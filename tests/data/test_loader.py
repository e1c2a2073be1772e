"""Loader: worker processes and resuming change nothing; errors arrive as raised; tables hold from the next epoch."""

import numpy as np
import pytest
import torch
from batching_fakes import Letters, Pixels, shifted

from jointspace.data.collate import Collator
from jointspace.data.dataset import load_data
from jointspace.data.loader import Loader
from jointspace.data.samplers import Neighbours, build_sampler
from jointspace.errors import DataError


def make(n=20, **options):
    data = load_data(
        {
            "text": [[f"name {i}", f"word {i}"] for i in range(n)],
            "image": [np.full((4, 4, 3), i, dtype=np.uint8) for i in range(n)],
        }
    )
    processors = {"text": Letters(), "image": Pixels()}
    collator = Collator(data, processors, ["text", "image"], seed=1, augment={"image": shifted})
    return data, build_sampler(options.pop("batches", None), data, 4, seed=1), collator


def same(a, b):
    return len(a) == len(b) and all(
        x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True)
    )


def test_resumed_at_any_step():
    _, sampler, collator = make()
    whole = list(Loader(sampler, collator, steps=12))
    assert len(whole) == 12
    for start in (0, 3, 5, 11, 12):
        loader = Loader(sampler, collator, steps=12, start_step=start)
        assert len(loader) == 12 - start
        assert same(list(loader), whole[start:])


def test_the_random_state_of_the_run_is_left_alone():
    _, sampler, collator = make()
    torch.manual_seed(0)
    want = torch.rand(3)
    torch.manual_seed(0)
    list(Loader(sampler, collator, steps=3))
    assert torch.equal(torch.rand(3), want)


@pytest.mark.slow
def test_workers_change_nothing():
    data, sampler, collator = make()
    alone, loader = Loader(sampler, collator, steps=11), Loader(sampler, collator, steps=11, workers=2)
    assert same(list(alone), list(loader))
    assert loader.waited > 0
    # A row that cannot be used: one clear error, of the same type, from a worker too.
    data.parts[0].columns["image"].values[3] = np.zeros(2, np.uint8)
    with pytest.raises(DataError) as caught:
        list(Loader(sampler, collator, steps=11, workers=1))
    assert str(caught.value).endswith("row 3: field 'image': not a picture")


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_table_set_between_epochs_holds_from_the_next_batch_on(workers):
    data, sampler, collator = make(batches=Neighbours(2))
    loader = iter(Loader(sampler, collator, steps=10, workers=workers))
    for _ in range(sampler.steps_per_epoch):
        next(loader)
    sampler.set_table(((np.arange(20) + 10) % 20)[:, None])
    for batch in loader:
        pairs = batch["row"].reshape(-1, 2)
        assert ((pairs[:, 1] - pairs[:, 0]) % 20 == 10).all()
