"""Nested widths and layers: one base loss over a grid of truncations.

Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022, arXiv 2205.13147; Li et al., "2D Matryoshka
Sentence Embeddings", 2024, arXiv 2402.14776 (layer x width).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import ObjectiveError


class Cell(NamedTuple):
    """One truncation: which layer's embeddings (a key of `layers`), how many leading dimensions, how much it counts."""

    layer: int
    dim: int
    weight: float = 1.0


def grid_loss(
    base: Callable[..., Tensor],
    layers: Mapping[int, Mapping[str, Tensor]],
    grid: Sequence[Cell | tuple[int, int, float]],
    *,
    normalize: bool = True,
    alignment: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Named terms, one a cell: weight * base(**embeddings of the layer, cut to dim).

    base: any loss of named embeddings, `base(query=(B, d), key=(B, d)) -> scalar`. layers: layer -> named embeddings
    (B, D). normalize: unit length after the cut (cosine losses). alignment: an extra loss between a cell's embeddings
    and those of the grid's first cell, added to every other cell; it may cut widths itself (KL of similarities does not
    need to). Raises ObjectiveError where a layer is missing or a dim exceeds the width.
    """
    terms: dict[str, Tensor] = {}
    first: dict[str, Tensor] | None = None
    for layer, dim, weight in (Cell(*cell) for cell in grid):
        if layer not in layers:
            raise ObjectiveError(f"grid: layer {layer} is not among {sorted(layers)}")
        cut = {}
        for name, x in layers[layer].items():
            if not 0 < dim <= x.shape[-1]:
                raise ObjectiveError(f"grid: dim {dim} of {name}, which is {x.shape[-1]} wide")
            cut[name] = F.normalize(x[..., :dim], dim=-1) if normalize else x[..., :dim]
        cost = base(**cut)
        if first is None:
            first = cut
        elif alignment is not None:
            cost = cost + alignment(cut, first)
        terms[f"layer_{layer}_dim_{dim}"] = weight * cost
    return terms


def nested_mask(dims: Sequence[int], width: int, device: torch.device | None = None) -> Tensor:
    """(len(dims), width) bool: row r keeps the first dims[r] dimensions."""
    return torch.arange(width, device=device) < torch.as_tensor(dims, device=device)[:, None]


@torch.no_grad()
def compressed(x: Tensor, dim: int) -> Tensor:
    """(B, D) -> (B, dim), no gradient: the target that Espresso compresses an embedding to.

    A = softmax of the rows of x'x / sqrt(D), (D, D); A = U S V'; the target is x U S cut to `dim` columns. The exact
    decomposition, each column of U with its largest entry positive (the official code's is randomised). Raises
    ObjectiveError where dim exceeds D.
    """
    width = x.shape[-1]
    if not 0 < dim <= width:
        raise ObjectiveError(f"compressed: dim {dim} of vectors {width} wide")
    x = x.double()
    u, s, _ = torch.linalg.svd(torch.softmax(x.T @ x / width**0.5, dim=-1))
    u, s = u[:, :dim], s[:dim]
    u = u * u.gather(0, u.abs().argmax(0, keepdim=True)).sign()
    return (x @ (u * s)).float()
