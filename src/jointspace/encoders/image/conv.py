"""What the convolutional picture encoders share: convolution + norm + activation, and feature maps as an `Encoding`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.base import Encoder, Encoding
from jointspace.errors import ConfigError, nearest

NORMS = ("batch", "group", "none")
ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "gelu": nn.GELU, "silu": nn.SiLU, "none": nn.Identity}


def norm_layer(kind: str, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> nn.Module:
    """Norm over maps (B, C, H, W). "group": at most 8 groups, a row never sees the rest of its batch."""
    if kind == "batch":
        return nn.BatchNorm2d(channels, eps=eps, momentum=momentum)
    if kind == "group":
        return nn.GroupNorm(math.gcd(channels, 8), channels, eps=eps)
    if kind == "none":
        return nn.Identity()
    raise ConfigError(f"no norm is called {kind!r}{nearest(kind, NORMS)}")


class ConvNorm(nn.Module):
    """Convolution without bias, norm, activation. `same`: TensorFlow's padding, where the odd pixel goes last."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        norm: str = "batch",
        activation: str = "relu",
        same: bool = False,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ):
        super().__init__()
        padding = 0 if same else kernel // 2
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride=stride, padding=padding, groups=groups, bias=norm == "none"
        )
        self.norm = norm_layer(norm, channels_out, eps=eps, momentum=momentum)
        self.activation = ACTIVATIONS[activation]()
        if hasattr(self.activation, "inplace"):
            self.activation.inplace = True  # what the norm gives is needed by nobody else
        self.same, self.kernel, self.stride = same, kernel, stride
        self._folded: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> (B, C', H / stride, W / stride), rounded up."""
        padding = self.conv.padding
        if self.same:
            (top, bottom), (left, right) = (self._around(size) for size in x.shape[2:])
            if top == bottom and left == right:
                padding = (top, left)
            else:
                x = F.pad(x, (left, right, top, bottom))
        folded = self._folded
        if folded is not None:
            x = F.conv2d(x, *folded, self.conv.stride, padding, 1, self.conv.groups)
        else:
            x = F.conv2d(x, self.conv.weight, self.conv.bias, self.conv.stride, padding, 1, self.conv.groups)
            x = self.norm(x)
        return self.activation(x)

    def _around(self, size: int) -> tuple[int, int]:
        total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2

    def fold(self) -> None:
        """Put the batch norm of eval mode into the weights used by `forward`, until `unfold`."""
        norm = self.norm
        if isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and norm.running_mean is not None:
            dtype = self.conv.weight.dtype
            wide = torch.promote_types(dtype, torch.float32)
            gain = norm.weight.to(wide) * torch.rsqrt(norm.running_var.to(wide) + norm.eps)
            weight = (self.conv.weight.to(wide) * gain.view(-1, 1, 1, 1)).to(dtype)
            bias = (norm.bias - norm.running_mean * gain).to(dtype)
            self._folded = (weight.contiguous(memory_format=torch.channels_last), bias)

    def unfold(self) -> None:
        self._folded = None


@contextmanager
def folded(module: nn.Module) -> Iterator[None]:
    """Inside, every `ConvNorm` in eval mode runs as one convolution: same numbers to rounding, a third faster."""
    units = [m for m in module.modules() if isinstance(m, ConvNorm) and not m.norm.training]
    for unit in units:
        unit.fold()
    try:
        yield
    finally:
        for unit in units:
            unit.unfold()


class ConvEncoder(Encoder):
    """Base of encoders made of maps. A subclass defines `maps`: x (B, 3, H, W) -> list of maps (B, C_i, H_i, W_i).

    frozen_batch_norm: batch norms stay in eval mode in training (their statistics no longer move): for small batches,
    gradient caching, and fine-tuning of pretrained weights. `levels`: which maps make the answer, None = the last;
    several are averaged to the grid of the last one and concatenated, so that pooled is still the mean over tokens.
    """

    modality = "image"
    frozen_batch_norm: bool = False
    levels: Sequence[int] | None = None
    chunk: int | None = None  # pictures a time on CPU when nothing is to be learnt: large maps leave the caches

    def maps(self, x: Tensor, last: int | None = None) -> list[Tensor]:
        """All maps from the first block's input on; with `last` it may stop after that one."""
        raise TypeError(f"{type(self).__name__} defines no maps")

    def train(self, mode: bool = True) -> ConvEncoder:
        super().train(mode)
        if self.frozen_batch_norm:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        """x (B, 3, H, W) -> tokens (B, h w, D), pooled (B, D) their mean, grid (h, w); layers: all maps as tokens."""
        if self.training or torch.is_grad_enabled() or layers:
            return self._encode(x, layers)
        size = len(x) if self.chunk is None or x.device.type != "cpu" else self.chunk
        with folded(self):
            parts = [self._encode(part, False) for part in x.split(max(size, 1))]
        if len(parts) == 1:
            return parts[0]
        tokens = torch.cat([part.tokens for part in parts])
        return Encoding(tokens, None, torch.cat([p.pooled for p in parts if p.pooled is not None]), parts[0].grid)

    def _encode(self, x: Tensor, layers: bool) -> Encoding:
        wanted = self.levels
        maps = self.maps(
            x.contiguous(memory_format=torch.channels_last), None if layers or wanted is None else max(wanted)
        )
        chosen = [maps[-1]] if wanted is None else [maps[i] for i in wanted]
        grid = (chosen[-1].shape[2], chosen[-1].shape[3])
        pooled = torch.cat([mean_over_map(m) for m in chosen], dim=1)  # (B, D)
        same = [m if m.shape[2:] == chosen[-1].shape[2:] else F.adaptive_avg_pool2d(m, grid) for m in chosen]
        tokens = torch.cat([as_tokens(m) for m in same], dim=2)  # (B, h w, D)
        return Encoding(
            tokens, None, pooled, grid,
            [as_tokens(m) for m in maps] if layers else None,
            [tuple(m.shape[2:]) for m in maps] if layers else None,
        )  # fmt: skip


def mean_over_map(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C), summed in float32 or wider."""
    wide = x if x.dtype == torch.float64 else x.float()
    return wide.mean(dim=(2, 3)).to(x.dtype)


def as_tokens(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H W, C), row by row."""
    return x.flatten(2).transpose(1, 2)


def init_convolutions(module: nn.Module) -> None:
    """He's normal start over the fan-out, norms at the identity, biases 0: for training from scratch."""
    for m in module.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm) and m.weight is not None:
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)


def batch_norm_to_group_norm(module: nn.Module) -> None:
    """Replace every `BatchNorm2d` inside by a `GroupNorm` of as many channels, in place; learnt values are lost."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, norm_layer("group", child.num_features, eps=child.eps))
        else:
            batch_norm_to_group_norm(child)
