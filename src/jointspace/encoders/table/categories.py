"""Rows of categorical columns read through embedding tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from jointspace.data.categories import CategoryProcessor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.nn.tables import build as build_tables
from jointspace.nn.tables import plan
from jointspace.nn.tables.base import Tables


class CategoryEncoder(Encoder):
    """x (B, F) int64 ids -> pooled (B, D): the columns' vectors side by side; tokens (B, 1, D), the same.

    The tables are planned when the columns are known: those of `family` with at most `budget` times the floats of full
    ones. Their sizes and salts travel in `encoder.json`, so that a value finds the same rows on every machine.
    """

    kind: ClassVar[str] = "categories"
    modality: ClassVar[str] = "table"
    tables: Tables

    def __init__(
        self,
        processor: CategoryProcessor,
        *,
        family: str,
        budget: float,
        width: int,
        multiplexed: bool = True,
        private: Sequence[str] | int | None = None,
        options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.processor: CategoryProcessor = processor
        self.given: dict[str, Any] = dict(
            family=family, budget=budget, width=width, multiplexed=multiplexed, private=private or ()
        )
        self.more = dict(options or {})
        if processor.fitted:
            self.after_fit()

    def after_fit(self) -> None:
        sizes = self.processor.sizes
        assert sizes is not None
        how: dict[str, Any] = dict(self.given)
        if isinstance(how["private"], int):  # columns of at most so many values
            how["private"] = [name for name, n in sizes.items() if n <= how["private"]]
        self.plan = plan(how.pop("family"), sizes, **how, **self.more)
        self.tables = build_tables(**self.plan, vocabulary=self.processor.vocabulary)
        self.processor.vocabulary = None
        self.dim = self.tables.dim

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        vectors = self.tables(x)
        return Encoding(tokens=vectors[:, None], pooled=vectors, layers=[vectors[:, None]] if layers else None)

    def options(self) -> dict[str, Any]:
        said = self.processor.config()
        private = self.given["private"]
        return {
            **self.given, **said, "private": private if isinstance(private, int) else list(private),
            "options": self.more,
        }  # fmt: skip


def build(
    *,
    family: str,
    budget: float,
    width: int,
    multiplexed: bool,
    private: Sequence[str] | int | None,
    columns: Sequence[str] | None,
    numeric: Sequence[str],
    sizes: Mapping[str, int] | None,
    options: Mapping[str, Any] | None,
) -> CategoryEncoder:
    """See `CategoryEncoder` and `CategoryProcessor`."""
    processor = CategoryProcessor(columns, numeric, sizes)
    return CategoryEncoder(
        processor, family=family, budget=budget, width=width, multiplexed=multiplexed, private=private, options=options
    )
