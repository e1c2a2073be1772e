"""Samplers: pure functions of (seed, epoch, step); each keeps its promise on every batch of several epochs."""

import numpy as np
import pytest

from jointspace.data.dataset import load_data
from jointspace.data.samplers import (
    PK,
    REGISTRY,
    Alternate,
    BalancedSources,
    ByLength,
    Groups,
    Homogeneous,
    Neighbours,
    RandomBatches,
    UniqueContent,
    batch_spec,
    build_sampler,
    source_use,
)
from jointspace.data.samplers.distinct import _most_steps
from jointspace.errors import ConfigError


def rows(n, **more):
    return load_data({"text": [f"text {i}" for i in range(n)], **more})


def sources(*sizes, weights=None):
    parts = [{"path": {"text": [f"{k} {i}" for i in range(n)]}, "name": f"s{k}"} for k, n in enumerate(sizes)]
    for part, weight in zip(parts, weights or [], strict=False):
        part["weight"] = weight
    return load_data(sources=parts)


GENRES = rows(
    60,
    label=[f"l{i % 7}" for i in range(60)],
    image_kind=[i % 20 for i in range(60)],
    genre=["a"] * 24 + ["b"] * 36,
)
SPECS = [
    RandomBatches(),
    UniqueContent(("label",)),
    UniqueContent(("label", "image_kind")),
    PK("label", 2),
    BalancedSources(by="genre"),
    Homogeneous("genre"),
    Alternate("genre"),
    Groups(3),
    Neighbours(3),
    ByLength("text", pool=2),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.name}-{len(str(s))}")
def test_a_batch_is_a_pure_function_of_seed_and_step(spec):
    size = 6
    sampler = spec.bind(GENRES, size, seed=5)
    walked = [sampler.batch(step) for step in range(3 * sampler.steps_per_epoch)]
    for step in (2 * sampler.steps_per_epoch + 1, 0, sampler.steps_per_epoch):  # any step may be asked for first
        epoch, indices = spec.bind(GENRES, size, seed=5).batch(step)
        assert epoch == step // sampler.steps_per_epoch == walked[step][0]
        assert np.array_equal(indices, walked[step][1])
        assert indices.shape == (size,) and indices.dtype == np.int64
    first, second = sampler.plan(0).copy(), sampler.plan(1).copy()
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, spec.bind(GENRES, size, seed=6).plan(0))
    assert set(REGISTRY) == {s.name for s in SPECS}


@pytest.mark.parametrize("spec", SPECS[:1] + SPECS[3:6], ids=lambda s: s.name)
def test_processes_share_a_batch_contiguously(spec):
    whole = spec.bind(GENRES, 6, seed=1)
    shares = [spec.bind(GENRES, 6, seed=1, process_index=p, num_processes=3) for p in range(3)]
    for step in range(whole.steps_per_epoch):
        assert np.array_equal(whole.batch(step)[1], np.concatenate([s.batch(step)[1] for s in shares]))
    with pytest.raises(ConfigError, match="batch_size: 6 does not divide among 4 processes"):
        spec.bind(GENRES, 6, seed=1, num_processes=4)


def test_random_batches_take_each_row_once_an_epoch():
    sampler = build_sampler("random", rows(103), 10, seed=0)
    assert sampler.steps_per_epoch == 10
    for epoch in range(3):
        assert len(np.unique(sampler.plan(epoch))) == 100
    seen = np.unique([sampler.plan(epoch) for epoch in range(30)])
    assert len(seen) == 103  # the rows left over are other ones in each epoch


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ConfigError, match=r"batch_size: 11 is larger than the data set \(.*10 rows\)"):
        build_sampler(None, rows(10), 11, seed=0)


# No content twice ---------------------------------------------------------------------------------------------------


def no_repeats(plan, values):
    content = np.sort(values[plan], axis=1)
    return (content[:, 1:] != content[:, :-1]).all()


@pytest.mark.parametrize("kinds", [2000, 50, 24, 17])
def test_unique_content_never_repeats_and_uses_each_row_at_most_once(kinds):
    rng = np.random.default_rng(kinds)
    text = rng.integers(0, kinds, 2000)
    data = load_data({"text": [f"t{t}" for t in text]})
    sampler = UniqueContent().bind(data, 16, seed=3)
    assert sampler.steps_per_epoch == _most_steps(np.bincount(text), 16)
    for epoch in range(3):
        plan = sampler.plan(epoch)
        assert no_repeats(plan, text)
        assert len(np.unique(plan)) == plan.size


def test_steps_are_the_most_that_the_counts_allow():
    assert _most_steps(np.array([5, 1, 1, 1]), 2) == 3  # (5 with each of three others)
    assert _most_steps(np.array([1] * 9), 4) == 2
    assert _most_steps(np.array([9, 9]), 3) == 0
    for seed in range(20):  # against the definition
        counts = np.random.default_rng(seed).integers(1, 9, 12)
        fits = [s for s in range(1, 100) if np.minimum(counts, s).sum() >= s * 4]
        assert _most_steps(counts, 4) == max(fits)


def test_unique_content_of_two_fields_at_once():
    rng = np.random.default_rng(0)
    image, text = rng.integers(0, 60, 3000), rng.zipf(1.5, 3000) % 700
    data = load_data({"text": [f"t{t}" for t in text], "kind": image.tolist()})
    sampler = UniqueContent(("kind", "text")).bind(data, 24, seed=0)
    for epoch in range(3):
        plan = sampler.plan(epoch)
        assert no_repeats(plan, image) and no_repeats(plan, text)
        assert len(np.unique(plan)) > 0.95 * plan.size


def test_every_row_of_a_frequent_content_gets_its_turn():
    data = load_data({"text": ["same"] * 30 + [f"t{i}" for i in range(30)]})
    sampler = UniqueContent().bind(data, 4, seed=0)
    assert sampler.steps_per_epoch == 10  # min(30, 10) + 30 = 40 rows in batches of 4
    seen = np.unique([sampler.plan(e) for e in range(20)])
    assert len(seen) == 60


def test_rows_are_spread_evenly_over_batches():
    """Two contents of 10 rows meet in one of 20 batches as often as chance says (10/20 each: 5 batches of the 20)."""
    data = load_data({"text": [f"t{i // 10}" for i in range(200)]})
    sampler = UniqueContent().bind(data, 10, seed=0)
    meet = []
    for epoch in range(40):
        plan = sampler.plan(epoch) // 10
        has = np.stack([(plan == t).any(axis=1) for t in range(20)])
        both = has.astype(int) @ has.T
        meet.append(both[np.triu_indices(20, 1)])
    assert np.mean(meet) == pytest.approx(20 * 45 / 190, abs=1e-9)  # 10 of 20 contents a batch: 45 pairs of 190
    assert np.std(np.mean(meet, axis=0)) < 1


def test_unique_content_says_why_it_cannot():
    data = load_data({"text": ["a", "b"] * 10})
    with pytest.raises(ConfigError, match="batch_size: 3 is larger than the number of different values of 'text' .2."):
        UniqueContent().bind(data, 3, seed=0)
    with pytest.raises(ConfigError, match="no field 'txt'.*text"):
        UniqueContent(("txt",)).bind(data, 2, seed=0)


# Labels -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 4])
def test_pk_has_k_rows_of_each_of_its_labels(k):
    rng = np.random.default_rng(k)
    label = rng.integers(0, 30, 500)
    data = rows(500, label=[f"l{v}" for v in label])
    sampler = PK("label", k).bind(data, 16, seed=0)
    for epoch in range(3):
        plan = sampler.plan(epoch)
        groups = label[plan].reshape(-1, 16 // k, k)
        assert (groups == groups[..., :1]).all()
        assert no_repeats(groups[..., 0], np.arange(30))
        assert len(np.unique(plan)) == plan.size
    assert sampler.steps_per_epoch * 16 > 400


def test_pk_with_labels_that_are_too_small():
    data = rows(12, label=["a"] * 5 + ["b"] * 5 + ["c", "d"])
    with pytest.raises(ConfigError, match="needs 3 labels of 'label' with 2 rows each, but only 2 of 4 have as many"):
        PK("label", 2).bind(data, 6, seed=0)
    plan = PK("label", 2, short="repeat").bind(data, 6, seed=0).plan(0)
    label = np.array([0] * 5 + [1] * 5 + [2, 3])[plan].reshape(-1, 3, 2)
    assert (label[..., 0] == label[..., 1]).all()
    with pytest.raises(ConfigError, match="groups of k=4"):
        PK("label", 4).bind(data, 6, seed=0)


# Sources ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "exponent", "share"),
    [
        (None, 1.0, [0.6, 0.3, 0.1]),
        (None, 0.0, [1 / 3] * 3),
        ([1, 1, 6], 1.0, [0.4, 0.2, 0.4]),
        (None, 0.5, np.sqrt([60, 30, 10]) / np.sqrt([60, 30, 10]).sum()),
    ],
)
def test_balanced_sources_hold_their_shares_in_every_batch(weights, exponent, share):
    data = sources(600, 300, 100, weights=weights)
    sampler = BalancedSources(exponent).bind(data, 50, seed=0)
    for epoch in range(3):
        plan = sampler.plan(epoch)
        counts = np.stack([np.bincount(data.source[batch], minlength=3) for batch in plan])
        assert counts.mean(axis=0) / 50 == pytest.approx(share, abs=2e-3)
        assert np.abs(counts - 50 * np.asarray(share)).max() <= 2
        assert all(len(np.unique(batch)) == 50 for batch in plan)
    total = np.concatenate([sampler.plan(e).ravel() for e in range(8)])
    for k in range(3):  # walked through without replacement: no row is more than one ahead of another
        seen = np.bincount(total, minlength=1000)[data.source == k]
        assert seen.max() - seen.min() <= 1


def test_weights_alone_make_balanced_the_default():
    assert build_sampler(None, sources(40, 20), 10, seed=0).spec == RandomBatches()
    assert build_sampler(None, sources(40, 20, weights=[1, 2]), 10, seed=0).spec == BalancedSources()


def test_homogeneous_batches_have_one_source():
    data = sources(45, 21, 34)
    sampler = Homogeneous().bind(data, 10, seed=0)
    assert sampler.steps_per_epoch == 4 + 2 + 3
    orders = []
    for epoch in range(4):
        of_batch = data.source[sampler.plan(epoch)]
        assert (of_batch == of_batch[:, :1]).all()
        assert len(np.unique(sampler.plan(epoch))) == 90
        orders.append(tuple(of_batch[:, 0]))
    assert len(set(orders)) > 1
    even = Homogeneous(exponent=0.0).bind(data, 10, seed=0)
    assert np.bincount(data.source[even.plan(0)[:, 0]]).tolist() == [3, 3, 3]
    with pytest.raises(ConfigError, match="source 's1' has only 21 rows, fewer than one batch of 30"):
        Homogeneous().bind(data, 30, seed=0)


def test_homogeneous_chunks_within_a_mixed_batch():
    data = sources(48, 24, 24)
    plan = Homogeneous(chunk=4).bind(data, 12, seed=0).plan(0)
    chunks = data.source[plan].reshape(-1, 3, 4)
    assert (chunks == chunks[..., :1]).all()
    assert (chunks[:, :, 0] != chunks[:, :1, 0]).any()


def test_alternate_takes_sources_in_turn():
    data = sources(40, 12, 20)
    sampler = Alternate().bind(data, 4, seed=0)
    for epoch in range(2):
        plan = sampler.plan(epoch)
        assert (data.source[plan] == (np.arange(len(plan)) % 3)[:, None]).all()
        assert all(len(np.unique(batch)) == 4 for batch in plan)
    pattern = Alternate(pattern=("s0", "s0", "s2")).bind(data, 4, seed=0).plan(0)
    assert data.source[pattern[:3, 0]].tolist() == [0, 0, 2]
    with pytest.raises(ConfigError, match="no source 's9'"):
        Alternate(pattern=("s9",)).bind(data, 4, seed=0)


def test_use_of_sources_is_counted():
    data = sources(40, 12)
    use = source_use(build_sampler("random", data, 4, seed=0), data, steps=26)
    assert [u.name for u in use] == ["s0", "s1"]
    assert sum(u.share for u in use) == pytest.approx(1)
    assert use[0].repeats == pytest.approx(2, abs=0.01) and use[0].unseen == 0


# Groups, tables, lengths --------------------------------------------------------------------------------------------


def test_groups_stay_together_in_order():
    plan = Groups(3).bind(rows(60), 6, seed=0).plan(0)
    groups = plan.reshape(-1, 3)
    assert (groups % 3 == np.arange(3)).all() and (groups // 3 == groups[:, :1] // 3).all()
    assert len(np.unique(plan)) == 60
    with pytest.raises(ConfigError, match="do not divide into groups of 7"):
        Groups(7).bind(rows(60), 14, seed=0)


def test_a_table_of_neighbours_holds_from_when_it_is_set_and_comes_back_with_the_checkpoint():
    data = rows(40)
    table = (np.arange(40)[:, None] + np.arange(1, 6)) % 40
    sampler = Neighbours(4).bind(data, 8, seed=0)
    before = sampler.plan(1).copy()
    sampler.set_table(table)
    groups = sampler.plan(1).reshape(-1, 4)
    distance = (groups[:, 1:] - groups[:, :1]) % 40
    assert (distance >= 1).all() and (distance <= 5).all()
    assert all(len(set(line)) == 3 for line in distance.tolist())  # without replacement
    assert not np.array_equal(before, sampler.plan(1))
    again = Neighbours(4).bind(data, 8, seed=0)
    again.load_state_dict(sampler.state_dict())
    assert np.array_equal(again.plan(7), sampler.plan(7))
    with pytest.raises(ConfigError, match=r"must be \(40, K\)"):
        sampler.set_table(table[:5])
    with pytest.raises(ConfigError, match="take no table"):
        RandomBatches().bind(data, 8, seed=0).set_table(table)


def test_state_of_another_run_is_refused():
    state = RandomBatches().bind(rows(40), 8, seed=0).state_dict()
    with pytest.raises(ConfigError, match=r"resume: the order of data differs \(seed was 0, is 1\)"):
        RandomBatches().bind(rows(40), 8, seed=1).load_state_dict(state)
    with pytest.raises(ConfigError, match="spec was .*random"):
        Groups(2).bind(rows(40), 8, seed=0).load_state_dict(state)


def test_rows_of_like_length_share_a_batch():
    length = np.random.default_rng(0).integers(1, 100, 800)
    data = load_data({"text": ["x" * n for n in length]})
    plan = ByLength("text", pool=10).bind(data, 8, seed=0).plan(0)
    assert len(np.unique(plan)) == 800
    assert (
        np.ptp(length[plan], axis=1).mean()
        < 0.2 * np.ptp(length[RandomBatches().bind(data, 8, 0).plan(0)], axis=1).mean()
    )


# Recipes ------------------------------------------------------------------------------------------------------------


def test_specs_from_recipes():
    assert batch_spec(None) == RandomBatches()
    assert batch_spec({"name": "unique", "fields": ["text", "image"]}) == UniqueContent(("text", "image"))
    assert batch_spec({"name": "unique", "fields": "text"}) == UniqueContent(("text",))
    assert batch_spec({"name": "homogeneous", "exponent": 0.5, "chunk": 4}) == Homogeneous(chunk=4, exponent=0.5)
    for spec in SPECS:
        assert batch_spec(spec.describe()) == spec
    with pytest.raises(ConfigError, match="unknown name 'uniqe'.*did you mean unique"):
        batch_spec("uniqe")
    with pytest.raises(ConfigError, match="unknown option 'feilds'.*did you mean fields"):
        batch_spec({"name": "unique", "feilds": ["text"]})
    with pytest.raises(ConfigError, match="k must be int, got '2'"):
        batch_spec({"name": "by_label", "k": "2"})


def test_what_a_method_asks_for():
    assert RandomBatches().satisfies(None)
    assert UniqueContent(("text", "image")).satisfies(UniqueContent(("text",)))
    assert not UniqueContent(("text",)).satisfies(UniqueContent(("text", "image")))
    assert PK("id", 4).satisfies(PK("id", 2)) and not PK("id", 2).satisfies(PK("id", 4))
    assert Alternate().satisfies(Homogeneous()) and not Homogeneous().satisfies(Alternate())
    assert not RandomBatches().satisfies(Groups(2)) and Groups(2).satisfies(Groups(2))
    assert not Homogeneous(chunk=4).satisfies(Homogeneous())
