"""Hugging Face picture backbones from configs: tokens, grid and pooled of each family; loading from a folder."""

import json

import pytest
import torch

from jointspace.encoders import EncoderConfig
from jointspace.errors import ConfigError
from jointspace.testing import check_encoder

SMALL = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8
)
CONV = dict(hidden_sizes=[8, 8, 16, 32], depths=[1, 1, 1, 1])
# fields, grid for 32 x 32 pixels, number of special tokens
FAMILIES = {
    "vit": (SMALL, (4, 4), 1),
    "deit": (SMALL, (4, 4), 2),
    "beit": (SMALL, (4, 4), 1),
    "clip_vision_model": (SMALL, (4, 4), 1),
    "siglip_vision_model": (SMALL, (4, 4), 0),
    "dinov2": ({k: v for k, v in SMALL.items() if k != "intermediate_size"}, (4, 4), 1),
    "dinov2_with_registers": (dict(SMALL, num_register_tokens=3), (4, 4), 4),
    "convnext": (CONV, (1, 1), 0),
    "resnet": (dict(CONV, embedding_size=8), (1, 1), 0),
    "swin": (
        dict(embed_dim=16, depths=[1, 1], num_heads=[2, 2], image_size=32, patch_size=4, window_size=4),
        (4, 4),
        0,
    ),
    "align_vision_model": (
        dict(image_size=32, width_coefficient=0.25, depth_coefficient=0.2, hidden_dim=80),
        (1, 1),
        0,
    ),
}


def build(family, **options):
    torch.manual_seed(0)
    return EncoderConfig(name="hf", config=dict(model_type=family, **FAMILIES[family][0]), size=32, **options).build(
        "image"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_battery(family):
    assert "save and load" in check_encoder(lambda: build(family), tolerance=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_grid_and_pooled(family):
    _, grid, special = FAMILIES[family]
    encoder = build(family).eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        said, out = encoder(x, layers=True), encoder.model(pixel_values=x)
    assert said.grid == grid and said.tokens.shape == (2, grid[0] * grid[1], encoder.dim)
    last = out.last_hidden_state
    want = last.flatten(2).transpose(1, 2) if last.dim() == 4 else last[:, special:]
    assert torch.equal(said.tokens, want)
    assert torch.equal(said.pooled, out.pooler_output.flatten(1))
    assert [layer.shape[1] for layer in said.layers] == [rows * columns for rows, columns in said.layer_grids]


def test_wide_pictures_keep_their_grid():
    encoder = build("vit").eval()
    encoder._extra["interpolate_pos_encoding"] = True
    assert encoder(torch.randn(1, 3, 32, 64)).grid == (4, 8)
    assert build("resnet").eval()(torch.randn(1, 3, 64, 128)).grid == (2, 4)


def test_another_size_interpolates_positions():
    encoder = EncoderConfig(name="hf", config=dict(model_type="vit", **SMALL), size=48).build("image").eval()
    assert encoder(encoder.processor([torch.zeros(3, 9, 9).numpy().astype("uint8")])[""]).grid == (6, 6)


def test_a_folder_gives_weights_and_processor(tmp_path):
    from transformers import CLIPImageProcessorPil, ViTConfig, ViTModel

    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**SMALL)).eval()
    model.save_pretrained(tmp_path)
    CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size=dict(height=32, width=32)).save_pretrained(tmp_path)
    encoder = EncoderConfig(name="hf", path=str(tmp_path)).build("image").eval()
    assert encoder.processor.resize == "shortest" and encoder.processor.crop == (32, 32)
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(encoder(x).tokens, model(x).last_hidden_state[:, 1:], atol=1e-6)
    bigger = EncoderConfig(name="hf", path=str(tmp_path), size=64).build("image")
    assert bigger.processor.size == (80, 80) and bigger.processor.crop == (64, 64)
    other = EncoderConfig(name="hf", path=str(tmp_path), pretrained=False).build("image").eval()
    assert not torch.equal(other(x).tokens, encoder(x).tokens)


def test_a_dual_encoder_gives_its_picture_side(tmp_path):
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    text = CLIPTextConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=16, eos_token_id=2, bos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    both = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=CLIPVisionConfig(**SMALL).to_dict())).eval()
    both.save_pretrained(tmp_path)
    encoder = EncoderConfig(name="hf", path=str(tmp_path)).build("image").eval()
    x = torch.randn(2, 3, 32, 32)
    want = both.vision_model(pixel_values=x)
    assert torch.allclose(encoder(x).pooled, want.pooler_output, atol=1e-6)
    assert torch.allclose(encoder(x).tokens, want.last_hidden_state[:, 1:], atol=1e-6)


def test_a_pooler_without_weights_is_left_out(tmp_path):
    from transformers import ViTConfig, ViTModel

    model = ViTModel(ViTConfig(**SMALL), add_pooling_layer=False).eval()
    model.save_pretrained(tmp_path)
    encoder = EncoderConfig(name="hf", path=str(tmp_path)).build("image").eval()
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(encoder(x).pooled, model(x).last_hidden_state[:, 0], atol=1e-6)
    check_encoder(lambda: EncoderConfig(name="hf", path=str(tmp_path)).build("image"), tolerance=2e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of them"),
        (dict(path="/nowhere/at/all"), "cannot load /nowhere/at/all"),
        (dict(config=dict(model_type="vitt")), "vitt"),
        (dict(config=dict(hidden_size=3)), "no model_type"),
        (dict(config=dict(model_type="vit"), dtype="half"), "dtype"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        EncoderConfig(name="hf", **options).build("image")


def test_a_damaged_folder_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(dict(model_type="vit", **SMALL)))
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot load"):
        EncoderConfig(name="hf", path=str(tmp_path)).build("image")
