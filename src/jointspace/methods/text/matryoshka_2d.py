"""2D Matryoshka: one text encoder from which any number of layers and any number of dimensions can be taken.

Li et al., "2D Matryoshka Sentence Embeddings", 2024, arXiv 2402.14776 v1; later versions are Espresso (ESE, ICLR 2025).
Official code: SeanLee97/AnglE, its history of February and March 2024. Parity test against sentence-transformers'
Matryoshka2dLoss (`variant="adaptive_layer"`).

Idea: beside the loss of the full embedding, each step trains one sampled inner layer n, one sampled width d, and both
at once; inner layers are pulled towards the last one by a KL over features. Inference cuts the encoder for real:
`space.truncate(layers=n, dim=d)`.

    loss = l(X_N) + l(X_n)/n + T ln(2+n) KL(n, N) + l(X_N^d) + l(X_n^d)/n

Shapes: text (B, L), text_positive (B, L), text_negative (B, L) token ids with masks; score (B,) = a label for pairs.
X_n (B, D): pooled states after layer n = 1..N (0, the embeddings of tokens, is never trained); X_n^d its first d
entries.
Differs from the paper: base loss InfoNCE by default (its own losses: `base="angle"`); Espresso trains layers 1..N-1
where the official code trains 0..N-2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from jointspace.data.batch import joined
from jointspace.encoders.base import Encoding
from jointspace.encoders.config import EncoderConfig
from jointspace.encoders.depth import depth
from jointspace.errors import ConfigError
from jointspace.nn.pooling import pool
from jointspace.objectives.angle import angle_pairs, angle_triplets
from jointspace.objectives.contrastive import info_nce
from jointspace.objectives.distillation import kl_logits
from jointspace.objectives.matryoshka import compressed, grid_loss
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress

SIDES = {"query": "text", "key": "text_positive", "negative": "text_negative"}
SHORTEST = 8  # dims are 8, 16, 32, ... below D

Base = Callable[..., Tensor]
Layers = Mapping[int, Mapping[str, Tensor]]


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="minilm"))
    pooling: str = "cls"  # the NLI recipe's; mean as well
    dims: tuple[PositiveInt, ...] = ()  # widths that are sampled; () = 8, 16, 32, ... below the encoder's own
    base: Literal["info_nce", "angle"] = "info_nce"
    temperature: PositiveFloat = 0.05  # of the base loss (scale 20)
    variant: Literal["2dmse", "adaptive_layer", "espresso", "mrl", "full"] = "2dmse"  # mrl, full: the baselines
    weights: Literal["layer", "uniform"] = "layer"  # uniform: first release, all four l terms 1, KL times T^2
    kl: bool = True
    kl_temperature: PositiveFloat | None = None  # None = 1 (adaptive_layer: 0.3)
    detach_teacher: bool = False  # the official code lets the KL move the last layer, too
    compression: PositiveInt = 128  # Espresso's k


class Matryoshka2D(Method):
    """Learn a text Space that can be cut in depth and width. Batch fields: see above."""

    Config = Config
    fields = ("text", "text_positive")
    optional_fields = ("text_negative", "score")

    def __init__(self, config: Config, encoder: torch.nn.Module | None = None, base: Base | None = None):
        """encoder: train this one in place of the config's. base: any loss `base(query=, key=, negative=, score=)` of
        unit vectors (raw ones for "angle"); the last two are given where the batch has them."""
        super().__init__(config)
        self.text_encoder = config.text.build("text") if encoder is None else encoder
        self.layers, self.width = depth(self.text_encoder) or 1, int(self.text_encoder.dim)  # type: ignore[arg-type]
        self.dims = config.dims or tuple(SHORTEST << i for i in range(32) if SHORTEST << i < self.width)
        if any(d > self.width for d in self.dims):
            raise ConfigError(f"matryoshka_2d: dims {list(self.dims)} exceed the encoder's width {self.width}")
        if config.variant == "espresso" and config.compression > self.width:
            raise ConfigError(f"matryoshka_2d: compression {config.compression} exceeds the width {self.width}")
        self.base = base or {"info_nce": self._info_nce, "angle": self._angle}[config.base]
        self.layer, self.dim, self.inner_dim = max(1, self.layers // 2), self.width, self.width  # drawn in before_step
        self._draw()

    def before_step(self, progress: Progress) -> None:
        self._draw()

    def _draw(self) -> None:
        """n uniform from 1..N-1, d uniform from the list (adaptive_layer: D included, and one draw for each layer)."""
        dims = [*self.dims, self.width] if self.config.variant == "adaptive_layer" else list(self.dims) or [self.width]
        places = [torch.randint(size, ()).item() for size in (max(1, self.layers - 1), len(dims), len(dims))]
        self.layer, self.dim, self.inner_dim = 1 + int(places[0]), dims[int(places[1])], dims[int(places[2])]

    # One forward gives every X_n ------------------------------------------------------------------------------------

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Entries `<side>/<n>`: X_n of each layer that this step needs, not normalised; and the score."""
        sides = [side for side in SIDES.values() if side in batch]
        ids, mask = joined(batch, sides)
        said = self.text_encoder(ids, mask, layers=True)
        found: dict[str, Tensor] = {}
        for n in self._wanted():
            states = said if n == self.layers else Encoding(tokens=said.layers[n], mask=said.mask)
            vectors = pool(states, self.config.pooling)  # (S * B, D)
            found |= {f"{side}/{n}": x for side, x in zip(sides, vectors.chunk(len(sides)), strict=True)}
        return found | {name: batch[name] for name in ("score",) if name in batch}

    def _wanted(self) -> list[int]:
        """The last layer, and those inside that this step trains."""
        if self.layers == 1 or self.config.variant in ("mrl", "full"):
            return [self.layers]
        if self.config.variant == "espresso":
            return [self.layers, *range(1, self.layers)]
        return [self.layers, self.layer]

    def terms(self, score: Tensor | None = None, **found: Tensor) -> dict[str, Tensor]:
        layers: dict[int, dict[str, Tensor]] = {}
        for name, x in found.items():
            side, _, number = name.rpartition("/")
            layers.setdefault(int(number), {})[next(k for k, v in SIDES.items() if v == side)] = x
        if self.config.variant == "espresso":
            return self._espresso(layers, score)
        last, n, d = self.layers, self.layer, self.dim
        cells = {"full": (last, self.width, 1.0), "short": (last, d, 1.0)}
        weight = 1.0 if self.config.weights == "uniform" else 1.0 / n
        if self.config.variant == "full":
            del cells["short"]
        elif self.config.variant == "adaptive_layer":
            cells = {"short": (last, d, 1.0), "inner_short": (n, self.inner_dim, weight)}
        elif self.config.variant == "2dmse":
            cells |= {"inner": (n, self.width, weight), "inner_short": (n, d, weight)}
        if last == 1:  # there is no inner layer
            cells = {name: cell for name, cell in cells.items() if not name.startswith("inner")}
        terms = {name: next(iter(self._cells(layers, [cell], score).values())) for name, cell in cells.items()}
        if self.config.kl and last > 1 and self.config.variant in ("2dmse", "adaptive_layer"):
            terms["kl"] = self._kl(layers, n)
        return terms

    def _cells(self, layers: Layers, cells: list[tuple[int, int, float]], score: Tensor | None) -> dict[str, Tensor]:
        told = {} if score is None else {"score": score}
        return grid_loss(lambda **x: self.base(**x, **told), layers, cells, normalize=self.config.base != "angle")

    def _kl(self, layers: Layers, n: int) -> Tensor:
        """KL( softmax(X_N / T) || softmax(X_n / T) ) over features, mean over texts, with its factor."""
        c = self.config
        teacher, student = (torch.cat(list(layers[k].values())) for k in (self.layers, n))
        if c.variant == "adaptive_layer":
            t = c.kl_temperature or 0.3
            return t * kl_logits(student, teacher, temperature=t, detach=True)
        t = c.kl_temperature or 1.0
        factor = t**2 if c.weights == "uniform" else t * math.log(2 + n)
        return factor * kl_logits(student, teacher, temperature=t, detach=c.detach_teacher)

    def _espresso(self, layers: Layers, score: Tensor | None) -> dict[str, Tensor]:
        """Learn to express (the base loss at k numbers of every layer) and to compress (a PCA-like target)."""
        k, last, t = self.config.compression, self.layers, self.config.kl_temperature or 1.0
        inner = [(n, k, 1 / (1 + math.log(1 + n)) / (last - 1)) for n in range(1, last)]
        full = self._cells(layers, [(last, self.width, 1.0)], score)
        terms = {
            "full": sum(full.values()),
            "express": sum(self._cells(layers, [(last, k, 1.0), *inner], score).values()),
        }
        compress = []
        for n, _, weight in [*inner, (last, k, 1.0)]:
            x = torch.cat(list(layers[n].values()))
            target, short = compressed(x, k), x[:, :k].float()
            compress.append(weight * (F.mse_loss(short, target) + t * kl_logits(short, target, temperature=t)))
        return {**terms, "compress": sum(compress)}  # type: ignore[dict-item]

    # Base losses ----------------------------------------------------------------------------------------------------

    def _info_nce(
        self, query: Tensor, key: Tensor, negative: Tensor | None = None, score: Tensor | None = None
    ) -> Tensor:
        hard = None if negative is None else negative[:, None]
        return info_nce(query, key, temperature=self.config.temperature, negatives=hard, weights=score, gather=True)

    def _angle(self, query: Tensor, key: Tensor, negative: Tensor | None = None, score: Tensor | None = None) -> Tensor:
        if negative is not None:
            return angle_triplets(query, key, negative, temperature=self.config.temperature)
        labels = torch.ones(len(query), device=query.device) if score is None else score
        return angle_pairs(query, key, labels, temperature=self.config.temperature)

    def space(self) -> Space:
        grid = {"layers": list(range(1, self.layers + 1)), "dims": sorted({*self.dims, self.width})}
        tower = Tower(self.text_encoder, pooling=self.config.pooling)  # type: ignore[arg-type]
        return Space(method="matryoshka_2d", normalize=True, metadata={"trained_grid": grid}, text=tower)
