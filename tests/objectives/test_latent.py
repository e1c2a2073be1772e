"""Regression to a stop-gradient target."""

import pytest
import torch
import torch.nn.functional as F

from jointspace.objectives import latent_regression
from jointspace.objectives._door import ObjectiveError


def pair(seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(4, 3, 5, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def test_forms_equal_torchs():
    z, h = pair()
    assert torch.allclose(latent_regression(z, h), F.mse_loss(z, h))
    assert torch.allclose(latent_regression(z, h, form="smooth_l1", beta=0.5), F.smooth_l1_loss(z, h, beta=0.5))
    want = sum(-(a / a.norm()) @ (b / b.norm()) for a, b in zip(z.flatten(0, 1), h.flatten(0, 1), strict=True)) / 12
    assert torch.allclose(latent_regression(z, h, form="cosine"), want)
    z, h = z.detach(), h.detach()
    assert float(latent_regression(h, h)) == 0 and float(latent_regression(h, 2 * h, form="cosine")) == pytest.approx(
        -1
    )


@pytest.mark.parametrize("form", ["squared", "cosine", "smooth_l1"])
def test_gradients(form):
    z, h = pair()
    latent_regression(z, h, form=form).backward()
    assert h.grad is None and z.grad.abs().max() > 0
    assert torch.autograd.gradcheck(lambda x: latent_regression(x, h, form=form), (pair(1)[0],))


def test_masked_mean():
    z, h = pair()
    mask = torch.zeros(4, 3, dtype=torch.bool)
    nothing = latent_regression(z, h, mask=mask)
    nothing.backward()
    assert float(nothing.detach()) == 0 and z.grad is not None
    mask[1, 2] = mask[3, 0] = True
    want = torch.stack([F.mse_loss(z[1, 2], h[1, 2]), F.mse_loss(z[3, 0], h[3, 0])]).mean()
    assert torch.allclose(latent_regression(z, h, mask=mask), want)


def test_errors():
    z, h = pair()
    with pytest.raises(ObjectiveError, match="target: shape"):
        latent_regression(z, h[:, :2])
    with pytest.raises(ObjectiveError, match="mask: shape"):
        latent_regression(z, h, mask=torch.ones(4, dtype=torch.bool))
    with pytest.raises(ObjectiveError, match="form: must be one of"):
        latent_regression(z, h, form="l2")
