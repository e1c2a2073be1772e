"""Any Hugging Face picture backbone: ViT, CLIP's and SigLIP's towers, DINOv2, ConvNeXt, ResNet, Swin ..."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from jointspace.data.image_processor import ImageProcessor
from jointspace.encoders.base import Encoding
from jointspace.encoders.hub import HubEncoder, config_from, one_line, one_source, weights_type
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError, SpaceError

_WHAT = "image encoder 'hf'"


class HuggingFaceImage(HubEncoder):
    """x (B, 3, H, W) -> tokens (B, h w, D): patches or cells of the last map, row by row, with their grid (h, w).

    Class and register tokens stand in front in these models; they are no part of `tokens` and `layers`. pooled is what
    the model calls `pooler_output` (ViT: its tanh layer, CLIP: the normalised class token, SigLIP: attention pooling,
    ConvNeXt and ResNet: the mean), else the class token, else the mean over tokens.
    """

    modality: ClassVar[str] = "image"
    unused: ClassVar[str] = "mask_token"  # stands for hidden patches in pretraining, which we never ask for

    def __init__(self, model: Any, processor: ImageProcessor, **origin: Any):
        super().__init__(model, processor, **origin)
        self._extra: dict[str, Any] = {}
        size = _native_size(model.config)
        if "interpolate_pos_encoding" in inspect.signature(model.forward).parameters and size not in (
            None, processor.output_size,
        ):  # fmt: skip
            self._extra["interpolate_pos_encoding"] = True
        self.dim = self._width()

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        """x (B, 3, H, W) -> Encoding. SpaceError where the model's answer has no form we know."""
        out = self.model(pixel_values=x.to(self.model.dtype), output_hidden_states=layers, **self._extra)
        last = out.last_hidden_state
        tokens, grid, special = self._tokens(last, x)
        pooled = getattr(out, "pooler_output", None)
        if pooled is not None:
            pooled = pooled.flatten(1)
        elif special:
            pooled = last[:, 0]
        else:
            pooled = tokens.mean(dim=1)
        if not layers:
            return Encoding(tokens, None, pooled, grid)
        states = [self._tokens(state, x) for state in out.hidden_states]
        return Encoding(tokens, None, pooled, grid, [state[0] for state in states], [state[1] for state in states])

    def _tokens(self, state: Tensor, x: Tensor) -> tuple[Tensor, tuple[int, int], int]:
        """Hidden state -> (tokens (B, h w, D), (h, w), number of special tokens left out in front)."""
        if state.dim() == 4:  # maps (B, D, h, w)
            return state.flatten(2).transpose(1, 2), (state.shape[2], state.shape[3]), 0
        if state.dim() != 3:
            raise SpaceError(f"{type(self.model).__name__} gives states of shape {tuple(state.shape)}")
        length, (height, width) = state.shape[1], x.shape[2:]
        patch = getattr(self.model.config, "patch_size", None)
        sides = (patch, patch) if isinstance(patch, int) else tuple(patch or ())
        if len(sides) == 2:
            grid = (height // sides[0], width // sides[1])
            special = length - grid[0] * grid[1]
            if 0 <= special <= 1 + int(getattr(self.model.config, "num_register_tokens", 0) or 0) + 1:
                return state[:, special:], grid, special
        for special in (0, 1):  # hierarchical models: the grid shrinks from stage to stage, its ratio stays
            rows = round(math.sqrt((length - special) * height / width))
            if rows and (length - special) % rows == 0:
                return state[:, special:], (rows, (length - special) // rows), special
        raise SpaceError(f"{type(self.model).__name__}: {length} tokens are no grid for {height} x {width} pixels")

    @torch.no_grad()
    def _width(self) -> int:
        config = self.model.config
        for field in ("hidden_size", "hidden_sizes", "hidden_dim"):
            value = getattr(config, field, None)
            if value is not None:
                return int(value[-1] if isinstance(value, Sequence) else value)
        training = self.model.training
        try:
            self.model.eval()
            probe = torch.zeros(1, 3, *self.processor.output_size, device=next(self.model.parameters()).device)
            return int(self._tokens(self.model(pixel_values=probe).last_hidden_state, probe)[0].shape[-1])
        finally:
            self.model.train(training)

    def own_options(self) -> dict[str, Any]:
        return dict(
            size=list(self.processor.output_size),
            pooler=self.model.pooler is not None if hasattr(self.model, "pooler") else None,
            processor=self.processor.config(),
        )


def build(
    *,
    path: str | None = None,
    config: dict[str, Any] | None = None,
    pretrained: bool | str | None = None,
    size: int | Sequence[int] | None = None,
    pooler: bool | None = None,
    dtype: str = "float32",
    trust_remote_code: bool = False,
    processor: dict[str, Any] | None = None,
) -> HuggingFaceImage:
    """A backbone with its processor.

    path: local folder or hub id; its weights are loaded unless pretrained=False; of a dual encoder (CLIP, SigLIP) the
    picture side is taken. config: fields of a Hugging Face config, `model_type` among them, for random weights. size:
    side of the pictures, the model's own by default; where it differs positions are interpolated if the model can.
    pooler: keep the model's pooling layer, by default where the file has weights for it. processor: options that
    override those of the folder's preprocessor_config.json. ConfigError where neither or both of path and config are
    given, or nothing loadable is there.
    """
    path, pretrained = one_source(_WHAT, path, config, pretrained)
    weights = weights_type(dtype)
    defaults: dict[str, Any] = {}
    source = None
    if config is not None:
        config = dict(config)
        found = _picture_side(config_from(_WHAT, config))
        given = config if found.model_type == config.get("model_type") else None
        model = _model(found)
    else:
        assert path is not None
        given = None
        with one_line(_WHAT, path):
            found = _picture_side(AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code))
            defaults = _published_processor(path)
            if pretrained is False:
                model = _model(found, trust_remote_code)
            else:
                kind: Any = _class_of(found)
                model, report = kind.from_pretrained(
                    path, config=found, trust_remote_code=trust_remote_code, output_loading_info=True
                )
                if isinstance(getattr(model, "pooler", None), nn.Module) and any(
                    "pooler" in name.split(".") for name in report["missing_keys"]
                ):
                    pooler = False if pooler is None else pooler  # the file has none: what stands there is noise
        source = path if trust_remote_code and getattr(found, "auto_map", None) else None
    if pooler is False and isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = None
    if size is None:
        published = ImageProcessor(**defaults).output_size if defaults else None
        size = published or _native_size(found) or 224
    if defaults:
        defaults = _scaled(defaults, size)
    own = image_processor(size if isinstance(size, int) else list(size), processor, **defaults)
    return HuggingFaceImage(model.to(weights).train(), own, source=source, config=given)


def _picture_side(config: PretrainedConfig) -> PretrainedConfig:
    return getattr(config, "vision_config", config)


def _class_of(config: PretrainedConfig) -> Any:
    """The model class of a config; some picture towers (ALIGN's) are not in transformers' list and go by name."""
    mapping = AutoModel._model_mapping
    if type(config) in mapping:
        return mapping[type(config)]
    named = getattr(transformers, type(config).__name__.removesuffix("Config") + "Model", None)
    return AutoModel if named is None else named


def _model(config: PretrainedConfig, trust_remote_code: bool = False) -> Any:
    kind = _class_of(config)
    try:
        if kind is AutoModel:
            return AutoModel.from_config(config, trust_remote_code=trust_remote_code)
        return kind(config)
    except ValueError as error:
        raise ConfigError(f"{_WHAT}: {str(error).splitlines()[0][:200]}") from error


def _native_size(config: PretrainedConfig) -> tuple[int, int] | None:
    size = getattr(config, "image_size", None)
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _published_processor(path: str) -> dict[str, Any]:
    """Options from the folder's preprocessor_config.json, none where it has no such file."""
    from transformers.image_processing_utils import BaseImageProcessor

    try:
        config, _ = BaseImageProcessor.get_image_processor_dict(path)
    except OSError:
        return {}
    return ImageProcessor.from_preprocessor_config(config).config()


def _scaled(options: dict[str, Any], size: int | Sequence[int]) -> dict[str, Any]:
    """The same geometry for pictures of `size`."""
    want = (size, size) if isinstance(size, int) else tuple(size)
    have = ImageProcessor(**options).output_size
    if want == have:
        return options
    if options["crop"] is None:
        return {**options, "size": list(want)}
    ratio = [w / h for w, h in zip(want, have, strict=True)]
    return {
        **options,
        "size": [math.ceil(s * r) for s, r in zip(options["size"], ratio, strict=True)],
        "crop": list(want),
    }
