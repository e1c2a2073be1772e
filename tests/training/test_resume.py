"""Killed at any moment and resumed, a run ends as the uninterrupted one: weights and metrics, bit for bit."""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import pairs, toy

import jointspace as js
from jointspace.errors import ConfigError, TrainingError
from jointspace.training import saving
from jointspace.training.checkpoints import list_checkpoints
from jointspace.training.run_folder import TIMING, read_metrics, read_run

SCRIPT = Path(__file__).with_name("run_toy.py")


def checkpoints(folder: Path) -> set[str]:
    """Checkpoint folders below a run that is being written (`rglob` fails where a folder goes while it looks)."""
    return {
        os.path.join(at, name) for at, names, _ in os.walk(folder) for name in names if name.startswith("checkpoint-")
    }


def command(output: Path, kind: str, *more: str) -> list[str]:
    return [sys.executable, str(SCRIPT), str(output), kind, *more]


def weights(output: Path) -> str:
    files = sorted(p for p in output.rglob("*.safetensors") if "checkpoint" not in str(p.relative_to(output)))
    assert files and not [p for p in files if p.parent.name.startswith(".")]
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


def metrics(output: Path) -> list[dict]:
    folders = sorted(p.parent for p in output.rglob("metrics.jsonl"))
    return [{k: v for k, v in line.items() if k not in TIMING} for f in folders for line in read_metrics(f)]


def kill_and_resume(tmp_path: Path, kind: str, kills: int, seed: int) -> int:
    """Kill so often at random points, then let it finish; how many kills met a living process."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole, kind), check=True, capture_output=True, timeout=300)
    draw, met = random.Random(seed), 0
    for trial in range(kills):
        process = subprocess.Popen(command(killed, kind, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # from the moment that the run has a folder (and, every other time, a further checkpoint) on
        known = checkpoints(killed)
        while process.poll() is None and not (killed / "run.json").exists():
            time.sleep(0.002)
        while trial % 2 and process.poll() is None and checkpoints(killed) <= known:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.15))
        met += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = subprocess.run(command(killed, kind, "--resume"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert weights(killed) == weights(whole)
    assert metrics(killed) == metrics(whole)
    assert not list(killed.rglob(".saving-*")) and not list(killed.rglob(".dropping-*"))
    return met


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "cached", "averaged", "stages", "workers"])
def test_killed_at_random_points(tmp_path, kind):
    assert kill_and_resume(tmp_path, kind, kills=3, seed=sum(map(ord, kind))) >= 1


def settings(**more) -> js.TrainingConfig:
    common = dict(steps=20, batch_size=16, learning_rate=3e-3, save_steps=4, logging_steps=3, warmup_steps=4)
    return js.TrainingConfig(**{**common, **more})


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    name = "crash"

    def __init__(self, step: int):
        self.step = step

    def on_step(self, run, terms):
        if run.step == self.step:
            raise Crash


def crash(output: Path, at: int, **more) -> None:
    with pytest.raises(Crash):
        js.fit(toy(), pairs(), settings(**more), output=output, callbacks=[CrashAt(at)], progress=False)


@pytest.mark.parametrize("at", [3, 4, 11, 20])
def test_crashed_and_resumed(tmp_path, at):
    whole = js.fit(toy(), pairs(), settings(), output=tmp_path / "whole", progress=False)
    crash(tmp_path / "run", at)
    resumed = js.fit(toy(seed=9), pairs(), settings(), output=tmp_path / "run", resume=True, progress=False)
    if at > 4:  # else nothing was saved and the other seed shows
        assert weights(tmp_path / "run") == weights(tmp_path / "whole")
        assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")
        assert resumed.losses == whole.losses
    assert read_run(tmp_path / "run")["resumed_from"] == [(at - 1) // 4 * 4]


class CrashOnSave(js.training.Callback):
    name = "crash"

    def __init__(self, step: int):
        self.step = step

    def on_save(self, run, folder):
        if run.step == self.step:
            raise Crash


@pytest.mark.parametrize("patience, end", [(None, 20), (2, 8)])
def test_crashed_between_the_last_checkpoint_and_the_space(tmp_path, patience, end):
    """Scores and the decision to stop are in the checkpoint."""
    how = dict(eval_steps=2)
    if patience:
        how |= dict(metric_for_best_model="score", early_stopping_patience=patience, load_best_model_at_end=True)

    def go(name, **more):
        left = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 0.7])
        return js.fit(
            toy(), pairs(), settings(**how), evaluate=lambda space: {"score": next(left)}, output=tmp_path / name,
            progress=False, **more,
        )  # fmt: skip

    whole = go("whole")
    assert whole.steps == end
    with pytest.raises(Crash):
        go("run", callbacks=[CrashOnSave(end)])
    resumed = go("run", resume=True)
    assert (resumed.steps, resumed.scores, resumed.stopped) == (end, whole.scores, whole.stopped)
    assert resumed.space.fingerprint() == whole.space.fingerprint()
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")


def test_resume_with_nothing_saved_starts(tmp_path):
    done = js.fit(toy(), pairs(), settings(steps=2), output=tmp_path / "run", resume=True, progress=False)
    assert done.steps == 2 and done.resumed_from == [0]


def test_resume_of_a_finished_run_returns_it(tmp_path):
    first = js.fit(toy(), pairs(), settings(), output=tmp_path / "run", progress=False)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    again = js.fit(toy(seed=3), pairs(), settings(), output=tmp_path / "run", resume=True, progress=False)
    assert again.space.fingerprint() == first.space.fingerprint() and again.steps == 20
    assert again.method.space().fingerprint() == first.space.fingerprint()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
    with pytest.raises(TrainingError, match="training.learning_rate was 0.003, is 0.1"):
        js.fit(toy(), pairs(), settings(learning_rate=0.1), output=tmp_path / "run", resume=True, progress=False)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours runs between the call and the end."""


@pytest.mark.parametrize("call", range(1, 11))
def test_killed_inside_a_checkpoint_write(tmp_path, monkeypatch, call):
    """Before the n-th flush, rename or deletion of the second checkpoint, which also drops the first."""
    whole = js.fit(toy(), pairs(), settings(), progress=False)
    left = {"calls": call}

    def guard(real):
        def guarded(*arguments, **options):
            if watching["on"]:
                left["calls"] -= 1
                if left["calls"] == 0:
                    raise Killed
            return real(*arguments, **options)

        return guarded

    watching = {"on": False}
    with monkeypatch.context() as patch:
        for module, name in ((os, "fsync"), (os, "replace"), (shutil, "rmtree")):
            patch.setattr(module, name, guard(getattr(module, name)))
        real_save = saving.save_checkpoint

        def save(checkpoint, folder, method):
            watching["on"] = checkpoint.step == 8
            return real_save(checkpoint, folder, method)

        patch.setattr(saving, "save_checkpoint", save)
        once = settings(save_total_limit=1)
        with pytest.raises(Killed):
            js.fit(toy(), pairs(), once, output=tmp_path / "run", progress=False)
    resumed = js.fit(toy(), pairs(), once, output=tmp_path / "run", resume=True, progress=False)
    assert resumed.resumed_from in ([4], [8]) and resumed.space.fingerprint() == whole.space.fingerprint()
    assert not [p for p in (tmp_path / "run").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("damage", ["cut", "flip", "json", "gone"])
def test_a_torn_checkpoint_is_passed_over(tmp_path, damage, capsys):
    whole = js.fit(toy(), pairs(), settings(), output=tmp_path / "whole", progress=False)
    crash(tmp_path / "run", 11)
    last = list_checkpoints(tmp_path / "run")[-1]
    assert last.name == "checkpoint-8"
    tensors = last / "state.safetensors"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-100])
    elif damage == "flip":
        content = bytearray(tensors.read_bytes())
        content[-5] ^= 1
        tensors.write_bytes(content)
    elif damage == "json":
        (last / "state.json").write_text('{"step": 8')
    else:
        tensors.unlink()
    resumed = js.fit(toy(), pairs(), settings(), output=tmp_path / "run", resume=True)
    assert resumed.resumed_from == [4]
    assert "checkpoint-8" in capsys.readouterr().err
    assert resumed.space.fingerprint() == whole.space.fingerprint()


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(config=dict(batch_size=8)), "training.batch_size was 16, is 8"),
        (dict(method=dict(dropout=0.5)), "method.dropout was 0.1, is 0.5"),
        (dict(rows=40), "data was"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused(tmp_path, change, words):
    crash(tmp_path / "run", 11)
    with pytest.raises(TrainingError, match=words) as caught:
        js.fit(
            toy(**change.get("method", {})),
            pairs(change.get("rows", 48)),
            settings(**change.get("config", {})),
            output=tmp_path / "run",
            resume=True,
            progress=False,
        )
    assert len(str(caught.value).splitlines()) == 1


def test_what_does_not_change_weights_may_change(tmp_path):
    whole = js.fit(toy(), pairs(), settings(), progress=False)
    crash(tmp_path / "run", 11)
    other = settings(save_steps=5, logging_steps=1, save_total_limit=1)
    resumed = js.fit(toy(), pairs(), other, output=tmp_path / "run", resume=True, progress=False)
    assert resumed.space.fingerprint() == whole.space.fingerprint()
    assert [p.name for p in list_checkpoints(tmp_path / "run")] == ["checkpoint-20"]


def test_a_run_is_not_overwritten_by_accident(tmp_path):
    js.fit(toy(), pairs(), settings(), output=tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match="holds a run already"):
        js.fit(toy(), pairs(), settings(), output=tmp_path / "run", progress=False)
    again = settings(overwrite_output=True, steps=4)
    assert js.fit(toy(), pairs(), again, output=tmp_path / "run", progress=False).steps == 4
    assert [p.name for p in list_checkpoints(tmp_path / "run")] == ["checkpoint-4"]


@pytest.mark.slow
@pytest.mark.parametrize("number, code, kind", [(signal.SIGINT, 130, "workers"), (signal.SIGTERM, 143, "plain")])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number, code, kind):
    """Ctrl-C reaches the whole process group, the loader's workers too."""
    out = tmp_path / "run"
    process = subprocess.Popen(command(out, kind), stderr=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and not list(out.glob("checkpoint-*")):
        time.sleep(0.002)
    os.killpg(process.pid, number) if kind == "workers" else process.send_signal(number)
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert process.returncode == code, said
    assert len(said.strip().splitlines()) == 1 and "--resume" in said
    step = read_run(out)["step"]
    assert read_run(out)["status"] == "interrupted" and (out / f"checkpoint-{step}").is_dir()
    subprocess.run(command(out, kind, "--resume"), check=True, timeout=60)
    assert read_run(out)["resumed_from"] == [step]
    subprocess.run(command(tmp_path / "whole", kind), check=True, timeout=60)
    assert weights(out) == weights(tmp_path / "whole")


def _no_big_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path):
    out = tmp_path / "run"
    crash(out, 11)
    kept = {p.name: (p / "state.safetensors").read_bytes() for p in list_checkpoints(out)}
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "import jointspace as js; from toys import pairs, toy; from test_resume import settings\n"
        "js.fit(toy(), pairs(), settings(), output=sys.argv[1], resume=True, progress=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(out), str(SCRIPT.parent)],
        preexec_fn=_no_big_files,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode and "could not be written" in done.stderr.strip().splitlines()[-1], done.stderr
    assert {p.name: (p / "state.safetensors").read_bytes() for p in list_checkpoints(out)} == kept
    assert json.loads((out / "run.json").read_text())["status"] == "failed"
    resumed = js.fit(toy(), pairs(), settings(), output=out, resume=True, progress=False)
    whole = js.fit(toy(), pairs(), settings(), progress=False)
    assert resumed.space.fingerprint() == whole.space.fingerprint() and not list(out.glob(".*"))
