"""Dual encoders of transformers as Spaces: vectors equal to the model's own (tiny random weights)."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

from jointspace.errors import SpaceError
from jointspace.space import Space

TEXTS = ["a red apple", "ein roter Apfel und noch viel mehr davon"]


def pictures(n=3, side=32):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)) for _ in range(n)]


@pytest.fixture(scope="module")
def tokenizer(text_space):
    return text_space.towers["text"].encoder.processor.tokenizer


def unit(x):
    return (x / x.norm(dim=-1, keepdim=True)).detach().numpy()


@pytest.fixture()
def clip(tmp_path, tokenizer):
    torch.manual_seed(0)
    small = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, projection_dim=12)
    text = {
        **small,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.sep_token_id,
        "max_position_embeddings": 24,
    }
    vision = {**small, "image_size": 32, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()
    model.save_pretrained(tmp_path / "clip")
    tokenizer.save_pretrained(tmp_path / "clip")
    size = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size).save_pretrained(tmp_path / "clip")
    return model, tmp_path / "clip"


def test_clip_folder_gives_clips_vectors(clip, tokenizer, tmp_path):
    model, folder = clip
    space = Space.from_pretrained(folder)
    assert space.accepts == ("image", "text") and space.dim == 12
    inputs = tokenizer(TEXTS, padding=True, truncation=True, max_length=24, return_tensors="pt")
    want = model.get_text_features(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    want = getattr(want, "pooler_output", want)
    assert space.encode(TEXTS) == pytest.approx(unit(want), abs=1e-5)
    pixels = space.towers["image"].encoder.processor(pictures())[""]
    seen = model.get_image_features(pixel_values=pixels)
    assert space.encode(pictures()) == pytest.approx(unit(getattr(seen, "pooler_output", seen)), abs=1e-5)
    again = Space.from_pretrained(space.save_pretrained(tmp_path / "saved"))
    assert (again.encode(TEXTS) == space.encode(TEXTS)).all()
    assert (again.encode(pictures()) == space.encode(pictures())).all()


def test_a_type_without_a_form_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "config.json").write_text('{"model_type": "siglip"}')
    with pytest.raises(SpaceError, match="siglip"):
        Space.from_pretrained(tmp_path / "x")
