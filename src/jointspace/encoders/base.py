"""The one form every encoder has: a backbone, its processor, and an `Encoding` as its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from jointspace.data.processor import Processor


@dataclass
class Encoding:
    """What a backbone says about a batch. B batch, L tokens, D width.

    tokens (B, L, D); mask (B, L) bool, True = real, None = all real; pooled (B, D) as the backbone itself gives it,
    None where it gives none; grid: sizes whose product is L (pictures: rows, columns), None for sequences;
    layers: hidden states [(B, L_i, D_i)] from the first block's input to the last block's output, on request.
    """

    tokens: Tensor
    mask: Tensor | None = None
    pooled: Tensor | None = None
    grid: tuple[int, ...] | None = None
    layers: list[Tensor] | None = None
    layer_grids: list[tuple[int, ...]] | None = None


class Encoder(nn.Module):
    """Base of all encoders. A subclass sets `modality`, `dim` (D) and `processor`, and defines `forward` and `options`.

    `kind` is its name in the registry (`jointspace.encoders.registry`); `options()` are the keyword arguments from
    which the registry builds an equal encoder with random weights: what `save_pretrained` of a Space writes.
    """

    kind: ClassVar[str]
    modality: ClassVar[str]
    dim: int
    processor: Processor

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        """x (B, ...) as the processor makes it, mask (B, L) bool True = real -> Encoding."""
        raise TypeError(f"{type(self).__name__} defines no forward")

    def options(self) -> dict[str, Any]:
        """JSON-able keyword arguments that rebuild this encoder (no weights, nothing pretrained)."""
        raise TypeError(f"{type(self).__name__} defines no options")

    def prepare(self, items: Iterable[Any]) -> None:
        """Let a processor that learns see the training items, then build what depends on it. No-op once fitted."""
        if self.processor.learns and not self.processor.fitted:
            self.processor.fit(items)
            self.after_fit()

    def after_fit(self) -> None:
        """Called when the processor has learnt: shrink or grow what depends on it (an embedding table)."""
