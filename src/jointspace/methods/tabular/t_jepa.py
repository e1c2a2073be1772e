"""T-JEPA: a row encoder learnt without labels and without row augmentation; columns predict columns in latent space.

Thimonier, De Melo Costa, Popineau, Rimmel, Doan, "T-JEPA: Augmentation-Free Self-Supervised Learning for Tabular Data",
ICLR 2025, arXiv 2410.05016. Official code: jose-melo/t-jepa (MIT).

Idea: a row is a sequence of feature tokens. The context encoder sees a few of them; from its answer a narrow predictor
says what a slow copy of the encoder, which sees the whole row, says of other features of the same row. A learnt token
[REG], which never stands for a column and is never predicted, keeps the representation from collapsing.

Shapes: table (B, d), d features; R tokens [REG]. Context C: n_ctx features a row; targets T_1 .. T_M: n_tgt features a
row each, outside C. Tokens (B, R + d, H); predictions z and targets h (B, M, n_tgt, H).
Parts elsewhere: scales and categories `data/table_processor`, masks `data/masking`, tokenizer and encoder
`encoders/table/transformer`, predictors `nn/masked`, EMA teacher `nn/ema`, loss `objectives/latent`.
The Space is the EMA teacher on whole rows: `dense` = mean of the feature tokens (search), `features` = all tokens side
by side (probes), `tokens` = (R + d, H) a row.
Differs from the paper: pre-training sees the training rows only. Differs from the official code, which departs from the
paper: [REG] is never a context or target column and the last column takes part; the M targets of a row are different
sets; targets are encoded without dropout.
"""

from __future__ import annotations

from dataclasses import field

import torch
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from jointspace.data import draws
from jointspace.data.dataset import Dataset
from jointspace.data.masking import context_and_target_sizes, context_and_targets
from jointspace.encoders.registry import build
from jointspace.encoders.table.transformer import TableTransformer
from jointspace.errors import ConfigError, DataError, nearest
from jointspace.nn.ema import EMA
from jointspace.nn.masked import MaskTokenPredictor, PlacePredictor, take_tokens
from jointspace.nn.token_heads import FlattenTokens, MeanOfTokens
from jointspace.objectives.latent import latent_regression
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Progress

PREDICTORS = ("transformer", "mlp")


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    width: PositiveInt = 64  # H; this and the next ones: the published setting for jannis
    layers: PositiveInt = 16
    heads: PositiveInt = 2
    feed_forward: PositiveInt = 64
    dropout: NonNegativeFloat = 0.0019
    regs: NonNegativeInt = 1  # R, number of tokens [REG]; 0 = the ablation
    regs_to_predictor: bool = True  # False: the predictor does not see [REG]
    type_embedding: bool = True  # numeric or categorical, where the table has both
    column_embedding: bool = False
    predictor: str = "transformer"  # or mlp: one a column, on the flattened context
    predictor_width: PositiveInt = 16  # P
    predictor_layers: PositiveInt = 16
    predictor_heads: PositiveInt = 4
    predictor_feed_forward: PositiveInt = 256
    context: tuple[float, float] = (0.136, 0.368)  # smallest and largest share of the features that are seen
    target: tuple[float, float] = (0.156, 0.622)  # likewise that are predicted at a time
    targets: PositiveInt = 4  # M, sets a row
    momentum: float = Field(default=0.996, ge=0.0, le=1.0)  # of the teacher at the first step; linear to 1 at the last
    clamp: NonNegativeFloat = 1.0  # entries of the context encoder's gradient; 0 = never
    columns: list[str] | None = None  # which, in order; None = all of the field `table`
    categorical: list[str] = field(default_factory=list)  # columns of numbers that are codes
    scaling: str = "min_max"  # of numbers; or standard

    def __post_init__(self) -> None:
        if self.predictor not in PREDICTORS:
            raise ConfigError(f"predictor: none is called {self.predictor!r}{nearest(self.predictor, PREDICTORS)}")
        for name, (low, high) in (("context", self.context), ("target", self.target)):
            if not 0 < low <= high < 1:
                raise ConfigError(f"{name}: shares must be 0 < smallest <= largest < 1, got {low}, {high}")


class TJEPA(Method):
    """Learn to encode the rows of a table. Batch field: table."""

    Config = Config
    fields = ("table",)
    contrastive = False

    def __init__(self, config: Config):
        super().__init__(config)
        c = config
        names = ("width", "layers", "heads", "feed_forward", "dropout", "regs", "type_embedding", "column_embedding")
        made = build(
            "table-transformer", "table", columns=c.columns, categorical=c.categorical, scaling=c.scaling,
            **{name: getattr(c, name) for name in names},
        )  # fmt: skip
        assert isinstance(made, TableTransformer)
        self.encoder = made
        self.target: EMA | None = None
        self.predictor: MaskTokenPredictor | PlacePredictor | None = None
        self.lot = 0  # of this step: what is drawn for a row follows from it and the row's number

    def prepare(self, data: Dataset) -> None:
        """Columns, scales and categories from the training rows, then the teacher and the predictor over them."""
        c, encoder = self.config, self.encoder
        if not encoder.processor.fitted:
            encoder.processor.fit_columns(data, "table")
            encoder.after_fit()
        try:
            context_and_target_sizes(0, encoder.features, c.context, c.target)
        except ValueError as error:
            raise DataError(f"{data.name}: too few columns to predict some from others: {error}") from None
        if self.target is None:
            self.target = EMA(encoder, momentum=lambda fraction: c.momentum + (1.0 - c.momentum) * fraction)
        if self.predictor is None:
            length = c.regs + encoder.features
            if c.predictor == "mlp":
                self.predictor = PlacePredictor(c.width, c.predictor_width, length)
            else:
                self.predictor = MaskTokenPredictor(
                    c.width, c.predictor_width, length, heads=c.predictor_heads, layers=c.predictor_layers,
                    feed_forward=c.predictor_feed_forward, dropout=c.dropout,
                )  # fmt: skip

    def before_step(self, progress: Progress) -> None:
        self.lot = int(torch.randint(2**62, ()))  # the run seeds every step

    def masks(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Places of the context (B, R + n_ctx) and of the targets (B, M, n_tgt) among the R + d tokens of each row.

        Sizes are shared by the batch, columns are each row's own. [REG] always is context, never target.
        """
        c, lot = self.config, self.lot if self.training else 0
        seen, hidden = context_and_target_sizes(lot, self.encoder.features, c.context, c.target)
        keys = draws.key(lot, "mask", rows.cpu().numpy())
        context, targets = context_and_targets(keys, self.encoder.features, seen, hidden, c.targets)
        regs = torch.arange(c.regs).expand(len(rows), -1)
        places = torch.cat([regs, torch.from_numpy(context) + c.regs], dim=1)
        return places.to(rows.device), (torch.from_numpy(targets) + c.regs).to(rows.device)

    def encode_context(self, table: Tensor, places: Tensor) -> Tensor:
        """(B, R + n_ctx, H): what is not context is taken out before the encoder."""
        return self.encoder.transformer(take_tokens(self.encoder.tokenize(table), places))[0]

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        assert self.target is not None and self.predictor is not None, "prepare comes first"
        places, targets = self.masks(batch["row"])
        context = self.encode_context(batch["table"], places)
        if not self.config.regs_to_predictor:
            context, places = context[:, self.config.regs :], places[:, self.config.regs :]
        whole = self.target(batch["table"]).tokens  # (B, R + d, H), the full row; masked after the encoder
        return {"prediction": self.predictor(context, places, targets), "target": take_tokens(whole, targets)}

    def terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"latent": latent_regression(prediction, target)}

    def after_backward(self, progress: Progress) -> None:
        for parameter in self.encoder.parameters():
            if self.config.clamp and parameter.grad is not None:
                parameter.grad.clamp_(-self.config.clamp, self.config.clamp)

    def after_step(self, progress: Progress) -> None:
        assert self.target is not None
        self.target.update(self.encoder, progress)

    def space(self) -> Space:
        assert self.target is not None, "prepare comes first"
        teacher: nn.Module = self.target.module
        assert isinstance(teacher, TableTransformer)
        tokens, width = teacher.regs + teacher.features, teacher.dim
        mean = MeanOfTokens(tokens, width, teacher.regs)
        # what all rows share (positions, biases) is most of a mean of tokens: cosines would all be near 1
        tower = Tower(teacher, pooling=FlattenTokens(tokens, width), projection=mean, scorer="euclidean")
        return Space(method="t-jepa", normalize=False, table=tower)
