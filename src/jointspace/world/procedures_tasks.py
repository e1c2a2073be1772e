"""Tasks of everyday life: their steps, what each step adds to the picture, and which steps must come before it.

A part is (form, x, y, half width, half height), shares of the side, y downward. Steps of the same words in several
tasks are the same action. The tasks are a fixed population: they depend on no seed.
"""

from __future__ import annotations

from dataclasses import dataclass

Part = tuple[str, float, float, float, float]
WHITE, CREAM, GREY, DARK = (250, 250, 248), (238, 208, 150), (98, 104, 118), (35, 35, 42)
RED, GREEN, BLUE, YELLOW = (208, 44, 44), (50, 140, 62), (44, 84, 196), (244, 206, 40)
PURPLE, ORANGE, CYAN, PINK = (130, 60, 165), (238, 132, 36), (90, 200, 220), (242, 140, 186)
BROWN, BARK, LEAF, SOIL = (150, 96, 52), (98, 62, 36), (30, 104, 56), (66, 46, 36)
PETALS: tuple[Part, ...] = tuple(
    ("disc", 0.5 + x, 0.26 + y, 0.085, 0.085)
    for x, y in ((0.0, -0.12), (0.12, -0.03), (0.075, 0.1), (-0.075, 0.1), (-0.12, -0.03))
)
BRIGHT = (RED, BLUE, YELLOW, PURPLE, ORANGE)


@dataclass(frozen=True)
class Step:
    """What is done (an imperative), the steps of the task that must come before, the parts it adds, its inks."""

    text: str
    after: tuple[int, ...]
    parts: tuple[Part, ...]
    inks: tuple[tuple[int, int, int], ...]  # one of them for the whole step, drawn for each row


@dataclass(frozen=True)
class Task:
    """A task and its steps in their usual order."""

    name: str
    steps: tuple[Step, ...]


def _two(form: str, x: float, y: float, w: float, h: float) -> tuple[Part, Part]:
    """The part and its mirror image."""
    return (form, x, y, w, h), (form, 1 - x, y, w, h)


def _row(form: str, xs: tuple[float, ...], y: float, w: float, h: float) -> tuple[Part, ...]:
    """The same part several times, side by side."""
    return tuple((form, x, y, w, h) for x in xs)


def _flag(x: float, foot: float, height: float) -> tuple[Part, Part]:
    """A pole that stands on `foot`, the flag at its right."""
    top = foot - height
    return ("box", x, (foot + top) / 2, 0.013, height / 2), ("box", x + 0.08, top + 0.05, 0.08, 0.05)


def _task(name: str, *steps: tuple) -> Task:  # type: ignore[type-arg]
    return Task(name, tuple(Step(text, after, parts, inks) for text, after, parts, inks in steps))


TASKS = (
    _task(
        "build a house",
        ("lay the floor", (), (("box", 0.5, 0.90, 0.42, 0.035),), (BARK, GREY)),
        ("put up the walls", (0,), (("box", 0.5, 0.68, 0.30, 0.19),), (CREAM, PINK, WHITE, YELLOW)),
        ("put on the roof", (1,), (("roof", 0.5, 0.34, 0.38, 0.16),), (RED, BARK, DARK)),
        ("add the door", (1,), (("box", 0.5, 0.755, 0.065, 0.115),), (BROWN, BLUE, GREEN)),
        ("add the windows", (1,), _two("box", 0.32, 0.66, 0.065, 0.065), (CYAN, BLUE)),
        ("add the chimney", (2,), (("box", 0.68, 0.28, 0.05, 0.11),), (BARK, GREY)),
    ),
    _task(
        "build a snowman",
        ("roll the big ball", (), (("disc", 0.5, 0.76, 0.22, 0.20),), (WHITE,)),
        ("put on the middle ball", (0,), (("disc", 0.5, 0.46, 0.165, 0.15),), (WHITE,)),
        ("put on the head", (1,), (("disc", 0.5, 0.23, 0.115, 0.11),), (WHITE,)),
        ("add the arms", (1,), _two("box", 0.24, 0.43, 0.12, 0.018), (BARK,)),
        ("add the buttons", (1,), (("disc", 0.5, 0.41, 0.03, 0.03), ("disc", 0.5, 0.51, 0.03, 0.03)), (DARK, RED)),
        ("add the nose", (2,), (("box", 0.56, 0.24, 0.06, 0.022),), (ORANGE,)),
        ("put on the hat", (2,), (("box", 0.5, 0.07, 0.085, 0.06), ("box", 0.5, 0.135, 0.15, 0.02)), (DARK, RED, BLUE)),
    ),
    _task(
        "make a pizza",
        ("roll out the dough", (), (("disc", 0.5, 0.5, 0.44, 0.44),), (CREAM,)),
        ("spread the sauce", (0,), (("disc", 0.5, 0.5, 0.37, 0.37),), (RED,)),
        ("sprinkle the cheese", (1,), (("disc", 0.5, 0.5, 0.33, 0.33),), (YELLOW,)),
        ("add the mushrooms", (2,), (("dome", 0.36, 0.36, 0.07, 0.08), ("dome", 0.64, 0.60, 0.07, 0.08)), (BROWN,)),
        ("add the olives", (2,), (("ring", 0.60, 0.32, 0.06, 0.06), ("ring", 0.44, 0.70, 0.06, 0.06)), (DARK,)),
        ("add the peppers", (2,), (("box", 0.32, 0.56, 0.075, 0.025), ("box", 0.54, 0.48, 0.025, 0.075)), (GREEN,)),
        ("add the ham", (2,), (("box", 0.70, 0.44, 0.05, 0.05), ("box", 0.56, 0.76, 0.05, 0.05)), (PINK,)),
    ),
    _task(
        "make a cake",
        ("place the plate", (), (("disc", 0.5, 0.86, 0.44, 0.07),), (WHITE, CYAN)),
        ("put on the first layer", (0,), (("box", 0.5, 0.73, 0.32, 0.11),), (BROWN, CREAM)),
        ("spread the cream", (1,), (("box", 0.5, 0.60, 0.32, 0.035),), (PINK, WHITE)),
        ("put on the second layer", (2,), (("box", 0.5, 0.48, 0.23, 0.09),), (BROWN, CREAM)),
        ("add the heart", (1,), (("heart", 0.5, 0.74, 0.09, 0.09),), (RED, PURPLE)),
        ("add the cherries", (2,), _two("disc", 0.225, 0.535, 0.045, 0.045), (RED,)),
        ("add the candles", (3,), _row("box", (0.36, 0.5, 0.64), 0.31, 0.02, 0.08), (BLUE, ORANGE)),
    ),
    _task(
        "make an ice cream",
        ("take the cone", (), (("tip", 0.5, 0.76, 0.17, 0.20),), (BROWN, CREAM)),
        ("add the first scoop", (0,), (("disc", 0.5, 0.47, 0.19, 0.17),), (PINK, YELLOW, WHITE)),
        ("add the second scoop", (1,), (("disc", 0.5, 0.25, 0.155, 0.14),), (CYAN, PINK, CREAM)),
        ("add the sprinkles", (1,), _row("disc", (0.40, 0.5, 0.60), 0.50, 0.024, 0.024), (BLUE, RED)),
        ("add the wafer", (1,), (("box", 0.74, 0.36, 0.035, 0.17),), (BROWN,)),
        ("pour on the sauce", (2,), (("dome", 0.5, 0.24, 0.155, 0.14),), (SOIL, RED)),
        ("add the cherries", (5,), (("disc", 0.5, 0.09, 0.05, 0.05),), (RED,)),
    ),
    _task(
        "set the table",
        ("lay the tablecloth", (), (("box", 0.5, 0.5, 0.47, 0.42),), (RED, BLUE, GREEN)),
        ("place the plate", (0,), (("disc", 0.5, 0.56, 0.23, 0.23),), (WHITE, CYAN)),
        ("place the fork", (0,), (("box", 0.17, 0.60, 0.02, 0.20), ("box", 0.17, 0.44, 0.05, 0.05)), (GREY,)),
        ("place the knife", (0,), (("box", 0.84, 0.60, 0.026, 0.20),), (GREY,)),
        ("place the glass", (0,), (("ring", 0.80, 0.22, 0.09, 0.09),), (CYAN,)),
        ("fold the napkin", (0,), (("roof", 0.22, 0.22, 0.12, 0.08),), (YELLOW, PINK)),
        ("serve the food", (1,), (("disc", 0.46, 0.55, 0.10, 0.09), ("disc", 0.56, 0.60, 0.08, 0.06)), (LEAF, BROWN)),
    ),
    _task(
        "plant a flower",
        ("place the pot", (), (("box", 0.5, 0.80, 0.18, 0.13),), (ORANGE, BLUE)),
        ("fill in the soil", (0,), (("disc", 0.5, 0.67, 0.18, 0.04),), (SOIL,)),
        ("plant the stem", (1,), (("box", 0.5, 0.49, 0.02, 0.18),), (GREEN,)),
        ("add the leaves", (2,), _two("disc", 0.40, 0.54, 0.09, 0.035), (GREEN,)),
        ("add the petals", (2,), PETALS, (RED, PURPLE, PINK, WHITE)),
        ("add the middle", (4,), (("disc", 0.5, 0.26, 0.07, 0.07),), (YELLOW, BROWN)),
        ("tie the ribbon", (0,), (("box", 0.5, 0.79, 0.18, 0.035),), (RED, YELLOW)),
    ),
    _task(
        "build a car",
        ("put down the body", (), (("box", 0.5, 0.64, 0.43, 0.12),), BRIGHT),
        ("add the wheels", (0,), _two("disc", 0.25, 0.77, 0.115, 0.115), (DARK,)),
        ("put on the cabin", (0,), (("dome", 0.5, 0.54, 0.28, 0.26),), BRIGHT),
        ("add the windows", (2,), _two("box", 0.40, 0.45, 0.075, 0.06), (CYAN,)),
        ("add the door", (0,), (("box", 0.5, 0.64, 0.07, 0.09),), (WHITE, GREY)),
        ("add the lights", (0,), (("disc", 0.88, 0.60, 0.045, 0.045),), (WHITE,)),
        ("put up the flag", (0,), _flag(0.10, 0.54, 0.32), (RED, GREEN, BLUE)),
    ),
    _task(
        "build a boat",
        ("put down the hull", (), (("bowl", 0.5, 0.64, 0.42, 0.24),), (BROWN, RED, BLUE)),
        ("put up the mast", (0,), (("box", 0.5, 0.38, 0.02, 0.27),), (BARK,)),
        ("hoist the sail", (1,), (("roof", 0.5, 0.40, 0.30, 0.18),), (WHITE, YELLOW, PINK)),
        ("put up the flag", (1,), (("box", 0.58, 0.13, 0.08, 0.045),), (RED, GREEN, BLUE)),
        ("add the windows", (0,), _row("disc", (0.34, 0.5, 0.66), 0.73, 0.045, 0.045), (CYAN,)),
        ("let in the water", (), (("box", 0.5, 0.94, 0.5, 0.09),), (BLUE, CYAN)),
    ),
    _task(
        "decorate a tree",
        ("place the pot", (), (("box", 0.5, 0.91, 0.11, 0.07),), (RED, BROWN)),
        ("plant the trunk", (0,), (("box", 0.5, 0.79, 0.035, 0.07),), (BARK,)),
        ("add the lower branches", (1,), (("roof", 0.5, 0.58, 0.36, 0.17),), (LEAF, GREEN)),
        ("add the upper branches", (2,), (("roof", 0.5, 0.33, 0.27, 0.17),), (LEAF, GREEN)),
        ("hang up the balls", (2,), _row("disc", (0.32, 0.5, 0.68), 0.67, 0.045, 0.045), (RED, BLUE, YELLOW)),
        ("tie the ribbon", (3,), (("box", 0.5, 0.42, 0.16, 0.02),), (RED, YELLOW)),
        ("put on the star", (3,), (("star", 0.5, 0.14, 0.11, 0.11),), (YELLOW,)),
    ),
    _task(
        "build a robot",
        ("stand up the legs", (), _two("box", 0.38, 0.85, 0.06, 0.12), (GREY, DARK)),
        ("put up the body", (0,), (("box", 0.5, 0.57, 0.23, 0.17),), (GREY, BLUE, RED)),
        ("add the arms", (1,), _two("box", 0.19, 0.56, 0.05, 0.16), (DARK, GREY)),
        ("put on the head", (1,), (("box", 0.5, 0.27, 0.15, 0.12),), (GREY, CYAN)),
        ("add the buttons", (1,), _row("disc", (0.38, 0.5, 0.62), 0.57, 0.04, 0.04), (YELLOW, WHITE)),
        ("add the eyes", (3,), _two("disc", 0.435, 0.26, 0.035, 0.035), (YELLOW, WHITE)),
        ("put up the aerial", (3,), (("box", 0.5, 0.11, 0.015, 0.05), ("disc", 0.5, 0.05, 0.04, 0.04)), (RED, ORANGE)),
    ),
    _task(
        "draw a face",
        ("draw the head", (), (("disc", 0.5, 0.54, 0.35, 0.37),), (YELLOW, CREAM, PINK)),
        ("add the eyes", (0,), _two("disc", 0.36, 0.46, 0.05, 0.06), (DARK, BLUE)),
        ("add the nose", (0,), (("roof", 0.5, 0.57, 0.045, 0.07),), (ORANGE, BROWN)),
        ("add the mouth", (0,), (("bowl", 0.5, 0.70, 0.17, 0.11),), (RED,)),
        ("add the ears", (0,), _two("disc", 0.12, 0.54, 0.065, 0.09), (ORANGE, BROWN)),
        ("put on the hat", (0,), (("box", 0.5, 0.09, 0.21, 0.085), ("box", 0.5, 0.19, 0.36, 0.03)), (DARK, RED, BLUE)),
    ),
    _task(
        "build a castle",
        ("lay the floor", (), (("box", 0.5, 0.92, 0.44, 0.035),), (BARK, GREEN)),
        ("put up the walls", (0,), (("box", 0.5, 0.71, 0.28, 0.18),), (GREY, CREAM)),
        ("put up the left tower", (0,), (("box", 0.20, 0.61, 0.10, 0.28),), (GREY, CREAM)),
        ("put up the right tower", (0,), (("box", 0.80, 0.61, 0.10, 0.28),), (GREY, CREAM)),
        ("add the door", (1,), (("dome", 0.5, 0.89, 0.10, 0.20),), (BARK, DARK)),
        ("put on the roof", (2, 3), _two("roof", 0.20, 0.23, 0.14, 0.11), (RED, BLUE, PURPLE)),
        ("put up the flag", (1,), _flag(0.5, 0.53, 0.26), (RED, GREEN, BLUE)),
    ),
    _task(
        "build a rocket",
        ("set up the fins", (), (("roof", 0.5, 0.74, 0.28, 0.14),), (RED, BLUE, ORANGE)),
        ("put up the body", (0,), (("box", 0.5, 0.54, 0.14, 0.30),), (WHITE, GREY)),
        ("put on the tip", (1,), (("roof", 0.5, 0.13, 0.14, 0.11),), (RED, BLUE, ORANGE)),
        ("add the windows", (1,), (("disc", 0.5, 0.36, 0.065, 0.065),), (CYAN,)),
        ("put on the star", (1,), (("star", 0.5, 0.54, 0.09, 0.09),), (YELLOW, BLUE)),
        ("paint the stripe", (1,), (("box", 0.5, 0.73, 0.14, 0.035),), (RED, GREEN, DARK)),
        ("light the fire", (1,), (("tip", 0.5, 0.93, 0.11, 0.07),), (ORANGE, YELLOW)),
    ),
)  # fmt: skip
NAMES = tuple(task.name for task in TASKS)
ACTIONS = tuple(dict.fromkeys(step.text for task in TASKS for step in task.steps))
FEWEST = min(len(task.steps) for task in TASKS)


def action(task: int, step: int) -> int:
    """Number in ACTIONS of a step of a task."""
    return ACTIONS.index(TASKS[task].steps[step].text)
