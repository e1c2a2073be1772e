"""How a scene is drawn: plainly, as a sketch, at night, or with the shadows and shading of a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.world.patches import Patch
from jointspace.world.scene import Scenes


@dataclass(frozen=True)
class Style:
    """ground, ink: gain of each channel and what is added, for background and objects. outline: darkness 0..1 of a line
    along the border. shadow: darkness of the ground around an object. shade: strength of the light from above left.
    vignette: darkness of the corners."""

    ground: tuple[float, ...] = (1, 1, 1, 0)
    ink: tuple[float, ...] = (1, 1, 1, 0)
    outline: float = 0.0
    shadow: float = 0.0
    shade: float = 0.0
    vignette: float = 0.0


LOOK = {
    "plain": Style(),
    "sketch": Style(ground=(0.2, 0.2, 0.2, 196), ink=(0.62, 0.62, 0.62, 92), outline=0.85),
    "night": Style(ground=(0.2, 0.22, 0.34, 0), ink=(0.8, 0.8, 0.92, 0)),
    "photo": Style(ground=(0.92, 0.92, 0.88, 0), shadow=0.45, shade=0.3, vignette=0.35),
}


class Styled:
    """The styles of a block of scenes; each method changes pixels (float, 0..255) of the rows it is given in place."""

    def __init__(self, scenes: Scenes):
        self.style = scenes.style
        looks = [LOOK[name] for name in scenes.config.styles]
        self.plain = all(look == LOOK["plain"] for look in looks)
        self.ground = np.array([look.ground for look in looks], dtype=np.float32)
        self.ink = np.array([look.ink for look in looks], dtype=np.float32)
        self.values = np.array([(k.outline, k.shadow, k.shade, k.vignette) for k in looks], dtype=np.float32)
        self.pen = max(1.0, scenes.config.size / 40)

    def on_ground(self, pixels: np.ndarray) -> None:
        if self.plain:
            return
        look = self.ground[self.style][:, None, None]
        pixels *= look[..., :3]
        pixels += look[..., 3:]
        dark = self.values[self.style, 3]
        if dark.any():
            line = np.linspace(-1, 1, pixels.shape[1], dtype=np.float32) ** 2
            pixels *= 1 - dark[:, None, None, None] * 0.5 * (line[:, None] + line)[None, :, :, None]

    def on_ink(self, ink: np.ndarray, patch: Patch) -> None:
        if self.plain:
            return
        style = self.style[patch.rows]
        look = self.ink[style][:, None, None]
        ink *= look[..., :3]
        ink += look[..., 3:]
        outline, _, shade, _ = (self.values[style, j, None, None] for j in range(4))
        if shade.any():
            ink *= (1 - shade * np.clip(0.7 * (patch.u + patch.v), -1, 1))[..., None]
        if outline.any():
            line = outline * np.clip(patch.distance + self.pen + 0.5, 0, 1)
            ink *= 1 - line[..., None]

    def shadow(self, patch: Patch, scale: np.ndarray) -> np.ndarray | None:
        """(N, S, S) factor of what lies beneath, None if nothing casts a shadow. scale (N,): radius in pixels."""
        dark = self.values[self.style[patch.rows], 1]
        if not dark.any():
            return None
        reach = (0.3 * scale).astype(np.float32)[:, None, None]
        return 1 - dark[:, None, None] * np.clip(1 - patch.distance / reach, 0, 1) ** 2
