"""A tower: an encoder, how its tokens are pooled, and the heads that make its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.encoders.base import Encoder, Encoding
from jointspace.errors import SpaceError, nearest
from jointspace.nn.pooling import pool
from jointspace.nn.registry import register

RESERVED_OUTPUTS = ("dense", "features", "tokens")


@dataclass(frozen=True)
class Output:
    """One named output of a tower: its width, how it is compared, and where.

    scorer: cosine, dot, euclidean, max_sim; comparable: everywhere, condition, graph, pair; ragged: one row an item
    and token, not one an item.
    """

    dim: int
    scorer: str = "cosine"
    comparable: str = "everywhere"
    ragged: bool = False


class Tower(nn.Module):
    """Encoder -> pooling -> projection. B batch, L tokens, D the encoder's width, E the joint width.

    encoder: an `Encoder`, its processor with it. pooling: "pooled" (the backbone's own), "cls", "mean", "last", "max",
    or a module on an `Encoding`. projection: (B, D) -> (B, E), gives the output `dense`. token_projection: (B, L, D) ->
    (B, L, E'), gives `tokens`. heads: further named outputs computed from the pooled features (B, D), for instance
    `projection` = what the loss saw where that is not what similarity should use. roles: which roles ("query",
    "document") this tower serves, () = all. normalize: whether `dense` and the heads have unit length.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        pooling: str | nn.Module = "pooled",
        projection: nn.Module | None = None,
        token_projection: nn.Module | None = None,
        heads: dict[str, nn.Module] | None = None,
        accepts: Sequence[str] | None = None,
        roles: Sequence[str] = (),
        scorer: str = "cosine",
    ):
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling  # a str stays a plain attribute, a module is registered
        self.projection = projection if projection is not None else nn.Identity()
        self.token_projection = token_projection if token_projection is not None else nn.Identity()
        self.heads = nn.ModuleDict(heads or {})
        self.accepts = tuple(accepts or (encoder.modality,))
        self.roles = tuple(roles)
        self.scorer = scorer
        for name in self.heads:
            if name in RESERVED_OUTPUTS:
                raise SpaceError(f"output name {name!r} is reserved; choose another for this head")

    @property
    def dim(self) -> int:
        """Width E of the output `dense`."""
        return width_after(self.projection, self.feature_dim)

    @property
    def feature_dim(self) -> int:
        """Width D of the pooled features: the encoder's, unless the pooling module says another by `dim`."""
        own = getattr(self.pooling, "dim", None)
        return own if isinstance(own, int) else self.encoder.dim

    def outputs(self) -> dict[str, Output]:
        """Every output by name, with what one must know to compare it."""
        d = self.feature_dim
        table = {
            "dense": Output(self.dim, self.scorer, _comparable(self.projection)),
            "features": Output(d, self.scorer),
            "tokens": Output(width_after(self.token_projection, self.encoder.dim), "max_sim", ragged=True),
        }
        for name, head in self.heads.items():
            table[name] = Output(width_after(head, d), self.scorer, _comparable(head))
        return table

    def features(self, encoding: Encoding) -> Tensor:
        """Pooled features (B, D) before any head."""
        return pool(encoding, self.pooling)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, *, output: str = "dense", **more: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """x, mask, more as the processor makes them -> output, mask: (B, E), None; of `tokens` (B, L, E'), (B, L)."""
        encoding = self.encoder(x, mask, **more)
        if output == "tokens":
            return self.token_projection(encoding.tokens), encoding.mask
        features = self.features(encoding)
        if output == "features":
            return features, None
        if output == "dense":
            return self.projection(features), None
        if output in self.heads:
            return self.heads[output](features), None
        raise SpaceError(f"this tower has no output {output!r}{nearest(output, self.outputs())}")


def _comparable(head: nn.Module) -> str:
    """Where a head says that its vectors can be compared; everywhere, if it says nothing."""
    return getattr(head, "comparable", "everywhere")


def width_after(module: nn.Module, width: int) -> int:
    """Width of a head's answer to (1, width), found by running it once on zeros."""
    if isinstance(module, nn.Identity):
        return width
    if isinstance(module, nn.Linear):
        return module.out_features
    own = getattr(module, "out_dim", None) or getattr(module, "dim", None)
    if isinstance(own, int):
        return own
    parameter = next(module.parameters(), None)
    zeros = torch.zeros(1, width) if parameter is None else parameter.new_zeros(1, width)
    training = module.training
    module.eval()
    with torch.no_grad():
        answer = module(zeros)
    module.train(training)
    return int(answer.shape[-1])


@register
class Truncate(nn.Module):
    """The first `dim` entries of a vector: what a Space trained for nested widths is shortened by."""

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.dim]

    def config(self) -> dict[str, Any]:
        return {"dim": self.dim}


def shortened(projection: nn.Module, dim: int) -> nn.Module:
    """A projection that gives the first `dim` entries only; a linear one really loses the other rows."""
    if isinstance(projection, nn.Linear):
        short = nn.Linear(projection.in_features, dim, bias=projection.bias is not None)
        with torch.no_grad():
            short.weight.copy_(projection.weight[:dim])
            if projection.bias is not None:
                short.bias.copy_(projection.bias[:dim])
        return short.to(projection.weight)
    return nn.Sequential(projection, Truncate(dim))


def unit(x: Tensor) -> Tensor:
    """Rows at unit length, in float32 at least."""
    return F.normalize(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim=-1)
