"""Alternating updates: each phase moves its own parameters with its own optimiser on its own batches."""

import pytest
import torch
from toys import Toy, pairs

import jointspace as js
from jointspace.errors import ConfigError, TrainingError
from jointspace.training.method import Phase


class Alternating(Toy):
    """Encoder by AdamW on training rows, head twice by SGD on validation rows."""

    def __init__(self, config=None, phases=None):
        super().__init__(config)
        self.log = []
        self.listed = phases or [
            Phase(params="text_encoder|temperature"),
            Phase(params="projection", optimiser={"optim": "sgd", "learning_rate": 0.1}, terms=("forth",),
                  batches="validation", times=2),
        ]  # fmt: skip

    def phases(self):
        return self.listed

    def embed(self, batch):
        self.log.append(batch["row"].tolist())
        return super().embed(batch)

    def after_backward(self, progress):
        self.log.append(progress.phase)


def build(**more):
    torch.manual_seed(0)
    return Alternating(**more)


def fit(method, **more):
    keep = {k: more.pop(k) for k in ("output", "callbacks", "resume") if k in more}
    common = dict(steps=6, batch_size=8, learning_rate=1e-2, save_steps=2, weight_decay=0)
    config = js.TrainingConfig(**{**common, **more})
    return js.fit(method, pairs(), config, validation=pairs(64).select(range(48, 64)), progress=False, **keep)


def test_batches_phases_and_counts():
    method = build()
    fit(method, steps=2, eval_steps=100)
    steps = method.log[:12]
    assert [entry for entry in steps if isinstance(entry, int)] == [0, 1, 1, 0, 1, 1]
    train, first, second = steps[0], steps[2], steps[4]
    assert len(set(train)) == 8 and max(first) < 16 and set(first).isdisjoint(second)


def test_each_phase_moves_its_own_parameters():
    method = build(phases=[Phase(params="projection", optimiser={"optim": "sgd", "learning_rate": 0.1})])
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    fit(method, steps=1)
    assert {n for n, p in method.named_parameters() if not torch.equal(p, before[n])} == {
        "projection.weight", "projection.bias",
    }  # fmt: skip


def test_the_same_batch_again():
    method = build(phases=[Phase(params="text_encoder"), Phase(params="projection", same_batch=True)])
    fit(method, steps=3)
    batches = [entry for entry in method.log if isinstance(entry, list)][:6]
    assert batches[0] == batches[1] != batches[2] == batches[3]


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    def on_step(self, run, terms):
        if run.step == 5:
            raise Crash


def test_every_optimiser_is_in_the_checkpoint(tmp_path):
    momentum = [
        Phase(params="text_encoder|temperature"),
        Phase(params="projection", optimiser={"optim": "sgd", "optim_args": {"momentum": 0.9}}, batches="validation"),
    ]
    whole = fit(build(phases=momentum))
    with pytest.raises(Crash):
        fit(build(phases=momentum), output=tmp_path / "run", callbacks=[CrashAt()])
    resumed = fit(build(phases=momentum), output=tmp_path / "run", resume=True)
    assert resumed.resumed_from == [4]
    assert resumed.space.fingerprint() == whole.space.fingerprint()


@pytest.mark.parametrize(
    "phases, error, words",
    [
        ([Phase(same_batch=True)], ConfigError, "no phase before it"),
        ([Phase(params="nothing")], ConfigError, "'nothing'"),
        ([Phase(optimiser={"lr": 1})], ConfigError, "lr"),
        ([Phase(batches="test")], ConfigError, "batches 'test'"),
        ([Phase(batches="validation")], ConfigError, "no phase takes its batches from the training rows"),
        ([Phase(terms=("fort",))], TrainingError, "did you mean forth"),
    ],
)
def test_phases_that_do_not_fit(phases, error, words):
    with pytest.raises(error, match=words):
        fit(build(phases=phases))


def test_validation_phases_need_validation_rows():
    with pytest.raises(ConfigError, match="a phase learns from validation rows"):
        js.fit(build(), pairs(), js.TrainingConfig(steps=1, batch_size=8), progress=False)
