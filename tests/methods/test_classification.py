"""Supervised classification: closed forms, what the Space gives, labels that are no class."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import jointspace as js
from jointspace.errors import ConfigError, DataError
from jointspace.methods.vision.classification import Classification, Config
from jointspace.testing import check_method

COLOURS = {"blue": (30, 30, 220), "green": (30, 200, 30), "red": (220, 30, 30)}
PICO = dict(image={"name": "cnn", "size": 16, "widths": [8, 16]}, classes=3)


def rows(n=48, seed=0):
    """Noisy pictures of one colour each, in turn, and its name."""
    rng = np.random.default_rng(seed)
    names = [list(COLOURS)[i % 3] for i in range(n)]
    pictures = [np.clip(np.array(COLOURS[c]) + rng.normal(0, 60, (16, 16, 3)), 0, 255).astype(np.uint8) for c in names]
    return js.load_data({"image": pictures, "label": names})


def pico(**fields):
    torch.manual_seed(0)
    return Classification(Config(**{**PICO, **fields}))


def trained(steps=8, **fields):
    config = dict(steps=steps, batch_size=16, learning_rate=0.003, logging_steps=1, torch_threads=1, device="cpu")
    return js.fit(pico(), rows(), js.TrainingConfig(**{**config, **fields}), progress=False)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equal_logits_cost_log_k(smoothing):
    term = pico(label_smoothing=smoothing).terms(torch.full((5, 3), 2.0), torch.tensor([0, 1, 2, 0, 1]))["class"]
    assert float(term) == pytest.approx(math.log(3), abs=1e-6)


def test_cross_entropy_written_out():
    x, label, e = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), [2, 0, 1, 1], 0.1
    log_p = [[float(v) - math.log(sum(math.exp(float(w)) for w in row)) for v in row] for row in x]
    want = -sum((1 - e) * log_p[i][k] + e * sum(log_p[i]) / 3 for i, k in enumerate(label)) / 4
    got = pico(label_smoothing=e).terms(x, torch.tensor(label))["class"]
    assert float(got) == pytest.approx(want, rel=1e-5)


def test_one_row_teaches_and_gradients_reach_every_parameter():
    method = pico()
    batch = {"image": method.image_encoder.processor([np.zeros((16, 16, 3), dtype=np.uint8)])[""],
             "label": torch.tensor([1])}  # fmt: skip
    method.losses(batch)["class"].backward()
    assert not method.contrastive and all(p.grad is not None for p in method.parameters())
    p = F.softmax(method.embed(batch)["logits"], dim=1)[0]
    want = p - torch.tensor([0.0, 1.0, 0.0])  # d CE / d bias
    assert method.head.bias.grad.tolist() == pytest.approx(want.tolist(), abs=1e-5)


def test_a_label_that_is_no_class_is_named():
    data = js.load_data({"image": [np.zeros((16, 16, 3), dtype=np.uint8)] * 4, "label": [0, 1, 3, 2]})
    with pytest.raises(DataError, match="row 2: label 3 is none of 3 classes"):
        pico().prepare(data)
    with pytest.raises(DataError, match="row 2"):
        pico(classes=2).prepare(rows())  # words: the third name in alphabetical order is too many
    with pytest.raises(DataError, match="row 0: label 0.5"):
        pico().prepare(js.load_data({"image": data.column("image"), "label": [0.5] * 4}))
    with pytest.raises(ConfigError, match="needs the field 'label'.*labels"):
        pico().check_fields(js.load_data({"image": data.column("image"), "labels": [0, 1, 2, 0]}))


PINNED = [1.10326, 1.06205, 1.06843, 1.05328, 1.02648, 1.03835, 1.0373, 1.02429]


def test_pinned_loss_trajectory():
    """The first steps of a seeded run: a change here is a change of the method."""
    losses = trained().losses
    assert losses == pytest.approx(PINNED, rel=1e-3), [round(x, 5) for x in losses]


def test_battery():
    ran = check_method(pico, rows())
    assert "trained and resumed" in ran and "saved" in ran


def test_learns_and_its_space_gives_features_and_class_scores(tmp_path):
    space = trained(steps=100, learning_rate=0.01).space
    unseen = rows(n=30, seed=9)
    logits = space.encode(unseen.column("image"), output="logits", normalize_embeddings=False)
    names = sorted(COLOURS)
    assert [names[i] for i in logits.argmax(axis=1)] == unseen.column("label")
    dense = space.encode(unseen.column("image"))
    assert dense.shape == (30, 16) and np.linalg.norm(dense, axis=1) == pytest.approx(np.ones(30), abs=1e-5)
    head = space.towers["image"].heads["logits"]
    features = space.encode(unseen.column("image"), output="features", normalize_embeddings=False)
    with torch.no_grad():
        assert head(torch.from_numpy(features)).numpy() == pytest.approx(logits, abs=1e-5)
    space.save_pretrained(tmp_path / "space")
    again = js.Space.from_pretrained(tmp_path / "space")
    assert (again.encode(unseen.column("image"), output="logits", normalize_embeddings=False) == logits).all()
    assert again.fingerprint() == space.fingerprint() and again.method == "classification"
