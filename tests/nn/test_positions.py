"""Sines and cosines by their formula, rotations by their invariances, growth of tables."""

from __future__ import annotations

import math

import pytest
import torch

from jointspace.errors import ConfigError
from jointspace.nn.positions import LearntPositions, Rotary, resize_grid, resize_table, sin_cos, sin_cos_2d


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scores(rotary, q, k, positions):
    q, k = rotary(q, k, positions)
    return q @ k.transpose(-1, -2)


@pytest.mark.parametrize("layout", ["halves", "interleaved"])
def test_sin_cos_is_the_formula(layout):
    code = sin_cos(torch.arange(5, dtype=torch.float64), 6, base=100.0, layout=layout)
    for p in range(5):
        for j in range(3):
            angle = p / 100.0 ** (2 * j / 6)
            at = (j, 3 + j) if layout == "halves" else (2 * j, 2 * j + 1)
            assert code[p, at[0]].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert code[p, at[1]].item() == pytest.approx(math.cos(angle), abs=1e-12)
    assert sin_cos(torch.arange(3), 4).dtype == torch.float32


def test_sin_cos_2d_puts_the_column_first():
    code = sin_cos_2d(2, 3, 8)
    assert code.shape == (6, 8)
    torch.testing.assert_close(code[1 * 3 + 2], torch.cat([sin_cos(torch.tensor(2), 4), sin_cos(torch.tensor(1), 4)]))


@pytest.mark.parametrize("layout", ["halves", "interleaved"])
def test_rotary_scores_depend_on_distance_alone(layout):
    rotary = Rotary(8, layout=layout)
    q, k = randn(2, 3, 6, 8), randn(2, 3, 6, 8, seed=1)
    here = scores(rotary, q, k, torch.arange(6))
    torch.testing.assert_close(here, scores(rotary, q, k, torch.arange(6) + 1000), rtol=0, atol=1e-10)
    torch.testing.assert_close(here, scores(rotary, q, k, None), rtol=0, atol=1e-12)
    per_row = torch.arange(6) + torch.tensor([[0], [77]])
    torch.testing.assert_close(here, scores(rotary, q, k, per_row), rtol=0, atol=1e-10)
    torch.testing.assert_close(here.diagonal(dim1=-2, dim2=-1), (q * k).sum(-1), rtol=0, atol=1e-12)


def test_rotary_is_a_rotation_and_leaves_position_0_and_the_rest_alone():
    rotary, x = Rotary(4), randn(1, 1, 5, 10)
    turned = rotary.rotate(x, torch.arange(5))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[..., 4:], x[..., 4:])
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])
    assert not torch.allclose(turned[:, :, 1], x[:, :, 1])


def test_rotary_scale_is_position_interpolation():
    q = randn(1, 1, 6, 8)
    stretched = Rotary(8, scale=2.0).rotate(q, torch.arange(6))
    torch.testing.assert_close(stretched, Rotary(8).rotate(q, torch.arange(6, dtype=torch.float64) / 2))
    grouped = Rotary(8, position_map=lambda p: p // 2).rotate(q, torch.arange(6))
    torch.testing.assert_close(grouped, Rotary(8).rotate(q, torch.tensor([0, 0, 1, 1, 2, 2])))


def test_ntk_keeps_the_fastest_frequency_and_slows_the_last_by_the_factor():
    x = torch.zeros(1, 1, 1, 8, dtype=torch.float64)
    x[..., 0], x[..., 3] = 1.0, 1.0  # first channels of the fastest and of the slowest pair
    plain = Rotary(8).rotate(x, torch.tensor([1]))
    slow = Rotary.ntk(8, 4.0).rotate(x, torch.tensor([1]))
    assert slow[..., 4].item() == pytest.approx(plain[..., 4].item(), abs=1e-12)
    assert math.asin(slow[..., 7].item()) == pytest.approx(math.asin(plain[..., 7].item()) / 4.0, rel=1e-9)
    torch.testing.assert_close(Rotary.ntk(8, 1.0).rotate(x, torch.tensor([5])), Rotary(8).rotate(x, torch.tensor([5])))


def test_rotary_in_bfloat16_has_float32_angles():
    x = randn(1, 1, 1, 8).bfloat16()
    far = torch.tensor([4097])
    got, want = Rotary(8).rotate(x, far), Rotary(8).rotate(x.double(), far)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), want, rtol=0, atol=2e-2)


@pytest.mark.slow
def test_rotary_agrees_with_transformers():
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    config = LlamaConfig(hidden_size=16, num_attention_heads=2, head_dim=8)
    q, k = randn(2, 2, 5, 8).float(), randn(2, 2, 5, 8, seed=1).float()
    cos, sin = LlamaRotaryEmbedding(config)(q, torch.arange(5)[None])
    want = apply_rotary_pos_emb(q, k, cos, sin)
    for ours, theirs in zip(Rotary(8)(q, k), want, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_learnt_table_adds_and_grows():
    table = LearntPositions(4, 3)
    x = torch.zeros(2, 3, 3)
    torch.testing.assert_close(table(x), table.table[:3].expand(2, -1, -1))
    torch.testing.assert_close(table(x, torch.tensor([3, 0, 1]))[0], table.table[[3, 0, 1]])
    with pytest.raises(ValueError, match="table of positions ends at 4"):
        table(torch.zeros(1, 5, 3))
    old = table.table.detach().clone()
    for how in ("interpolate", "repeat", "mean"):
        grown = LearntPositions(4, 3)
        grown.table.data.copy_(old)
        grown.grow(7, how)
        assert grown.table.shape == (7, 3) and grown.table.requires_grad
        if how == "interpolate":  # every second place is an old one
            torch.testing.assert_close(grown.table[::2].detach(), old)
            torch.testing.assert_close(grown.table[1].detach(), (old[0] + old[1]) / 2)
        else:
            assert torch.equal(grown.table[:4].detach(), old)
            torch.testing.assert_close(grown.table[4].detach(), old[0] if how == "repeat" else old.mean(0))
    with pytest.raises(ConfigError, match="cannot grow to 2"):
        table.grow(2)


def test_resizing():
    table = torch.arange(4.0)[:, None]
    assert resize_table(table, 4) is table
    torch.testing.assert_close(resize_table(table, 7)[:, 0], torch.arange(7) / 2)
    grid = torch.ones(1 + 4, 3)
    grid[0] = 5.0
    grown = resize_grid(grid, (2, 2), (4, 4))
    assert grown.shape == (17, 3) and torch.equal(grown[0], grid[0])
    torch.testing.assert_close(grown[1:], torch.ones(16, 3))
    with pytest.raises(ValueError, match="does not hold a grid of 3 x 3"):
        resize_grid(grid, (3, 3), (4, 4))


def test_bad_arguments_are_named():
    with pytest.raises(ConfigError, match="even width, not 5"):
        sin_cos(torch.arange(3), 5)
    with pytest.raises(ConfigError, match="did you mean halves"):
        Rotary(4, layout="halve")
    with pytest.raises(ConfigError, match="multiple of 4"):
        sin_cos_2d(2, 2, 6)
