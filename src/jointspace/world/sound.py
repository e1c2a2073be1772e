"""Timbre families: one for each kind of object. Pitch, envelope, overtones and modulation vary within a family.

All families share one range of pitch, one range of length and one loudness, so that none of these tells the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import normal, uniform

PITCH = (170.0, 520.0)  # Hz, drawn evenly in octaves
FADE = 0.008  # seconds in which a sound comes and goes, so that it does not click
_TAU = 2 * np.pi


@dataclass(frozen=True)
class Voice:
    """n sounds of one family. time (n, N) seconds since the onset; pitch (n, 1) Hz; u (n, 6) uniform; rate in Hz."""

    time: np.ndarray
    pitch: np.ndarray
    u: np.ndarray
    keys: np.ndarray
    rate: int

    def between(self, column: int, low: float, high: float) -> np.ndarray:
        """A number of each sound in low..high, (n, 1)."""
        return low + (high - low) * self.u[:, column : column + 1]

    def noise(self, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Noise in a band, Hz (n, 1): (n, N)."""
        length = self.time.shape[1]
        spectrum = np.fft.rfft(normal(self.keys, length, stream=7), axis=1)
        hertz = np.fft.rfftfreq(length, 1 / self.rate)
        return np.fft.irfft(spectrum * np.exp(-0.5 * ((hertz - centre) / width) ** 2), length, axis=1)


def harmonics(phase: np.ndarray, hertz: np.ndarray, rate: int, weights: np.ndarray) -> np.ndarray:
    """Overtones 1, 2, ... of a phase (n, N), weights (K,), (n, K) or (n, K, N); none above the highest frequency.

    sin(k p) by the recurrence sin((k + 1) p) = 2 cos(p) sin(k p) - sin((k - 1) p).
    """
    weights = weights[None] if weights.ndim == 1 else weights
    last, now, twice = np.zeros_like(phase), np.sin(phase), 2 * np.cos(phase)
    out = np.zeros_like(phase)
    for k in range(1, weights.shape[1] + 1):
        weight = weights[:, k - 1]
        heard = k * hertz < 0.45 * rate
        out += np.where(heard, weight if weight.ndim == 2 else weight[:, None], 0.0) * now
        last, now = now, twice * now - last
    return out


def _swing(time: np.ndarray, hertz: np.ndarray, wobble: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Phase of a tone whose frequency swings by the share `depth`, `wobble` times a second."""
    return _TAU * hertz * (time - depth / (_TAU * wobble) * (np.cos(_TAU * wobble * time) - 1))


def whistle(v: Voice) -> np.ndarray:
    """A nearly pure tone with a little vibrato."""
    phase = _swing(v.time, v.pitch * 2, v.between(0, 4, 7), v.between(1, 0.0, 0.012))
    return harmonics(phase, v.pitch * 2, v.rate, np.array([1.0, 0.06]))


def organ(v: Voice) -> np.ndarray:
    """A square wave: odd overtones, steady."""
    k = np.arange(1, 14)
    weights = np.where(k % 2 == 1, 1.0 / k ** v.between(0, 0.8, 1.2), 0.0)
    return harmonics(_TAU * v.pitch * v.time, v.pitch, v.rate, weights)


def string(v: Voice) -> np.ndarray:
    """A plucked string: all overtones, the high ones gone first."""
    k = np.arange(1, 11)[None, :, None]
    fall = v.between(0, 0.6, 1.4)[:, :, None]
    weights = np.sin(k * np.pi * v.between(1, 0.15, 0.45)[:, :, None]) / k
    weights = weights * np.exp(-fall * (1.5 + 0.9 * k) * np.maximum(v.time, 0)[:, None])
    return harmonics(_TAU * v.pitch * v.time, v.pitch, v.rate, weights)


def bell(v: Voice) -> np.ndarray:
    """Partials that are no overtones, ringing out."""
    out = np.zeros_like(v.time)
    fall = v.between(0, 1.5, 3.5)
    for ratio, weight, speed in (
        (1.0, 0.8, 0.7),
        (1.19, 0.7, 0.8),
        (1.71, 0.5, 1.0),
        (2.74, 0.6, 1.3),
        (3.76, 0.35, 1.8),
    ):
        tone = np.sin(_TAU * 2 * v.pitch * ratio * v.time)
        out += (
            np.where(2 * v.pitch * ratio < 0.45 * v.rate, weight, 0)
            * tone
            * np.exp(-fall * speed * np.maximum(v.time, 0))
        )
    return out


def heartbeat(v: Voice) -> np.ndarray:
    """Two low thumps, a pause, again."""
    period = v.between(0, 0.34, 0.5)
    beat = np.mod(v.time, period)
    low = _TAU * v.pitch / 4
    out = np.zeros_like(v.time)
    for start, weight in ((0.0, 1.0), (0.32, 0.75)):
        since = beat - start * period
        out += np.where(
            since >= 0, weight * np.sin(low * since) * np.exp(-np.maximum(since, 0) * v.between(1, 14, 22)), 0
        )
    return out


def clicks(v: Voice) -> np.ndarray:
    """A dry resonance, struck many times a second."""
    since = np.mod(v.time, 1 / v.between(0, 11, 20))
    return np.sin(_TAU * v.pitch * 4 * since) * np.exp(-since * v.between(1, 90, 160))


def telephone(v: Voice) -> np.ndarray:
    """Two tones in quick turns."""
    turns = np.sin(_TAU * v.between(0, 16, 24) * v.time) > 0
    low, high = (
        harmonics(_TAU * f * v.time, f, v.rate, np.array([1.0, 0.4, 0.3])) for f in (v.pitch * 2, v.pitch * 2.5)
    )
    return np.where(turns, high, low)


def siren(v: Voice) -> np.ndarray:
    """A tone that slowly rises and falls by half its height."""
    phase = _swing(v.time, v.pitch * 2, v.between(0, 1.6, 3.2), v.between(1, 0.3, 0.42))
    return harmonics(phase, v.pitch * 3, v.rate, np.array([1.0, 0.5, 0.3]))


def chirp(v: Voice) -> np.ndarray:
    """A bird: short tones that sweep up by an octave and more, with pauses."""
    period = v.between(0, 0.14, 0.22)
    since = np.mod(v.time, period)
    share = np.clip(since / (0.7 * period), 0, 1)
    octaves = v.between(1, 1.0, 1.4)
    phase = _TAU * v.pitch * 2 * 0.7 * period / (octaves * np.log(2)) * (2 ** (octaves * share) - 1)
    return np.sin(phase) * np.sin(np.pi * share)


def buzz(v: Voice) -> np.ndarray:
    """All overtones, rough: the loudness trembles tens of times a second."""
    tremble = 1 + v.between(0, 0.7, 1.0) * np.sin(_TAU * v.between(1, 28, 45) * v.time)
    return harmonics(_TAU * v.pitch * v.time, v.pitch, v.rate, 1.0 / np.arange(1, 17) ** 0.7) * tremble


def wind(v: Voice) -> np.ndarray:
    """Noise in a band that swells and dies down."""
    gusts = 1 + 0.7 * np.sin(_TAU * (v.between(0, 0.8, 2.0) * v.time + v.between(1, 0, 1)))
    return v.noise(v.pitch * 2, v.pitch * 0.5) * gusts


def rattle(v: Voice) -> np.ndarray:
    """Bursts of bright noise."""
    since = np.mod(v.time, 1 / v.between(0, 6, 10))
    return v.noise(v.pitch * 4 + 800, np.full_like(v.pitch, 900.0)) * np.exp(-since * v.between(1, 18, 30))


# kind -> how it sounds, and what one may call that sound
FAMILIES: dict[str, tuple[Callable[[Voice], np.ndarray], tuple[str, ...]]] = {
    "circle": (whistle, ("a whistle", "a flute")),
    "square": (organ, ("an organ", "an organ pipe")),
    "triangle": (string, ("a plucked string", "a guitar string")),
    "star": (bell, ("a bell", "a chime")),
    "heart": (heartbeat, ("a heartbeat", "a beating heart")),
    "cross": (clicks, ("clicks", "a row of clicks")),
    "ring": (telephone, ("a telephone", "a ringing phone")),
    "diamond": (siren, ("a siren", "a wailing siren")),
    "pentagon": (chirp, ("a bird", "a chirping bird")),
    "hexagon": (buzz, ("a buzzer", "a rough buzz")),
    "crescent": (wind, ("wind", "a gust of wind")),
    "arrow": (rattle, ("a rattle", "a rattling box")),
}
KINDS = tuple(FAMILIES)


def synthesise(
    keys: np.ndarray, kinds: np.ndarray, onset: np.ndarray, length: np.ndarray, rate: int, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sounds of loudness 1: keys (n,), kinds (n,) numbers of KINDS, onset and length (n,) seconds.

    Returns waves (n, samples) float64, exactly 0 before the onset and from onset + length on, root mean square 1
    between; and the pitch (n,) in Hz.
    """
    u = uniform(keys, 6, stream=1)
    pitch = PITCH[0] * (PITCH[1] / PITCH[0]) ** uniform(keys, 1, stream=2)
    time = np.arange(samples) / rate - onset[:, None]
    waves = np.zeros((len(keys), samples))
    for number, (family, _) in enumerate(FAMILIES.values()):
        rows = np.flatnonzero(kinds == number)
        if len(rows):
            waves[rows] = family(Voice(time[rows], pitch[rows], u[rows], keys[rows], rate))
    edge = np.minimum(time, length[:, None] - time) / FADE
    waves *= np.sin(np.pi / 2 * np.clip(edge, 0, 1)) ** 2
    energy = (waves**2).sum(axis=1) / np.maximum(1, (edge > 0).sum(axis=1))
    return waves / np.sqrt(np.maximum(energy, 1e-12))[:, None], pitch[:, 0]
