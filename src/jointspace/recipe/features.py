"""`data.features` of a recipe: what frozen Spaces say about the rows, computed once and kept as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

FIELDS = ("space", "field", "output", "pooling")


def with_features(data: Dataset, features: Mapping[str, Mapping[str, Any]]) -> Dataset:
    """`{guide_text: {space: runs/large/space, field: text}}` -> the data with the column guide_text.

    space: a folder or hub id that `Space.from_pretrained` opens, or an encoder by its fields (`{name: minilm}`), pooled
    by `pooling` (mean). field: whose items it sees, the column's name without its first word by default (guide_text ->
    text). output: `dense` by default. Raises ConfigError naming the column and the field that does not fit.
    """
    from jointspace.data.cache import cache

    opened: dict[str, Any] = {}
    for name, given in features.items():
        for key in given:
            if key not in FIELDS:
                raise ConfigError(f"data.features.{name}: unknown field {key!r}{nearest(key, FIELDS)}")
        if "space" not in given:
            raise ConfigError(
                f"data.features.{name}: say which Space makes it: space: FOLDER or space: {{name: minilm}}"
            )
        key = repr((given["space"], given.get("pooling")))
        if key not in opened:
            opened[key] = _opened(given["space"], given.get("pooling", "mean"), name)
        field = given.get("field", name.partition("_")[2])
        data = cache(data, {name: (opened[key], field, given.get("output", "dense"))}, progress=True)
    return data


def _opened(space: Any, pooling: str, column: str) -> Any:
    from jointspace.space import Space, Tower

    if isinstance(space, str):
        return Space.from_pretrained(space)
    from jointspace.data.modality import modality_of_field
    from jointspace.encoders.config import EncoderConfig

    try:
        config = EncoderConfig(**space)
    except ConfigError as error:
        raise ConfigError(f"data.features.{column}.space: {error}") from None
    modality = modality_of_field(column.partition("_")[2]) or "text"
    towers: dict[str, Any] = {modality: Tower(config.build(modality), pooling=pooling)}
    return Space(**towers).eval()
