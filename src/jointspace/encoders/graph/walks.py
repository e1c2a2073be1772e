"""Nodes read through random walks: what part a node plays (identity) and where it is (position).

The encoder of IRWE (Qin and Yeung, arXiv 2401.00651). Identity: attention over the codes of anonymous walks, weighted
by how often each was seen. Position: a transformer reads walks as sentences whose words are identities; an attentive
read-out asks them with the node's global code.
Shapes: B nodes, R walks read a node, L places of a walk, U nodes in the tables, A anonymous walks, D width.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.data.graph_processor import GraphProcessor
from jointspace.data.walk_statistics import WalkSettings
from jointspace.encoders.base import Encoder, Encoding
from jointspace.nn.attention import Attention, Transformer
from jointspace.nn.heads import ProjectionHead
from jointspace.nn.positions import sin_cos


class Readout(nn.Module):
    """gamma = attention(MLP(pi_g(v)) over the walks' summaries) + MLP(pi_g(v)).

    Keys and values are MLP(gbar(w)) + MLP(mean pi_g of the walk's nodes): identities alone could not tell mirrored
    nodes apart. global_code: False leaves pi_g out (ablation), then one learnt query serves all nodes.
    """

    def __init__(self, width: int, code_dim: int, heads: int, global_code: bool = True):
        super().__init__()
        self.query = ProjectionHead(code_dim, width, 2 * width)
        self.summary = ProjectionHead(width, width, 2 * width)
        self.place = ProjectionHead(code_dim, width, 2 * width)
        self.attention = Attention(width, heads)
        self.global_code = global_code

    def forward(self, own: Tensor, summaries: Tensor, passed: Tensor) -> Tensor:
        """own (B, C) and passed (B, R, C) global codes, of the node and of each walk; summaries (B, R, D) -> (B, D)"""
        if not self.global_code:
            own, passed = torch.zeros_like(own), torch.zeros_like(passed)
        query = self.query(own)
        context = self.summary(summaries) + self.place(passed)
        return self.attention(query[:, None], context=context)[:, 0] + query


class WalkEncoder(Encoder):
    """x (B, R, L): walks as rows of the tables -> tokens (B, 2, D): identity and position, pooled (B, 2 D): both.

    Ablations: walk_attention=False leaves the attention out of the identity, degrees=False the degrees along the walks,
    global_code=False pi_g, local_code=False the place of a node inside the walk.
    """

    kind: ClassVar[str] = "walks"
    modality: ClassVar[str] = "graph"
    rho: Tensor
    used: Tensor
    scale: Tensor

    def __init__(
        self,
        processor: GraphProcessor,
        width: int = 64,
        heads: int = 4,
        layers: int = 1,
        *,
        walk_attention: bool = True,
        degrees: bool = True,
        global_code: bool = True,
        local_code: bool = True,
    ):
        super().__init__()
        s = processor.settings
        self.processor: GraphProcessor = processor
        self.width, self.heads, self.layers, self.dim = width, heads, layers, 2 * width
        self.parts = dict(
            walk_attention=walk_attention, degrees=degrees, global_code=global_code, local_code=local_code
        )
        self.register_buffer("rho", torch.zeros(s.slots, s.places**2))
        self.register_buffer("used", torch.zeros(s.slots, dtype=torch.bool))
        self.register_buffer("scale", torch.ones(3))
        self.walk_encoder = ProjectionHead(s.places**2, width, 2 * width)
        self.identity_query = ProjectionHead(s.features, width, 4 * width)
        self.identity_attention = Attention(width, heads)
        self.identity_norm = nn.LayerNorm(width)
        self.sentence_encoder = Transformer(width, heads, layers, feed_forward=2 * width)
        self.position_readout = Readout(width, s.code_dim, heads, global_code)
        if processor.fitted:
            self.after_fit()

    def after_fit(self) -> None:
        rho, used = self.processor.vocabulary.one_hot(self.processor.settings)
        self.rho.copy_(torch.from_numpy(rho))
        self.used.copy_(torch.from_numpy(used))
        self.scale.copy_(torch.tensor(self.processor.vocabulary.scale))

    def scaled(self, statistics: Tensor) -> Tensor:
        """[s || delta] (U, F), each block at unit mean square over the training nodes."""
        slots = len(self.used)
        degrees = statistics[:, slots:] / self.scale[1]
        if not self.parts["degrees"]:
            degrees = torch.zeros_like(degrees)
        return torch.cat([statistics[:, :slots] / self.scale[0], degrees], dim=1)

    def walk_codes(self) -> Tensor:
        """phi of every anonymous walk: (A, D)."""
        return self.walk_encoder(self.rho)

    def identity(self, statistics: Tensor) -> Tensor:
        """psi: (U, A + L e) -> (U, D). Keys and values are phi; log s on the logits lets the walks seen speak."""
        query = self.identity_query(self.scaled(statistics))
        if not self.parts["walk_attention"]:
            return self.identity_norm(query)
        seen = torch.log(statistics[:, : len(self.used)] + 1e-6)[None, None]  # (1, 1, U, A)
        answer = self.identity_attention(query[None], self.used[None], context=self.walk_codes()[None], bias=seen)
        return self.identity_norm(answer[0] + query)

    def sentences(self, x: Tensor, identity: Tensor) -> Tensor:
        """gbar: x (B, R, L), identity (U, D) -> (B, R, D), what the transformer says where a walk starts."""
        words = identity[x]  # (B, R, L, D)
        if self.parts["local_code"]:
            words = words + sin_cos(torch.arange(x.shape[2], device=x.device), self.width).to(words.dtype)
        states, _ = self.sentence_encoder(words.flatten(0, 1))
        return states[:, 0].unflatten(0, x.shape[:2])

    def position(self, x: Tensor, sentences: Tensor, code: Tensor, readout: Readout) -> Tensor:
        """x (B, R, L), gbar (B, R, D), global codes (U, C) -> (B, D) by a read-out: gamma, or its context twin."""
        code = code / self.scale[2]
        passed = F.embedding_bag(x.flatten(0, 1), code, mode="mean").unflatten(0, x.shape[:2])  # mean over a walk
        return readout(code[x[:, 0, 0]], sentences, passed)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        layers: bool = False,
        shared_statistics: Tensor | None = None,
        shared_code: Tensor | None = None,
    ) -> Encoding:
        """As the processor gives them. ValueError without its tables, or where layers are asked for: there are none."""
        if shared_statistics is None or shared_code is None or layers:
            raise ValueError("the walk encoder needs shared_statistics and shared_code, and has no layers to show")
        psi = self.identity(shared_statistics)
        gamma = self.position(x, self.sentences(x, psi), shared_code, self.position_readout)
        both = torch.stack([psi[x[:, 0, 0]], gamma], dim=1)
        return Encoding(tokens=both, pooled=both.flatten(1))

    def options(self) -> dict[str, Any]:
        sizes = dict(width=self.width, heads=self.heads, layers=self.layers)
        return {**asdict(self.processor.settings), **sizes, **self.parts}


def build(*, width: int, heads: int, layers: int, code_dim: int | None, **options: Any) -> WalkEncoder:
    """From the flat options of the registry; code_dim None = width."""
    parts = {k: options.pop(k) for k in ("walk_attention", "degrees", "global_code", "local_code")}
    settings = WalkSettings(code_dim=code_dim or width, **options)
    return WalkEncoder(GraphProcessor(settings), width, heads, layers, **parts)
