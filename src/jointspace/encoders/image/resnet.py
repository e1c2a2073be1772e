"""Residual networks from scratch (He et al., arXiv 1512.03385), with a stem for small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.image.conv import ConvEncoder, ConvNorm, init_convolutions
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError, nearest

STEMS = ("small", "imagenet")


class Residual(nn.Module):
    """Two 3x3 convolutions and the input added before the last ReLU; a strided 1x1 convolution where shapes change."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, norm: str):
        super().__init__()
        self.first = ConvNorm(channels_in, channels_out, 3, stride=stride, norm=norm)
        self.second = ConvNorm(channels_out, channels_out, 3, norm=norm, activation="none")
        changes = stride != 1 or channels_in != channels_out
        self.shortcut = (
            ConvNorm(channels_in, channels_out, 1, stride=stride, norm=norm, activation="none") if changes else None
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.second(self.first(x)) + shortcut)


class ResNet(ConvEncoder):
    """`blocks` residual blocks a stage, widths doubling from `width`: (2, 2, 2, 2) from 64 is ResNet-18, D = 512.

    size: side of the pictures; stem: "small" = 3x3 without stride (CIFAR), "imagenet" = 7x7 stride 2 and max pooling;
    norm: "batch", or "group" for small batches and gradient caching.
    """

    kind = "resnet"

    def __init__(
        self,
        *,
        size: int = 32,
        width: int = 64,
        blocks: Sequence[int] = (2, 2, 2, 2),
        stem: str = "small",
        norm: str = "batch",
        frozen_batch_norm: bool = False,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        if stem not in STEMS:
            raise ConfigError(f"resnet: no stem is called {stem!r}{nearest(stem, STEMS)}")
        if norm == "none" or not blocks:
            raise ConfigError("resnet: needs a norm (batch or group) and at least one stage of blocks")
        self.size, self.width, self.stem_kind, self.norm = size, width, stem, norm
        self.blocks, self.frozen_batch_norm = tuple(blocks), frozen_batch_norm
        self.dim = width * 2 ** (len(self.blocks) - 1)
        self.processor = image_processor(size, processor)
        if stem == "small":
            self.stem: nn.Module = ConvNorm(3, width, 3, norm=norm)
        else:
            self.stem = nn.Sequential(ConvNorm(3, width, 7, stride=2, norm=norm), nn.MaxPool2d(3, 2, padding=1))
        stages, before = [], width
        for i, count in enumerate(self.blocks):
            after = width * 2**i
            units = [Residual(before, after, 1 if i == 0 else 2, norm)]
            units += [Residual(after, after, 1, norm) for _ in range(count - 1)]
            stages.append(nn.Sequential(*units))
            before = after
        self.stages = nn.ModuleList(stages)
        init_convolutions(self)
        self.train()

    def maps(self, x: Tensor, last: int | None = None) -> list[Tensor]:
        maps = [self.stem(x)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps

    def options(self) -> dict[str, Any]:
        return dict(
            size=self.size, width=self.width, blocks=list(self.blocks), stem=self.stem_kind, norm=self.norm,
            frozen_batch_norm=self.frozen_batch_norm, processor=self.processor.config(),
        )  # fmt: skip
