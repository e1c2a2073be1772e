"""T-JEPA: the sheet's exact checks."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import jointspace as js
from jointspace.data import masking
from jointspace.errors import ConfigError, DataError
from jointspace.methods.tabular.t_jepa import TJEPA, Config
from jointspace.nn.masked import MaskTokenPredictor
from jointspace.nn.positions import sin_cos
from jointspace.training.method import Progress

PICO = dict(
    width=16, layers=1, heads=2, feed_forward=16, dropout=0.0, predictor_width=8, predictor_layers=1,
    predictor_heads=2, predictor_feed_forward=16, context=(0.2, 0.4), target=(0.2, 0.4),
)  # fmt: skip
COLUMNS = ["age", "income", "weight", "height", "city", "job", "owner", "visits"]


def rows(n=48, seed=0):
    """A table whose columns hang together: two hidden causes."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    return [
        {
            "age": 40 + 10 * a[i], "income": None if i == 5 else 1000 * (b[i] + a[i]), "weight": 70 + 8 * b[i],
            "height": 1.7 + 0.1 * b[i], "city": "Ulm" if a[i] > 0 else "Bonn", "job": "baker" if b[i] > 0 else None,
            "owner": bool(a[i] + b[i] > 0), "visits": int(5 + 2 * a[i]),
        }
        for i in range(n)
    ]  # fmt: skip


def data(n=48):
    table = rows(n)
    return js.load_data({name: [row[name] for row in table] for name in COLUMNS}, columns={"table": COLUMNS})


def pico(**fields):
    torch.manual_seed(0)
    method = TJEPA(Config(**{**PICO, **fields}))
    method.prepare(data())
    return method


def batch(method, n=24):
    return {"table": method.encoder.processor(rows(n))[""], "row": torch.arange(n)}


def test_context_never_sees_what_is_masked_and_the_target_sees_everything():
    """Check 1: bitwise in eval; every column that is not context is changed."""
    method = pico().eval()
    b = batch(method)
    places, _ = method.masks(b["row"])
    seen = torch.zeros(24, method.encoder.features, dtype=torch.bool).scatter(1, places[:, 1:] - 1, True)
    numeric = method.encoder.tokenizer.numeric
    other = torch.where(seen, b["table"], torch.cat([b["table"][:, :numeric] + 1, b["table"][:, numeric:] * 0], dim=1))
    assert (other != b["table"]).any(dim=1).all()
    with torch.no_grad():
        assert torch.equal(method.encode_context(b["table"], places), method.encode_context(other, places))
        changed = (method.target(b["table"]).tokens - method.target(other).tokens).abs().amax(dim=(1, 2))
    assert (changed > 1e-4).all()


@pytest.mark.parametrize("regs", [0, 1, 3])
def test_masks(regs):
    """Check 2: context and targets disjoint, [REG] never chosen, every column in both, sets of a row not all equal."""
    method, d = pico(regs=regs), 9  # eight columns and the flag of a missing income
    seen, hidden, sizes = set(), set(), set()
    for step in range(200):
        method.lot = step
        places, targets = (t.numpy() for t in method.masks(torch.arange(8)))
        assert (places[:, :regs] == np.arange(regs)).all() and (places[:, regs:] >= regs).all()
        assert (targets >= regs).all() and max(places.max(), targets.max()) < regs + d
        assert targets.shape[1] == 4 and places.shape[1] - regs + targets.shape[2] <= d
        sizes.add((places.shape[1] - regs, targets.shape[2]))
        for c, sets in zip(places[:, regs:].tolist(), targets.tolist(), strict=True):
            assert len(set(c)) == len(c) and not set(c) & {t for one in sets for t in one}
            assert len({tuple(one) for one in sets}) == 4  # at least C(5, 2) sets are possible here
            seen |= set(c)
            hidden |= {t for one in sets for t in one}
    assert seen == hidden == set(range(regs, regs + d)) and len(sizes) >= 4


def test_masks_are_a_function_of_step_and_row():
    method = pico()
    method.lot = 7
    first = method.masks(torch.arange(8))
    again = method.masks(torch.tensor([3, 5]))
    assert all(torch.equal(a[[3, 5]], b) for a, b in zip(first, again, strict=True))
    method.lot = 8
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(first, method.masks(torch.arange(8))))
    assert torch.equal(method.eval().masks(torch.arange(8))[0], pico().eval().masks(torch.arange(8))[0])


def test_teacher_follows_exactly_and_stands_still_at_the_end():
    """Check 3: theta_bar = m theta_bar0 + (1 - m) theta; m(0) = .996, m(last) = 1, where it never moves."""
    method = pico()
    momentum = method.target.momentum
    assert momentum(0.0) == pytest.approx(0.996) and momentum(1.0) == 1.0 and momentum(0.5) == pytest.approx(0.998)
    before = [p.clone() for p in method.target.module.parameters()]
    with torch.no_grad():
        for p in method.encoder.parameters():
            p.add_(torch.randn_like(p))
    method.after_step(Progress(9, 10))
    assert all(torch.equal(a, b) for a, b in zip(before, method.target.module.parameters(), strict=True))
    method.after_step(Progress(0, 10))
    for old, new, own in zip(before, method.target.module.parameters(), method.encoder.parameters(), strict=True):
        assert torch.allclose(new, 0.996 * old + 0.004 * own, atol=1e-6)


def test_gradients():
    """Check 4, and the clamp of the context encoder."""
    method = pico(clamp=1e-4)
    method.losses(batch(method))["latent"].backward()
    assert all(p.grad is None for p in method.target.parameters())
    assert method.encoder.reg.grad.abs().max() > 0
    free = method.predictor.enter.weight.grad.clone()
    method.after_backward(Progress(0, 10))
    assert max(float(p.grad.abs().max()) for p in method.encoder.parameters() if p.grad is not None) <= 1e-4
    assert torch.equal(method.predictor.enter.weight.grad, free)


def test_tokens_leave_normalised_at_initialisation():
    """Check 5: mean 0, sum of squares = H."""
    method = pico()
    tokens = method.encoder(batch(method)["table"]).tokens.detach()
    assert tokens.mean(dim=-1).abs().max() < 1e-5
    assert tokens.square().sum(dim=-1).numpy() == pytest.approx(np.full(tokens.shape[:2], 16.0), rel=1e-2)


def test_predictor_is_equivariant_and_the_loss_is_mse():
    """Check 6."""
    method = pico().eval()
    b = batch(method)
    places, targets = method.masks(b["row"])
    context = method.encode_context(b["table"], places)
    order = torch.randperm(targets.shape[2])
    z = method.predictor(context, places, targets)
    assert torch.allclose(method.predictor(context, places, targets[..., order]), z[:, :, order], atol=1e-5)
    h = torch.randn_like(z)
    assert float(method.terms(h, h)["latent"]) == 0.0
    parts = [torch.cat([t[:, m] for m in range(4)]) for t in (z, h)]
    assert float(method.terms(z, h)["latent"].detach()) == pytest.approx(float(F.mse_loss(*parts).detach()), rel=1e-6)


def test_tokenizer_is_affine_in_numbers_and_reg_is_the_same_for_all_rows():
    """Check 7."""
    encoder = pico(regs=2).encoder
    x, y, a = torch.rand(3, 9), torch.rand(3, 9), 0.3
    numeric = encoder.tokenizer.numeric
    x[:, numeric:] = y[:, numeric:] = 1.0
    mixed = encoder.tokenizer(a * x + (1 - a) * y)
    assert torch.allclose(mixed, a * encoder.tokenizer(x) + (1 - a) * encoder.tokenizer(y), atol=1e-6)
    tokens = encoder.tokenize(torch.cat([x, y]))
    assert (tokens[:, :2] == tokens[:1, :2]).all() and tokens.shape == (6, 11, 16)


def test_without_reg_and_with_all_the_rest_as_target_it_is_a_plain_masked_predictor():
    """Check 8: no [REG], one target that is everything outside the context: I-JEPA's predictor, written out."""
    torch.manual_seed(0)
    predictor = MaskTokenPredictor(16, 8, 6, heads=2, layers=1, feed_forward=16).eval()
    x = torch.randn(5, 3, 16)
    context, rest = masking.context_and_targets(np.arange(5, dtype=np.uint64), 6, 3, 3)
    got = predictor(x, torch.from_numpy(context), torch.from_numpy(rest))[:, 0]
    code = sin_cos(torch.arange(6), 8)
    for row in range(5):
        seen = predictor.enter(x[row]) + code[context[row]]
        masked = predictor.mask_token.repeat(3, 1) + code[rest[row, 0]]
        out = predictor.norm(predictor.transformer(torch.cat([seen, masked])[None])[0][0])[3:]
        assert torch.allclose(got[row], predictor.leave(out), atol=1e-5)
        assert sorted([*context[row], *rest[row, 0]]) == list(range(6))
    method = pico(regs=0).eval()
    assert method.encoder.reg is None and method.embed(batch(method))["prediction"].shape[1] == 4


def test_the_mean_predictor_explains_nothing():
    """Check 9: its squared error is var(h)."""
    h = torch.randn(40, 4, 3, 16, dtype=torch.float64)
    mean = h.mean(dim=(0, 1, 2), keepdim=True).expand_as(h)
    loss = float(pico().terms(mean, h)["latent"])
    assert 1 - loss / float(h.flatten(0, 2).var(dim=0, correction=0).mean()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("fields", [{"predictor": "mlp"}, {"regs_to_predictor": False}, {"column_embedding": True}])
def test_options(fields):
    method = pico(**fields)
    said = method.embed(batch(method))
    assert said["prediction"].shape == said["target"].shape and said["prediction"].requires_grad
    if "predictor" in fields:  # the perceptron of a column reads the context, wherever its target stands in the list
        places, targets = method.masks(torch.arange(24))
        context = torch.randn(24, places.shape[1], 16)
        z = method.predictor(context, places, targets)
        assert torch.allclose(method.predictor(context, places, targets.flip(2)), z.flip(2), atol=1e-6)


def test_errors():
    with pytest.raises(DataError, match="too few columns"):
        TJEPA(Config(**PICO)).prepare(js.load_data({"a": [1, 2], "b": [3, 4]}, columns={"table": ["a"]}))
    with pytest.raises(ValueError, match="did you mean transformer"):
        Config(predictor="transfomer")
    with pytest.raises(ValueError, match="context: shares"):
        Config(context=(0.5, 0.2))
    with pytest.raises(ConfigError, match="even"):
        TJEPA(Config(width=15, heads=3))
    with pytest.raises(ConfigError, match="multiple of heads"):
        TJEPA(Config(width=6, heads=4))


def test_space_gives_tokens_features_and_their_mean():
    method = pico(regs=2).eval()
    space, table = method.space(), rows(6)
    tokens = np.stack(space.encode(table, modality="table", output="tokens", normalize_embeddings=False))
    assert tokens.shape == (6, 11, 16)
    assert np.allclose(space.encode(table, modality="table", output="features"), tokens.reshape(6, -1), atol=1e-5)
    dense = space.encode(table, modality="table", normalize_embeddings=False)
    assert np.allclose(dense, tokens[:, 2:].mean(axis=1), atol=1e-5) and space.dim == 16
    assert space.encode(table[0]).shape == (16,)  # a row needs no modality where all a Space takes are tables


def fit(steps=8, output=None, **fields):
    torch.manual_seed(0)
    config = js.TrainingConfig(
        steps=steps, batch_size=16, learning_rate=3e-3, weight_decay=0, logging_steps=1, torch_threads=1, device="cpu"
    )
    return js.fit(TJEPA(Config(**{**PICO, **fields})), data(), config, output=output, progress=False)


PINNED = [1.03218, 0.99688, 0.96899, 0.95271, 0.94028, 0.92976, 0.92164, 0.91851]


def test_pinned_loss_trajectory():
    """The first steps of a seeded run: a change here is a change of the method."""
    assert fit().losses == pytest.approx(PINNED, rel=1e-3)


@pytest.mark.slow
def test_checkpoints_are_chosen_by_a_probe_and_collapse_is_logged(tmp_path):
    table = rows(48)
    labelled = {name: [row[name] for row in table] for name in COLUMNS} | {"old": [int(r["age"] > 40) for r in table]}
    labelled = js.load_data(labelled, columns={"table": COLUMNS, "label": "old"})

    def probe(space):
        task = {"task": "linear_probe", "columns": {"item": "table", "label": "label"}}
        return {s.name: s.value for s in js.evaluate(space, labelled, **task)}

    torch.manual_seed(0)
    config = js.TrainingConfig(
        steps=9, batch_size=16, learning_rate=3e-3, weight_decay=0, eval_steps=3, save_steps=3, probes=["collapse"],
        metric_for_best_model="accuracy", load_best_model_at_end=True, early_stopping_patience=5, device="cpu",
    )  # fmt: skip
    how = dict(validation=labelled, evaluate=probe, progress=False)
    result = js.fit(TJEPA(Config(**PICO)), labelled, config, **how)
    seen = [line for line in result.history if "accuracy" in line]
    assert len(seen) == 3 and all(line["collapse_distance/table"] > 0 for line in seen)
    best = max(line["accuracy"] for line in seen)
    assert probe(result.space)["accuracy"] == pytest.approx(best, abs=1e-6)


@pytest.mark.slow
def test_learns_and_the_saved_space_serves_all_verbs(tmp_path):
    result = fit(steps=80, output=tmp_path / "run")
    assert np.mean(result.losses[-5:]) < 0.8 * result.losses[0]
    space, table = js.Space.from_pretrained(tmp_path / "run" / "space"), rows(48)
    assert np.allclose(space.encode(table, modality="table"), result.space.encode(table, modality="table"), atol=1e-6)
    assert space.towers["table"].encoder.processor.schema == result.space.towers["table"].encoder.processor.schema
    labelled = {name: [row[name] for row in table] for name in COLUMNS} | {"kind": [int(r["age"] > 40) for r in table]}
    js.load_data(labelled, columns={"table": COLUMNS, "label": "kind"})
    index = js.Index.create(tmp_path / "store", space, table, modality="table", ids=[str(i) for i in range(48)])
    assert index.search(vector=space.encode(table[7], modality="table"), k=1)[0].id == "7"


@pytest.mark.slow
def test_passes_the_batteries():
    from jointspace.encoders.registry import build
    from jointspace.testing import check_encoder, check_method

    config = js.TrainingConfig(steps=12, batch_size=8, learning_rate=3e-3, logging_steps=1, device="cpu")
    assert len(check_method(lambda: TJEPA(Config(**PICO)), data(), config=config)) >= 6
    ran = check_encoder(lambda: build("table-transformer", "table", width=16, layers=1, heads=2), rows(8))
    assert "save and load" in ran


@pytest.mark.slow
def test_tiny_reproduction():
    from jointspace.data import catalogue
    from jointspace.reproductions.harness import load

    for name in ("adult", "california-housing", "satimage"):
        if catalogue.locate(name) is None:
            pytest.skip(f"{name} is not on this machine")
    result = load("t-jepa").execute(seeds=[5], scale="tiny")
    assert len(result["claims"]) == 15 and set(result["arms"]) == set(load("t-jepa").arms)
    assert all(0 <= scores["adult linear"][0] <= 1 for scores in result["arms"].values() if "adult linear" in scores)


def test_layers_are_torchs_own():
    assert isinstance(pico().encoder.transformer.layers[0], nn.TransformerEncoderLayer)
