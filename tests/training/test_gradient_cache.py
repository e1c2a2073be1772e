"""Gradients in pieces equal those of the whole, in float64, dropout included."""

import pytest
import torch
from torch import nn
from toys import Toy, pairs, toy

import jointspace as js
from jointspace.data.batch import split
from jointspace.data.collate import Collator
from jointspace.errors import ConfigError, TrainingError
from jointspace.training.gradient_cache import cached_losses
from jointspace.training.method import Method


def batch_of(method, rows=13):
    data = pairs()
    method.prepare(data)
    return Collator(data, method.processors(), list(method.fields), seed=0)(range(rows), 0)


def grads(method):
    return {n: p.grad.clone() for n, p in method.named_parameters() if p.grad is not None}


def in_pieces_with_graphs(method, batch, size):
    """The definition: embed every piece with its graph, join, differentiate at once."""
    found = [method.embed(part) for part in split(batch, size)]
    joined = {n: f0 if n.startswith("shared_") else torch.cat([f[n] for f in found]) for n, f0 in found[0].items()}
    terms = method.terms(**joined)
    sum(terms.values()).backward()
    return terms


@pytest.mark.parametrize("size", [1, 4, 5, 13, 20])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_equals_the_definition(size, dropout):
    method = toy(dropout=dropout).double()
    batch = batch_of(method)
    torch.manual_seed(3)
    want_terms = in_pieces_with_graphs(method, batch, size)
    after = torch.get_rng_state()
    want = grads(method)
    method.zero_grad()
    torch.manual_seed(3)
    terms, backward = cached_losses(method, batch, size)
    backward(sum(terms.values()))
    assert terms.keys() == want_terms.keys() and all(torch.equal(terms[n], want_terms[n]) for n in terms)
    got = grads(method)
    assert got.keys() == want.keys() == {n for n, _ in method.named_parameters()}
    for name in want:
        assert torch.allclose(got[name], want[name], rtol=0, atol=1e-13), name
    assert torch.equal(torch.get_rng_state(), after), "draws after the step would be other ones"


def test_without_dropout_equals_the_whole_batch():
    method = toy(dropout=0.0).double()
    batch = batch_of(method)
    sum(method.losses(batch).values()).backward()
    want = grads(method)
    method.zero_grad()
    terms, backward = cached_losses(method, batch, 4)
    backward(sum(terms.values()))
    for name, grad in grads(method).items():
        assert torch.allclose(grad, want[name], rtol=0, atol=1e-13), name


class Mixed(Method):
    """Entries of every kind: vectors, tokens, losses a row, integers, a constant, what the whole batch shares."""

    def __init__(self):
        super().__init__(None)
        self.a, self.b, self.classes = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(2, 3)

    def embed(self, batch):
        x = self.a(batch["x"])
        return {
            "vector": x,
            "tokens": self.b(batch["x"])[:, None].expand(-1, 2, -1).tanh(),
            "row_loss": (x - batch["x"]).square().mean(1),
            "label": batch["label"],
            "weight": batch["x"].abs().sum(1),
            "shared_classes": self.classes(batch["shared_text"]),
        }

    def terms(self, vector, tokens, row_loss, label, weight, shared_classes):
        logits = vector @ shared_classes.T + tokens.sum((1, 2))[:, None] * vector.mean()
        cost = nn.functional.cross_entropy(logits, label, reduction="none")
        return {"classes": (weight * cost).sum() / weight.sum(), "rows": row_loss.mean()}


def test_entries_of_every_kind():
    torch.manual_seed(0)
    method = Mixed().double()
    batch = {
        "row": torch.arange(7),
        "x": torch.randn(7, 3, dtype=torch.float64),
        "label": torch.arange(7) % 4,
        "shared_text": torch.randn(4, 2, dtype=torch.float64),
    }
    sum(method.losses(batch).values()).backward()
    want = grads(method)
    method.zero_grad()
    terms, backward = cached_losses(method, batch, 3)
    backward(sum(terms.values()))
    got = grads(method)
    assert got.keys() == want.keys()
    assert all(torch.allclose(got[n], want[n], rtol=0, atol=1e-13) for n in want)


class WithBatchNorm(Toy):
    def __init__(self, config=None):
        super().__init__(config)
        self.norm = nn.BatchNorm1d(4)


class Own(Toy):
    def losses(self, batch):
        return super().losses(batch)


@pytest.mark.parametrize("cls, words", [(WithBatchNorm, "norm is a BatchNorm"), (Own, "no losses = terms")])
def test_refuses_what_it_cannot_cache(cls, words):
    config = js.TrainingConfig(steps=1, batch_size=8, micro_batch_size=2)
    with pytest.raises(ConfigError, match=f"micro_batch_size: .*{words}"):
        js.fit(cls(), pairs(), config, progress=False)


class NotAligned(Toy):
    def embed(self, batch):
        return super().embed(batch) | {"total": torch.ones(())}


def test_names_an_entry_that_is_not_row_aligned():
    method = NotAligned()
    with pytest.raises(TrainingError, match="entry 'total' has shape"):
        cached_losses(method, batch_of(method), 4)


def test_fit_in_pieces_equals_fit_in_one(tmp_path):
    def losses(**more):
        config = js.TrainingConfig(steps=8, batch_size=16, learning_rate=1e-2, logging_steps=1, **more)
        return js.fit(toy(dropout=0.0), pairs(), config, progress=False).losses

    assert losses(micro_batch_size=3) == pytest.approx(losses(), rel=1e-4)
