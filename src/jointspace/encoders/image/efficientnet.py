"""EfficientNet B0 to B7 (Tan and Le, arXiv 1905.11946) on Hugging Face's modules, cut as ALIGN uses it.

The features are the global average over the last block; the 1x1 convolution after it is left out unless `top`, so B7
gives 640 dimensions. From scratch we depart from that library where it departs from the original: weights start at
He's fan-out values and norms at the identity (there both are normal with sd .02, which leaves a fresh network nearly
dead), batch norms forget at TensorFlow's .99 (there .99 is taken for torch's opposite meaning in two places), and
stochastic depth drops whole rows (there single numbers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EfficientNetConfig, EfficientNetModel

from jointspace.data.image_processor import ImageProcessor
from jointspace.encoders.hub import one_line
from jointspace.encoders.image.conv import ConvEncoder, batch_norm_to_group_norm, init_convolutions
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError, nearest

# width, depth, side of the pictures
SCALES = {
    "b0": (1.0, 1.0, 224), "b1": (1.0, 1.1, 240), "b2": (1.1, 1.2, 260), "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380), "b5": (1.6, 2.2, 456), "b6": (1.8, 2.6, 528), "b7": (2.0, 3.1, 600),
}  # fmt: skip


class DropRows(nn.Module):
    """Stochastic depth: in training a row of x (B, C, H, W) becomes 0 with probability p, the others x / (1 - p)."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.p
        return x * keep / (1.0 - self.p)


class EfficientNet(ConvEncoder):
    """variant: "b0" .. "b7"; size: side of the pictures, the paper's by default. pretrained: True = the ImageNet
    weights google/efficientnet-VARIANT from the hub, a folder or hub id = those, False = random.

    top: keep the 1x1 convolution (1,280 dimensions for B0). norm: "batch", or "group" for small batches and gradient
    caching (not with pretrained). drop_path: highest rate of stochastic depth. frozen_batch_norm: batch norms stay in
    eval mode. width, depth: scale of channels and of repeats, in place of the variant's; depthwise_padding: blocks that
    pad evenly (published weights name theirs).
    """

    chunk = 16

    def __init__(
        self,
        *,
        variant: str = "b0",
        size: int | None = None,
        pretrained: bool | str = False,
        top: bool = False,
        norm: str = "batch",
        drop_path: float = 0.2,
        frozen_batch_norm: bool = False,
        width: float | None = None,
        depth: float | None = None,
        depthwise_padding: Sequence[int] = (),
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.kind = f"efficientnet-{variant}"  # type: ignore[misc]
        if variant not in SCALES:
            raise ConfigError(f"efficientnet: no variant is called {variant!r}{nearest(variant, SCALES)}")
        if norm not in ("batch", "group") or (norm == "group" and pretrained):
            raise ConfigError("efficientnet: norm must be batch or group, and batch with pretrained weights")
        paper_width, paper_depth, paper_size = SCALES[variant]
        size = size or paper_size
        width, depth = width or paper_width, depth or paper_depth
        self.frozen_batch_norm = frozen_batch_norm
        path = f"google/efficientnet-{variant}" if pretrained is True else pretrained
        defaults: dict[str, Any] = dict(resize="squash")
        if path:
            what = f"image encoder 'efficientnet-{variant}'"
            with one_line(what, str(path)):
                model = EfficientNetModel.from_pretrained(path)
                defaults = _published_processor(str(path), size)
        else:
            model = EfficientNetModel(
                EfficientNetConfig(
                    image_size=size,
                    width_coefficient=width,
                    depth_coefficient=depth,
                    hidden_dim=_filters(1280, width),
                    depthwise_padding=list(depthwise_padding),
                )  # fmt: skip
            )
            init_convolutions(model)
        self.processor = image_processor(size, processor, **defaults)
        if not top:
            for name in ("top_conv", "top_bn", "top_activation"):
                setattr(model.encoder, name, nn.Identity())
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.01
        for i, block in enumerate(model.encoder.blocks):
            block.projection.dropout = DropRows(  # type: ignore[union-attr]
                drop_path * i / len(model.encoder.blocks)
            )
        if norm == "group":
            batch_norm_to_group_norm(model)
        self.embeddings, self.blocks = model.embeddings, model.encoder.blocks
        self.top = (
            nn.Sequential(model.encoder.top_conv, model.encoder.top_bn, model.encoder.top_activation) if top else None
        )
        self.dim = _filters(1280 if top else 320, model.config.width_coefficient)
        self._options = dict(
            variant=variant, size=size, top=top, norm=norm, drop_path=drop_path, frozen_batch_norm=frozen_batch_norm,
            width=model.config.width_coefficient, depth=model.config.depth_coefficient,
            depthwise_padding=list(model.config.depthwise_padding),
        )  # fmt: skip
        self.train()

    def maps(self, x: Tensor, last: int | None = None) -> list[Tensor]:
        maps = [self.embeddings(x)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        if self.top is not None:
            maps.append(self.top(maps[-1]))
        return maps

    def options(self) -> dict[str, Any]:
        return {**self._options, "processor": self.processor.config()}


def _filters(channels: int, width: float) -> int:
    """Channels scaled by `width`, to a multiple of 8 that loses less than a tenth."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return int(rounded + 8 if rounded < 0.9 * scaled else rounded)


def _published_processor(path: str, size: int) -> dict[str, Any]:
    """Options of the processor the weights were published with, its geometry scaled to `size`."""
    from transformers.image_processing_utils import BaseImageProcessor

    config, _ = BaseImageProcessor.get_image_processor_dict(path)
    published = ImageProcessor.from_preprocessor_config(config)
    options = published.config()
    ratio = size / published.output_size[0]
    options["size"] = [math.ceil(side * ratio) for side in options["size"]]
    options["crop"] = None if options["crop"] is None else [size, size]
    return options
