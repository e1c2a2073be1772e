"""IRWE: identity and position of a node from random walks, for nodes and graphs never seen as well.

Qin and Yeung, "IRWE: Inductive Random Walk for Joint Inference of Identity and Position Network Embedding",
arXiv 2401.00651. No official code; the sheet this follows had title page and abstract only, so forms are choices.

Idea: the anonymous walks and degrees met from a node tell which part it plays (identity psi), the nodes met tell where
it is (position gamma). Identities act like words and walks like sentences for a transformer, so that both are learnt
together. Nothing is learnt a node: new nodes and graphs are embedded by the same weights.

Three losses, an update each a step. L_phi: an auto-encoder of anonymous walks. L_psi: psi gives back the statistics
[s || delta]. L_gamma: skip-gram between gamma and a context embedding over pairs weighted by P = mean (D^-1 A)^t; its
gradient also flows into psi (`joint`).

Shapes: graph (B, R, L) walks read, as rows of shared_graph_statistics (U, F) and shared_graph_code (U, C);
graph_context, graph_noise (B, R, L); graph_weight (B, B). psi, gamma (B, dim).
Parts elsewhere: walks `data/walks`, statistics `data/walk_statistics`, modules `encoders/graph/walks`.
Differs from the paper: unknown in detail. Log-spaced degree buckets; P is estimated on the walks; one learning rate;
`code_dim` may be wider than `dim`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from jointspace.encoders.config import EncoderConfig
from jointspace.encoders.graph.walks import Readout, WalkEncoder
from jointspace.nn.heads import Part, ProjectionHead
from jointspace.objectives.skip_gram import skip_gram_loss
from jointspace.space import Space, Tower
from jointspace.training.method import Batch, Method, Phase


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    dim: PositiveInt = 64  # of each of the two embeddings
    heads: PositiveInt = 4
    layers: PositiveInt = 1  # of the transformer over walks
    length: PositiveInt = 5  # steps of a walk; paper 4 to 9
    walks: PositiveInt = 1000  # walks a node that statistics are counted on
    read: PositiveInt = 5  # of these, walks read as sentences
    buckets: PositiveInt = 16  # of degrees
    bucket_scale: str = "log"  # or linear
    max_walks: PositiveInt = 1000  # anonymous walks kept
    code_dim: PositiveInt | None = None  # width of the global code; None = dim
    walk_seed: int = 0
    alpha: NonNegativeFloat = 1.0  # weight of the degrees in L_psi
    temperature: PositiveFloat = 1.0
    negatives: PositiveInt = 5  # noise nodes that count against each pair
    walk_updates: PositiveInt = 5  # updates of L_phi a step
    joint: bool = True  # the gradient of L_gamma flows into psi
    walk_attention: bool = True  # ablations: False leaves this part out
    degrees: bool = True
    global_code: bool = True
    local_code: bool = True


class IRWE(Method):
    """Learn identity and position of the nodes of a graph. Batch fields: graph and what its processor adds."""

    Config = Config
    fields = ("graph",)

    def __init__(self, config: Config):
        super().__init__(config)
        c = config
        options = {k: getattr(c, k) for k in _WALKS}
        encoder = EncoderConfig(name="walks", width=c.dim, seed=c.walk_seed, **options).build("graph")
        assert isinstance(encoder, WalkEncoder)
        self.encoder = encoder
        s = encoder.processor.settings
        self.walk_decoder = ProjectionHead(c.dim, s.places**2, 2 * c.dim)
        self.identity_decoder = ProjectionHead(c.dim, s.features, 4 * c.dim)
        self.context_readout = Readout(c.dim, s.code_dim, c.heads, c.global_code)  # in training only

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        terms = {}
        if self.wants("walks"):
            terms["walks"] = self.walk_loss()
        if self.wants("identity"):
            terms["identity"] = self.identity_loss(batch["shared_graph_statistics"][batch["graph"][:, 0, 0]])
        if self.wants("position"):
            terms["position"] = self.terms(**self.embed(batch))["position"]
        return terms

    def walk_loss(self) -> Tensor:
        """L_phi: mean squared error of rho, over the anonymous walks in use."""
        rho = self.encoder.rho[self.encoder.used]
        return F.mse_loss(torch.sigmoid(self.walk_decoder(self.encoder.walk_encoder(rho))), rho)

    def identity_loss(self, statistics: Tensor) -> Tensor:
        """L_psi of some nodes (n, F): both blocks at unit mean square, degrees with weight alpha."""
        error = self.identity_decoder(self.encoder.identity(statistics)) - self.encoder.scaled(statistics)
        slots = len(self.encoder.used)
        return error[:, :slots].square().mean() + self.config.alpha * error[:, slots:].square().mean()

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        psi = self.encoder.identity(batch["shared_graph_statistics"])  # (U, dim)
        if not self.config.joint:
            psi = psi.detach()
        x, code = batch["graph"], batch["shared_graph_code"]
        others = [name for name in ("context", "noise") if f"graph_{name}" in batch]  # in training
        walks = [x, *(batch[f"graph_{name}"] for name in others)]  # (B, R, L) each
        own, *said = self.sentences(torch.cat(walks), psi).split(len(x))
        made = {
            "identity": psi[x[:, 0, 0]],
            "position": self.encoder.position(x, own, code, self.encoder.position_readout),  # (B, dim)
        }
        for name, walk, words in zip(others, walks[1:], said, strict=True):
            made[name] = self.encoder.position(walk, words, code, self.context_readout)  # (B, dim)
        return made | {"weight": batch["graph_weight"]} if others else made

    def sentences(self, x: Tensor, psi: Tensor) -> Tensor:
        """gbar of walks (n, R, L): (n, R, dim); a node that stands in several rows is read once."""
        nodes, row = torch.unique(x[:, 0, 0], return_inverse=True)
        first = torch.zeros_like(nodes).scatter(0, row, torch.arange(len(x), device=x.device))
        return self.encoder.sentences(x[first], psi)[row]

    def terms(
        self, identity: Tensor, position: Tensor, context: Tensor, noise: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """L_gamma: every context of the batch by its weight, every noise node of the batch as negatives / B."""
        scores = position / self.config.temperature
        share = self.config.negatives / len(noise)
        return {
            "position": skip_gram_loss(
                scores @ context.T, scores @ noise.T, positive_weight=weight, negative_weight=share
            )
        }

    def phases(self) -> list[Phase]:
        own = r"^(encoder\.(sentence|position)|context)"
        return [
            Phase(params=r"(walk_encoder|identity)", terms=("identity",)),
            Phase(params=r"walk_(en|de)coder", terms=("walks",), times=self.config.walk_updates, same_batch=True),
            Phase(
                params=rf"{own}|^encoder\." if self.config.joint else own,
                terms=("position",),
                same_batch=True,
            ),
        ]

    def space(self) -> Space:
        dim = self.config.dim
        heads: dict[str, nn.Module] = {
            "identity": Part(0, dim),
            "position": Part(dim, 2 * dim, comparable="graph"),
        }
        both = Part(0, 2 * dim, comparable="graph")
        return Space(method="irwe", graph=Tower(self.encoder, projection=both, heads=heads))


_WALKS = (
    "heads", "layers", "length", "walks", "read", "buckets", "bucket_scale", "max_walks", "code_dim",
    "walk_attention", "degrees", "global_code", "local_code",
)  # fmt: skip
