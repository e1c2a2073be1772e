"""A dry run tells sizes and times, moves nothing and writes nothing."""

import json

import pytest
import torch
from toys import pairs, toy

import jointspace as js
from jointspace.errors import ConfigError
from jointspace.training import dry_run
from jointspace.training.checkpoints import list_checkpoints


def test_what_it_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = toy()
    before = {n: t.clone() for n, t in method.state_dict().items()}
    config = js.TrainingConfig(steps=20, batch_size=8, ema_decay=0.9, save_steps=5)
    about = dry_run(method, pairs(), config)
    assert json.loads(json.dumps(about)) == about
    assert about["parameters"] == about["learning"] == sum(p.numel() for p in method.parameters())
    assert about["batch"]["row"] == [8] and set(about["terms"]) == {"loss", "forth", "back"}
    assert (about["steps"], about["batches_per_epoch"], about["epochs"]) == (20, 6, 4)
    assert about["seconds_a_step"] > 0 and about["memory_mb"] > 10
    assert not list(tmp_path.iterdir())
    assert all(torch.equal(t, before[n]) for n, t in method.state_dict().items())
    result = js.fit(method, pairs(), config, output=tmp_path / "run", progress=False)
    size = (list_checkpoints(result.output)[0] / "state.safetensors").stat().st_size
    assert about["checkpoint_mb"] == pytest.approx(size / 2**20, abs=0.06)
    assert about["terms"]["loss"] == pytest.approx(_first_loss(config), rel=1e-6)


def _first_loss(config):
    import dataclasses

    return js.fit(toy(), pairs(), dataclasses.replace(config, logging_steps=1), progress=False).losses[0]


def test_it_refuses_what_fit_refuses():
    with pytest.raises(ConfigError, match="a batch of one"):
        dry_run(toy(), pairs(), js.TrainingConfig(steps=1, batch_size=1))
