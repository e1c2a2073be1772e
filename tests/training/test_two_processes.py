"""Two processes give the losses and weights of one with the same global batch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from two_processes import run

from jointspace.training.checkpoints import list_checkpoints, read_checkpoint
from jointspace.training.run_folder import read_metrics, read_run

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "cached"])
def test_two_processes_equal_one(tmp_path, kind):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, str(SCRIPT), str(tmp_path / "two"), kind], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = run(str(tmp_path / "one"), kind)
    assert read_run(tmp_path / "two")["processes"] == 2 and read_run(tmp_path / "one")["processes"] == 1
    two_losses = [line["loss"] for line in read_metrics(tmp_path / "two") if "loss" in line]
    assert two_losses == pytest.approx(one.losses, rel=1e-6)
    ours, theirs = (read_checkpoint(list_checkpoints(tmp_path / n)[-1]).part("method/") for n in ("one", "two"))
    for name, tensor in ours.items():
        assert torch.allclose(theirs[name], tensor, atol=2e-6), name
    assert not list((tmp_path / "two").glob(".*"))
