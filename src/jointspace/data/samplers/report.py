"""What a run makes of its sources: each one's share of the batches, how often rows repeat, how many are never seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data.samplers.base import Sampler

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


@dataclass(frozen=True)
class SourceUse:
    """One source in a run. share: of all rows drawn; repeats: draws a row that is seen; unseen: rows never drawn."""

    name: str
    rows: int
    share: float
    repeats: float
    unseen: int

    def __str__(self) -> str:
        return f"{self.name}: {self.share:.1%} of the batches, {self.repeats:.1f} x a row, {self.unseen:,} rows unseen"


def source_use(sampler: Sampler, data: Dataset, steps: int, most_epochs: int = 20) -> list[SourceUse]:
    """Count the draws of the first `steps` steps by source, exactly; of at most `most_epochs` epochs."""
    drawn = np.zeros(len(data), dtype=np.int64)
    for epoch in range(min(most_epochs, -(-steps // sampler.steps_per_epoch))):
        left = steps - epoch * sampler.steps_per_epoch
        drawn += np.bincount(sampler.plan(epoch)[:left].ravel(), minlength=len(data))
    uses = []
    for number, name in enumerate(data.source_names):
        mine = drawn[data.source == number]
        if len(mine):
            seen, total = int((mine > 0).sum()), int(mine.sum())
            uses.append(SourceUse(name, len(mine), total / int(drawn.sum()), total / max(seen, 1), len(mine) - seen))
    return uses
