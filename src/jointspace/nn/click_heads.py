"""Networks over the vectors of categorical columns that give one logit: MLP, DCN-V2, DeepFM.

Wang et al., "DCN V2", WWW 2021, arXiv 2008.13535 (full matrix cross layers); Guo et al., "DeepFM", IJCAI 2017, arXiv
1703.04247 (here without first-order tables: they would be collisionless, and outside every budget).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest

NETWORKS = ("mlp", "dcn", "deepfm")


class ClickHead(nn.Module):
    """(B, D) -> (B, 1) logit. widths: of the columns, whose sum is D. hidden: of the perceptron, ReLU between.

    network: mlp; dcn: `cross` cross layers x0 * (W x + b) + x before the perceptron; deepfm: the perceptron plus
    .5 sum((sum v)^2 - sum v^2), for columns of one width.
    """

    def __init__(self, widths: Sequence[int], hidden: Sequence[int] = (128, 64), network: str = "mlp", cross: int = 2):
        super().__init__()
        if network not in NETWORKS:
            raise ConfigError(f"network: {network!r}{nearest(network, NETWORKS)}")
        if network == "deepfm" and len(set(widths)) > 1:
            raise ConfigError(f"network: deepfm needs columns of one width, got {sorted(set(widths))}")
        self.widths, self.hidden, self.network, self.cross = list(widths), list(hidden), network, cross
        width = sum(widths)
        self.crosses = nn.ModuleList([nn.Linear(width, width) for _ in range(cross if network == "dcn" else 0)])
        sizes = [width, *self.hidden]
        layers = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.ReLU())]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
        self.dim = 1

    @property
    def first(self) -> nn.Linear:
        """The first layer of the perceptron: its blocks of columns say in which directions each column is read."""
        return next(layer for layer in self.net if isinstance(layer, nn.Linear))

    def forward(self, x: Tensor) -> Tensor:
        start = x
        for layer in self.crosses:
            x = start * layer(x) + x
        logit = self.net(x)
        if self.network == "deepfm":
            v = x.unflatten(1, (len(self.widths), -1))
            logit = logit + 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1, keepdim=True)
        return logit

    def config(self) -> dict[str, Any]:
        return dict(widths=self.widths, hidden=self.hidden, network=self.network, cross=self.cross)


def block_cosines(weight: Tensor, widths: Sequence[int]) -> Tensor:
    """First-layer weights (H, D) -> (F, F): mean over units of |cos| between two columns' blocks of equal width.

    Near 0: the columns are read in orthogonal directions, so that sharing rows costs them nothing. NaN where widths
    differ.
    """
    blocks = weight.split(list(widths), dim=1)
    out = weight.new_full((len(blocks), len(blocks)), float("nan"))
    for i, a in enumerate(blocks):
        for j, b in enumerate(blocks):
            if a.shape == b.shape:
                out[i, j] = torch.cosine_similarity(a, b, dim=1).abs().mean()
    return out
