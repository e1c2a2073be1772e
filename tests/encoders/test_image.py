"""The picture encoders of our own: battery, shapes, closed forms."""

import math

import pytest
import torch
from torch import nn

from jointspace.encoders import EncoderConfig
from jointspace.encoders.image.conv import ConvNorm, as_tokens, folded, mean_over_map
from jointspace.errors import ConfigError
from jointspace.testing import check_encoder

CASES = [
    dict(name="cnn"),
    dict(name="cnn", norm="batch", depth=2, widths=[8, 16], size=16),
    dict(name="cnn", norm="none", widths=[8]),
    dict(name="resnet", width=8, blocks=[1, 1]),
    dict(name="resnet", width=8, blocks=[1, 2], stem="imagenet", norm="group", size=64),
    dict(name="vit", layers=2, width=32, patch=8),
    dict(name="vit", layers=2, width=32, patch=8, pool="mean", positions="sin_cos"),
    dict(name="efficientnet-b0", width=0.25, depth=0.2, size=64),
    dict(name="efficientnet-b0", width=0.25, depth=0.2, size=64, top=True, norm="group"),
    dict(name="efficientnet-lite0", size=64),
    dict(name="efficientnet-lite0", size=64, levels=[0, 3, 5]),
]


def build(**config):
    torch.manual_seed(0)
    return EncoderConfig(**config).build("image")


def pixels(size, n=2, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("config", CASES, ids=lambda c: "-".join(str(v) for v in c.values()))
def test_battery(config):
    ran = check_encoder(lambda: build(**config), tolerance=2e-5)
    assert ran == ["shapes", "twice", "batch = one by one", "gradients", "bfloat16", "save and load"]


def test_cnn_is_the_desk_tower_of_align():
    encoder = build(name="cnn").eval()
    assert encoder.dim == 128 and encoder.processor.output_size == (32, 32)
    assert [unit.conv.stride for unit in encoder.modules() if isinstance(unit, ConvNorm)] == [(2, 2)] * 3
    said = encoder(pixels(32), layers=True)
    assert said.grid == (4, 4) and [tuple(layer.shape) for layer in said.layers] == [
        (2, 256, 32), (2, 64, 64), (2, 16, 128),
    ]  # fmt: skip
    assert said.layer_grids == [(16, 16), (8, 8), (4, 4)]
    assert torch.allclose(said.pooled, said.tokens.mean(dim=1), atol=1e-6)


def test_resnet_18_has_the_published_number_of_parameters():
    encoder = build(name="resnet", stem="imagenet", size=224)
    assert encoder.dim == 512 and sum(p.numel() for p in encoder.parameters()) == 11_689_512 - 513_000


def test_vit_by_hand():
    """Patch embedding, class token, positions, blocks, norm: the forward pass written out."""
    encoder = build(name="vit", layers=2, width=32, patch=8, size=16).eval()
    x = pixels(16)
    cuts = [x[:, :, r : r + 8, c : c + 8].flatten(1) for r in (0, 8) for c in (0, 8)]
    tokens = torch.stack([cut @ encoder.embed.weight.flatten(1).T + encoder.embed.bias for cut in cuts], dim=1)
    tokens = torch.cat([encoder.cls.expand(2, 1, -1), tokens + encoder.positions], dim=1)
    for block in encoder.transformer.blocks:
        tokens = block(tokens)
    tokens = encoder.transformer.norm(tokens)
    said = encoder(x, layers=True)
    assert torch.allclose(said.pooled, tokens[:, 0], atol=1e-6)
    assert torch.allclose(said.tokens, tokens[:, 1:], atol=1e-6)
    assert said.grid == (2, 2) and len(said.layers) == 3 and said.layers[0].shape == (2, 4, 32)
    assert torch.equal(said.layers[-1], said.tokens)


@pytest.mark.parametrize("positions", ["learnt", "sin_cos"])
def test_vit_takes_other_sizes_that_its_patch_divides(positions):
    encoder = build(name="vit", layers=1, width=32, patch=8, size=32, positions=positions).eval()
    said = encoder(torch.randn(1, 3, 48, 64))
    assert said.grid == (6, 8) and said.tokens.shape == (1, 48, 32)
    with pytest.raises(ValueError, match="patch 8"):
        encoder(torch.randn(1, 3, 36, 32))


def test_frozen_batch_norm_does_not_move():
    moving, still = (
        build(name="resnet", width=8, blocks=[1]),
        build(name="resnet", width=8, blocks=[1], frozen_batch_norm=True),
    )
    for encoder in (moving, still):
        before = {name: value.clone() for name, value in encoder.named_buffers()}
        encoder.train()(pixels(32))
        moved = any(not torch.equal(value, before[name]) for name, value in encoder.named_buffers())
        assert moved is (encoder is moving)
    assert still.training and not still.stem.norm.training


def test_folding_gives_the_same_numbers_and_leaves_no_trace():
    unit = ConvNorm(4, 6, 3, stride=2, activation="relu").double()
    x = torch.randn(5, 4, 9, 9, dtype=torch.float64)
    unit.train()
    for _ in range(3):
        unit(x)
    unit.eval()
    want = unit(x)
    with folded(unit):
        assert unit._folded is not None and torch.allclose(unit(x), want, atol=1e-12)
    assert unit._folded is None
    unit.train()
    with folded(unit):
        assert unit._folded is None  # batch statistics cannot be folded


@pytest.mark.parametrize("size", [7, 8, 9, 14])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_that_of_tensorflow(size, kernel, stride):
    unit = ConvNorm(1, 1, kernel, stride=stride, norm="none", activation="none", same=True).double()
    nn.init.zeros_(unit.conv.bias)
    x = torch.randn(1, 1, size, size, dtype=torch.float64)
    out = math.ceil(size / stride)
    total = max((out - 1) * stride + kernel - size, 0)
    want = torch.zeros(out, out, dtype=torch.float64)
    for i in range(out):
        for j in range(out):
            for a in range(kernel):
                for b in range(kernel):
                    r, c = i * stride + a - total // 2, j * stride + b - total // 2
                    if 0 <= r < size and 0 <= c < size:
                        want[i, j] += unit.conv.weight[0, 0, a, b] * x[0, 0, r, c]
    assert torch.allclose(unit(x)[0, 0], want, atol=1e-12)


def test_answers_without_gradient_equal_those_with_it():
    """Folded and in chunks against plain; the maps of 21 pictures do not fit one chunk."""
    encoder = build(name="efficientnet-lite0", size=32, levels=[1, 2]).eval()
    x = pixels(32, n=21)
    plain = encoder(x)
    with torch.no_grad():
        quick = encoder(x)
    assert torch.allclose(plain.pooled, quick.pooled, atol=1e-5) and quick.grid == plain.grid
    assert torch.allclose(plain.tokens, quick.tokens, atol=1e-4)


def test_a_map_as_tokens_row_by_row():
    x = torch.arange(2 * 3 * 4, dtype=torch.float32).view(1, 2, 3, 4)
    assert as_tokens(x)[0, 5].tolist() == [x[0, 0, 1, 1], x[0, 1, 1, 1]]
    assert torch.equal(mean_over_map(x), x.mean(dim=(2, 3)))


def test_processor_options_override_and_must_fit_the_encoder():
    encoder = build(name="cnn", size=289, processor=dict(size=346, crop=289, mean=[0.5] * 3))
    assert encoder.processor.size == (346, 346) and encoder.processor.output_size == (289, 289)
    again = EncoderConfig(name="cnn", **encoder.options()).build("image")
    assert again.processor.config() == encoder.processor.config()
    with pytest.raises(ConfigError, match="did you mean resize"):
        build(name="cnn", processor=dict(resise="squash"))
    with pytest.raises(ConfigError, match="encoder's size"):
        build(name="cnn", size=32, processor=dict(size=64))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(name="cnn", norm="bach"), "did you mean batch"),
        (dict(name="cnn", size=4), "leaves no map"),
        (dict(name="resnet", stem="big"), "stem"),
        (dict(name="vit", size=30), "multiple of patch"),
        (dict(name="vit", pool="clss"), "did you mean cls"),
        (dict(name="efficientnet-lite0", levels=[9]), "levels"),
        (dict(name="efficientnet-b0", norm="layer"), "norm"),
        (dict(name="efficientnet-lite1"), "did you mean efficientnet-lite0"),
    ],
)
def test_bad_options_are_named(config, message):
    with pytest.raises(ConfigError, match=message):
        build(**config)
