"""A step that is not finite is kept by `jointspace train` and run again by `--replay`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
method: {name: align, dim: 8, image: {name: cnn, widths: [4, 8], size: 16}, text: {name: ngrams, width: 8, buckets: 64}}
data: {path: emoji, split: train, columns: {image: image, text: name}, limit: 16}
training: {steps: 6, batch_size: 8, learning_rate: 1.0e+30, max_grad_norm: null, save_steps: 1, torch_threads: 1}
"""


def jointspace(*arguments: str) -> subprocess.CompletedProcess:
    program = str(Path(sys.executable).with_name("jointspace"))
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_a_failed_step_is_kept_and_replayed(tmp_path):
    recipe, out = tmp_path / "wild.yaml", tmp_path / "run"
    recipe.write_text(RECIPE)
    failed = jointspace("train", str(recipe), f"output={out}")
    assert failed.returncode == 3 and len(failed.stderr.strip().splitlines()) == 1, failed.stderr
    step = re.search(r"step (\d+): the (term|gradient)", failed.stderr)
    assert step and not (out / "space").exists() and (out / "recipe.yaml").is_file()
    kept = out / f"failed-step-{step[1]}" / "state.json"
    again = jointspace("train", str(recipe), "--replay", str(kept), "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["step"] == int(step[1]) and (found["first_bad"] or found["bad_gradients"])
