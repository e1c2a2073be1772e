"""Verdicts by hand, and a toy reproduction through every door of the harness."""

import json

import pytest

from jointspace.errors import ConfigError, DataError
from jointspace.reproductions.claims import Claim, status, student
from jointspace.reproductions.harness import Reproduction, Role, built, load, write

ARMS = {"a": {"m": [0.5, 0.6, 0.7]}, "b": {"m": [0.4, 0.45, 0.69]}, "few": {"m": [0.1]}}


def judge(**fields):
    return Claim("text", **{"arm": "a", "than": "b", "metric": "m", **fields}).judge(ARMS)


def test_verdicts_by_hand():
    assert judge(by=0.05)["verdict"] == "holds"  # mean .0867
    assert judge(by=0.05, each_seed=True)["verdict"] == "direction"  # seed 3: .01
    assert judge(by=0.2)["verdict"] == "direction"
    assert judge(lower=True)["verdict"] == "fails"
    assert judge(than=0.55)["differences"] == pytest.approx([-0.05, 0.05, 0.15])
    assert judge(than=0.55, by=0.1)["verdict"] == "fails"  # one seed has the other sign
    one = judge(than="few")
    assert one["differences"] == pytest.approx([0.4]) and one["interval"] is None  # only the seeds both have


def test_student_interval_agrees_with_scipy():
    from scipy.stats import ttest_1samp

    low, high = student([0.1, 0.15, 0.01])
    want = ttest_1samp([0.1, 0.15, 0.01], 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((want.low, want.high))


def test_status_counts_what_counts():
    holds, fails = judge(), judge(lower=True)
    assert status([holds]) == "reproduced" and status([holds, fails]) == "failed"
    assert status([holds, {**fails, "optional": True}]) == "reproduced"
    assert status([judge(by=9.0)]) == "reproduced"  # direction is no failure


class Rows(list):
    fields = ("text",)
    fingerprint = "f"


def toy():
    def run(arm, context):
        rows = context.data("pool", n=3)
        context.shared[arm] = context.seed
        assert set(context.shared.values()) == {context.seed}  # never another seed's
        return {"score": len(rows) * {"ours": 2, "theirs": 1, "rare": 0}[arm] + context.seed / 100}

    return Reproduction(
        slug="align",
        run=run,
        arms={"ours": "", "theirs": "", "rare": ""},
        claims=[Claim("ours is better", "ours", "theirs", "score", by=1)],
        roles={"pool": Role(("text",), "toy", "rows", lambda context, n: Rows("x" * n))},
        settings={"desk": {}, "tiny": {}},
        few={"rare": 1},
    )


def test_all_arms_on_all_seeds(tmp_path):
    result = toy().execute(seeds=[1, 2, 3])
    assert result["arms"]["ours"]["score"] == pytest.approx([6.01, 6.02, 6.03])
    assert result["arms"]["rare"]["score"] == pytest.approx([0.01])
    assert result["status"] == "reproduced" and result["datasets"]["pool"]["rows"] == 3
    write(result, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["claims"][0]["verdict"] == "holds"
    assert (tmp_path / "r.png").stat().st_size > 5000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json", "r.png"]


def test_data_takes_the_place_of_a_role(tmp_path):
    (tmp_path / "mine.csv").write_text("text\n" + "word\n" * 5)
    result = toy().execute(seeds=[1], data={"pool": str(tmp_path / "mine.csv")})
    assert result["arms"]["theirs"]["score"] == pytest.approx([5.01])
    (tmp_path / "wrong.csv").write_text("title\nword\n")
    with pytest.raises(DataError, match="no field 'text'"):
        toy().execute(seeds=[1], data={"pool": str(tmp_path / "wrong.csv")})
    with pytest.raises(ConfigError, match="no role 'pol'.*pool"):
        toy().execute(seeds=[1], data={"pol": "x"})
    with pytest.raises(ConfigError, match="scale 'dsk'.*desk"):
        toy().execute(scale="dsk")


def test_unknown_and_unbuilt_systems():
    with pytest.raises(ConfigError, match="'algin'"):
        load("algin")
    unbuilt = next(s for s in ("yi", "ofa", "xbt") if s not in built())
    with pytest.raises(ConfigError, match="not built yet"):
        load(unbuilt)


@pytest.mark.parametrize("slug", built())
def test_every_reproduction_is_well_formed(slug):
    r = load(slug)
    assert r.slug == slug and set(r.settings) == {"desk", "tiny"} and len(r.seeds) >= 3 and len(r.arms) >= 2
    for claim in r.claims:
        assert claim.arm in r.arms and (not isinstance(claim.than, str) or claim.than in r.arms)
    assert any(not c.optional for c in r.claims) and set(r.few) <= set(r.arms)
