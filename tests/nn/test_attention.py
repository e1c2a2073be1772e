"""The transformer block: parity with torch's own slow form, masks, cross-attention, gates, rotary positions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from jointspace.errors import ConfigError
from jointspace.nn.attention import Attention, Block, FeedForward, Transformer
from jointspace.nn.positions import Rotary

B, L, D, H = 3, 7, 16, 4


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask_of(*lengths, size=L):
    return torch.arange(size) < torch.tensor(lengths)[:, None]


def torch_twin(ours: Attention, width: int, context_width: int | None = None) -> nn.MultiheadAttention:
    twin = nn.MultiheadAttention(width, ours.heads, kdim=context_width, vdim=context_width, batch_first=True).double()
    with torch.no_grad():
        if context_width is None or context_width == width:
            twin.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        else:
            twin.q_proj_weight.copy_(ours.query.weight)
            twin.k_proj_weight.copy_(ours.key.weight)
            twin.v_proj_weight.copy_(ours.value.weight)
        twin.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        twin.out_proj.weight.copy_(ours.out.weight)
        twin.out_proj.bias.copy_(ours.out.bias)
    return twin


def test_self_attention_equals_torch_with_padding():
    ours = Attention(D, H).double()
    x, mask = randn(B, L, D), mask_of(7, 4, 1)
    want, _ = torch_twin(ours, D)(x, x, x, key_padding_mask=~mask, need_weights=True)
    torch.testing.assert_close(ours(x, mask), want, rtol=0, atol=1e-12)


def test_cross_attention_equals_torch_with_another_width():
    ours = Attention(D, H, context_width=10).double()
    x, context, mask = randn(B, 2, D), randn(B, L, 10, seed=1), mask_of(7, 3, 5)
    want, _ = torch_twin(ours, D, 10)(x, context, context, key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, mask, context), want, rtol=0, atol=1e-12)


def test_causal_and_bias_agree_with_the_definition_written_out():
    ours = Attention(D, H, causal=True).double()
    x, mask, bias = randn(B, L, D), mask_of(7, 4, 2), randn(1, H, L, L, seed=2)
    got = ours(x, mask, bias=bias)
    q, k, v = (layer(x).reshape(B, L, H, D // H) for layer in (ours.query, ours.key, ours.value))
    for b in range(B):
        rows = torch.zeros(L, H, D // H, dtype=torch.float64)
        for h in range(H):
            for i in range(L):
                seen = [j for j in range(i + 1) if mask[b, j]]
                scores = torch.stack([q[b, i, h] @ k[b, j, h] / math.sqrt(D // H) + bias[0, h, i, j] for j in seen])
                rows[i, h] = sum(p * v[b, j, h] for p, j in zip(scores.softmax(0), seen, strict=True))
        torch.testing.assert_close(got[b], ours.out(rows.flatten(1)), rtol=0, atol=1e-12)


def test_no_key_at_all_gives_the_output_bias_and_finite_gradients():
    ours = Attention(D, H).double()
    x = randn(B, L, D).requires_grad_()
    y = ours(x, mask_of(7, 0, 1))
    torch.testing.assert_close(y[1], ours.out.bias.expand(L, D))
    y.sum().backward()
    assert x.grad.isfinite().all()
    allowed = torch.zeros(1, 1, L, L, dtype=torch.bool)
    torch.testing.assert_close(ours(x, allowed=allowed)[0], ours.out.bias.expand(L, D))


def test_block_is_torchs_pre_norm_layer():
    block = Block(D, H, eps=1e-5).double().eval()
    twin = nn.TransformerEncoderLayer(
        D, H, 4 * D, dropout=0.0, activation=F.gelu, batch_first=True, norm_first=True
    ).double()  # fmt: skip
    twin.self_attn = torch_twin(block.attention, D)
    twin.norm1, twin.norm2 = block.norm, block.feed_forward_norm
    twin.linear1, twin.linear2 = block.feed_forward.inner, block.feed_forward.outer
    x, mask = randn(B, L, D), mask_of(7, 4, 2)
    want = twin(x, src_key_padding_mask=~mask)
    got = block(x, mask)
    torch.testing.assert_close(got[mask], want[mask], rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["geglu", "swiglu"])
def test_gated_feed_forward_is_first_half_times_activated_second(activation):
    layer = FeedForward(D, 5, activation).double()
    x = randn(B, L, D)
    value, gate = layer.inner(x)[..., :5], layer.inner(x)[..., 5:]
    act = F.gelu if activation == "geglu" else F.silu
    torch.testing.assert_close(layer(x), layer.outer(value * act(gate)))


def test_padding_never_reaches_real_tokens():
    stack = Transformer(D, H, 2, rotary=Rotary(D // H)).double().eval()
    x, mask = randn(B, L, D), mask_of(7, 4, 2)
    other = torch.where(mask.unsqueeze(-1), x, randn(B, L, D, seed=9) * 100)
    torch.testing.assert_close(stack(x, mask)[0][mask], stack(other, mask)[0][mask], rtol=0, atol=1e-12)


def test_layers_run_from_the_input_to_the_normalised_answer():
    stack = Transformer(D, H, 3).double().eval()
    x = randn(B, L, D)
    last, states = stack(x, layers=True)
    assert len(states) == 4 and torch.equal(states[0], x) and torch.equal(states[-1], last)
    assert stack(x)[1] is None


def test_drop_path_keeps_the_mean_and_drops_whole_rows():
    block = Block(D, H, drop_path=0.5).double().train()
    torch.manual_seed(0)
    y = block._branch(torch.ones(2000, 3, D, dtype=torch.float64))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(y.amin((1, 2)), y.amax((1, 2)))
    assert y.mean().item() == pytest.approx(1.0, abs=0.1)


def test_queries_from_a_condition_change_the_answer_and_keep_its_length():
    block = Block(D, H, cross=True, context_width=6).double()
    context = randn(B, L, 6)
    a, b = block(randn(B, 2, D), None, context), block(randn(B, 2, D, seed=3), None, context)
    assert a.shape == (B, 2, D) and not torch.allclose(a, b)


def test_bad_arguments_are_named():
    with pytest.raises(ConfigError, match="width 16 is not a multiple of heads 5"):
        Attention(16, 5)
    with pytest.raises(ConfigError, match="did you mean gelu"):
        FeedForward(4, 4, "gelo")
    with pytest.raises(ValueError, match="cross block"):
        Block(D, H)(torch.zeros(1, 2, D), None, torch.zeros(1, 2, D))
    with pytest.raises(ValueError, match="mask: axis K is 3, but 7 earlier"):
        Attention(D, H)(torch.zeros(2, 7, D), torch.ones(2, 3, dtype=torch.bool))
