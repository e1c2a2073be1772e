"""Hugging Face model folders as Spaces: dual encoders (CLIP and its kin, ALIGN), text models, picture models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from jointspace.encoders.hub import one_line
from jointspace.encoders.image import hugging_face as pictures
from jointspace.encoders.text import hugging_face as texts
from jointspace.encoders.text.processor import TextProcessor
from jointspace.errors import SpaceError, nearest
from jointspace.space.space import Space
from jointspace.space.tower import Tower

# model_type -> how the text side is pooled before its projection
DUAL = {"clip": "pooled", "metaclip_2": "pooled", "align": "cls", "chinese_clip": "cls"}
# these pad every text to a fixed length without a mask and pool the last position, which our batches do not have
_FIXED_LENGTH = ("siglip", "siglip2")


def read_model(folder: Path, *, trust_remote_code: bool = False) -> Space:
    """A folder that transformers opens -> Space. SpaceError for a model type that has no form here."""
    with one_line("model folder", str(folder)):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    if config.model_type in DUAL:
        return _dual(folder, config.model_type)
    if config.model_type in _FIXED_LENGTH or hasattr(config, "vision_config"):
        raise SpaceError(f"{folder}: a {config.model_type} cannot be read as a Space{nearest(config.model_type, DUAL)}")
    metadata = {"imported_from": f"transformers {config.model_type}"}
    if hasattr(config, "vocab_size"):
        encoder = texts.build(path=str(folder), trust_remote_code=trust_remote_code)
        causal = any("CausalLM" in name for name in getattr(config, "architectures", None) or ())
        return Space(metadata=metadata, text=Tower(encoder, pooling="last" if causal else "mean"))
    if hasattr(config, "image_size") or hasattr(config, "num_channels"):
        picture = pictures.build(path=str(folder), trust_remote_code=trust_remote_code)
        return Space(metadata=metadata, image=Tower(picture))
    raise SpaceError(f"{folder}: a {config.model_type} encodes neither texts nor pictures as far as is known here")


def _dual(folder: Path, kind: str) -> Space:
    """Both towers of a dual encoder with their projections; similarity is the cosine of the projected vectors."""
    with one_line("model folder", str(folder)):
        model: Any = AutoModel.from_pretrained(folder)
        words: Any = AutoTokenizer.from_pretrained(folder)
    length = int(getattr(model.config.text_config, "max_position_embeddings", 77))
    text = texts.HuggingFaceText(model.text_model, TextProcessor(words, max_length=length))
    image = pictures.build(path=str(folder))
    return Space(
        method=kind,
        metadata={"imported_from": f"transformers {kind}", "logit_scale": _scale(model)},
        image=Tower(image, pooling="pooled", projection=_head(model, "visual_projection")),
        text=Tower(text, pooling=DUAL[kind], projection=_head(model, "text_projection")),
    )


def _head(model: Any, name: str) -> nn.Module:
    head = getattr(model, name, None)
    return nn.Identity() if head is None else head


def _scale(model: Any) -> float | None:
    """What the model multiplies cosines by before the softmax."""
    if hasattr(model, "logit_scale"):
        return float(model.logit_scale.detach().exp())
    temperature = getattr(model, "temperature", None)
    return None if temperature is None else 1.0 / float(temperature.detach())
