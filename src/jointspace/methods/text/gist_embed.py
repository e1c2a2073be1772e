"""GISTEmbed: a larger frozen model looks at the batch and takes out what is no true negative.

Solatorio, "GISTEmbed: Guided In-sample Selection of Training Negatives for Text Embedding Fine-tuning", 2024, arXiv
2402.16829. Official code: worldbank/GISTEmbed; parity test against sentence-transformers' GISTEmbedLoss.

Idea: pairs of one topic, one class or one source are full of false negatives. A guide g gives each row a threshold, its
similarity of the query and its own positive, t_i = cos(g(q_i), g(p_i)); whatever the guide finds more similar than that
to the row's anchor takes no part in the row's softmax. The guide's vectors are computed once a text (`with_guide`), so
that a step costs the student alone.

Shapes: text (B, L), text_positive (B, L), text_negative (B, L) token ids with masks; guide_text, guide_text_positive,
guide_text_negative (B, G) the guide's vectors, cached columns. Embeddings (B, D), unit length.
Differs from the paper: the diagonals of query-query and positive-positive are always out, also where the guide finds
query and positive identical (t_i = 1); texts of equal content never repel each other (without ids they do, as there).
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from jointspace.data.batch import joined
from jointspace.data.cache import cache
from jointspace.data.dataset import Dataset
from jointspace.encoders.config import EncoderConfig
from jointspace.errors import ConfigError
from jointspace.nn.heads import linear
from jointspace.nn.pooling import pool
from jointspace.objectives.contrastive import (
    AtMostAsSimilarAs,
    Block,
    Itself,
    MoreSimilarThan,
    SameIds,
    gather_rows,
    own_cost,
)
from jointspace.objectives.contrastive.gather import global_mean, world
from jointspace.objectives.contrastive.guided import own_similarity
from jointspace.objectives.contrastive.ignoring import Rule, moved
from jointspace.objectives.contrastive.positives import Diagonal
from jointspace.objectives.ranking import batch_triplet, triplet
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress

SIDES = {"query": "text", "positive": "text_positive", "negative": "text_negative"}
BLOCKS = {
    "query-positive": ("query", "positive"),
    "query-negative": ("query", "negative"),
    "query-query": ("query", "query"),
    "positive-positive": ("positive", "positive"),
}
NOTED_ROWS = 256  # shares of dropped pairs are logged of so many anchors


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    text: EncoderConfig = field(default_factory=lambda: EncoderConfig(name="minilm"))
    pooling: str = "mean"  # as the base model has it
    dim: PositiveInt | None = None  # None = the encoder's own width, no projection
    temperature: PositiveFloat = 0.01
    temperature_decay: float = Field(default=0.9999, gt=0, le=1)  # a step, down to:
    lowest_temperature: PositiveFloat | None = None  # None = the temperature is fixed
    guided: bool = True  # False: the improved contrastive loss of GTE, the same partition without a guide
    margin: float = Field(default=0.0, ge=0)  # drop where G > t_i - margin; a margin > 0 drops duplicates as well
    margin_kind: Literal["absolute", "relative"] = "absolute"  # relative: G > t_i - |t_i| margin
    query_block: bool = True  # queries against queries
    positive_block: bool = True  # positives against positives
    hard_only: bool = False  # keep only negatives that the student still ranks above its own positive
    triplet_weight: float = Field(default=0.0, ge=0)  # of the guided triplet term
    triplet_margin: PositiveFloat = 0.1
    triplet_mining: Literal["hardest", "mean"] = "hardest"


class Triplets(NamedTuple):
    """One tensor a side, row by row: vectors (B, D) or content ids (B,); negative None = pairs."""

    query: Tensor
    positive: Tensor
    negative: Tensor | None = None

    def gathered(self) -> Triplets:
        """Those of all processes."""
        return Triplets(*(None if side is None else gather_rows(side) for side in self))  # type: ignore[arg-type]


class Guide:
    """What the frozen model says: similarities of the batch, the limit of each row, its rule for a block."""

    def __init__(self, vectors: Triplets, margin: float = 0.0, margin_kind: str = "absolute"):
        sides = [None if v is None else v.detach().to(torch.promote_types(v.dtype, torch.float32)) for v in vectors]
        self.mine = Triplets(*(None if v is None else F.normalize(v, dim=-1) for v in sides))  # type: ignore[arg-type]
        self.all = self.mine.gathered()
        self.threshold = own_similarity(self.mine.query, self.mine.positive)  # t_i (B,)
        self.limit = self.threshold - margin * (self.threshold.abs() if margin_kind == "relative" else 1.0)

    def rule(self, anchor: str, candidate: str) -> MoreSimilarThan:
        return MoreSimilarThan(getattr(self.mine, anchor), getattr(self.all, candidate), self.limit)


def gist_loss(
    student: Triplets,
    guide: Guide | None,
    *,
    temperature: float = 0.01,
    ids: Triplets | None = None,
    query_block: bool = True,
    positive_block: bool = True,
    hard_only: bool = False,
) -> tuple[Tensor, dict[str, float]]:
    """-1/B sum_i log( exp(S_qp[i,i]/T) / sum of exp(S/T) over what row i keeps of its blocks ), and what was dropped.

    student: unit vectors. guide: None = nothing is dropped but an item against itself. ids: content ids; pairs of equal
    content are dropped too. Candidates are those of all processes. Returns the scalar and, by block, the share of pairs
    that the guide drops (`dropped/<block>`), with the share of rows that keep no negative (`dropped/rows`).
    """
    everyone, first = student.gathered(), world()[0] * len(student.query)
    own = own_similarity(student.query, student.positive)
    diagonal = Diagonal(len(own), len(everyone.positive), own.device, first)
    left_out = {"query-query": not query_block, "positive-positive": not positive_block}
    blocks: list[Block] = []
    told: dict[str, Rule] = {}
    for name, (anchor, candidate) in BLOCKS.items():
        x, y = getattr(student, anchor), getattr(everyone, candidate)
        if y is None or left_out.get(name):
            continue
        rules: list[Rule] = [moved(Itself(), rows=first)] if anchor == candidate else []
        if guide is not None:
            told[name] = guide.rule(anchor, candidate)
            rules.append(told[name])
        if hard_only:
            rules.append(AtMostAsSimilarAs(x, y, own.detach()))
        if ids is not None:
            rules += twins(ids, candidate)
        protect = diagonal.tile if name == "query-positive" else None
        blocks.append(Block(x, y, ignore=tuple(rules), protect=protect))
    cost = global_mean(own_cost(blocks, own, temperature, first).mean())
    return cost, shares(told, blocks, diagonal)


def twins(ids: Triplets, candidate: str) -> list[Rule]:
    """Candidates with the content of the row's own query or positive, or whose own query or positive has it."""
    everyone = ids.gathered()
    if candidate == "negative":
        return [SameIds(mine, everyone.negative) for mine in (ids.query, ids.positive)]  # type: ignore[arg-type]
    x, y = (ids.query, everyone.positive) if candidate == "positive" else (ids.positive, everyone.query)
    return [SameIds(ids.query, everyone.query), SameIds(ids.positive, everyone.positive), SameIds(x, y)]


@torch.no_grad()
def shares(told: dict[str, Rule], blocks: list[Block], diagonal: Diagonal) -> dict[str, float]:
    """Share of each block's pairs that the guide drops, and of rows that are left with nothing to tell apart."""
    if not told:
        return {}
    rows = slice(0, min(NOTED_ROWS, diagonal.rows))
    found, left = {}, torch.zeros(rows.stop, dtype=torch.int64, device=diagonal.device)
    for (name, rule), block in zip(told.items(), blocks, strict=True):
        columns = slice(0, block.columns)
        own = diagonal.tile(rows, columns) if name != "query-negative" else None
        dropped = rule(rows, columns)
        assert dropped is not None
        other = torch.ones_like(dropped) if own is None else ~own
        found[f"dropped/{name}"] = float((dropped & other).sum() / other.sum().clamp_min(1))
        left = left + (~dropped & other).sum(1)
    return found | {"dropped/rows": float((left == 0).float().mean())}


def guided_triplet(student: Triplets, guide: Guide, margin: float, mining: str) -> Tensor:
    """Candidates that the guide puts at t_i or above are positives, all others negatives.

    hardest: the positive of lowest and the negative of highest student similarity; mean: their means.
    """
    everyone = student.gathered()
    names = ["positive"] if everyone.negative is None else ["positive", "negative"]
    scores = student.query @ torch.cat([getattr(everyone, name) for name in names]).T  # (B, N)
    similarity = torch.cat([guide.rule("query", name).similarity() for name in names], 1)
    trusted = similarity > guide.threshold[:, None] - 1e-6  # t_i itself, whatever its rounding
    if mining == "hardest":
        return batch_triplet(scores, margin=margin, mining="hardest", positives=trusted)
    positive = (scores * trusted).sum(1) / trusted.sum(1).clamp_min(1)
    negative = (scores * ~trusted).sum(1) / (~trusted).sum(1).clamp_min(1)
    return triplet(positive, negative, margin=margin, ignore=trusted.all(1))


class GISTEmbed(Method):
    """Fine-tune a small text encoder with the help of a frozen guide. Batch fields: see above."""

    Config = Config
    fields: tuple[str, ...] = ("text", "text_positive")  # type: ignore[misc]
    optional_fields: tuple[str, ...] = ("text_negative",)  # type: ignore[misc]

    def __init__(self, config: Config, tower: Tower | None = None):
        """tower: go on with that of a Space, its encoder, pooling and projection; the config's are not looked at."""
        super().__init__(config)
        self.text_encoder = config.text.build("text") if tower is None else tower.encoder
        self.text_projection = linear(self.text_encoder.dim, config.dim) if tower is None else tower.projection
        self.pooling = config.pooling if tower is None else tower.pooling
        self.temperature = config.temperature
        if config.guided:
            self.fields = (*self.fields, "guide_text", "guide_text_positive")
            self.optional_fields = (*self.optional_fields, "guide_text_negative")

    def check_fields(self, data: Dataset) -> None:
        if self.config.guided and "guide_text" not in data.fields and "text" in data.fields:
            raise ConfigError(
                "GISTEmbed needs the guide's vectors (guide_text, guide_text_positive): data.features in a recipe, "
                "with_guide(data, guide) in Python, or guided: false"
            )
        super().check_fields(data)
        if self.config.guided and "text_negative" in data.fields and "guide_text_negative" not in data.fields:
            raise ConfigError("GISTEmbed needs the guide's vectors of text_negative, too: guide_text_negative")

    def before_step(self, progress: Progress) -> None:
        """T_k = max(lowest, T_0 * decay^k), where a lowest temperature is given."""
        if self.config.lowest_temperature is not None:
            decayed = self.config.temperature * self.config.temperature_decay**progress.step
            self.temperature = max(self.config.lowest_temperature, decayed)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """One forward for all sides: they share the encoder, so their texts make one batch."""
        sides = [side for side in SIDES.values() if side in batch]
        ids, mask = joined(batch, sides)  # (S * B, L)
        vectors = F.normalize(self.text_projection(pool(self.text_encoder(ids, mask), self.pooling)), dim=-1)
        embeddings = dict(zip(sides, vectors.chunk(len(sides)), strict=True))
        beside = [name for side in sides for name in (f"guide_{side}", f"{side}_id") if name in batch]
        return embeddings | {name: batch[name] for name in beside}

    def terms(self, **found: Tensor) -> dict[str, Tensor]:
        """The contrastive term, and the guided triplet term where it has a weight."""

        def triplets(form: str) -> Triplets | None:
            sides = [found.get(form.format(side)) for side in SIDES.values()]
            return None if sides[0] is None else Triplets(*sides)  # type: ignore[arg-type]

        c = self.config
        student, vectors = triplets("{}"), triplets("guide_{}")
        assert student is not None
        guide = Guide(vectors, c.margin, c.margin_kind) if c.guided and vectors is not None else None
        loss, self.notes = gist_loss(
            student, guide, temperature=self.temperature, ids=triplets("{}_id"),
            query_block=c.query_block, positive_block=c.positive_block, hard_only=c.hard_only,
        )  # fmt: skip
        terms = {"gist": loss}
        if c.triplet_weight and guide is not None:
            terms["triplet"] = c.triplet_weight * guided_triplet(student, guide, c.triplet_margin, c.triplet_mining)
        return terms

    def space(self) -> Space:
        tower = Tower(self.text_encoder, pooling=self.pooling, projection=self.text_projection)
        return Space(method="gist_embed", normalize=True, text=tower)


def with_guide(data: Dataset, guide: Any, folder: str | Path | None = None, *, batch_size: int = 64) -> Dataset:
    """The data with the guide's vector of every text: columns guide_text, guide_text_positive, guide_text_negative.

    guide: any Space (another tokenizer, another width), or an object that `cache` takes; each text is encoded once and
    kept in `folder`, so neither further epochs nor further runs meet the guide again.
    """
    columns = {f"guide_{side}": (guide, side) for side in SIDES.values() if side in data.fields}
    return cache(data, columns, folder, batch_size=batch_size)


def dropped_pairs(
    data: Dataset, space: Space | None = None, *, rows: int = 500, top: int = 20, margin: float = 0.0
) -> list[dict[str, Any]]:
    """What the guide takes out, most certain first, to be read by a person.

    The first `rows` rows of data with a guide's columns are looked at as one batch. Each entry: anchor, candidate,
    block, guide (its similarity), threshold (t_i), and `student` where a Space is given: how close they are to it now.
    """
    data = data.select(range(min(rows, len(data))))
    sides = {name: side for name, side in SIDES.items() if side in data.fields}
    texts = {name: data.column(side) for name, side in sides.items()}
    guide = Guide(
        Triplets(*(torch.as_tensor(np.stack(data.column(f"guide_{side}"))) for side in sides.values())), margin
    )
    seen = {} if space is None else {name: torch.as_tensor(space.encode(t)) for name, t in texts.items()}
    found: dict[frozenset[str], dict[str, Any]] = {}  # of the same two texts the clearest
    for block, (anchor, candidate) in BLOCKS.items():
        if candidate not in sides:
            continue
        rule, everything = guide.rule(anchor, candidate), slice(0, len(data))
        similarity = rule.similarity()
        for i, j in rule(everything, everything).nonzero().tolist():
            x, y = texts[anchor][i], texts[candidate][j]
            if y in (texts["query"][i], texts["positive"][i]):
                continue  # the row's own texts, not another item
            entry: dict[str, Any] = {"anchor": x, "candidate": y, "block": block}
            entry |= {"guide": float(similarity[i, j]), "threshold": float(guide.threshold[i])}
            if seen:
                entry["student"] = float(seen[anchor][i] @ seen[candidate][j])
            known = found.get(frozenset((x, y)))
            if known is None or _excess(entry) > _excess(known):
                found[frozenset((x, y))] = entry
    return sorted(found.values(), key=_excess, reverse=True)[:top]


def _excess(entry: dict[str, Any]) -> float:
    return entry["guide"] - entry["threshold"]
