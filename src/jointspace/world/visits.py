"""Patient visits: ten labels, where each can be seen (note, series, either, both), and the series that show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jointspace.data.draws import integers, key, normal, uniform

Array = np.ndarray


@dataclass(frozen=True)
class Label:
    """A diagnosis. channel and kind: what it does to a series ("" = nothing); note: whether a note can tell of it."""

    name: str
    description: str
    note: bool = True
    channel: str = ""
    kind: str = ""


LABELS = (  # four of the note alone, three of the series alone, three of both
    Label("gout", "An acute flare of crystal arthritis in a joint."),
    Label("cellulitis", "A spreading bacterial infection of the skin."),
    Label("migraine", "Recurrent one-sided headache with aversion to light."),
    Label("reflux disease", "Stomach acid that rises into the gullet and burns."),
    Label("respiratory failure", "A low level of oxygen saturation.", False, "oxygen saturation", "level"),
    Label("shock", "A falling trend of systolic pressure.", False, "systolic pressure", "trend"),
    Label("labile diabetes", "A high variability of glucose.", False, "glucose", "variability"),
    Label("sepsis", "Infection of the blood, with a raised level of temperature.", True, "temperature", "level"),
    Label(
        "kidney injury", "Loss of kidney function, with a falling trend of urine output.", True, "urine output", "trend"
    ),
    Label(
        "arrhythmia", "Irregular heart beat, with a high variability of heart rate.", True, "heart rate", "variability"
    ),
)
CHANNELS = {  # channel -> usual value, spread between patients, hourly noise, shift of a level, fall of a trend
    "heart rate": (86.0, 12.0, 2.5, 30.0, -30.0),
    "systolic pressure": (118.0, 12.0, 3.5, -35.0, -45.0),
    "oxygen saturation": (97.5, 0.9, 0.35, -6.0, -6.0),
    "respiratory rate": (18.0, 2.5, 0.9, 9.0, -8.0),
    "temperature": (36.8, 0.35, 0.1, 2.0, -1.6),
    "glucose": (128.0, 18.0, 5.0, 70.0, -45.0),
    "lactate": (1.4, 0.3, 0.1, 2.0, -1.0),
    "urine output": (75.0, 12.0, 4.0, -40.0, -45.0),
}
NOTE, SERIES, BOTH = 1, 2, 3  # bits of `seen`
_KINDS = ("level", "trend", "variability")
_IDLE = [j for j, name in enumerate(CHANNELS) if name not in {label.channel for label in LABELS}]


@dataclass(frozen=True)
class Visits:
    """B visits. truth (B, 10) bool; seen (B, 10) uint8: 0 nowhere, 1 in the note, 2 in the series, 3 in both (of a
    label that needs both, a single one is a decoy); hours (B,); age (B,); female (B,) bool."""

    keys: Array
    truth: Array
    seen: Array
    hours: Array
    age: Array
    female: Array

    def __len__(self) -> int:
        return len(self.keys)


def sample(seed: int, indices: Array, prevalence: float, hours: tuple[int, int], shared: str) -> Visits:
    """Visits number `indices`. `shared`: what the last three labels need, "either" or "both"."""
    keys = key(seed, "visit", np.asarray(indices, dtype=np.int64))
    k = len(LABELS)
    truth = uniform(keys, k, stream=1) < prevalence
    way = 1 + integers(keys, 3, k, stream=2)
    if shared == "both":  # false ones: nothing, or one half of the evidence
        decoy = np.where(uniform(keys, k, stream=3) < 0.4, 1 + way % 2, 0)
        way = np.where(truth, BOTH, decoy)
    else:
        way = np.where(truth, way, 0)
    alone = [NOTE if not label.channel else SERIES if not label.note else 0 for label in LABELS]
    seen = np.where(np.array(alone) > 0, truth * np.array(alone), way).astype(np.uint8)
    stay = hours[0] + integers(keys, hours[1] - hours[0] + 1, 1, stream=4)[:, 0]
    age, female = 19 + integers(keys, 72, 1, stream=5)[:, 0], uniform(keys, 1, stream=6)[:, 0] < 0.5
    return Visits(keys, truth, seen, stay, age, female)


def series(visits: Visits, missing: float, longest: int) -> list[Array]:
    """Hourly values of each visit, (hours, 8) float32 in the order of CHANNELS, NaN = not measured; hours <= longest.

    Around a level of the patient's own wanders a noise that forgets by 0.6 an hour. A level moves for good within the
    first fifth of the stay; a trend falls over the whole of it; a variability is five times the usual noise.
    Respiratory rate and lactate show one of these in half of the visits and it means nothing. Single values are
    missing, and in half of the channels a stretch of 3 to 8 hours.
    """
    b, t, n = len(visits), longest, len(CHANNELS)
    usual, spread, noise, shift, fall = (np.array(v) for v in zip(*CHANNELS.values(), strict=True))
    kind = _kinds(visits)
    steps = normal(visits.keys, t * n, stream=10).reshape(b, t, n) * 0.8
    for now in range(1, t):
        steps[:, now] += 0.6 * steps[:, now - 1]
    u = uniform(visits.keys, 6 * n, stream=11).reshape(b, 6, n)
    hour = np.arange(t)[None, :, None]
    stay = visits.hours[:, None, None]
    moved = 1 / (1 + np.exp(-(hour - 0.2 * stay * u[:, None, 1]) * 1.5))
    values = usual + spread * (2 * u[:, None, 0] - 1) + noise * steps * np.where(kind == 2, 5, 1)[:, None]
    values += np.where(kind == 0, shift, 0)[:, None] * moved + np.where(kind == 1, fall, 0)[:, None] * hour / stay
    gone = uniform(visits.keys, t * n, stream=12).reshape(b, t, n) < missing
    start, length = u[:, None, 2] * (stay - 8), 3 + 6 * u[:, None, 3]
    gap = (hour >= start) & (hour < start + length) & (u[:, None, 4] < 0.5) & (missing > 0)
    values = np.round(np.where(gone | gap, np.nan, values), 2).astype(np.float32)
    return [values[i, : visits.hours[i]] for i in range(b)]


def _kinds(visits: Visits) -> Array:
    """(B, 8) what happens in each channel: 0 level, 1 trend, 2 variability, -1 nothing."""
    out = np.full((len(visits), len(CHANNELS)), -1)
    for k, label in enumerate(LABELS):
        if label.channel:
            j = list(CHANNELS).index(label.channel)
            out[:, j] = np.where(visits.seen[:, k] & SERIES, _KINDS.index(label.kind), -1)
    drawn = integers(visits.keys, 6, len(_IDLE), stream=13)
    out[:, _IDLE] = np.where(drawn < 3, drawn, -1)
    return out
