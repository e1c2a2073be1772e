"""Sets of the world: indexable rows that are made when asked for and never stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.world import image, language, noise
from jointspace.world.config import WorldConfig, read_controls
from jointspace.world.scene import Scenes, sample

BLOCK = 256


class SceneSet(Sequence[dict[str, Any]]):
    """n scenes as rows with the fields `image` (H, W, 3) uint8, `caption`, `alt_text`, `noise`, `label` (class name of
    the first object, "red star"), `objects` (list of attribute dicts) and `boxes` (K, 4).

    `noise_rates`: kinds and rates of the alt-text noise (`jointspace.world.noise`).
    """

    fields = ("image", "caption", "alt_text", "noise", "label", "objects", "boxes")

    def __init__(self, n: int, seed: int, config: WorldConfig, noise_rates: dict[str, float] | None = None):
        if n < 1:
            raise ConfigError(f"world/scenes: n must be at least 1, got {n}")
        self.n, self.seed, self.config = n, seed, config
        self.noise_rates = dict(noise.ALT_TEXT if noise_rates is None else noise_rates)
        self._block: tuple[int, list[dict[str, Any]]] | None = None

    def __len__(self) -> int:
        return self.n

    def scenes(self, start: int = 0, stop: int | None = None) -> Scenes:
        """The exact truth of rows start..stop."""
        return sample(self.config, self.seed, np.arange(start, self.n if stop is None else stop))

    def images(self) -> np.ndarray:
        """All pictures (n, H, W, 3) uint8."""
        return np.concatenate([image.render(self.scenes(s, min(s + BLOCK, self.n))) for s in range(0, self.n, BLOCK)])

    def captions(self, variant: int = 0) -> list[str]:
        """All captions; another variant says the same in other words."""
        return language.captions(self.scenes(), self.seed, variant)

    def alt_texts(self) -> tuple[list[str], list[str]]:
        """All alt-texts and the kind of noise in each ("" = none)."""
        return noise.alt_texts(self.captions(), self.seed, self.noise_rates)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.n))]
        i = range(self.n)[index]
        start = i - i % BLOCK
        if self._block is None or self._block[0] != start:
            self._block = (start, self._rows(start, min(start + BLOCK, self.n)))
        return self._block[1][i - start]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self.n))

    def _rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        scenes = self.scenes(start, stop)
        pictures, boxes = image.render(scenes), image.boxes(image.masks(scenes))
        texts, kinds = self.alt_texts()
        said = language.captions(scenes, self.seed)
        rows = []
        for j in range(stop - start):
            things = scenes.objects(j)
            rows.append(
                {
                    "image": pictures[j],
                    "caption": said[j],
                    "alt_text": texts[start + j],
                    "noise": kinds[start + j],
                    "label": f"{things[0]['colour']} {things[0]['shape']}",
                    "objects": things,
                    "boxes": boxes[j, : len(things)].tolist(),
                }
            )
        return rows


def scenes(n: int = 1000, seed: int = 0, **controls: Any) -> SceneSet:
    """Scenes of 1 to 3 flat objects; controls are fields of `WorldConfig`, and `noise_rates`."""
    rates = controls.pop("noise_rates", None)
    if rates is not None and not isinstance(rates, dict):
        raise ConfigError(
            f"world/scenes: noise_rates must be a table of kinds, got {rates!r}{nearest('', noise.KINDS)}"
        )
    return SceneSet(n, seed, read_controls(controls), rates)
