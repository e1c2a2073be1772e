"""Lettering: what is written is what is seen; boxes, masks and the map behind them agree; no shortcut reads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.lettering_drawing import Warp
from jointspace.world.lettering_fonts import FONTS, available, glyph, of_script
from jointspace.world.lettering_lexicon import LEXICONS
from jointspace.world.sets.lettering import CASES, SCRIPTS

STILL = {"rotation": 0, "curve": 0, "perspective": 0, "blur": 0, "noise": 0, "clutter": 0}


@settings(max_examples=40, deadline=None)
@given(
    bend=st.floats(-2.6, 2.6).filter(lambda b: abs(b) > 1e-3), turn=st.floats(-1.5, 1.5), taper=st.floats(-0.45, 0.45),
    stretch=st.floats(0.7, 1.3), scale=st.floats(0.3, 3),
)  # fmt: skip
def test_the_map_and_its_inverse_agree(bend, turn, taper, stretch, scale):
    warp = Warp(*(np.array([v]) for v in (90.0, 20.0, stretch, taper, bend, turn, scale, 60.0, 16.0)))
    for u, v in ((0.0, 0.0), (45.0, 10.0), (89.0, 3.0), (10.0, 19.0)):
        x, y = warp.forward(0, np.array([u]), np.array([v]))
        back_u, back_v = warp.inverse(x, y)
        assert back_u[0, 0, 0] == pytest.approx(u, abs=1e-5) and back_v[0, 0, 0] == pytest.approx(v, abs=1e-5)
    if abs(bend) < 0.002 and abs(turn) < 1e-6:
        assert warp.forward(0, np.array([90.0]), np.array([10.0]))[1][0] == pytest.approx(16.0, abs=0.1)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000), script=st.sampled_from(SCRIPTS), height=st.sampled_from([16, 32, 48]),
    curve=st.floats(0, 120), rotation=st.floats(0, 40),
)  # fmt: skip
def test_letters_lie_in_their_boxes_and_ink_in_the_letters(seed, script, height, curve, rotation):
    rows = world.make("lettering", n=6, seed=seed, scripts=[script], height=height, width=4 * height, curve=curve,
                      rotation=rotation)  # fmt: skip
    for row in rows:
        assert row["image"].shape == (height, 4 * height, 3) and row["mask"].shape == (height, 4 * height)
        assert len(row["boxes"]) == len(row["text"])
        ys, xs = np.nonzero(row["mask"])
        assert len(ys) >= len(row["text"])
        boxes = row["boxes"]
        inside = [((x + 1 >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y + 1 >= boxes[:, 1]) & (y <= boxes[:, 3])).any()
                  for x, y in zip(xs, ys)]  # fmt: skip
        assert all(inside)
        assert (boxes[:, 2] > boxes[:, 0]).all() and (boxes[:, 3] > boxes[:, 1]).all()
        assert (boxes[:, :2] >= 0).all() and boxes[:, 2].max() <= 4 * height and boxes[:, 3].max() <= height
        if abs(row["angle"]) < 45:
            assert (np.diff((boxes[:, 0] + boxes[:, 2]) / 2) > -0.6).all(), "letters follow one another"


def test_ink_contrasts_with_its_ground():
    rows = world.make("lettering", n=200, seed=3)
    far = []
    for row in rows:
        luminance = row["image"].mean(axis=-1)
        far.append(abs(luminance[row["mask"]].mean() - luminance[~row["mask"]].mean()))
    assert np.quantile(far, 0.02) > 15 and np.median(far) > 60


def test_a_reader_who_knows_the_warp_reads_everything():
    """Each word of the lexicon drawn where the row's word stands: one alone fits the picture, and it is the text."""
    lexicon = LEXICONS["latin"][:40]
    rows = world.make("lettering", n=5, seed=4, words=lexicon, cases=["lower"])
    alone = {w: world.make("lettering", n=5, seed=4, words=[w], cases=["lower"]).column("image") for w in lexicon}
    for i, row in enumerate(rows):
        assert [w for w in lexicon if (alone[w][i] == row["image"]).all()] == [row["text"]]


@pytest.mark.slow
def test_scripts_fonts_and_cases():
    assert len(FONTS) == 20
    assert [len(of_script("matplotlib", (), s)) for s in SCRIPTS] == [20, 16, 16]
    rows = world.make(
        "lettering", n=600, seed=1, scripts=SCRIPTS, fields=["text", "text_lower", "script", "case", "font"]
    )
    c = rows.columns()
    assert set(c["script"]) == set(SCRIPTS) and set(c["case"]) == set(CASES) and set(c["font"]) == set(FONTS)
    for text, lower, script, case in zip(c["text"], c["text_lower"], c["script"], c["case"]):
        assert lower == text.lower() and lower in LEXICONS[script]
        assert {"lower": str.islower, "title": lambda t: t[0].isupper(), "upper": str.isupper}[case](text)
    assert min(len(LEXICONS[s]) for s in SCRIPTS) > 90
    assert all(len(set(words)) == len(words) for words in LEXICONS.values())
    letters = [glyph(available("matplotlib")["DejaVu Sans"], 32, letter).ink for letter in "abcd"]
    assert len({ink.tobytes() for ink in letters}) == 4


def test_lexicons_of_ones_own_invented_words_and_numbers():
    own = world.make("lettering", n=50, words=["alpha", "beta"], cases=["lower"], fields=["text"]).column("text")
    assert set(own) == {"alpha", "beta"}
    text = world.make("lettering", n=3000, invented=0.5, numbers=0.2, fields=["text_lower"]).column("text_lower")
    plain = np.mean([t in LEXICONS["latin"] for t in text])
    assert plain == pytest.approx(0.3, abs=0.04)
    assert np.mean([any(s.isdigit() for s in t) for t in text]) == pytest.approx(0.2, abs=0.03)
    assert len(set(text)) > 1800 and max(map(len, text)) <= 14


def test_strengths_of_zero_leave_a_still_word():
    rows = world.make("lettering", n=30, seed=2, **STILL)
    for row in rows:
        assert row["angle"] == 0 and abs(row["curve"]) < 0.1
        corner = row["image"][0, :3].astype(int)
        assert np.ptp(corner, axis=0).max() <= 1, "an even ground"
    grey = world.make("lettering", n=3, grey=True)[1]["image"]
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 0] == grey[..., 2]).all()


def test_rows_depend_on_seed_and_index_alone():
    rows = world.make("lettering", n=80, seed=4)
    alone = rows.block(np.array([70, 3]), rows.fields)
    for field in rows.fields:
        assert np.array_equal(alone[field][0], rows[70][field]), field
    assert rows.portrait(rows[0]).shape == (64, 256, 3) and rows[0]["text"] in rows.words(rows[0])
    assert rows[0]["caption"] == f"a photo of a '{rows[0]['text']}'"


def test_pinned():
    assert world.make("lettering", n=8, seed=5, scripts=["latin", "greek"]).digest() == "a3a626ec445a23db"


def test_bad_controls_name_the_control():
    with pytest.raises(ConfigError, match="scripts: no 'greec'.*greek"):
        world.make("lettering", scripts=["greec"])
    with pytest.raises(ConfigError, match="fonts must be matplotlib or system, got 'matplotlb'"):
        world.make("lettering", fonts="matplotlb")
    with pytest.raises(ConfigError, match="font_names: no 'STIX bol'.*STIX bold"):
        world.make("lettering", font_names=["STIX bol"])[0]
    with pytest.raises(ConfigError, match="has greek letters"):
        world.make("lettering", n=1, scripts=["greek"], font_names=["Computer Modern"])[0]
    with pytest.raises(ConfigError, match="is no word"):
        world.make("lettering", words=["two words"])


@pytest.mark.slow
def test_trivial_baselines_stay_below_their_ceilings():
    """The extent of the ink tells the length of a word only roughly, mean colour nothing; no word is frequent."""
    from sklearn.ensemble import RandomForestClassifier

    rows = world.make("lettering", n=1000, seed=6)
    c = rows.columns("image", "mask", "text", "text_lower")
    length = np.array([len(t) for t in c["text"]])
    spans = np.array([[np.ptp(np.flatnonzero(m.any(axis=0))), np.ptp(np.flatnonzero(m.any(axis=1))), m.sum()]
                      for m in c["mask"]])  # fmt: skip
    mean = c["image"].mean(axis=(1, 2))

    def probe(x: np.ndarray, y: np.ndarray) -> float:
        forest = RandomForestClassifier(60, min_samples_leaf=3, random_state=0).fit(x[:700], y[:700])
        return float(forest.score(x[700:], y[700:]))

    first = np.array([t[0] for t in c["text_lower"]])
    scores = {
        "length by width": probe(spans[:, :1], length),
        "length by extent and ink": probe(spans, length),
        "length by majority": max(np.mean(length == n) for n in range(15)),
        "first letter by mean colour": probe(mean, first),
        "most frequent word": max(c["text_lower"].count(t) for t in set(c["text_lower"])) / 1000,
    }
    assert scores["length by width"] < 0.5 and scores["length by extent and ink"] < 0.55, scores
    assert scores["length by majority"] < 0.35 and scores["first letter by mean colour"] < 0.16, scores
    assert scores["most frequent word"] < 0.012, scores
