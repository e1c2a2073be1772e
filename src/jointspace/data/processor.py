"""What turns items of one modality into batch tensors; owned by an encoder and saved with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

# An augmentation gets raw tensors (for pictures uint8 (B, 3, H, W)) and one 64-bit key a row; same key, same result.
Augmentation = Callable[["Tensor", "np.ndarray"], "Tensor"]


class Processor(ABC):
    """Items -> batch tensors. Subclasses decode whatever form the item has (path, bytes, struct, PIL, array).

    `modality`: the field family it serves. `learns`: True when `fit` must see training rows first (tokenizer,
    column statistics). `fitted` tells whether it did. `random`: its result in training is drawn by `keys`, which
    it gets without an augmentation as well.
    """

    modality: ClassVar[str]
    learns: bool = False
    random: ClassVar[bool] = False
    fitted: bool = True

    def fit(self, items: Iterable[Any]) -> None:  # noqa: B027 - nothing to learn is a valid answer
        """Learn from the items of the training rows. Called once, before optimisers are made."""

    @abstractmethod
    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """`{"": (B, ...) tensor, "mask": (B, L) bool, ...}`; the collator prefixes each name with the field, and what
        all rows share, `shared_NAME`, becomes `shared_<field>_NAME`. The encoder gets further entries by keyword.

        `augment` is applied to the raw tensor with `keys` (B,) uint64, one a row (training only).
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """JSON form from which `from_config` makes an equal processor (learnt files apart)."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Processor:
        return cls(**config)

    def save(self, folder: Path) -> None:  # noqa: B027 - most have no files beside their config
        """Write learnt files (tokenizer.json, ...) into `folder`."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Read back what `save` wrote."""
