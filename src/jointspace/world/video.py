"""Clips as arrays, and their frames: each frame is one more scene, drawn by `image.render`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.world import image
from jointspace.world.config import WorldConfig
from jointspace.world.motion import EDGE, EDGE_WITH_PARTS, LED, MOTIONS, Paths
from jointspace.world.patches import usual
from jointspace.world.scene import Scenes

_LARGEST = 0.22  # no radius is larger, as a share of the side


@dataclass(frozen=True)
class Clips:
    """B clips: the objects (the first one or two of each scene), what each does (B, 2) and where it is."""

    scenes: Scenes
    motion: np.ndarray
    paths: Paths

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def frames(self) -> int:
        """Frames a clip."""
        return self.paths.x.shape[1]

    def objects(self, i: int) -> list[dict[str, Any]]:
        """Objects of clip i by name, with their motion ("led" = is followed); x, y are those of the first frame."""
        found = self.scenes.objects(i)
        for k, thing in enumerate(found):
            thing["motion"] = "led" if self.motion[i, k] == LED else MOTIONS[self.motion[i, k]]
            thing["x"], thing["y"] = float(self.paths.x[i, 0, k]), float(self.paths.y[i, 0, k])
        return found

    def tracks(self, i: int) -> np.ndarray:
        """(T, objects, 4) float32 x, y, radius, shown (1 or 0) of clip i, shares of the side."""
        p, n = self.paths, self.scenes.count[i]
        return np.stack([p.x[i, :, :n], p.y[i, :, :n], p.radius[i, :, :n], p.shown[i, :, :n]], axis=2).astype(
            np.float32
        )


def edge_of(config: WorldConfig) -> float:
    """Radii from its centre at which an object ends."""
    return EDGE if config.parts == ("none",) else EDGE_WITH_PARTS


def render(clips: Clips, frame: np.ndarray | None = None) -> np.ndarray:
    """(B, T, H, W, 3) uint8; with `frame` (B,), only that frame of each clip: (B, H, W, 3)."""
    scenes, pad, size = _frames(clips, frame)
    pictures = image.render(scenes)[:, pad : pad + size, pad : pad + size]
    return pictures if frame is not None else pictures.reshape(len(clips), -1, *pictures.shape[1:])


def boxes(clips: Clips) -> np.ndarray:
    """(B, T, 2, 4) int32 x0, y0, x1, y1 in pixels (x1, y1 exclusive) of what is seen; zeros where nothing is."""
    scenes, pad, size = _frames(clips, None)
    mask = image.masks(scenes)[:, :, pad : pad + size, pad : pad + size]
    found = np.zeros((len(clips) * clips.frames, 2, 4), dtype=np.int32)
    found[:, : mask.shape[1]] = image.boxes(mask)[:, :2]
    return found.reshape(len(clips), clips.frames, 2, 4)


def _frames(clips: Clips, frame: np.ndarray | None) -> tuple[Scenes, int, int]:
    """All frames as scenes with room around the picture, where objects wait unseen: scenes, that margin, the side."""
    size = clips.scenes.config.size
    hidden = edge_of(clips.scenes.config) * usual(clips.scenes)  # so far outside nothing is seen
    pad = int(np.ceil(hidden * size)) + 2
    whole = size + 2 * pad
    times = np.arange(clips.frames)[None] if frame is None else np.asarray(frame)[:, None]
    b, t = len(clips), times.shape[1]
    rows = np.arange(b)[:, None]

    def moved(kept: np.ndarray, new: np.ndarray) -> np.ndarray:
        out = np.repeat(kept, t, axis=0)
        out[:, :2] = new[rows, times].reshape(b * t, 2)
        return out

    p = clips.paths
    x = (np.where(p.shown, p.x, -hidden) * size + pad) / whole
    y = (np.where(p.shown, p.y, -hidden) * size + pad) / whole
    arrays = {
        f.name: np.repeat(getattr(clips.scenes, f.name), t, axis=0)
        for f in dataclasses.fields(clips.scenes)
        if isinstance(getattr(clips.scenes, f.name), np.ndarray)
    }
    arrays["x"], arrays["y"] = moved(clips.scenes.x, x), moved(clips.scenes.y, y)
    arrays["radius"] = moved(clips.scenes.radius, p.radius) * (size / whole)
    arrays["radius"][:, 2:] = _LARGEST * size / whole  # never drawn: the renderer's room must not depend on the block
    config = dataclasses.replace(clips.scenes.config, size=whole)
    return dataclasses.replace(clips.scenes, config=config, **arrays), pad, size
