"""`world/clips`: short clips of one or two moving objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, uniform
from jointspace.errors import ConfigError
from jointspace.world import motion_words, video
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.config import COLOURS, SHAPES, WorldConfig
from jointspace.world.motion import LED, MOTIONS, NUMBER, TOGETHER, choose, paths
from jointspace.world.scene import sample
from jointspace.world.video import Clips


@dataclass(frozen=True)
class ClipControls:
    """frames: pictures a clip; size: pixels of their side. objects: least and most objects, within 1 to 2. motions,
    shapes, colours, sizes, textures, parts, backgrounds: what may occur; clutter: strength of the background, 0..1.

    both_move: probability that the second object moves on its own instead of standing still. told: share of the clips
    whose caption names the motion. held_out: (colour, shape) pairs that never occur; held_out_motions: (motion, shape)
    pairs that never occur. `only_held_out`, `only_held_out_motions` turn them round for the first object.
    """

    frames: int = 8
    size: int = 32
    objects: tuple[int, int] = (1, 2)
    motions: tuple[str, ...] = MOTIONS
    shapes: tuple[str, ...] = SHAPES
    colours: tuple[str, ...] = tuple(COLOURS)
    sizes: tuple[str, ...] = ("small", "large")
    textures: tuple[str, ...] = ("plain", "striped", "dotted", "checked")
    parts: tuple[str, ...] = ("none",)
    backgrounds: tuple[str, ...] = ("plain",)
    clutter: float = 0.5
    both_move: float = 0.25
    told: float = 1.0
    held_out: tuple[tuple[str, str], ...] = ()
    only_held_out: bool = False
    held_out_motions: tuple[tuple[str, str], ...] = ()
    only_held_out_motions: bool = False

    def __post_init__(self) -> None:
        check_range("clips", "frames", self.frames, 4, 64)
        check_range("clips", "objects", max(self.objects), 1, 2)
        check_range("clips", "both_move", self.both_move, 0, 1)
        check_range("clips", "told", self.told, 0, 1)
        check_names("clips", "motions", self.motions, MOTIONS)
        _ = self.scene  # the rest is checked by the scene's own controls
        self._check_held_out()

    def _check_held_out(self) -> None:
        for colour, shape in self.held_out:
            if colour not in self.colours or shape not in self.shapes:
                raise ConfigError(f"world/clips: held_out: ({colour}, {shape}) is no (colour, shape) in use")
        for motion, shape in self.held_out_motions:
            if motion not in self.motions or shape not in self.shapes:
                raise ConfigError(f"world/clips: held_out_motions: ({motion}, {shape}) is no (motion, shape) in use")
        if self.only_held_out_motions and not self.held_out_motions:
            raise ConfigError("world/clips: only_held_out_motions needs held_out_motions pairs")
        if self.only_held_out_motions and self.only_held_out:
            raise ConfigError("world/clips: only_held_out and only_held_out_motions cannot both hold: choose one")
        if self.only_held_out_motions:
            if not self.first.any():
                raise ConfigError("world/clips: objects leave no pair of held_out_motions possible")
            return
        for what, table in (("any motion", self.first), ("a motion of its own", self.second)):
            for shape, row in zip(self.shapes, table, strict=True):
                if not row.any():
                    raise ConfigError(f"world/clips: the controls leave no {shape} {what}")

    @property
    def scene(self) -> WorldConfig:
        """The same as controls of a scene."""
        names = ("size", "objects", "shapes", "colours", "sizes", "textures", "parts", "backgrounds", "clutter")
        return WorldConfig(
            **{name: getattr(self, name) for name in (*names, "held_out", "only_held_out")},
        )

    @cached_property
    def forbidden(self) -> np.ndarray:
        """(shapes, MOTIONS) bool: held-out pairs."""
        table = np.zeros((len(self.shapes), len(MOTIONS)), dtype=bool)
        for motion, shape in self.held_out_motions:
            table[self.shapes.index(shape), NUMBER[motion]] = True
        return table

    @cached_property
    def first(self) -> np.ndarray:
        """(shapes, MOTIONS) bool: what a first object may do."""
        used = [m in self.motions and (max(self.objects) == 2 or m not in TOGETHER) for m in MOTIONS]
        return (self.forbidden if self.only_held_out_motions else ~self.forbidden) & np.array(used)

    @cached_property
    def second(self) -> np.ndarray:
        """(shapes, MOTIONS) bool: what a second object may do on its own; standing still is always in use."""
        used = [(m in self.motions and m not in TOGETHER) or m == "still" for m in MOTIONS]
        return ~self.forbidden & np.array(used)


class ClipSet(WorldSet):
    """Clips, what is in them, what moves how, and where everything is in each frame."""

    name = "clips"
    Controls = ClipControls
    FIELDS = {
        "video": "the frames, (T, H, W, 3) uint8",
        "caption": "a true sentence; it names the motion in the share `told` of the clips",
        "caption_motion": "a true sentence that says what each object does",
        "caption_still": "a true sentence that names the objects and no motion",
        "told": "whether caption names the motion",
        "motion": "what the first object does",
        "label": "motion and shape of the first object as a phrase: a square moves left",
        "labels": "the same phrase for each object",
        "objects": "attributes and motion of each object",
        "boxes": "(T, objects, 4) x0, y0, x1, y1 of what is seen of each object in each frame, pixels",
        "tracks": "(T, objects, 4) x, y, radius, shown of each object in each frame, shares of the side",
        "image": "one frame, drawn at random, (H, W, 3) uint8",
        "frame": "number of the frame in `image`",
    }

    def label_names(self, held_out: bool = False) -> list[str]:
        """All labels that first objects can have; with `held_out` those of the held-out pairs."""
        c = self.controls
        pairs = c.held_out_motions if held_out else [(m, s) for m in MOTIONS for s in c.shapes if _may(c, m, s)]
        return [motion_words.label(motion, shape) for motion, shape in pairs]

    def clips(self, indices: np.ndarray) -> Clips:
        """The exact truth of the rows `indices`."""
        return _sample(self.controls, self.seed, np.asarray(indices, dtype=np.int64))

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        clips = self.clips(indices)
        wanted, b = set(fields), len(clips)
        count = clips.scenes.count
        frame = integers(key(self.seed, "clip-frame", indices), clips.frames)[:, 0]
        out: Columns = {"frame": frame}
        if "video" in wanted:
            out["video"] = video.render(clips)
        if "image" in wanted:
            out["image"] = video.render(clips, frame)
        if "boxes" in wanted:
            out["boxes"] = [found[:, : count[i]] for i, found in enumerate(video.boxes(clips))]
        if "tracks" in wanted:
            out["tracks"] = [clips.tracks(i) for i in range(b)]
        if wanted - {"video", "image", "boxes", "tracks", "frame"}:
            out |= self._words(indices, [clips.objects(i) for i in range(b)])
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """A film strip."""
        return film_strip(row["video"])

    def _words(self, indices: np.ndarray, objects: list[list[dict[str, Any]]]) -> Columns:
        words = integers(key(self.seed, "clip-words", indices), 1 << 30, 16).tolist()
        told = uniform(key(self.seed, "clip-told", indices), 1)[:, 0] < self.controls.told
        with_motion = [motion_words.caption(things, w) for things, w in zip(objects, words, strict=True)]
        without = [motion_words.caption_without_motion(things, w) for things, w in zip(objects, words, strict=True)]
        labels = [[motion_words.label(thing["motion"], thing["shape"]) for thing in things] for things in objects]
        return {
            "caption": [a if t else b for a, b, t in zip(with_motion, without, told, strict=True)],
            "caption_motion": with_motion,
            "caption_still": without,
            "told": told,
            "motion": [things[0]["motion"] for things in objects],
            "label": [found[0] for found in labels],
            "labels": labels,
            "objects": objects,
        }


def film_strip(frames: np.ndarray, gap: int = 2, zoom: int = 2) -> np.ndarray:
    """Frames (T, H, W, 3) side by side, `zoom` times as large, on a dark strip."""
    big = frames.repeat(zoom, axis=1).repeat(zoom, axis=2)
    edged = np.pad(big, ((0, 0), (gap, gap), (gap, gap), (0, 0)), constant_values=40)
    return np.concatenate(list(edged), axis=1)


def _may(c: ClipControls, motion: str, shape: str) -> bool:
    return bool(c.first[c.shapes.index(shape), NUMBER[motion]])


def _sample(c: ClipControls, seed: int, indices: np.ndarray) -> Clips:
    scenes = sample(c.scene, seed, indices)
    keys = key(seed, "clip", indices)
    u = uniform(keys, 4, stream=10)
    shape, colour = scenes.shape.copy(), scenes.colour.copy()
    if c.only_held_out_motions:
        motion = choose(np.broadcast_to(c.first.any(axis=0), (len(keys), len(MOTIONS))), u[:, 0])
        shape[:, 0] = choose(c.first[:, motion].T, u[:, 1])
    else:
        motion = choose(c.first[shape[:, 0]], u[:, 0])
    together = np.isin(motion, [NUMBER[name] for name in TOGETHER])
    count = np.where(together, 2, scenes.count)
    collide = motion == NUMBER["collide"]
    swap = collide & c.forbidden[shape[:, 1], motion]  # both collide, so both shapes must be allowed to
    shape[:, 1] = np.where(swap, shape[:, 0], shape[:, 1])
    own = _second_motion(c, shape[:, 1], u[:, 2:])
    other = np.where(collide, motion, np.where(together, LED, own))
    _tell_apart(c, shape, colour)
    pair = np.stack([motion, other], axis=1)
    made = paths(keys, pair, scenes.radius[:, :2], count == 2, c.frames, video.edge_of(scenes.config))
    return Clips(replace(scenes, count=count, shape=shape, colour=colour), pair, made)


def _second_motion(c: ClipControls, shape: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Still, unless it moves or must not stand still."""
    still = NUMBER["still"]
    moves = (u[:, 0] < c.both_move) | c.forbidden[shape, still]
    return np.where(moves, choose(c.second[shape], u[:, 1]), still)


def _tell_apart(c: ClipControls, shape: np.ndarray, colour: np.ndarray) -> None:
    """Change colours in place: the second object is not the first one's double, and no held-out pair occurs."""
    forbidden = np.zeros((len(c.colours), len(c.shapes)), dtype=bool)
    if not c.only_held_out:
        for name, of in c.held_out:
            forbidden[c.colours.index(name), c.shapes.index(of)] = True
    for k in range(2):
        for _ in c.colours:
            bad = forbidden[colour[:, k], shape[:, k]]
            if k:
                bad = bad | ((colour[:, 1] == colour[:, 0]) & (shape[:, 1] == shape[:, 0]))
            colour[:, k] = np.where(bad, (colour[:, k] + 1) % len(c.colours), colour[:, k])
