"""The composer: boxes, masks and names are those of the pasted pictures, at any size, in any block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace.errors import ConfigError
from jointspace.world.compose import Composing, Library, compose


def _library(n=20):
    """Discs, each of its own grey, on clear ground."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    inside = np.hypot(x, y) < 0.95
    out = np.zeros((n, 24, 24, 4), dtype=np.uint8)
    for i in range(n):
        out[i, inside] = [10 * i, 10 * i, 10 * i, 255]
    return Library(out, [f"thing {i}" for i in range(n)], [f"group {i % 4}" for i in range(n)])


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000), size=st.sampled_from([32, 48, 96]), layout=st.sampled_from(["grid", "free"]),
    textured=st.booleans(),
)  # fmt: skip
def test_pasted_pictures_are_where_they_are_said_to_be(seed, size, layout, textured):
    library, config = _library(), Composing(pictures=(2, 8), cells=3, size=size, layout=layout)
    if textured:
        config = Composing(pictures=(2, 8), cells=3, size=size, layout=layout, colours=())
    made = compose(library, config, seed, np.arange(5))
    assert made.image.shape == (5, size, size, 3)
    for i in range(5):
        things = made.objects(i, library, config)
        assert len({t["name"] for t in things}) == len(things) == made.count[i]
        for k, thing in enumerate(things):
            ys, xs = np.nonzero(made.masks[i, k])
            assert thing["box"] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            cell = int(thing["y"] * 3) * 3 + int(thing["x"] * 3)
            assert cell == thing["cell"]
            assert (xs >= cell % 3 * size // 3 - 1).all() and (xs <= (cell % 3 + 1) * size / 3 + 1).all()
            centre = made.image[i, int(thing["y"] * size), int(thing["x"] * size)]
            assert np.abs(centre.astype(int) - 10 * made.item[i, k]).max() <= 1  # the picture itself
            assert thing["group"] == f"group {made.item[i, k] % 4}"
            assert (thing["ground"] == "") == textured
        assert not made.masks[i, made.count[i] :].any() and (made.item[i, made.count[i] :] == -1).all()


def test_a_scene_does_not_depend_on_its_neighbours_and_known_ones_stay_apart():
    library, config = _library(), Composing(turn=0.5, layout="free")
    known = np.arange(0, 20, 2)
    whole = compose(library, config, 3, np.arange(30), allowed=known)
    alone = compose(library, config, 3, np.array([17]), allowed=known)
    assert (alone.image[0] == whole.image[17]).all() and (alone.boxes[0] == whole.boxes[17]).all()
    assert set(whole.item.ravel()) - {-1} <= set(known)


def test_bad_libraries_and_settings_are_named():
    with pytest.raises(ConfigError, match="20 pictures, 3 names"):
        Library(_library().pictures, ["a", "b", "c"], ["x"] * 20)
    with pytest.raises(ConfigError, match="within 1 to 4, got 2 to 5"):
        Composing(pictures=(2, 5))
    with pytest.raises(ConfigError, match="only 2 are allowed"):
        compose(_library(), Composing(), 0, np.arange(2), allowed=[0, 1])
