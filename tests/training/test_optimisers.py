import pytest
import torch

from jointspace.errors import ConfigError
from jointspace.training.optimisers import LAMB, REGISTRY, RowwiseAdam, build_optimiser


def parameter(values, grad):
    p = torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))
    p.grad = torch.tensor(grad, dtype=torch.float64)
    return p


def test_lamb_first_step_has_the_length_of_the_weights():
    """ALIGN sheet, exact check 6: w = [3, 4], g = [1, 0], no decay: moves 5 lr against the sign of g."""
    w = parameter([3.0, 4.0], [1.0, 0.0])
    LAMB([w], lr=0.01, eps=1e-12).step()
    assert torch.allclose(w.detach(), torch.tensor([3.0 - 0.05, 4.0], dtype=torch.float64), atol=1e-9)


def slow_lamb(w, grads, lr, wd, beta1=0.9, beta2=0.999, eps=1e-6):
    m = v = torch.zeros_like(w)
    for t, g in enumerate(grads, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        r = m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + eps) + wd * w
        trust = w.norm() / r.norm() if w.norm() > 0 and r.norm() > 0 and w.numel() > 1 else 1.0
        w = w - lr * trust * r
    return w


@pytest.mark.parametrize("shape, start", [((3, 4), 1.0), ((5,), 0.0), ((), 1.0), ((1,), 1.0)])
def test_lamb_agrees_with_the_definition(shape, start):
    generator = torch.Generator().manual_seed(0)
    w = start * torch.randn(shape, generator=generator, dtype=torch.float64)
    grads = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(6)]
    ours = torch.nn.Parameter(w.clone())
    optimiser = LAMB([ours], lr=0.02, weight_decay=0.1)
    for g in grads:
        ours.grad = g
        optimiser.step()
    assert torch.allclose(ours.detach(), slow_lamb(w, grads, 0.02, 0.1), rtol=1e-10, atol=1e-12)


def test_lamb_gives_scalars_no_trust_ratio():
    """A temperature of 100 with a gradient of 1 moves by lr, not by 100 lr."""
    w = parameter(100.0, 1.0)
    LAMB([w], lr=0.01, eps=1e-12).step()
    assert w.item() == pytest.approx(99.99)


def test_rowwise_adam_moves_only_rows_that_were_looked_up():
    table = torch.nn.Parameter(torch.ones(4, 3))
    plain = torch.nn.Parameter(torch.ones(1, 3))
    ours, theirs = RowwiseAdam([table], lr=0.1), torch.optim.Adam([plain], lr=0.1)
    for step in range(4):
        grad = torch.full((3,), float(step + 1))
        table.grad = torch.zeros(4, 3)
        table.grad[1] = grad
        if step % 2:  # a row seen every other step has made half the steps, not lost momentum in between
            table.grad[3] = grad
        plain.grad = grad[None]
        ours.step()
        theirs.step()
    assert torch.allclose(table[1], plain[0], atol=1e-6)
    assert torch.equal(table[0], torch.ones(3)) and torch.equal(table[2], torch.ones(3))
    assert ours.state[table]["step"][:, 0].tolist() == [0, 4, 0, 2]


def test_rowwise_adam_decays_looked_up_rows_only():
    table = torch.nn.Parameter(torch.ones(2, 3))
    optimiser = RowwiseAdam([table], lr=0.1, weight_decay=0.5)
    table.grad = torch.tensor([[1.0, 1, 1], [0, 0, 0]])
    optimiser.step()
    assert torch.equal(table[1], torch.ones(3)) and torch.allclose(table[0], torch.tensor(1 - 0.1 * 1.5))


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_optimiser_lowers_a_bowl(name):
    target = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    w, scalar = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.tensor(2.0))
    optimiser = build_optimiser(name, [{"params": [w], "weight_decay": 0.0}, {"params": [scalar]}], 0.05)
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        loss = (w - target).square().sum() + scalar.square()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "name, options, words",
    [("adam", {}, "did you mean adamw"), ("adamw", {"bettas": 1}, "did you mean betas"),
     ("lamb", {"weight_decay": 1}, "takes no 'weight_decay'"), ("adamw", {"betas": [2, 0.9]}, "refuses")],
)  # fmt: skip
def test_wrong_names_and_options(name, options, words):
    with pytest.raises(ConfigError, match=words):
        build_optimiser(name, [{"params": [torch.nn.Parameter(torch.ones(1))]}], 0.1, options)
