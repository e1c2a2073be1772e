"""Some columns in collisionless tables of their own (tiny ones, say), all others in tables of another family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from jointspace.nn.tables.base import Tables
from jointspace.nn.tables.full import FullTables


class PrivateTables(Tables):
    """columns: all, in the order of the ids; each lies in `own` or in `shared`."""

    family: ClassVar[str] = "private"

    def __init__(self, columns: Sequence[str], own: FullTables, shared: Tables):
        homes = [own if name in own.columns else shared for name in columns]
        places = [home.index(name) for home, name in zip(homes, columns, strict=True)]
        widths = [home.widths[place] for home, place in zip(homes, places, strict=True)]
        super().__init__(columns, widths, [home.combiners[p] for home, p in zip(homes, places, strict=True)])
        self.own, self.shared = own, shared
        self.homes = [(home is own, place) for home, place in zip(homes, places, strict=True)]
        self.parts = {mine: [t for t, (h, _) in enumerate(self.homes) if h is mine] for mine in (True, False)}

    def forward(self, ids: Tensor) -> Tensor:
        out: list[Tensor] = [ids] * len(self.columns)
        for mine, home in ((True, self.own), (False, self.shared)):
            some = self.parts[mine]
            vectors = home(ids[:, some]).split([self.widths[t] for t in some], dim=1)
            for t, vector in zip(some, vectors, strict=True):
                out[t] = vector
        return torch.cat(out, dim=1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        mine, place = self.homes[self.index(column)]
        return (self.own if mine else self.shared).lookup(place, ids)

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        """Those of the column's home; rows of its own table stand after the shared ones."""
        mine, place = self.homes[self.index(column)]
        if mine:
            return self.own.codes(place, ids) + sum(p.numel() for p in self.shared.parameters())
        return self.shared.codes(place, ids)

    def spaces(self, column: int | str) -> list[int]:
        mine, place = self.homes[self.index(column)]
        return (self.own if mine else self.shared).spaces(place)

    def floats(self) -> int:
        return self.own.floats() + self.shared.floats()

    def options(self) -> dict[str, Any]:
        return dict(columns=self.columns, own=self.own.options(), shared=self.shared.options())
