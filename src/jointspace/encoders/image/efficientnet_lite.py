"""EfficientNet-Lite0 (Google, 2020): EfficientNet-B0 without squeeze-excite and swish, made for CPUs.

Mobile inverted bottlenecks (MBConv) with ReLU6; stem and head are not scaled with the family. TensorFlow's SAME
padding, since that is what the published weights were trained with. Inputs (x - 127) / 128 at 224 x 224.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from jointspace.encoders.image.conv import ConvEncoder, ConvNorm, init_convolutions
from jointspace.encoders.image.options import image_processor
from jointspace.errors import ConfigError

# repeats, kernel, stride of the first, expansion, channels out
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
STEM, HEAD = 32, 1280
CHANNELS = (STEM, *(stage[-1] for stage in STAGES), HEAD)  # of the nine levels
_NORM = dict(norm="batch", eps=1e-3, momentum=0.01)  # TensorFlow's decay .99


class MBConv(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without activation; the input added where shapes allow."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = channels_in * expansion
        how: dict[str, Any] = dict(same=True, **_NORM)
        self.expand = ConvNorm(channels_in, inner, 1, activation="relu6", **how) if expansion > 1 else None
        self.depthwise = ConvNorm(inner, inner, kernel, stride=stride, groups=inner, activation="relu6", **how)
        self.project = ConvNorm(inner, channels_out, 1, activation="none", **how)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return y + x if self.residual else y


class EfficientNetLite0(ConvEncoder):
    """pretrained: True = the ImageNet weights of the extra `weights`, False = random.

    size: side of the pictures; any size works, 224 is what the weights know. levels: which of the nine maps make
    the features, 0 = stem (32 channels), 1 .. 7 = stages (16, 24, 40, 80, 112, 192, 320), 8 = head (1,280); several
    are pooled and concatenated. frozen_batch_norm: keep their statistics in training, on by default with weights.
    Raises MissingDependency where the package with the weights is not installed.
    """

    kind = "efficientnet-lite0"
    chunk = 16  # larger batches of maps fall out of the caches and run at half the speed

    def __init__(
        self,
        *,
        size: int = 224,
        levels: Sequence[int] = (8,),
        frozen_batch_norm: bool | None = None,
        pretrained: bool = False,
        processor: dict[str, Any] | None = None,
    ):
        super().__init__()
        levels = tuple(levels)
        if (
            not levels
            or any(level not in range(len(CHANNELS)) for level in levels)
            or list(levels) != sorted(set(levels))
        ):
            raise ConfigError(f"efficientnet-lite0: levels must be rising numbers from 0 to 8, got {list(levels)}")
        self.size, self.levels = size, levels
        self.frozen_batch_norm = bool(pretrained) if frozen_batch_norm is None else frozen_batch_norm
        self.dim = sum(CHANNELS[level] for level in levels)
        self.processor = image_processor(size, processor, resize="squash", mean=[127 / 255] * 3, std=[128 / 255] * 3)
        self.stem = ConvNorm(3, STEM, 3, stride=2, activation="relu6", same=True, **_NORM)  # type: ignore[arg-type]
        stages, before = [], STEM
        for repeats, kernel, stride, expansion, after in STAGES[: max(levels)]:
            blocks = [MBConv(before, after, kernel, stride, expansion)]
            blocks += [MBConv(after, after, kernel, 1, expansion) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*blocks))
            before = after
        self.stages = nn.ModuleList(stages)
        if max(levels) == 8:
            self.head: nn.Module | None = ConvNorm(before, HEAD, 1, activation="relu6", same=True, **_NORM)  # type: ignore[arg-type]
        else:
            self.head = None
        if pretrained:
            from jointspace.encoders.image.weights import lite0_state

            own = self.state_dict()
            self.load_state_dict({name: tensor for name, tensor in lite0_state().items() if name in own}, strict=True)
        else:
            init_convolutions(self)
        self.train()

    def maps(self, x: Tensor, last: int | None = None) -> list[Tensor]:
        maps = [self.stem(x)]
        for stage in self.stages if last is None else self.stages[:last]:  # type: ignore[index]
            maps.append(stage(maps[-1]))
        if self.head is not None and last in (None, 8):
            maps.append(self.head(maps[-1]))
        return maps

    def options(self) -> dict[str, Any]:
        return dict(
            size=self.size, levels=list(self.levels or ()), frozen_batch_norm=self.frozen_batch_norm,
            processor=self.processor.config(),
        )  # fmt: skip
