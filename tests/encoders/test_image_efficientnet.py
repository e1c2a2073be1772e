"""EfficientNet: ALIGN's cut against transformers, Lite0 against a slow construction and against ImageNet itself."""

import importlib.util

import pytest
import torch
import torch.nn.functional as F

from jointspace.data.catalogue import locate
from jointspace.encoders import EncoderConfig
from jointspace.encoders.image import weights
from jointspace.encoders.image.efficientnet_lite import STAGES, EfficientNetLite0
from jointspace.errors import MissingDependency, SpaceError

installed = importlib.util.find_spec(weights.PACKAGE) is not None
needs_weights = pytest.mark.skipif(not installed, reason="extra `weights` is not installed")


# B0 to B7 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "dim", "top"), [("b0", 320, 1280), ("b3", 384, 1536), ("b5", 512, 2048), ("b7", 640, 2560)]
)
def test_widths_with_and_without_the_last_convolution(variant, dim, top):
    for keep, want in ((False, dim), (True, top)):
        encoder = EncoderConfig(name=f"efficientnet-{variant}", depth=0.1, size=32, top=keep).build("image")
        assert encoder.dim == want
    with torch.no_grad():
        assert encoder.eval()(torch.randn(1, 3, 32, 32)).pooled.shape == (1, top)


def test_parity_with_the_picture_tower_of_transformers_align():
    from transformers import AlignVisionConfig, AlignVisionModel

    torch.manual_seed(0)
    fields = dict(width_coefficient=0.25, depth_coefficient=0.4, image_size=64)
    theirs = AlignVisionModel(AlignVisionConfig(**fields, hidden_dim=80, depthwise_padding=[2])).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    ours = EncoderConfig(name="efficientnet-b0", width=0.25, depth=0.4, size=64, depthwise_padding=[2]).build("image")
    state = {name.replace("encoder.blocks", "blocks"): tensor for name, tensor in theirs.state_dict().items()}
    ours.load_state_dict(state, strict=True)
    x = torch.randn(2, 3, 64, 64)
    want, got = theirs(x), ours.eval()(x)
    assert torch.allclose(got.pooled, want.pooler_output, rtol=1e-4, atol=1e-5)
    assert torch.allclose(got.tokens, want.last_hidden_state.flatten(2).transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_a_fresh_network_is_alive():
    """Two pictures give features that differ: with the library's own start they do not, to four digits."""
    torch.manual_seed(0)
    encoder = EncoderConfig(name="efficientnet-b0", size=64).build("image").train()
    a = encoder(torch.randn(4, 3, 64, 64)).pooled
    assert a.std(dim=0).mean() > 0.1


# Lite0 ----------------------------------------------------------------------------------------------------------------


def slow_lite0(x, published):
    """EfficientNet-Lite0 straight from the published tensors, in float64, batch norm written out. x (B, 3, H, W)."""
    tensors = {name: tensor.double() for name, tensor in published.items() if tensor.is_floating_point()}

    def norm(y, name):
        weight, bias, mean, variance = (tensors[f"{name}.{part}"].view(1, -1, 1, 1)
                                        for part in ("weight", "bias", "running_mean", "running_var"))  # fmt: skip
        return (y - mean) / (variance + 1e-3).sqrt() * weight + bias

    def conv(y, name, stride=1, groups=1):
        kernel = tensors[f"{name}.weight"].shape[-1]
        total = max((-(-y.shape[-1] // stride) - 1) * stride + kernel - y.shape[-1], 0)
        y = F.pad(y, (total // 2, total - total // 2) * 2)
        return F.conv2d(y, tensors[f"{name}.weight"], stride=stride, groups=groups)

    y = norm(conv(x.double(), "_conv_stem", 2), "_bn0").clamp(0, 6)
    i = 0
    for repeats, _, first_stride, expansion, _ in STAGES:
        for repeat in range(repeats):
            name, before = f"_blocks.{i}", y
            if expansion > 1:
                y = norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0").clamp(0, 6)
            stride = first_stride if repeat == 0 else 1
            y = norm(conv(y, f"{name}._depthwise_conv", stride, y.shape[1]), f"{name}._bn1").clamp(0, 6)
            y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
            y = y + before if repeat else y
            i += 1
    return norm(conv(y, "_conv_head"), "_bn1").clamp(0, 6).mean(dim=(2, 3))


@needs_weights
@pytest.mark.parametrize("size", [96, 75])
def test_lite0_equals_the_slow_construction(size):
    encoder = EncoderConfig(name="efficientnet-lite0", pretrained=True, size=size).build("image").eval()
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    want = slow_lite0(x, weights._published())
    with torch.no_grad():
        got = encoder(x).pooled
    assert want.abs().max() > 1 and (got.double() - want).abs().max() < 1e-4


@needs_weights
def test_lite0_levels_are_pooled_stages():
    some = EncoderConfig(name="efficientnet-lite0", pretrained=True, size=64, levels=[5, 7, 8]).build("image").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        said, maps = some(x), some(x, layers=True).layers
        last = EncoderConfig(name="efficientnet-lite0", pretrained=True, size=64).build("image").eval()(x)
    assert said.pooled.shape == (1, 112 + 320 + 1280) and said.tokens.shape == (1, 4, 1712)
    assert torch.allclose(said.pooled, torch.cat([maps[i].mean(dim=1) for i in (5, 7, 8)], dim=1), atol=1e-5)
    assert torch.allclose(said.tokens.mean(dim=1), said.pooled, atol=1e-5)
    assert torch.allclose(said.pooled[:, -1280:], last.pooled, atol=1e-5)


@needs_weights
def test_lite0_inputs_are_level_minus_127_over_128():
    encoder = EncoderConfig(name="efficientnet-lite0").build("image")
    assert encoder.processor.output_size == (224, 224)
    import numpy as np

    levels = np.array([0, 127, 255], dtype=np.uint8)
    for level, x in zip(levels, encoder.processor([np.full((9, 9, 3), v, np.uint8) for v in levels])[""], strict=True):
        assert x.unique().tolist() == pytest.approx([(int(level) - 127) / 128], abs=1e-6)


@needs_weights
def test_pretrained_freezes_batch_norm_unless_told_otherwise():
    assert EncoderConfig(name="efficientnet-lite0", pretrained=True, size=32).build("image").frozen_batch_norm
    assert not EncoderConfig(name="efficientnet-lite0", size=32).build("image").frozen_batch_norm
    told = EncoderConfig(name="efficientnet-lite0", size=32, pretrained=True, frozen_batch_norm=False).build("image")
    assert told.stem.norm.training


@needs_weights
def test_weights_are_converted_once_and_damage_is_repaired(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = weights.lite0_state()
    [file] = (tmp_path / "jointspace").iterdir()
    assert file.suffix == ".safetensors"
    monkeypatch.setattr(weights, "_published", lambda: pytest.fail("read again"))
    second = weights.lite0_state()
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file.write_bytes(b"cut off")
    assert weights.lite0_state().keys() == first.keys()
    assert file.stat().st_size > 1e7


@needs_weights
def test_a_home_that_cannot_be_written_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(weights.lite0_state()) == 296


def test_missing_weights_name_the_extra(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingDependency, match=r"jointspace\[weights\]"):
        EfficientNetLite0(pretrained=True)


@needs_weights
def test_other_weights_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(SpaceError, match="SHA-256"):
        weights.lite0_state()


@needs_weights
@pytest.mark.slow
def test_lite0_knows_imagenet():
    """100 pictures of 100 classes (96 x 96 crops): top-1 among 1,000 names, chance .001. On all 1,000: .589."""
    folder = locate("imagenet1000-one-each")
    if folder is None:
        pytest.skip("data set imagenet1000-one-each is not on this machine")
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / "data.parquet").to_pydict()
    items, labels = table["image"][::10], torch.tensor(table["label"][::10])
    encoder = EncoderConfig(name="efficientnet-lite0", pretrained=True, size=160).build("image").eval()
    state = weights.lite0_state()
    with torch.no_grad():
        features = torch.cat([encoder(encoder.processor(items[i : i + 20])[""]).pooled for i in range(0, 100, 20)])
    guess = (features @ state["classifier.weight"].T + state["classifier.bias"]).argmax(dim=1)
    right = (guess == labels).float().mean().item()
    print(f"top-1 of EfficientNet-Lite0 at 160 pixels: {right:.3f} of {len(items)}")
    assert right > 0.45
