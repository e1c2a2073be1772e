"""Reports of volumes, in the manner of a radiologist: findings, negations and normal sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import integers, key, permutation
from jointspace.world.volume import Volumes

SCANS = {"ct": "CT", "mr-t1": "T1 weighted MR", "mr-t2": "T2 weighted MR", "ultrasound": "ultrasound"}
GROUPS = ("", "one group", "two separate groups", "three separate groups")
_INTRO = ("{scan} of the {organ}.", "The {organ} was examined by {scan}.", "This {scan} study shows the {organ}.")
_SIZE = {
    True: ("The {organ} is enlarged.", "There is enlargement of the {organ}.", "The {organ} is larger than usual."),
    False: ("The {organ} is of normal size.", "No enlargement of the {organ}.", "The {organ} is not enlarged."),
}
_FLUID = {
    True: ("A crescent of free fluid lies below.", "There is free fluid.", "Fluid is seen along the lower edge."),
    False: ("There is no free fluid.", "No fluid is seen along the lower edge.", "Free of fluid below."),
}
_LESION = {
    True: (
        "{Tone} lesions form {groups} of slices.",
        "There are {groups} of {tone} lesion slices.",
        "A {tone} lesion comes and goes with depth, in {groups}.",
        "Along the depth the {tone} lesions lie in {groups}.",
    ),
    False: ("No lesion is seen.", "There is no bright or dark lesion.", "The tissue is uniform, without lesions."),
}


def reports(volumes: Volumes) -> list[list[dict[str, Any]]]:
    """Sentences of each report: text, finding (scan, size, fluid, lesion), present. The first names organ and scan."""
    keys = key(0, volumes.keys, "report")
    drawn, order = integers(keys, 1 << 20, 4), permutation(keys, 3, stream=1)
    return [_report(volumes, i, drawn[i], order[i]) for i in range(len(volumes))]


def _report(v: Volumes, i: int, drawn: np.ndarray, order: np.ndarray) -> list[dict[str, Any]]:
    runs, tone = int(v.runs[i]), "bright" if v.bright[i] else "dark"
    words = {
        "organ": v.organs[v.organ[i]],
        "scan": SCANS[v.looks[v.look[i]]],
        "tone": tone,
        "Tone": tone.capitalize(),
        "groups": GROUPS[runs],
    }
    facts = [("size", bool(v.enlarged[i]), _SIZE), ("fluid", bool(v.fluid[i]), _FLUID), ("lesion", runs > 0, _LESION)]
    intro = _INTRO[drawn[3] % len(_INTRO)].format(**words)
    out = [{"text": intro[0].upper() + intro[1:], "finding": "scan", "present": True}]
    for j in order:
        finding, present, forms = facts[j]
        text = forms[present][drawn[j] % len(forms[present])].format(**words)
        out.append({"text": text, "finding": finding, "present": present})
    return out
