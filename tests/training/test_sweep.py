"""Passes over the whole set between epochs: encode_all, and tables that batches go by."""

import pytest
import torch
import torch.nn.functional as F
from toys import Toy, pairs

import jointspace as js
from jointspace.data.samplers import Neighbours
from jointspace.errors import ConfigError


class Sweeps(Toy):
    """Keeps a bank of the rows' vectors, made anew each epoch, and is drawn towards it."""

    def __init__(self, config=None):
        super().__init__(config)
        self.register_buffer("bank", torch.zeros(0, 16))
        self.calls = []

    def before_epoch(self, progress, encode_all):
        self.calls.append((progress.step, progress.epoch, progress.epochs))
        self.bank = encode_all("text")

    def terms(self, text, text_positive, row):
        return super().terms(text, text_positive, row) | {"bank": F.mse_loss(text_positive, self.bank[row])}


class Paired(Toy):
    """Batches of a row and a neighbour in the space as it stands."""

    batches = Neighbours(n=2)

    def __init__(self, config=None):
        super().__init__(config)
        self.tables = []

    def before_epoch(self, progress, encode_all):
        x = encode_all("text")
        table = (x @ x.T).fill_diagonal_(-2).topk(3).indices
        self.tables.append(table)
        return table


def build(cls, seed=0):
    torch.manual_seed(seed)
    return cls()


def fit(method, **more):
    keep = {k: more.pop(k) for k in ("output", "callbacks", "resume") if k in more}
    config = js.TrainingConfig(**{**dict(steps=14, batch_size=8, learning_rate=1e-2, save_steps=4), **more})
    return js.fit(method, pairs(), config, progress=False, **keep)


def test_encode_all_gives_every_row_in_order_with_the_weights_as_they_are():
    seen = {}

    class Looks(Toy):
        def before_epoch(self, progress, encode_all):
            assert self.training
            seen["all"], seen["training"] = encode_all("text"), self.training
            with pytest.raises(ConfigError, match="did you mean text"):
                encode_all("texte")

    method = build(Looks)
    fit(method, steps=1, learning_rate=0.0)
    data = pairs()
    vectors = method.space().encode([data.values("text", i)[0] for i in range(len(data))])
    assert seen["training"] and torch.allclose(seen["all"], torch.from_numpy(vectors), atol=1e-6)


def test_once_an_epoch():
    method = build(Sweeps)
    fit(method)
    assert method.calls == [(0, 0, 3), (6, 1, 3), (12, 2, 3)]


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    def on_step(self, run, terms):
        if run.step == 10:
            raise Crash


@pytest.mark.parametrize("cls", [Sweeps, Paired])
def test_what_a_pass_built_is_part_of_the_checkpoint(tmp_path, cls):
    """Resumed at step 8, in the middle of the second epoch."""
    whole = fit(build(cls))
    with pytest.raises(Crash):
        fit(build(cls), output=tmp_path / "run", callbacks=[CrashAt()])
    resumed = fit(build(cls, seed=1), output=tmp_path / "run", resume=True)
    assert resumed.resumed_from == [8]
    assert resumed.space.fingerprint() == whole.space.fingerprint()


def test_batches_follow_the_table():
    rows = []

    class Watching(Paired):
        def embed(self, batch):
            if self.training:
                rows.append(batch["row"].tolist())
            return super().embed(batch)

    torch.manual_seed(0)
    method = Watching()
    fit(method, steps=6)
    (table,) = method.tables
    for batch in rows[:6]:
        for one, other in zip(batch[::2], batch[1::2], strict=True):
            assert other in table[one].tolist()


def test_a_table_needs_whole_steps_an_epoch():
    with pytest.raises(ConfigError, match="must be whole steps of 4 batches"):
        fit(build(Paired), gradient_accumulation_steps=4)
