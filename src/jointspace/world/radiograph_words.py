"""Reports of radiographs: three to seven sentences, each about one finding or its absence, in changing words."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation
from jointspace.world.radiograph import FINDINGS, SEVERITIES, SIDES, Chests

# {v}: severity, {s}: side. "none" is said of a chest without findings alone.
PRESENT: dict[str, tuple[str, ...]] = {
    "nodule": (
        "There is a {v} nodule in the {s} lung.",
        "A {v} round opacity is seen in the {s} lung.",
        "{V} nodular density on the {s}.",
        "The {s} lung contains a {v} rounded nodule.",
        "Within the {s} lung a coin-like shadow of {v} size is noted.",
        "A {v} nodule projects over the {s} lung.",
    ),
    "effusion": (
        "There is a {v} {s} pleural effusion.",
        "A {v} amount of fluid fills the {s} base.",
        "The {s} costophrenic angle is blunted by a {v} effusion.",
        "A {v} amount of pleural fluid layers on the {s}.",
        "The {s} lung base is opacified, in keeping with a {v} effusion.",
        "A {v} effusion is present at the {s} base.",
    ),
    "enlarged heart": (
        "The heart is enlarged to a {v} degree.",
        "There is {v} cardiomegaly.",
        "{V} enlargement of the cardiac silhouette.",
        "The cardiac contour is widened, {v} in degree.",
        "A heart of {v} enlargement is seen.",
        "The cardiac shadow shows {v} enlargement.",
    ),
    "collapsed edge": (
        "There is a {v} {s} pneumothorax.",
        "The edge of the {s} lung has collapsed, {v} in extent.",
        "A {v} rim of free air surrounds the {s} lung.",
        "The {s} lung is drawn away from the chest wall by a {v} pneumothorax.",
        "{V} collapse of the {s} lung edge with a visible pleural line.",
        "A pleural line on the {s} marks a {v} pneumothorax.",
    ),
    "fracture gap": (
        "There is a {v} displaced fracture of a {s} rib.",
        "A {s} rib shows a {v} gap.",
        "{V} step in a {s} rib, in keeping with a fracture.",
        "One {s} rib is broken with {v} displacement.",
        "A {v} fracture gap is seen in the {s} ribs.",
        "The {s} ribs show a fracture with a {v} gap.",
    ),
    "haze": (
        "There is {v} haze in the {s} lung.",
        "A {v} ill-defined opacity clouds the {s} lung.",
        "{V} airspace opacity on the {s}, in keeping with pneumonia.",
        "The {s} lung shows a {v} cloudy consolidation.",
        "Patchy haze of {v} density lies over the {s} lung.",
        "A {v} hazy infiltrate is noted on the {s}.",
    ),
    "device line": (
        "A {s} sided line ends at a {v} depth.",
        "A catheter enters from the {s}; its tip lies at a {v} depth.",
        "There is a {s} central line in place, {v} in depth.",
        "A thin device line from the {s} is seen, tip at {v} depth.",
        "The {s} catheter projects over the mediastinum at a {v} depth.",
        "{S} sided central catheter, of {v} depth.",
    ),
    "none": (
        "There is no acute abnormality of the chest.",
        "The film shows a normal chest, left and right.",
        "No finding is seen on the left or the right.",
        "This is an unremarkable film of a normal chest.",
        "The study is within normal limits on either side.",
        "Nothing abnormal is seen in this film of the chest.",
    ),
}
ABSENT: dict[str, tuple[str, ...]] = {
    "nodule": (
        "There is no nodule in the left or right lung.",
        "A round opacity is not seen in the right or left lung.",
        "No nodular density on the left or the right.",
        "Neither lung contains a rounded nodule.",
        "Within the lungs no coin-like shadow of any size is noted.",
    ),
    "effusion": (
        "There is no pleural effusion on the left or right.",
        "Both costophrenic angles are sharp, without effusion.",
        "No fluid fills the left or the right base.",
        "The lung bases are clear, no pleural fluid is seen there.",
        "No effusion is present at the right or left base.",
    ),
    "enlarged heart": (
        "The heart is not enlarged to any degree.",
        "There is no cardiomegaly.",
        "No enlargement of the cardiac silhouette.",
        "The cardiac contour is not widened, normal in degree.",
        "A heart of the usual size is seen.",
    ),
    "collapsed edge": (
        "There is no pneumothorax on the right or left.",
        "The edge of neither lung has collapsed, left or right.",
        "No rim of free air surrounds the left or right lung.",
        "Both lungs reach the chest wall, there is no pneumothorax.",
        "A pleural line is not visible on the left or right.",
    ),
    "fracture gap": (
        "There is no displaced fracture of a left or right rib.",
        "The ribs are intact and show no gap.",
        "No step in a rib, hence no sign of a fracture.",
        "No rib is broken on the left or right.",
        "A fracture gap is not seen in the left or right ribs.",
    ),
    "haze": (
        "There is no haze in the right or left lung.",
        "The lungs are clear, no ill-defined opacity clouds them.",
        "No airspace opacity, hence no evidence of pneumonia.",
        "Neither lung shows a cloudy consolidation.",
        "A hazy infiltrate is not noted on the left or right.",
    ),
    "device line": (
        "No line or catheter enters from the left or right.",
        "There is no central line in place on either side.",
        "A thin device line is not seen over the chest.",
        "No catheter projects over the mediastinum at any depth.",
        "The chest is free of lines and catheters of any depth.",
    ),
}


def sentence(finding: str, present: bool, number: int, side: str = "", severity: str = "") -> str:
    """Paraphrase `number` of a finding or its absence."""
    forms = PRESENT[finding] if present else ABSENT[finding]
    return forms[number % len(forms)].format(s=side, v=severity, V=severity.capitalize(), S=side.capitalize())


def reports(chests: Chests) -> list[list[dict[str, Any]]]:
    """Sentences of each report in order: text, finding, present, side, severity ("" where it has none).

    Every finding that is there is told; absences of others fill the report up to a length of 3 to 7 sentences that is
    drawn apart from the findings.
    """
    keys = key(0, chests.keys, "report")
    length = 3 + integers(keys, 5, 1)[:, 0]
    order, spoken = permutation(keys, len(FINDINGS), stream=1), permutation(keys, 8, stream=2)
    number = integers(keys, 1 << 20, len(FINDINGS), stream=3)
    out = []
    for i in range(len(chests)):
        told = [j for j in range(len(FINDINGS) - 1) if chests.present[i, j]]
        other = [j for j in order[i] if j not in told and (j < len(FINDINGS) - 1 or not told)]
        chosen = (told + other)[: length[i]]
        chosen = [chosen[k] for k in spoken[i] if k < len(chosen)]
        out.append([_fact(chests, i, j, j in told, int(number[i, j])) for j in chosen])
    return out


def _fact(chests: Chests, i: int, j: int, present: bool, number: int) -> dict[str, Any]:
    name = FINDINGS[j]
    present = present or name == "none"
    told = present and name != "none"
    side = SIDES[chests.side[i, j]] if told and name != "enlarged heart" else ""
    severity = SEVERITIES[chests.severity[i, j] - 1] if told else ""
    text = sentence(name, present, number, side, severity)
    return {"text": text, "finding": name, "present": present, "side": side, "severity": severity}


def joined(facts: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The report, and the sentences with their character span (start, end) in it."""
    text, out = "", []
    for fact in facts:
        start = len(text) + bool(text)
        text = f"{text} {fact['text']}" if text else fact["text"]
        out.append({**fact, "start": start, "end": len(text)})
    return text, out


def queries(chests: Chests) -> list[str]:
    """One sentence that says the first finding of each chest, for retrieval; of none, that there is none."""
    number = integers(key(0, chests.keys, "query"), 1 << 20, 1)[:, 0]
    first = np.where(chests.present.any(axis=1), chests.present.argmax(axis=1), len(FINDINGS) - 1)
    return [_fact(chests, i, int(j), bool(j < 7), int(number[i]))["text"] for i, j in enumerate(first)]
