"""XBT: a new vision-language Space that searches the gallery of an old one, text to image and image to text.

"Towards Cross-modal Backward-compatible Representation Learning for Vision-Language Models", Jang and Lim, ICCV 2025,
arXiv 2405.14715. A module phi maps the new Space's vectors to the old one's. Stage 1 learns it from texts alone, with
Gaussian noise on the new vectors so that it holds for pictures too; stage 2 adapts the new towers by LoRA on few pairs,
towards pseudo-old text vectors that the new Space makes itself: the old model is not needed any more.

Shapes: new vectors (B, d_n), old vectors (B, d_o), phi: d_n -> d_o at unit length.
Differs from the paper: loss, noise scale and shape of phi are not published; those here are the sheet's choices.
"""

from __future__ import annotations

import copy
import re
from dataclasses import field
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from jointspace.nn.lora import add_lora, merge
from jointspace.nn.noise import VectorNoise
from jointspace.nn.procrustes import procrustes
from jointspace.nn.registry import register
from jointspace.nn.temperature import Temperature
from jointspace.objectives.contrastive import info_nce
from jointspace.space import Space, Tower
from jointspace.training.config import TrainingConfig
from jointspace.training.groups import LORA_PATTERN
from jointspace.training.method import Batch, Method, Progress


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    noise: NonNegativeFloat = 1.0  # r_max: noise of up to so many times the vector's length; 0 = none
    cosine_weight: NonNegativeFloat = 1.0  # of 1 - cos(phi(x), y) beside the contrastive loss of stage 1
    beta: NonNegativeFloat = 0.1  # of 1 - cos between a pair's two mapped vectors in stage 2
    temperature: PositiveFloat = 0.07
    learn_temperature: str = "log"
    anchors: int = 2000  # texts that the start of phi is fitted on (Procrustes)
    lora: dict[str, Any] = field(default_factory=lambda: {"rank": 8, "alpha": 16.0, "dropout": 0.0})


def stage_1_training(**fields: Any) -> TrainingConfig:
    """20 epochs of batches of 512, AdamW 1e-3, cosine."""
    usual = dict(epochs=20, batch_size=512, learning_rate=1e-3, weight_decay=0.01, lr_scheduler_type="cosine")
    return _training(usual, fields)


def stage_2_training(**fields: Any) -> TrainingConfig:
    """3 epochs of batches of 128, 2e-4 for the adapters and half of it for phi."""
    groups = [{"params": r"^phi\.", "lr_factor": 0.5}]
    usual = dict(epochs=3, batch_size=128, learning_rate=2e-4, weight_decay=0.01, parameter_groups=groups)
    return _training(usual, fields)


def _training(usual: dict[str, Any], fields: dict[str, Any]) -> TrainingConfig:
    if "steps" in fields:
        usual.pop("epochs")
    return TrainingConfig(**{"save_steps": 0, **usual, **fields})


@register
class Phi(nn.Module):
    """(B, d_n) at unit length -> (B, d_o) at unit length: a perceptron beside a linear skip.

    Its last layer starts at 0, so that phi starts as the skip, and `fit_skip` makes that the best isometry.
    """

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.width, self.dim = width, dim
        self.skip = nn.Linear(width, dim, bias=False)
        last = nn.Linear(4 * dim, dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * dim), nn.GELU(), nn.LayerNorm(4 * dim), last)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.skip(x) + self.mlp(x), dim=-1)

    @torch.no_grad()
    def fit_skip(self, x: Tensor, y: Tensor) -> None:
        """Start from the orthogonal map that takes x (N, d_n) onto y (N, d_o)."""
        self.skip.weight.copy_(procrustes(x, y).T)

    def config(self) -> dict[str, Any]:
        return {"width": self.width, "dim": self.dim}


@register
class Mapped(nn.Module):
    """A tower's own projection, its unit length, then phi."""

    def __init__(self, projection: Any, phi: Any):
        from jointspace.nn.registry import from_config

        super().__init__()
        self.projection: nn.Module = from_config(projection) if isinstance(projection, dict) else projection
        self.phi: nn.Module = from_config(phi) if isinstance(phi, dict) else phi
        self._dim = int(self.phi.config()["dim"])  # type: ignore[operator]

    @property
    def dim(self) -> int:
        return self._dim

    def forward(self, x: Tensor) -> Tensor:
        return self.phi(F.normalize(self.projection(x), dim=-1))

    def config(self) -> dict[str, Any]:
        from jointspace.nn.registry import to_config

        return {"projection": to_config(self.projection), "phi": to_config(self.phi)}


class TextProjection(Method):
    """Stage 1: phi from texts alone, on vectors of both Spaces that were computed once (`old_text`, `new_text`)."""

    Config = Config
    fields = ("new_text", "old_text")

    def __init__(self, config: Any, new: Space, phi: Phi):
        super().__init__(config)
        self._new = (new,)  # plain: its weights are no part of this method
        self.phi, self.noise = phi, VectorNoise((0.0, config.noise))
        self.temperature = Temperature(config.temperature, learn=config.learn_temperature)

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        return {"mapped": self.phi(self.noise(batch["new_text"])), "old": F.normalize(batch["old_text"], dim=-1)}

    def terms(self, mapped: Tensor, old: Tensor) -> dict[str, Tensor]:
        contrast = info_nce(mapped, old, temperature=self.temperature(), symmetric=True, gather=True)
        return {"contrast": contrast, "cosine": self.config.cosine_weight * (1 - (mapped * old).sum(-1).mean())}

    def after_step(self, progress: Progress) -> None:
        self.temperature.clamp_()

    def space(self) -> Space:
        return mapped_space(self._new[0], self.phi)


class PairAdaptation(Method):
    """Stage 2: adapters in the new towers and phi, from pairs; targets are the pseudo-old text vectors (`target`).

    Every linear layer of the encoders' blocks and of the projections gets an adapter; the weights below stay as they
    are. `new` is worked on in place: hand over a copy.
    """

    Config = Config
    fields = ("image", "text", "target")

    def __init__(self, config: Any, new: Space, phi: Phi):
        super().__init__(config)
        self._new = (new,)  # plain: its parts are registered under their own names
        self.phi = phi
        self.image_encoder, self.text_encoder = (new.tower(name).encoder for name in ("image", "text"))
        self.projections = nn.ModuleDict({name: new.tower(name).projection for name in ("image", "text")})
        linears = re.compile(LORA_PATTERN)
        for module in (self.image_encoder, self.text_encoder, self.projections):
            inner = module is self.projections
            names = [n for n, layer in module.named_modules() if n and type(layer) is nn.Linear]
            names = [n for n in names if inner or linears.search(n)]
            module.requires_grad_(False)
            if names:
                add_lora(module, "^(" + "|".join(map(re.escape, names)) + ")$", **config.lora)
        self.temperature = Temperature(config.temperature, learn="fixed")

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        vectors = {"target": F.normalize(batch["target"], dim=-1)}
        for name in ("image", "text"):
            features, _ = self._new[0].tower(name)(batch[name], batch.get(f"{name}_mask"), output="features")
            vectors[name] = self.phi(F.normalize(self.projections[name](features), dim=-1))
            vectors[f"{name}_id"] = batch[f"{name}_id"]
        return vectors

    def terms(
        self, image: Tensor, text: Tensor, target: Tensor, image_id: Tensor, text_id: Tensor
    ) -> dict[str, Tensor]:
        options: dict[str, Any] = dict(temperature=self.temperature(), key_ids=text_id, gather=True)
        return {
            "image": info_nce(image, target, query_ids=image_id, **options),
            "text": info_nce(text, target, query_ids=text_id, **options),
            "pair": self.config.beta * (1 - (image * text).sum(-1).mean()),
        }

    def space(self) -> Space:
        """Adapters are merged into copies of the weights."""
        new = copy.deepcopy(self._new[0])
        for name in ("image", "text"):
            new.tower(name).projection = copy.deepcopy(self.projections[name])
        merge(new)
        return mapped_space(new, self.phi)


def mapped_space(new: Space, phi: Phi) -> Space:
    """The new Space with phi behind every projection; encoders are shared, nothing of `new` changes."""
    towers = {}
    for name, tower in new.towers.items():
        assert isinstance(tower, Tower)
        mapped = copy.copy(tower)
        mapped._modules = dict(tower._modules)
        mapped.projection = Mapped(tower.projection, phi)
        towers[name] = mapped
    return Space(
        method="xbt", normalize=True, prompts=new.prompts, default_prompt=new.default_prompt,
        metadata=dict(new.metadata), **towers,
    )  # fmt: skip
