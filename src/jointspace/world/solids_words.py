"""Solids -> words: names clean and useless, captions of two captioners that err at a stated rate, a free pool."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import bits, integers, key, uniform
from jointspace.world.solids_truth import CLASSES, PARTS, Solids

SAID = {  # other words for a kind: the flat names of the scenes stand for solids here
    "circle": ("circle", "ball", "sphere"),
    "square": ("square", "cube", "box"),
    "triangle": ("triangle", "pyramid"),
    "ring": ("ring", "torus", "doughnut"),
    "diamond": ("diamond", "octahedron"),
    "crescent": ("crescent", "moon"),
    "cup": ("cup", "mug"),
    "car": ("car", "automobile"),
    "plane": ("plane", "aeroplane"),
    "house": ("house", "cottage"),
    "table": ("table", "desk"),
    "tall": ("tall", "high"),
    "long": ("long", "stretched"),
    "wide": ("wide", "broad"),
    "striped": ("striped", "stripy"),
    "checked": ("checked", "chequered"),
    "dotted": ("dotted", "spotted"),
}
CAPTIONERS = (  # openings of the two; {0} = article and noun phrase
    (
        "{0}",
        "{0} on a light background",
        "there is {0}",
        "a picture of {0}",
        "a close up of {0}",
        "a rendering of {0}",
        "{0} in the middle of the picture",
        "this is {0}",
    ),
    (
        "a 3d model of {0}",
        "a computer model that shows {0}",
        "{0}, seen at an angle",
        "the model of {0}",
        "a digital sculpture of {0}",
        "{0} as a 3d object",
        "a toy in the form of {0}",
        "a simple solid: {0}",
    ),
)
_FREE = (
    "{0} for sale", "low poly {0}", "my new {0}", "{0} isolated on white", "how to make {0}", "{0}, free download",
    "we found {0} in the attic", "{0} on the shelf", "a photo of {0}", "{0} by the window", "{0} made of wood",
    "old {0} in the yard", "{0}", "children play with {0}", "{0} 3d print", "{0} against a grey wall",
)  # fmt: skip
_NOISY = (
    "model_{0:04d}_final", "untitled_{1}", "export_v{1}_{0:04d}", "asset {0:04d}", "mesh{0:04d}.obj",
    "scene copy ({1})", "test_{1}_NEW",
)  # fmt: skip
_CLEAN = ("{name}", "{colour} {name}", "{name} ({colour})", "{style} {name}", "{name} no. {number}")
FACTS = ("colour", "style", "label")  # what a wrong caption may be wrong about


def raw_names(solids: Solids) -> tuple[list[str], list[str], list[bool]]:
    """Names as uploaded, the subset of each ("clean" or "noisy") and whether the name says nothing."""
    c = solids.controls
    drawn, u = integers(solids.keys, 1 << 30, 4, stream=20), uniform(solids.keys, 2, stream=21)
    names, subsets, noisy = [], [], []
    for i in range(len(solids)):
        subset = "noisy" if u[i, 0] < c.noisy_subset else "clean"
        bad = subset == "noisy" and bool(u[i, 1] < c.noisy_names)
        d, fact = drawn[i], solids.facts(i)
        form = _NOISY[d[0] % len(_NOISY)] if bad else _CLEAN[d[0] % len(_CLEAN)]
        said = {"name": fact["label"], "colour": fact["colour"], "style": fact["style"], "number": d[1] % 100}
        names.append(form.format(d[1] % 10_000, d[2] % 30, **said))
        subsets.append(subset)
        noisy.append(bad)
    return names, subsets, noisy


def captions(solids: Solids, captioner: int = 0) -> tuple[list[str], list[str]]:
    """A caption of each solid by captioner 0 or 1, and which of FACTS it has wrong, "" = none."""
    u = uniform(key(0, solids.keys, "captioner", captioner), 1)[:, 0]
    drawn = bits(key(1, solids.keys, "captioner", captioner), 12) >> np.uint64(34)
    texts, wrong = [], []
    for i in range(len(solids)):
        d, facts, bad = drawn[i].astype(np.int64), solids.facts(i), ""
        if u[i] < solids.controls.caption_errors:
            bad = _err(solids, facts, d[9:])
        forms = CAPTIONERS[captioner]
        texts.append(forms[d[0] % len(forms)].format(_noun(facts, d[1:])))
        wrong.append(bad)
    return texts, wrong


def free_captions(solids: Solids) -> list[str]:
    """Loose texts about solids, as found on the web: kind and some of the rest, in other frames than the captions."""
    drawn = integers(solids.keys, 1 << 30, 12, stream=22)
    out = []
    for i in range(len(solids)):
        d, facts = drawn[i], solids.facts(i)
        if d[10] % 3 == 0:
            facts["colour"] = ""
        text = _noun(facts, d[1:])
        form = _FREE[d[0] % len(_FREE)]
        bare = form.startswith(("low poly", "my new", "old"))
        out.append(form.format(text.split(" ", 1)[1] if bare else text))
    return out


def _noun(facts: dict[str, Any], d: np.ndarray) -> str:
    """Article, style, colour, proportion, kind, part: "a striped red tall mug with a handle"."""
    kind = CLASSES[facts["label"]]
    words = [
        facts["style"] if facts["style"] != "plain" else "",
        facts["colour"],
        kind.proportion,
        kind.kind,
    ]
    said = [SAID.get(w, (w,))[int(d[j]) % len(SAID.get(w, (w,)))] for j, w in enumerate(words) if w]
    tail = f" with {PARTS[kind.part]}" if kind.part else ""
    return f"{'an' if said[0][0] in 'aeiou' else 'a'} {' '.join(said)}{tail}"


def _err(solids: Solids, facts: dict[str, str], d: np.ndarray) -> str:
    """Puts one wrong fact in place; its name, "" where there is no other value to take."""
    c = solids.controls
    name = FACTS[d[0] % len(FACTS)]
    group = [k.name for k in CLASSES.values() if k.group == facts["group"]]
    known = {"colour": c.colours, "style": c.styles, "label": group}[name]
    others = [v for v in known if v != facts[name]]
    if not others:
        return ""
    facts[name] = others[d[1] % len(others)]
    return name
