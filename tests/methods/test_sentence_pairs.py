"""Contrastive fine-tuning on pairs and triples: closed forms, hard negatives, one forward for all sides."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import jointspace as js
from jointspace.errors import ConfigError
from jointspace.methods.text.sentence_pairs import Config, SentencePairs
from jointspace.testing import check_method

TEXT = {"name": "ngrams", "width": 16, "buckets": 512, "dropout": 0.0}
TRANSFORMER = {"name": "transformer", "layers": 1, "width": 16, "heads": 2, "vocab_size": 300, "dropout": 0.0}
COLOURS, THINGS = ["red", "green", "blue", "white", "black", "grey"], ["car", "house", "dog", "tree"]


def unit(n, d=8, seed=0):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.normalize(x, dim=-1)


def triples(negatives=True):
    """A thing of a colour, the same in other words, another thing of that colour."""
    pairs = [(c, t) for c in COLOURS for t in THINGS]
    columns = {
        "text": [f"a {c} {t}" for c, t in pairs],
        "text_positive": [f"{t} painted {c}, seen from the street" for c, t in pairs],
        "text_negative": [f"{THINGS[(THINGS.index(t) + 1) % 4]} painted {c}" for c, t in pairs],
    }
    return js.load_data({name: v for name, v in columns.items() if negatives or name != "text_negative"})


def pico(**fields):
    torch.manual_seed(0)
    return SentencePairs(Config(**{"text": TEXT, **fields}))


def value(terms):
    return float(sum(terms.values()).detach())


@pytest.mark.parametrize("symmetric", [False, True])
def test_equal_vectors_cost_log_of_the_candidates(symmetric):
    method, x = pico(symmetric=symmetric), unit(1).expand(6, -1)
    assert value(method.terms(x, x)) == pytest.approx(math.log(6), abs=1e-9)
    if not symmetric:
        assert value(method.terms(x, x, x)) == pytest.approx(math.log(12), abs=1e-9)  # 6 positives, 6 hard negatives
    assert value(method.terms(x[:1], x[:1])) == pytest.approx(0, abs=1e-12)


def test_triples_are_cross_entropy_over_all_positives_and_negatives():
    x, y, z, t = unit(5), unit(5, seed=1), unit(5, seed=2), 0.05
    want = F.cross_entropy(torch.cat([x @ y.T, x @ z.T], 1) / t, torch.arange(5))
    assert value(pico().terms(x, y, z)) == pytest.approx(float(want), rel=1e-6)  # T is a float32
    apart = pico(temperature=0.5).terms(x, y, z)
    assert float(apart["forward"]) == pytest.approx(
        float(F.cross_entropy(torch.cat([x @ y.T, x @ z.T], 1) / 0.5, torch.arange(5))), rel=1e-6
    )


def test_both_directions_are_the_symmetric_loss():
    x, y = unit(5), unit(5, seed=1)
    both = pico(symmetric=True).terms(x, y)
    assert set(both) == {"forward", "backward"}
    want = js.objectives.info_nce(x, y, temperature=float(pico().temperature()), symmetric=True)
    assert value(both) == pytest.approx(float(want), rel=1e-12)
    assert float(pico(symmetric=True).terms(y, x)["forward"]) == pytest.approx(float(both["backward"]), rel=1e-12)


def test_equal_content_never_repels():
    x, y, z, t = unit(3), unit(3, seed=1), unit(3, seed=2), 0.05
    logits = torch.cat([x @ y.T, x @ z.T], 1) / t
    logits[0, 2] = logits[2, 0] = -torch.inf  # rows 0 and 2 ask the same; their hard negatives stay
    logits[1, 3] = -torch.inf  # the hard negative of row 0 is what row 1 looks for
    ids = dict(
        text_id=torch.tensor([7, 8, 7]),
        text_positive_id=torch.tensor([1, 2, 3]),
        text_negative_id=torch.tensor([2, 4, 5]),
    )
    want = F.cross_entropy(logits, torch.arange(3))
    assert value(pico().terms(x, y, z, **ids)) == pytest.approx(float(want), rel=1e-6)


@pytest.mark.slow  # loads transformers
def test_sides_of_unlike_length_go_through_in_one_batch_and_alone_alike():
    torch.manual_seed(0)
    method = SentencePairs(Config(text=TRANSFORMER, dim=12)).eval()
    data = triples()
    method.prepare(data)
    batch = {}
    for side in data.fields:
        made = method.text_encoder.processor(data.column(side)[:4])
        batch |= {side: made[""], f"{side}_mask": made["mask"]}
    assert len({batch[side].shape[1] for side in data.fields}) > 1
    together = method.embed(batch)
    assert "text_id" not in together and together["text"].shape == (4, 12)
    for side in data.fields:
        assert together[side].norm(dim=1).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
        alone = method.space().encode(data.column(side)[:4])
        assert together[side].detach().numpy() == pytest.approx(alone, abs=1e-5)


def test_temperature_is_fixed_unless_asked_for():
    assert float(pico().temperature()) == pytest.approx(0.05)
    assert not [n for n, _ in pico().named_parameters() if "temperature" in n]
    method, x, y = pico(learn_temperature="log"), unit(4), unit(4, seed=1)
    sum(method.terms(x, y).values()).backward()
    assert method.temperature.value.grad.abs() > 0
    assert isinstance(pico().text_projection, torch.nn.Identity)


def test_a_missing_side_is_named():
    with pytest.raises(ConfigError, match="needs the field 'text_positive'.*columns"):
        pico().check_fields(js.load_data({"text": ["a"], "text_pair": ["b"]}))


def trained(steps=8, negatives=True, **fields):
    config = dict(steps=steps, batch_size=12, learning_rate=0.01, logging_steps=1, torch_threads=1, device="cpu")
    return js.fit(pico(), triples(negatives), js.TrainingConfig(**{**config, **fields}), progress=False)


PINNED = [3.27094, 1.70352, 1.03575, 0.72599, 0.47991, 0.46744, 0.37001, 0.299]


def test_pinned_loss_trajectory():
    """The first steps of a seeded run: a change here is a change of the method."""
    losses = trained().losses
    assert losses == pytest.approx(PINNED, rel=1e-3), [round(x, 5) for x in losses]


@pytest.mark.parametrize("negatives", [False, True])
def test_battery(negatives):
    ran = check_method(pico, triples(negatives))
    assert {"cached", "trained and resumed", "saved"} <= set(ran)


def test_learns_to_tell_the_sentence_from_its_hard_negative(tmp_path):
    data, space = triples(), trained(steps=60).space
    x, y, z = (space.encode(data.column(side)) for side in data.fields)
    before = pico().space()
    bx, by, bz = (before.encode(data.column(side)) for side in data.fields)
    assert ((x * y).sum(1) > (x * z).sum(1)).mean() > 0.9 > ((bx * by).sum(1) > (bx * bz).sum(1)).mean()
    assert (x @ y.T).argmax(1).tolist() == list(range(len(data)))
    space.save_pretrained(tmp_path / "space")
    again = js.Space.from_pretrained(tmp_path / "space")
    assert (again.encode(data.column("text")) == x).all() and again.method == "sentence_pairs"
    assert np.linalg.norm(x, axis=1) == pytest.approx(np.ones(len(data)), abs=1e-5)
