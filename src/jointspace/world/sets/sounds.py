"""`world/sounds`: sounds of object kinds, alone and mixed, with the clean sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation, uniform
from jointspace.errors import ConfigError
from jointspace.world.base import Columns, WorldSet, check_names, check_range
from jointspace.world.config import WorldConfig
from jointspace.world.language import SYNONYMS
from jointspace.world.scene import sample
from jointspace.world.sound import FAMILIES, KINDS, synthesise
from jointspace.world.sound_mix import LOUDNESS, PLACES, background, draw_places, echo, mix
from jointspace.world.sound_picture import panels

NAMES = ("kinds", "sounds")
OPENINGS = (
    "{0}",
    "the sound of {0}",
    "a recording of {0}",
    "you can hear {0}",
    "this is the sound of {0}",
    "one hears {0}",
)
BEHIND = ("{0} with {1} in the background", "{0} over {1}", "{0}, {1} in the background")


@dataclass(frozen=True)
class SoundControls:
    """rate: Hz. seconds: length of a clip. kinds: which may sound; sources: least and most at once, of different kinds.

    length: shortest and longest a source sounds, as shares of the clip. levels: range of each source's level, dB.
    background: share of the clips with a background, `snr` (range, dB) below the sources. reverb: share in a room
    whose echo falls by 60 dB within 0.1 to 0.4 seconds. names: "kinds" (a star) or "sounds" (a bell) in the captions.
    as_scenes: row i sounds like the shapes in row i of `world/scenes` of the same seed, objects = sources and shapes =
    kinds, instead of kinds of its own.
    """

    rate: int = 8000
    seconds: float = 1.024
    kinds: tuple[str, ...] = KINDS
    sources: tuple[int, int] = (1, 3)
    length: tuple[float, float] = (0.5, 1.0)
    levels: tuple[float, float] = (-4.0, 4.0)
    background: float = 0.25
    snr: tuple[float, float] = (5.0, 20.0)
    reverb: float = 0.25
    names: str = "kinds"
    as_scenes: bool = False

    def __post_init__(self) -> None:
        check_range("sounds", "rate", self.rate, 8000, 16000)
        check_range("sounds", "seconds", self.seconds, 0.25, 10)
        check_names("sounds", "kinds", self.kinds, KINDS)
        check_names("sounds", "names", self.names, NAMES)
        for name, low, high in (("sources", 1, 4), ("length", 0.1, 1), ("levels", -40, 40), ("snr", -40, 80)):
            ends = getattr(self, name)
            if len(ends) != 2 or ends[0] > ends[1]:
                raise ConfigError(f"world/sounds: {name} must be a least and a most value, got {list(ends)}")
            for end in ends:
                check_range("sounds", name, end, low, high)
        if self.sources[1] > len(self.kinds):
            raise ConfigError(f"world/sounds: {self.sources[1]} sources need as many kinds, got {len(self.kinds)}")
        check_range("sounds", "background", self.background, 0, 1)
        check_range("sounds", "reverb", self.reverb, 0, 1)

    @property
    def samples(self) -> int:
        """Samples a clip."""
        return round(self.rate * self.seconds)


@dataclass(frozen=True)
class Parts:
    """B mixtures of up to K sources; kind, onset, length, level (B, K) count only up to `count` (B,).

    kind: numbers of KINDS; onset, length in seconds; level in dB; place: background, numbers of PLACES, -1 = none;
    snr in dB; room: seconds in which the echo falls by 60 dB, 0 = none; loudness in dB.
    """

    keys: np.ndarray
    count: np.ndarray
    kind: np.ndarray
    onset: np.ndarray
    length: np.ndarray
    level: np.ndarray
    place: np.ndarray
    snr: np.ndarray
    room: np.ndarray
    loudness: np.ndarray


class SoundSet(WorldSet):
    """Mixtures of sounds, their clean sources, what sounds when."""

    name = "sounds"
    Controls = SoundControls
    BLOCK = 32
    FIELDS = {
        "audio": "the mixture, (float32 samples, rate): the sum of audio_sources and audio_background exactly",
        "audio_sources": "each source as it is in the mixture, level and room included, (float32 samples, rate)",
        "audio_background": "the background, likewise; zeros where there is none",
        "caption": "a true sentence that names every source, and the background",
        "phrases": "a phrase for each source: the sound of a star",
        "label": "kind of the first source",
        "labels": "kind of each source",
        "times": "onset and offset of each source in seconds, the room's echo left out",
        "pitches": "pitch of each source, Hz",
        "levels": "level of each source, dB, before the mixture is brought to its loudness",
        "background": "name of the background, empty = none",
        "snr": "dB of the sources' sum above the background; none without one",
        "reverb": "seconds in which the echo falls by 60 dB, 0 = no room",
    }

    def parts(self, indices: np.ndarray) -> Parts:
        """The exact truth of the rows `indices`."""
        return _sample(self.controls, self.seed, np.asarray(indices, dtype=np.int64))

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        parts, wanted, rate = self.parts(indices), set(fields), self.controls.rate
        rows = range(len(parts.keys))
        kinds = [[KINDS[k] for k in parts.kind[i, : parts.count[i]]] for i in rows]
        names = tuple(PLACES)
        places = [names[p] if p >= 0 else "" for p in parts.place]
        out: Columns = {
            "labels": kinds,
            "label": [found[0] for found in kinds],
            "times": [_times(parts, i) for i in rows],
            "levels": [parts.level[i, : parts.count[i]].tolist() for i in rows],
            "background": places,
            "snr": [float(s) if p >= 0 else None for s, p in zip(parts.snr, parts.place, strict=True)],
            "reverb": parts.room,
        }
        if wanted & {"audio", "audio_sources", "audio_background", "pitches"}:
            mixture, sources, behind, pitch = self._waves(parts)
            out["audio"] = [(wave, rate) for wave in mixture]
            out["audio_sources"] = [[(wave, rate) for wave in sources[i, : parts.count[i]]] for i in rows]
            out["audio_background"] = [(wave, rate) for wave in behind]
            out["pitches"] = [pitch[i, : parts.count[i]].tolist() for i in rows]
        if wanted & {"caption", "phrases"}:
            words = integers(key(self.seed, "sound-words", indices), 1 << 30, 12).tolist()
            out["phrases"] = [
                [f"the sound of {name}" for name in self._names(k, w)] for k, w in zip(kinds, words, strict=True)
            ]
            out["caption"] = [self._caption(kinds[i], places[i], out["times"][i], words[i]) for i in rows]
        return out

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """Spectrograms of the mixture and its sources."""
        waves = [row["audio"][0], *(wave for wave, _ in row["audio_sources"])]
        return panels(waves, self.controls.sources[1] + 1)

    def _waves(self, parts: Parts) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mixture (B, N), sources (B, K, N), background (B, N), pitch (B, K)."""
        rate, samples = self.controls.rate, self.controls.samples
        b, k = parts.kind.shape
        row, slot = np.nonzero(np.arange(k) < parts.count[:, None])
        waves, pitch = np.zeros((b, k, samples)), np.zeros((b, k))
        waves[row, slot], pitch[row, slot] = synthesise(
            key(0, parts.keys[row], "source", slot),
            parts.kind[row, slot],
            parts.onset[row, slot],
            parts.length[row, slot],
            rate,
            samples,
        )
        rooms, noisy = np.flatnonzero(parts.room > 0), np.flatnonzero(parts.place >= 0)
        if len(rooms):
            waves[rooms] = echo(waves[rooms], parts.keys[rooms], parts.room[rooms], rate)
        behind = np.zeros((b, samples))
        if len(noisy):
            behind[noisy] = background(key(0, parts.keys[noisy], "behind"), parts.place[noisy], rate, samples)
        return *mix(waves, parts.level, behind, parts.snr, parts.loudness), pitch

    def _names(self, kinds: list[str], words: list[int]) -> list[str]:
        """`a star`, `a bell`"""
        said = []
        for kind, number in zip(kinds, words, strict=False):
            if self.controls.names == "sounds":
                options = FAMILIES[kind][1]
            else:
                options = tuple(f"{'an' if w[0] in 'aeiou' else 'a'} {w}" for w in SYNONYMS.get(kind, (kind,)))
            said.append(options[number % len(options)])
        return said

    def _caption(self, kinds: list[str], place: str, times: list[list[float]], words: list[int]) -> str:
        said = self._names(kinds, words)
        if len(said) == 2 and words[8] % 2 and abs(times[0][0] - times[1][0]) > 0.15:
            first = int(times[1][0] < times[0][0])
            body = f"{said[first]}, then {said[1 - first]}"
        else:
            body = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
        if place:
            body = BEHIND[words[9] % len(BEHIND)].format(body, PLACES[place])
        return OPENINGS[words[10] % len(OPENINGS)].format(body)


def _times(parts: Parts, i: int) -> list[list[float]]:
    ends = np.stack([parts.onset[i], parts.onset[i] + parts.length[i]], axis=1)
    return ends[: parts.count[i]].tolist()


def _different(kind: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's first `count` values, later doubles left out and the rest moved up: values (B, K), how many (B,)."""
    double = np.tril(kind[:, :, None] == kind[:, None, :], -1).any(axis=2)
    keep = (np.arange(kind.shape[1]) < count[:, None]) & ~double
    order = np.argsort(~keep, axis=1, kind="stable")
    return np.take_along_axis(kind, order, axis=1), keep.sum(axis=1)


def _sample(c: SoundControls, seed: int, indices: np.ndarray) -> Parts:
    keys = key(seed, "sound", indices)
    low, most = c.sources
    known = np.array([KINDS.index(name) for name in c.kinds])
    if c.as_scenes:
        scenes = sample(WorldConfig(objects=c.sources, shapes=c.kinds), seed, indices)
        kind, count = _different(scenes.shape[:, :most], scenes.count)
        kind = known[kind]
    else:
        count = low + integers(keys, most - low + 1, 1, stream=0)[:, 0]
        kind = known[permutation(keys, len(known), stream=1)[:, :most]]
    u = uniform(keys, 3 * most, stream=2).reshape(-1, 3, most)
    length = c.seconds * (c.length[0] + (c.length[1] - c.length[0]) * u[:, 0])
    onset = u[:, 1] * (c.seconds - length)
    level = c.levels[0] + (c.levels[1] - c.levels[0]) * u[:, 2]
    v = uniform(keys, 5, stream=3)
    place = np.where(v[:, 0] < c.background, draw_places(keys), -1)
    snr = c.snr[0] + (c.snr[1] - c.snr[0]) * v[:, 1]
    room = np.where(v[:, 2] < c.reverb, 0.1 + 0.3 * v[:, 3], 0.0)
    loudness = LOUDNESS[0] + (LOUDNESS[1] - LOUDNESS[0]) * v[:, 4]
    return Parts(keys, count, kind, onset, length, level, place, snr, room, loudness)
