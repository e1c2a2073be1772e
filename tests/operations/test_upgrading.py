"""Upgrades: closed forms, limits, what is and is not touched; an old store answers a new Space."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import jointspace as js
from jointspace.errors import ConfigError, SpaceError
from jointspace.nn.lora import adapters, lora_off
from jointspace.nn.noise import VectorNoise
from jointspace.nn.procrustes import procrustes
from jointspace.operations.upgrading import alignment, xbt
from jointspace.operations.upgrading.criterion import criterion, flips, mixed_gallery, retrieval
from jointspace.operations.upgrading.spaces import judge
from jointspace.space import Space, Tower


def unit(n, d, seed=0):
    return nn.functional.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_noise():
    x = unit(4000, 32)
    assert torch.equal(VectorNoise(0.0).train()(x), x) and torch.equal(VectorNoise(1.0).eval()(x), x)
    torch.manual_seed(0)
    assert torch.allclose(VectorNoise((0.0, 1.0)).train()(x).norm(dim=-1), torch.ones(4000), atol=1e-5)
    raw = VectorNoise(0.7, renormalise=False).train()(x) - x
    assert float((raw**2).sum(-1).mean()) == pytest.approx(0.49, rel=0.02)
    halves = VectorNoise((0.0, 1.0), renormalise=False).train()(x) - x
    assert float((halves**2).sum(-1).mean()) == pytest.approx(1 / 3, rel=0.05)  # E r^2


def test_procrustes():
    x = torch.randn(50, 8)
    rotation = torch.linalg.qr(torch.randn(8, 8))[0]
    assert torch.allclose(procrustes(x @ rotation, x), rotation.T, atol=1e-5)
    assert torch.allclose(procrustes(x, x), torch.eye(8), atol=1e-5)
    narrow = procrustes(torch.randn(50, 8), torch.randn(50, 5))
    assert torch.allclose(narrow.T @ narrow, torch.eye(5), atol=1e-5)


def test_phi_starts_at_the_best_isometry():
    x = unit(200, 16)
    phi = xbt.Phi(16, 16)
    phi.fit_skip(x, x)
    assert torch.allclose(phi(x), x, atol=1e-5), "n = o: nothing changes"
    rotation = torch.linalg.qr(torch.randn(16, 16))[0]
    phi.fit_skip(x @ rotation, x)
    assert torch.allclose(phi(x @ rotation), x, atol=1e-5) and torch.allclose(phi.skip.weight.T, rotation.T, atol=1e-5)
    assert torch.allclose(xbt.Phi(16, 6)(x).norm(dim=-1), torch.ones(200), atol=1e-5)


def test_baselines():
    x, y = unit(60, 12).numpy(), unit(60, 8, 1).numpy()
    assert alignment.cut_or_pad(x, 8).shape == (60, 8) and alignment.cut_or_pad(y, 12).shape == (60, 12)
    assert np.allclose(alignment.cut_or_pad(y, 12)[:, :8], y, atol=1e-6)
    w = np.random.default_rng(0).normal(size=(12, 8))
    assert np.allclose(alignment.least_squares(x, x @ w), w, atol=1e-5)
    assert np.allclose(alignment.between(y, alignment.mapped(y, np.eye(8)), 0.3), y, atol=1e-5)
    a, b = np.eye(2, dtype=np.float32)[:1], np.eye(2, dtype=np.float32)[1:]
    assert alignment.between(a, b, 1 / 3)[0].tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])


def test_criterion_flips_and_mixed_galleries():
    old = {"image to text": {"R@1": 0.4, "R@5": 0.6}, "text to image": {"R@1": 0.2}}
    better = {"image to text": {"R@1": 0.41, "R@5": 0.7}, "text to image": {"R@1": 0.2}}
    assert criterion(old, better).passed == {"image to text": True, "text to image": False}, "a tie fails"
    before, after = np.array([1, 1, 0, 0, 0]), np.array([1, 0, 1, 1, 0])
    found = flips(before, after)
    assert found == {"positive": 2, "negative": 1}
    assert found["positive"] - found["negative"] == pytest.approx((after.mean() - before.mean()) * 5)
    x, bad = unit(40, 8).numpy(), unit(40, 8, 5).numpy()
    curve = mixed_gallery(x, bad, x)
    assert curve[1.0] == 1.0 and curve[0.0] == retrieval(x, bad, (1,))["R@1"] and list(curve) == [0, 0.25, 0.5, 0.75, 1]


# Spaces ---------------------------------------------------------------------------------------------------------------

WORDS = [f"{c} {s}" for c in ("red", "blue", "green", "pink") for s in ("star", "ring", "cross", "heart")]


@pytest.fixture(scope="module")
def spaces():
    made = []
    for seed, width, dim in ((1, 16, 6), (2, 24, 10)):
        torch.manual_seed(seed)
        config = js.methods.ALIGN.Config(
            image={"name": "cnn", "size": 16, "widths": [8, width]},
            text={"name": "transformer", "layers": 1, "width": width, "heads": 2, "vocab_size": 300, "max_length": 12},
            dim=dim,
        )
        data = pairs(48, seed)
        training = js.TrainingConfig(steps=3, batch_size=16, learning_rate=1e-3, seed=seed, save_steps=0)
        made.append(js.fit(js.methods.ALIGN(config), data, training, progress=False).space.eval())
    return made


def pairs(n, seed):
    rows = js.world.scenes(n=n, seed=seed, size=16, objects=[1, 1])
    return js.load_data({"image": list(rows.column("image")), "text": rows.column("caption")})


@pytest.fixture(scope="module")
def upgraded(spaces, tmp_path_factory):
    old, new = spaces
    before = (old.fingerprint(), new.fingerprint(), [p.clone() for p in new.parameters()])
    made = js.upgrade(
        old, new, WORDS, pairs(48, 3), validation=pairs(20, 4), stage_1={"epochs": 2}, seed=5,
        stage_2={"steps": 2, "batch_size": 16, "learning_rate": 0.01}, cache_folder=tmp_path_factory.mktemp("cache"),
    )  # fmt: skip
    assert (old.fingerprint(), new.fingerprint()) == before[:2], "neither Space is changed"
    assert all(torch.equal(a, b) for a, b in zip(new.parameters(), before[2], strict=True)), "to the bit"
    return made


def test_upgrade_end_to_end(spaces, upgraded, tmp_path):
    old, new = spaces
    assert upgraded.dim == old.dim == 6 and new.dim == 10
    assert upgraded.metadata["compatible_with"] == [old.fingerprint()]
    table = upgraded.metadata["upgrade"]["criterion"]
    assert set(table["passed"]) == {"image to text", "text to image"}
    vectors = upgraded.encode(WORDS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    again = Space.from_pretrained(upgraded.save_pretrained(tmp_path / "upgraded"))
    assert np.allclose(again.encode(WORDS), vectors, atol=1e-5)
    assert not np.allclose(vectors[:, :6], new.encode(WORDS)[:, :6], atol=0.1)


def test_chain(spaces, upgraded, tmp_path):
    """An upgraded Space is the old one of the next upgrade; the first gallery still answers."""
    old, new = spaces
    third = js.upgrade(upgraded, new, WORDS, stage_1={"epochs": 1}, cache_folder=tmp_path)
    assert third.dim == 6 and third.metadata["compatible_with"] == [upgraded.fingerprint(), old.fingerprint()]


def test_an_old_store_answers_the_new_space(spaces, upgraded, tmp_path):
    old, new = spaces
    js.Index.create(tmp_path / "store", old, WORDS[:12])
    index = js.Index.open(tmp_path / "store", upgraded)
    kept = index.table.to_arrow().select(["item", "vector"])
    assert len(index.search("red star", k=3)) == 3
    index.add(WORDS[12:])
    table = index.table.to_arrow()
    assert set(table["space"].to_pylist()) == {old.fingerprint(), upgraded.fingerprint()}, "each row says who made it"
    assert table.select(["item", "vector"]).slice(0, 12).equals(kept), "old vectors stay as they are"
    with pytest.raises(SpaceError, match="index again with the new Space, or upgrade it"):
        js.Index.open(tmp_path / "store", new)


def test_stage_1_moves_phi_alone_and_stage_2_adapters_and_phi(spaces):
    old, new = spaces
    settings = xbt.Config()
    phi = xbt.Phi(10, 6)
    first = xbt.TextProjection(settings, new, phi)
    terms = first.losses({"new_text": unit(8, 10), "old_text": unit(8, 6, 1)})
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in phi.parameters()) and not list(first.encoders())
    own = copy.deepcopy(new)
    second = xbt.PairAdaptation(settings, own, copy.deepcopy(phi))
    from jointspace.data.collate import Collator

    data = pairs(6, 1)
    batch = Collator(data, second.processors(), ["image", "text"], seed=0, train=False)(np.arange(6))
    plain = second.embed({**batch, "target": unit(6, 6)})["text"].detach()
    with lora_off(second):
        assert torch.equal(second.embed({**batch, "target": unit(6, 6)})["text"].detach(), plain), "B = 0 at first"
    sum(second.losses({**batch, "target": unit(6, 6)}).values()).backward()
    for name, parameter in second.named_parameters():
        moves = "lora" in name or name.startswith("phi")
        assert (parameter.grad is not None) == moves, name
    for layer in adapters(second).values():
        nn.init.normal_(layer.lora_b, std=0.1)
    changed = second.embed({**batch, "target": unit(6, 6)})["text"].detach()
    merged = second.space().tower("text")
    assert torch.allclose(merged(batch["text"], batch["text_mask"])[0], changed, atol=1e-5), "merged = beside"


def test_the_space_of_a_run_gives_what_the_method_gives(spaces):
    _, new = spaces
    data = pairs(32, 1)
    rows = {"image": data.column("image"), "text": data.column("text"), "target": list(unit(32, 6).numpy())}
    second = xbt.PairAdaptation(xbt.Config(), copy.deepcopy(new), xbt.Phi(10, 6))
    result = js.fit(
        second, js.load_data(rows), xbt.stage_2_training(steps=3, batch_size=16, learning_rate=0.05), progress=False
    )
    from jointspace.data.collate import Collator

    batch = Collator(data, second.processors(), ["image", "text"], seed=0, train=False)(np.arange(8))
    with torch.no_grad():
        seen = result.method.eval().embed({**batch, "target": unit(8, 6)})
    for name in ("image", "text"):
        vectors = result.space.encode(data.column(name)[:8], modality=name)
        assert np.allclose(vectors, seen[name].numpy(), atol=1e-5), "adapters count once"
        assert not np.allclose(
            vectors, xbt.mapped_space(new, xbt.Phi(10, 6)).encode(data.column(name)[:8], modality=name)
        )


def test_identity_upgrade_keeps_every_score(spaces, tmp_path):
    old, _ = spaces
    held = pairs(20, 9)
    phi = xbt.Phi(old.dim, old.dim)
    x = torch.tensor(old.encode(WORDS))
    phi.fit_skip(x, x)
    same = xbt.mapped_space(copy.deepcopy(old), phi).eval()
    one, two = (
        {"image": s.encode(held.column("image"), modality="image"), "text": s.encode(held.column("text"))}
        for s in (old, same)
    )
    verdict = judge(one, two)
    assert all(a == b for t in verdict.scores.values() for a, b in t.values()) and not any(verdict.passed.values())


def test_bad_input(spaces):
    old, new = spaces
    with pytest.raises(ConfigError, match="texts must have the field 'text'"):
        js.upgrade(old, new, js.load_data({"word": WORDS}))
    pictures = Space(image=Tower(old.tower("image").encoder))
    with pytest.raises(SpaceError, match="no tower for 'text'"):
        js.upgrade(pictures, new, WORDS)
