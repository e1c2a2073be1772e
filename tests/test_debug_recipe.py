"""The debug recipe's losses, step by step, against the pinned ones.

Renew them after a change that is meant to move losses: `python -m tests.test_debug_recipe`
"""

import json
from pathlib import Path

import pytest

PINNED = Path(__file__).parent / "assets" / "debug_losses.json"
TERMS = ("loss", "image_to_text", "text_to_image", "validation_loss")


def losses(output):
    """(step, term) -> value of a run of the debug recipe."""
    from jointspace import recipe
    from jointspace.recipe.running import run

    done = run(recipe.load("debug", [f"output={output}", "evaluation=[]"]), progress=False)
    return {f"{line['step']} {term}": line[term] for line in done.history for term in TERMS if term in line}


@pytest.mark.slow
def test_debug_recipe_has_its_pinned_losses(tmp_path):
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))
    found = losses(tmp_path / "run")
    assert len(pinned) == 20 * 3 + 1 and found.keys() == pinned.keys()
    # 1e-4: other builds of torch round differently; a change of order, seed or formula moves far more
    for name, value in pinned.items():
        assert found[name] == pytest.approx(value, rel=1e-4), f"first difference at step {name}"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = losses(f"{folder}/run")
    PINNED.parent.mkdir(exist_ok=True)
    PINNED.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
    print(f"{PINNED}: {len(found)} losses")
