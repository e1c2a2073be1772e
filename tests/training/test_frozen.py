"""Frozen modules: eval mode, gradient through them, none of their own, outside checkpoints."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toys import Toy, pairs

import jointspace as js
from jointspace.errors import TrainingError
from jointspace.training.checkpoints import list_checkpoints, read_checkpoint


class Guided(Toy):
    """A frozen net stands between the vectors and the loss."""

    frozen = ("guide",)

    def __init__(self, config=None, seed=0):
        super().__init__(config)
        torch.manual_seed(100 + seed)
        self.guide = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Dropout(0.5))
        self.modes = []

    def terms(self, text, text_positive, row):
        self.modes.append((self.guide.training, self.training))
        return {"guided": F.mse_loss(self.guide(text), text_positive)}


def settings(**more):
    return js.TrainingConfig(**{**dict(steps=6, batch_size=8, learning_rate=1e-2, save_steps=2), **more})


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    def on_step(self, run, terms):
        if run.step == 5:
            raise Crash


def test_frozen_modules(tmp_path):
    torch.manual_seed(0)
    method = Guided()
    guide = {n: t.clone() for n, t in method.guide.state_dict().items()}
    projection = method.projection.weight.detach().clone()
    js.fit(method, pairs(), settings(), output=tmp_path / "run", progress=False)
    assert all(torch.equal(t, guide[n]) for n, t in method.guide.state_dict().items()), "statistics stay, too"
    assert not torch.equal(method.projection.weight, projection), "gradient came through"
    assert set(method.modes) == {(False, True)}
    saved = read_checkpoint(list_checkpoints(tmp_path / "run")[-1])
    assert not [n for n in saved.tensors if "guide" in n] and set(saved.state["frozen"]) == {"guide"}


def test_resume_wants_the_same_frozen_weights(tmp_path):
    torch.manual_seed(0)
    whole = js.fit(Guided(), pairs(), settings(), progress=False)
    for out in ("same", "other"):
        torch.manual_seed(0)
        with pytest.raises(Crash):
            js.fit(Guided(), pairs(), settings(), output=tmp_path / out, callbacks=[CrashAt()], progress=False)
    resumed = js.fit(Guided(), pairs(), settings(), output=tmp_path / "same", resume=True, progress=False)
    assert resumed.space.fingerprint() == whole.space.fingerprint()
    with pytest.raises(TrainingError, match="frozen modules guide have other weights"):
        js.fit(Guided(seed=1), pairs(), settings(), output=tmp_path / "other", resume=True, progress=False)
