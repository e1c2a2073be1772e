"""A pass over a whole data set with the weights as they are: embeddings of every row, mean loss terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data.batch import is_shared, to_device
from jointspace.errors import ConfigError, nearest
from jointspace.training.method import Method
from jointspace.training.seeding import seed_all

if TYPE_CHECKING:
    from jointspace.data.collate import Collator
    from jointspace.training.devices import Devices


def batches_in_order(
    collator: Collator, rows: int, batch_size: int, devices: Devices, share: bool = False
) -> Iterator[dict[str, Any]]:
    """All rows once, in row order, without augmentation, on the device; the last batch may be smaller.

    share: each process gets its part of every batch, as in training; else the whole.
    """
    for start in range(0, rows, batch_size):
        index = np.arange(start, min(rows, start + batch_size))
        if share:
            index = np.array_split(index, devices.world)[devices.rank]
        yield to_device(collator(index, 0), devices.device)


def make_encode_all(
    method: Method, collator: Collator, rows: int, batch_size: int, devices: Devices
) -> Callable[[str], Tensor]:
    """`encode_all(name)` -> (N, ...): the entry `name` of `embed` for every training row, in row order, on the CPU.

    In eval mode, without gradient; one pass serves several names asked for in the same epoch.
    Raises ConfigError for a name that `embed` does not give.
    """
    kept: dict[str, Tensor] = {}

    def encode_all(name: str) -> Tensor:
        if not kept:
            was = {module: module.training for module in method.modules()}
            method.eval()
            found: dict[str, list[Tensor]] = {}
            with torch.no_grad(), devices.autocast():
                for batch in batches_in_order(collator, rows, batch_size, devices):
                    for key, tensor in method.embed(batch).items():
                        if not is_shared(key):
                            found.setdefault(key, []).append(tensor.cpu())
            for module, mode in was.items():
                module.training = mode
            kept.update({key: torch.cat(parts) for key, parts in found.items()})
        if name not in kept:
            raise ConfigError(f"encode_all: embed gives no entry {name!r}{nearest(name, kept)}")
        return kept[name]

    return encode_all


@torch.no_grad()
def mean_terms(
    method: Method, collator: Collator, rows: int, batch_size: int, devices: Devices, seed: int
) -> dict[str, float]:
    """Means of the loss terms over whole batches in row order, of `method` as it is (put it in eval mode first).

    Rows beyond the last whole batch are left out: a contrastive loss depends on the number of candidates. Data smaller
    than a batch make one batch.
    """
    size = min(batch_size, rows)
    size = max(1, size // devices.world) * devices.world
    sums: dict[str, float] = {}
    count = rows // size
    seed_all(seed, "validation")
    for batch in batches_in_order(collator, count * size, size, devices, share=True):
        with devices.autocast():
            terms = method.losses(batch)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value) / count
    sums = dict(zip(sums, devices.mean(list(sums.values())), strict=True))
    return {"loss": sum(sums.values()), **sums}
