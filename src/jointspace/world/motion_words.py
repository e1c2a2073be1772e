"""Words for motions: captions with and without them, class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jointspace.world import language
from jointspace.world.motion import TOGETHER

# third person; the first form is the class name's
VERBS = {
    "left": ("moves left", "moves to the left", "slides left", "travels to the left", "goes left"),
    "right": ("moves right", "moves to the right", "slides right", "travels to the right", "goes right"),
    "up": ("moves up", "moves upwards", "rises", "goes up", "climbs"),
    "down": ("moves down", "moves downwards", "sinks", "goes down", "falls"),
    "clockwise": ("moves clockwise", "circles clockwise", "goes round clockwise"),
    "counter-clockwise": ("moves counter-clockwise", "circles counter-clockwise", "goes round anticlockwise"),
    "grow": ("grows", "gets bigger", "becomes larger", "expands"),
    "shrink": ("shrinks", "gets smaller", "becomes smaller", "dwindles"),
    "blink": ("blinks", "flashes", "comes and goes"),
    "still": ("stays still", "does not move", "stands still", "rests"),
    "collide": ("collides",),
    "follow": ("follows",),
    "led": ("is followed",),
}
PAIRS = {
    "collide": ("{0} and {1} collide", "{0} bumps into {1}", "{0} and {1} bounce off each other", "{0} hits {1}"),
    "follow": ("{0} follows {1}", "{0} chases {1}", "{1} is followed by {0}", "{0} runs after {1}"),
}
JOINTS = ("{0} {2} and {1} {3}", "{0} {2} while {1} {3}", "{1} {3} and {0} {2}", "{0} {2}, {1} {3}")


def label(motion: str, shape: str) -> str:
    """Class name of a (motion, shape) pair: `a square moves left`."""
    return f"{'an' if shape[0] in 'aeiou' else 'a'} {shape} {VERBS[motion][0]}"


def noun_phrase(thing: dict[str, Any], words: Sequence[int]) -> str:
    """`a small red square`; without the size for what grows or shrinks."""
    return language.phrase(thing, words, size=thing["motion"] not in ("grow", "shrink"))


def caption(things: list[dict[str, Any]], words: Sequence[int]) -> str:
    """A true sentence that says what each of one or two objects does. words: at least 16 random integers."""
    said = [noun_phrase(thing, words[4 * k :]) for k, thing in enumerate(things)]
    first = things[0]["motion"]
    if first in TOGETHER:
        return PAIRS[first][words[12] % len(PAIRS[first])].format(*said)
    verbs = [VERBS[t["motion"]][words[13 + k] % len(VERBS[t["motion"]])] for k, t in enumerate(things)]
    if len(things) == 1:
        return f"{said[0]} {verbs[0]}"
    return JOINTS[words[12] % len(JOINTS)].format(*said, *verbs)


def caption_without_motion(things: list[dict[str, Any]], words: Sequence[int]) -> str:
    """A true sentence that names the objects alone, in either order."""
    said = [noun_phrase(thing, words[4 * k :]) for k, thing in enumerate(things)]
    body = " and ".join(said if words[12] % 2 else said[::-1])
    return language.OPENINGS[words[15] % len(language.OPENINGS)].format(body)
