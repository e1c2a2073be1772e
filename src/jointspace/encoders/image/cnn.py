"""A small convolutional network for small pictures: ALIGN's tower at desk scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.image.conv import ConvEncoder, ConvNorm, init_convolutions
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError


class CNN(ConvEncoder):
    """3x3 convolutions of stride 2, one a width, each with norm and ReLU; D = the last width; pooled = global mean.

    size: side of the pictures (32); widths: (32, 64, 128); norm: "group" (a row never sees its batch), "batch" or
    "none"; depth: convolutions a width, the first with the stride; dropout: of whole channels after the last map.
    """

    kind = "cnn"

    def __init__(
        self,
        *,
        size: int = 32,
        widths: Sequence[int] = (32, 64, 128),
        depth: int = 1,
        norm: str = "group",
        dropout: float = 0.0,
        frozen_batch_norm: bool = False,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        if not widths or depth < 1 or size < 2 ** len(widths):
            raise ConfigError(f"cnn: size {size} with widths {list(widths)} and depth {depth} leaves no map")
        self.size, self.depth, self.norm, self.dropout = size, depth, norm, dropout
        self.widths, self.frozen_batch_norm = tuple(widths), frozen_batch_norm
        self.dim = self.widths[-1]
        self.processor = image_processor(size, processor)
        stages = []
        for before, width in zip((3, *self.widths[:-1]), self.widths, strict=True):
            units = [ConvNorm(before, width, 3, stride=2, norm=norm)]
            units += [ConvNorm(width, width, 3, norm=norm) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*units))
        self.stages = nn.ModuleList(stages)
        init_convolutions(self)
        self.train()

    def maps(self, x: Tensor, last: int | None = None) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        maps[-1] = F.dropout2d(x, self.dropout, self.training)
        return maps

    def options(self) -> dict[str, Any]:
        return dict(
            size=self.size, widths=list(self.widths), depth=self.depth, norm=self.norm, dropout=self.dropout,
            frozen_batch_norm=self.frozen_batch_norm, processor=self.processor.config(),
        )  # fmt: skip
