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
    x, y, r = scenes.x[i].tolist(), scenes.y[i].tolist(), scenes.radius[i].tolist()  # plain numbers compare much faster
    colour, anchor = scenes.colour[i].tolist(), scenes.anchor[i].tolist()
    n = int(scenes.count[i])
    for a in range(n):
        for b in range(n):
            if a == b:
                continue
            if x[b] - x[a] > APART:
                found.append(("left of", a, b))
            if y[b] - y[a] > APART:
                found.append(("above", a, b))
            if r[a] > LARGER * r[b]:
                found.append(("larger than", a, b))
            if a < b and colour[a] == colour[b]:
                found.append(("same colour as", a, b))
            if anchor[a] == b:
                found.append((LINKS[scenes.link[i, a]], a, b))
    return found


def facts(scenes: Scenes, i: int) -> list[tuple[str, int, int]]:
    """All of `FACTS` that hold in scene i, each in every direction in which it is true.

    Those of `relations` with their inverses, and same shape as; near: less than a tenth of the side between the circles
    around the two; in front of: nearer, and the circles overlap by more than a tenth of the smaller radius (or inside).
    """
    found = relations(scenes, i)
    x, y, radius = scenes.x[i], scenes.y[i], scenes.radius[i]
    far = np.hypot(x[:, None] - x, y[:, None] - y)
    gaps, r = (far - radius[:, None] - radius).tolist(), radius.tolist()
    shape, anchor = scenes.shape[i].tolist(), scenes.anchor[i].tolist()
    n = int(scenes.count[i])
    for a in range(n):
        for b in range(a + 1, n):
            gap = gaps[a][b]
            if shape[a] == shape[b]:
                found.append(("same shape as", a, b))
            if gap < NEAR:
                found.append(("near", a, b))
            linked = anchor[b] == a
            if (LINKS[scenes.link[i, b]] == "inside") if linked else gap < -0.1 * min(r[a], r[b]):
                found.append(("in front of", b, a))
    return found + [(INVERSE.get(name, name), b, a) for name, a, b in found]
