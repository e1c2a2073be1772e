"""What is true between the objects of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jointspace.world.config import LINKS

if TYPE_CHECKING:
    from jointspace.world.scene import Scenes

RELATIONS = ("left of", "above", "larger than", "same colour as", *LINKS[1:])
INVERSE = {  # the same fact said from the other object; relations that are not here are their own inverse
    "left of": "right of",
    "above": "below",
    "larger than": "smaller than",
    "inside": "around",
    "on": "under",
    "holding": "held by",
    "in front of": "behind",
}
FACTS = (  # all that `facts` may say
    *RELATIONS, "same shape as", "near", "in front of", *INVERSE.values(),
)  # fmt: skip
APART = 1 / 6  # of the side, between the centres, for left of and above
LARGER = 1.25  # ratio of radii
NEAR = 0.1  # of the side, between the circles around two objects


def relations(scenes: Scenes, i: int) -> list[tuple[str, int, int]]:
    """Exact relations of scene i as (name, a, b) by object number; names are those of `RELATIONS`.

    left of / above: the centres differ by more than a sixth of the side along that axis. larger than: a radius at
    least a quarter longer. inside, on, touching, holding: the planted links. touching and same colour as are said once
    a pair: the first named is the attached object, or the one with the smaller number.
    """
    found: list[tuple[str, int, int]] = []
    for a in range(scenes.count[i]):
        for b in range(scenes.count[i]):
            if a == b:
                continue
            if scenes.x[i, b] - scenes.x[i, a] > APART:
                found.append(("left of", a, b))
            if scenes.y[i, b] - scenes.y[i, a] > APART:
                found.append(("above", a, b))
            if scenes.radius[i, a] > LARGER * scenes.radius[i, b]:
                found.append(("larger than", a, b))
            if a < b and scenes.colour[i, a] == scenes.colour[i, b]:
                found.append(("same colour as", a, b))
            if scenes.anchor[i, a] == b:
                found.append((LINKS[scenes.link[i, a]], a, b))
    return found


def facts(scenes: Scenes, i: int) -> list[tuple[str, int, int]]:
    """All of `FACTS` that hold in scene i, each in every direction in which it is true.

    Those of `relations` with their inverses, and same shape as; near: less than a tenth of the side between the circles
    around the two; in front of: nearer, and the circles overlap by more than a tenth of the smaller radius (or inside).
    """
    found = relations(scenes, i)
    x, y, r = scenes.x[i], scenes.y[i], scenes.radius[i]
    for a in range(scenes.count[i]):
        for b in range(a + 1, scenes.count[i]):
            gap = float(np.hypot(x[a] - x[b], y[a] - y[b]) - r[a] - r[b])
            if scenes.shape[i, a] == scenes.shape[i, b]:
                found.append(("same shape as", a, b))
            if gap < NEAR:
                found.append(("near", a, b))
            linked = scenes.anchor[i, b] == a
            if (LINKS[scenes.link[i, b]] == "inside") if linked else gap < -0.1 * min(r[a], r[b]):
                found.append(("in front of", b, a))
    return found + [(INVERSE.get(name, name), b, a) for name, a, b in found]
