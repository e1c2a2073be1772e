"""Locked-image tuning: closed forms, what stays frozen, cached features against the whole tower."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import jointspace as js
from jointspace.data.cache import cache
from jointspace.methods.vision_language.locked_image import Config, LockedImage
from jointspace.testing import check_method
from jointspace.training.frozen import learnt_state

PICO = dict(
    image={"name": "cnn", "size": 16, "widths": [8, 16]},
    text={"name": "ngrams", "width": 16, "buckets": 512, "dropout": 0.0},
    text_pooling="pooled",
    dim=12,
)
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "yellow": (230, 220, 40)}


def unit(n, d=8, seed=0):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.normalize(x, dim=-1)


def pico(**fields):
    torch.manual_seed(0)
    return LockedImage(Config(**{**PICO, **fields}))


def pictures(n=32, seed=0):
    """Noisy pictures of one colour, dark or light in turn, with a name and a keyword."""
    rng = np.random.default_rng(seed)
    names = [list(COLOURS)[i % 4] for i in range(n)]
    light = [("dark", 0.4) if i // 4 % 2 else ("light", 1.0) for i in range(n)]
    made = [np.array(COLOURS[c]) * share + rng.normal(0, 20, (16, 16, 3)) for c, (_, share) in zip(names, light)]
    return js.load_data({
        "image": [np.clip(p, 0, 255).astype(np.uint8) for p in made],
        "text": [f"{word} {c}" for c, (word, _) in zip(names, light)],
        "text_2": names,
    })  # fmt: skip


def with_features(method, data, folder):
    return cache(data, {"image_features": (method.features(), "image", "features")}, folder=folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return with_features(pico(), pictures(), tmp_path_factory.mktemp("features"))


def test_one_text_costs_the_symmetric_loss_and_two_their_mean():
    method, x, y, z, row = pico(), unit(5), unit(5, seed=1), unit(5, seed=2), torch.arange(5)
    ids = {"text_id": row + 10, "text_2_id": row + 20}
    t = float(method.temperature().detach())
    assert t == pytest.approx(0.07)
    first, second = (js.objectives.info_nce(x, k, temperature=t, symmetric=True) for k in (y, z))
    alone = method.terms(x, row, text=y, text_id=ids["text_id"])
    assert float(alone["text"].detach()) == pytest.approx(float(first), rel=1e-6) and set(alone) == {"text"}
    both = {name: float(v.detach()) for name, v in method.terms(x, row, text=y, text_2=z, **ids).items()}
    assert both == {
        "text": pytest.approx(float(first) / 2, rel=1e-6),
        "text_2": pytest.approx(float(second) / 2, rel=1e-6),
    }
    logits = x @ y.T / t
    by_hand = (F.cross_entropy(logits, row) + F.cross_entropy(logits.T, row)) / 2
    assert float(first) == pytest.approx(float(by_hand), rel=1e-6)


def test_equal_vectors_cost_log_n_and_equal_texts_never_repel():
    method, x, row = pico(), unit(1).expand(6, -1), torch.arange(6)
    cost = method.terms(x, row, text=x, text_id=row + 10)["text"]
    assert float(cost.detach()) == pytest.approx(math.log(6), abs=1e-6)
    halves = method.terms(x, row, text=x, text_id=torch.tensor([11, 11, 12, 12, 13, 13]))["text"]
    assert float(halves.detach()) == pytest.approx(math.log(5), abs=1e-6)  # each row has one twin, which is left out


def test_features_are_standardised_by_the_training_rows(data):
    method = pico()
    method.prepare(data)
    seen = np.stack(data.column("image_features"))
    out = method.standardise(torch.from_numpy(seen)).numpy()
    assert out.mean(0) == pytest.approx(np.zeros(16), abs=1e-4)
    assert out.std(0) == pytest.approx(np.where(seen.std(0) > 1e-3, 1.0, 1e3 * seen.std(0)), abs=1e-3)


def test_cached_features_give_what_the_whole_tower_gives(data):
    method = pico().eval()
    method.prepare(data)
    made = method.text_encoder.processor(data.column("text"))
    batch = {
        "image_features": torch.from_numpy(np.stack(data.column("image_features"))),
        "text": made[""],
        "text_mask": made["mask"],
        "text_id": torch.arange(len(data)),
        "row": torch.arange(len(data)),
    }
    out, space = method.embed(batch), method.space()
    assert space.encode(data.column("image"), modality="image") == pytest.approx(
        out["image"].detach().numpy(), abs=1e-5
    )
    assert space.encode(data.column("text")) == pytest.approx(out["text"].detach().numpy(), abs=1e-5)
    assert space.dim == 12 and method.features().dim == 16
    dropped = method.train().embed(batch)["image"]
    assert (dropped - out["image"]).abs().max() > 0.01  # dropout of features, in training only


def trained(data, steps=8, **fields):
    config = dict(steps=steps, batch_size=8, learning_rate=0.01, logging_steps=1, torch_threads=1, device="cpu")
    return js.fit(pico(), data, js.TrainingConfig(**{**config, **fields}), progress=False)


def test_the_picture_network_stays_as_it_is_and_out_of_checkpoints(data):
    before, method = pico().image_encoder.state_dict(), trained(data).method
    for name, tensor in method.image_encoder.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(not p.requires_grad and p.grad is None for p in method.image_encoder.parameters())
    kept = learnt_state(method)
    assert kept and not [n for n in kept if n.startswith("image_encoder.")]
    assert not torch.equal(method.image_projection.weight, pico().image_projection.weight)


PINNED = [5.00582, 3.36388, 1.62838, 1.85745, 1.35579, 1.79974, 0.95498, 1.60554]


def test_pinned_loss_trajectory(data):
    """The first steps of a seeded run: a change here is a change of the method."""
    losses = trained(data).losses
    assert losses == pytest.approx(PINNED, rel=1e-3), [round(x, 5) for x in losses]


def test_battery(data):
    assert {"cached", "trained and resumed", "saved"} <= set(check_method(pico, data))


def test_finds_unseen_pictures_by_words_from_fit_to_a_saved_space(data, tmp_path):
    space, unseen = trained(data, steps=80).space, pictures(n=64, seed=5)
    names = sorted(set(data.column("text")))
    images, texts = space.encode(unseen.column("image"), modality="image"), space.encode(names)
    found = [names[i] for i in (images @ texts.T).argmax(1)]
    assert np.mean([a == b for a, b in zip(found, unseen.column("text"))]) >= 0.5  # chance 1/8; the network is random
    space.save_pretrained(tmp_path / "space")
    again = js.Space.from_pretrained(tmp_path / "space")
    assert (again.encode(unseen.column("image"), modality="image") == images).all()
    assert (again.encode(names) == texts).all() and again.method == "locked_image"
