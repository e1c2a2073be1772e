"""A recipe run: data -> method -> fit -> Space -> scores."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import ValidationError

from jointspace import methods
from jointspace.errors import ConfigError
from jointspace.recipe.schema import explain


def build_method(table: dict[str, Any], seed: int = 0) -> Any:
    """`{name: align, dim: 64, ...}` -> the Method with its Config, its random weights drawn from `seed`."""
    fields = {k: v for k, v in table.items() if k != "name"}
    cls = methods.find(str(table["name"]))
    try:
        config = cls.Config(**fields)
    except ValidationError as error:
        raise ConfigError(f"method {table['name']}: {explain(error, cls.Config)}") from None
    torch.manual_seed(seed)
    return cls(config)
