"""`world/scenes`: pictures of flat objects with everything that can be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jointspace.world import image, language, noise
from jointspace.world.base import Columns, WorldSet
from jointspace.world.config import WorldConfig
from jointspace.world.language.edits import edited
from jointspace.world.language.entities import called
from jointspace.world.language.fields import FIELDS as TEXTS
from jointspace.world.language.fields import LanguageControls, Told
from jointspace.world.pixels import FIELDS as PIXELS
from jointspace.world.pixels import PixelControls, Seen
from jointspace.world.scene import Scenes, sample


@dataclass(frozen=True)
class SceneControls(WorldConfig, PixelControls, LanguageControls):
    """Those of the scene, of what is made of its picture (`jointspace.world.pixels`) and of its texts
    (`jointspace.world.language.fields`), and `noise_rates`: kinds and rates of the alt-text noise
    (`jointspace.world.noise`)."""

    noise_rates: Mapping[str, float] = field(default_factory=lambda: dict(noise.ALT_TEXT))

    def __post_init__(self) -> None:
        WorldConfig.__post_init__(self)
        PixelControls.__post_init__(self)
        self.check_unlabelled(self)
        LanguageControls.__post_init__(self)
        noise.check_rates(self.noise_rates)


class SceneSet(WorldSet):
    """Pictures of scenes and what is true of them."""

    name = "scenes"
    Controls = SceneControls
    BLOCK = 256
    FIELDS = {
        "image": "the picture, (H, W, 3) uint8",
        "caption": "a true sentence that names every object",
        "alt_text": "the caption with noise as on the web",
        "noise": "kind of noise in alt_text, empty = none",
        "label": "colour and shape of the first object",
        "objects": "attributes of each object",
        "boxes": "x0, y0, x1, y1 of what is visible of each object, pixels",
        "image_2": "another picture, for statements on two",
        "image_edited": "the picture after its edit",
        **PIXELS,
        **TEXTS,
    }
    DEFAULT = ("image", "caption", "alt_text", "noise", "label", "objects", "boxes")

    @property
    def config(self) -> SceneControls:
        return self.controls

    def scenes(self, start: int = 0, stop: int | None = None) -> Scenes:
        """The exact truth of rows start..stop."""
        return sample(self.config, self.seed, np.arange(start, self.n if stop is None else stop))

    def images(self) -> np.ndarray:
        """All pictures (n, H, W, 3) uint8."""
        return self.column("image")

    def captions(self, variant: int = 0) -> list[str]:
        """All captions; another variant says the same in other words."""
        return language.captions(self.scenes(), self.seed, variant)

    def alt_texts(self) -> tuple[list[str], list[str]]:
        """All alt-texts and the kind of noise in each ("" = none)."""
        return self._alt_texts(self.scenes(), np.arange(self.n), self.captions())

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        scenes = sample(self.config, self.seed, indices)
        out: Columns = Seen(scenes, self.config).columns(fields)
        if {"caption", "alt_text", "noise"} & set(fields):
            out["caption"] = language.captions(scenes, self.seed)
        if {"alt_text", "noise"} & set(fields):
            out["alt_text"], out["noise"] = self._alt_texts(scenes, indices, out["caption"])
        told = Told(scenes, self.seed, indices, self.config)
        if "image_2" in fields:
            out["image_2"] = image.render(told.second_scenes)
        if "image_edited" in fields:
            out["image_edited"] = image.render(edited(scenes, told.edits))
        return out | told.columns(fields)

    def _alt_texts(self, scenes: Scenes, indices: np.ndarray, captions: list[str]) -> tuple[list[str], list[str]]:
        def others(keys: np.ndarray) -> list[str]:  # captions of scenes that are in no set of this seed
            return language.captions(sample(self.config, self.seed, keys), self.seed)

        rates = self.config.noise_rates
        names = called(scenes, self.seed) if rates.get("entity") or rates.get("wrong_entity") else None
        return noise.alt_texts(captions, self.seed, rates, indices=indices, others=others, names=names)
