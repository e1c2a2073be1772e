"""Unified Embedding: the sheet's exact checks."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import jointspace as js
from jointspace.data.categories import CategoryProcessor
from jointspace.data.draws import key
from jointspace.errors import ConfigError, DataError
from jointspace.methods.tabular.clicks import Clicks, Config
from jointspace.metrics.statistics import auc, value_of
from jointspace.nn.click_heads import ClickHead, block_cosines
from jointspace.nn.hashing import MISSING, bucket, hash_values, mix, salt, salted
from jointspace.nn.tables import FAMILIES, build, plan
from jointspace.nn.tables.full import FullTables
from jointspace.nn.tables.hashed import HashTables
from jointspace.nn.tables.unified import UnifiedEmbedding
from jointspace.operations.compression.unified_embedding import clean_share, collisions, row_gradient_by_column
from jointspace.reproductions.harness import load
from jointspace.testing import check_encoder

SIZES = {"film": 1682, "user": 943, "gender": 2, "zip": 795, "job": 21, "age": 7}


def hashes(n, start=0):
    return torch.from_numpy(hash_values(np.arange(start, start + n)))


def ids(rows=40, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    columns = [hash_values(np.arange(n))[rng.integers(n, size=rows)] for n in sizes.values()]
    return torch.from_numpy(np.stack(columns, axis=1))


# Hashing

GOLDEN = {
    "a": -6717474341468525699,
    "movie 5": 3994407138839663999,
    "ü": 4973727399062453818,
    5: 6142254456252478398,
    -3: 2761628571100841681,
    1099511627776: 1536346656041012411,
}
SALT, ROWS = 344765222000892721, [361, 984, 611]


def test_hashes_equal_stored_values():
    assert {value: int(hash_values([value])[0]) for value in GOLDEN} == GOLDEN
    assert salt("row", 1, 0) == SALT and bucket(salted(mix(hashes(3)), torch.tensor(SALT)), 1000).tolist() == ROWS


def test_hashes_are_the_same_in_another_process():
    code = "from jointspace.nn.hashing import hash_values; print(hash_values(['a', 5, None]).tolist())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(said) == hash_values(["a", 5, None]).tolist()


def test_torch_and_numpy_agree_and_kinds_of_values():
    h, s = hashes(500), salt("row", 3, 1)
    assert (salted(mix(h), torch.tensor(s)).numpy().view(np.uint64) == key(s, h.numpy())).all()
    assert hash_values(np.array([5], np.int32)) == hash_values([5]) == hash_values([5.0]) != hash_values(["5"])
    assert hash_values([None, float("nan")]).tolist() == [MISSING, MISSING]
    with pytest.raises(DataError, match="2.5"):
        hash_values([2.5])


def test_buckets_are_even_and_salts_independent():
    """Equal values in two columns, or two chunks of one, meet in a row as often as chance has it: 1 / M, 3 sd."""
    n, m = 20_000, 97
    h = mix(hashes(n))
    rows = [bucket(salted(h, torch.tensor(salt("row", t, k))), m) for t, k in ((0, 0), (1, 0), (0, 1))]
    counts = torch.bincount(rows[0], minlength=m)
    assert (counts - n / m).abs().max() < 5 * (n / m) ** 0.5
    for other in rows[1:]:
        rate = (rows[0] == other).double().mean()
        assert abs(rate - 1 / m) < 3 * (1 / m / n) ** 0.5


# Unified embedding


def test_assignment_goes_round_and_carries_on():
    tables = UnifiedEmbedding(chunk_width=2, buckets=5, tables=3)
    for name, chunks in (("a", 2), ("b", 3), ("c", 1)):
        tables.add_feature(name, chunks)
    assert tables.assignment == [(0, 1), (2, 0, 1), (2,)]
    assert tables.widths == [4, 6, 2] and tables(ids(4, dict.fromkeys("abc", 9))).shape == (4, 12)
    rows = tables.rows(ids(50, dict.fromkeys("abc", 9)))
    assert (rows // 5 == torch.tensor([0, 1, 2, 0, 1, 2])).all()
    with pytest.raises(ConfigError, match="distinct"):
        tables.add_feature("a")
    with pytest.raises(ConfigError, match="'men'.*mean"):
        tables.add_feature("d", combiner="men")


def test_chunks_stand_in_numeric_order():
    """The official layer sorts chunk names as text: 0, 1, 10, 2. Ours does not."""
    tables = UnifiedEmbedding(["a"], chunk_width=1, buckets=1000, chunks=12)
    h = hashes(5)
    want = torch.stack([bucket(salted(mix(h), torch.tensor(salt("row", 0, k))), 1000) for k in range(12)], dim=1)
    assert (tables.rows(h[:, None]) == want).all()


def test_parameter_counts_of_the_notebook():
    tables = UnifiedEmbedding(list(SIZES), chunk_width=8, buckets=1440, tables=2, chunks=2)
    head = ClickHead(tables.widths, [128, 64])
    assert tables.floats() == 23_040 and tables.dim == 96
    assert sum(p.numel() for p in head.parameters()) == 20_737
    full = FullTables(list(SIZES), 16, list(SIZES.values()))
    assert full.floats() == 3450 * 16


def test_one_column_one_chunk_is_the_hash_trick():
    unified = UnifiedEmbedding(["a"], chunk_width=4, buckets=50)
    plain = HashTables(["a"], 4, 50)
    plain.load_state_dict(unified.state_dict())
    h = hashes(200)[:, None]
    assert torch.equal(unified(h), plain(h)) and torch.equal(unified.rows(h), plain.rows(h)[..., 0])


def test_without_collisions_it_is_collisionless():
    """M far above n: as soon as the hash is injective, any full table can be written into the rows and read back."""
    h = hashes(20)
    unified = UnifiedEmbedding(["a"], chunk_width=3, buckets=100_003)
    full = FullTables(["a"], 3, [20], vocabulary={"a": h})
    rows = unified.rows(h[:, None])[:, 0]
    assert len(rows.unique()) == 20
    with torch.no_grad():
        unified.weight[rows] = full(h[:, None])
    assert torch.equal(unified(h[:, None]), full(h[:, None]))


def test_gradient_of_a_row_is_the_sum_over_columns():
    """dL/de_m = sum_t theta_t sum_i 1(h_t(x_it) = m) r_i, and its split by column."""
    tables = HashTables(["a", "b", "c"], 4, 7).double()
    theta = torch.randn(3, 4, dtype=torch.float64)
    x, y = ids(60, dict.fromkeys("abc", 30)), torch.randint(2, (60,)).double()
    out = tables(x)
    out.retain_grad()
    logit = (out.unflatten(1, (3, 4)) * theta).sum((1, 2))
    nn.functional.binary_cross_entropy_with_logits(logit, y, reduction="sum").backward()
    r = logit.detach().sigmoid() - y
    for m in range(7):
        want = sum(theta[t] * r[(tables.rows(x)[:, t, 0] == m)].sum() for t in range(3))
        assert tables.weight.grad[m] == pytest.approx(want.numpy(), abs=1e-10)
        split = row_gradient_by_column(tables, x, out.grad, m)
        assert split.sum(0).numpy() == pytest.approx(want.numpy(), abs=1e-10)
        for t in range(3):  # along theta_t alone
            assert abs(torch.cosine_similarity(split[t], theta[t], dim=0)) == pytest.approx(1) or not split[t].any()


def freeze(theta, multiplexed, steps=20):
    """Logits at every step of full-batch SGD with frozen theta, E = 0 at the start."""
    tables = HashTables(["a", "b"], theta.shape[1], 11 if multiplexed else [11, 11], multiplexed=multiplexed).double()
    nn.init.zeros_(tables.weight)
    x, y = ids(80, dict.fromkeys("ab", 40)), (torch.arange(80) % 3 == 0).double()
    seen = []
    for _ in range(steps):
        logit = (tables(x).unflatten(1, theta.shape) * theta).sum((1, 2))
        seen.append(logit.detach())
        (grad,) = torch.autograd.grad(nn.functional.binary_cross_entropy_with_logits(logit, y), tables.weight)
        with torch.no_grad():
            tables.weight -= 2.0 * grad
    return torch.stack(seen)


def test_orthogonal_readers_never_notice_each_other():
    orthogonal = torch.linalg.qr(torch.randn(6, 2, dtype=torch.float64))[0].T
    assert (freeze(orthogonal, True) - freeze(orthogonal, False)).abs().max() < 1e-5
    same = orthogonal[:1].expand(2, -1)
    assert (freeze(same, True) - freeze(same, False)).abs().max() > 1e-2


def test_shares_of_clean_values():
    assert clean_share(1682, 1440) == pytest.approx(0.311, abs=5e-4)
    one = UnifiedEmbedding(["film"], chunk_width=1, buckets=1440)
    two = UnifiedEmbedding(["film"], chunk_width=1, buckets=1440, tables=2, chunks=2)
    found = [collisions(t, {"film": hashes(1682)})[0] for t in (one, two)]
    assert found[0]["expected clean"] == pytest.approx(0.311, abs=5e-4)
    assert found[1]["expected clean"] == pytest.approx(0.525, abs=5e-4)
    for row in found:
        assert row["clean"] == pytest.approx(row["expected clean"], abs=0.04)
    assert found[0]["alike"] == pytest.approx(1 - found[0]["clean"]) and found[1]["alike"] < 0.01
    both = collisions(HashTables(["a", "b"], 2, [40, 40], multiplexed=False), {"a": hashes(30), "b": hashes(30)})
    assert all(row["shared"] == 0 for row in both)


@pytest.mark.parametrize("family", FAMILIES)
def test_bags(family):
    sizes = {"a": 30, "b": 20}
    made = plan(family, sizes, width=8, budget=0.9)
    tables = build(**made, vocabulary={n: hash_values(np.arange(k)) for n, k in sizes.items()})
    a, b = hashes(2)
    one, other = tables.lookup("b", torch.stack([a, b]))
    values, offsets = torch.stack([a, a, b, b]), torch.tensor([0, 3, 3])
    out = tables.bag("b", values, offsets)
    assert out[0].tolist() == pytest.approx(((2 * one + other) / 3).tolist(), abs=1e-6)
    assert not out[1].any() and out[2].tolist() == pytest.approx(other.tolist(), abs=1e-7)
    swapped = tables.bag("b", torch.stack([b, a, a, b]), offsets)
    assert swapped.detach().numpy() == pytest.approx(out.detach().numpy(), abs=1e-6)
    tables.combiners[1] = "sqrtn"
    weighted = tables.bag("b", values, offsets, torch.tensor([1.0, 1.0, 2.0, 3.0]))
    assert weighted[0].tolist() == pytest.approx(((2 * one + 2 * other) / 6**0.5).tolist(), abs=1e-6)
    tables.combiners[1] = "sum"
    assert tables.bag("b", values, offsets)[0].tolist() == pytest.approx((2 * one + other).tolist(), abs=1e-6)
    dense = tables.lookup("a", values.view(2, 2))
    assert dense.shape == (2, 2, tables.widths[0])


def test_bag_is_that_of_torch():
    tables = HashTables(["a"], 4, 13)
    values, offsets = hashes(9), torch.tensor([0, 4, 4, 7])
    want = nn.functional.embedding_bag(tables.rows(values, 0)[:, 0], tables.weight, offsets, mode="mean")
    assert tables.bag("a", values, offsets).detach().numpy() == pytest.approx(want.detach().numpy(), abs=1e-6)


# Families and the planner


@pytest.mark.parametrize("multiplexed", [True, False])
@pytest.mark.parametrize("private", [(), ("gender", "job", "age")])
@pytest.mark.parametrize("family", FAMILIES)
def test_families_meet_their_budget_and_both_ways_of_reading_agree(family, private, multiplexed):
    if not FAMILIES[family].both and not multiplexed:
        pytest.skip("has no separate form")
    made = plan(family, SIZES, width=16, budget=0.25, private=private, multiplexed=multiplexed)
    vocabulary = {n: hash_values(np.arange(k)) for n, k in SIZES.items()}
    tables = build(**made, vocabulary=vocabulary)
    full = 3450 * 16
    assert tables.floats() == full if family == "full" else 0.245 * full < tables.floats() <= 0.25 * full
    x = ids()
    apart = torch.cat([tables.lookup(name, x[:, t]) for t, name in enumerate(SIZES)], dim=1)
    assert torch.equal(tables(x), apart) and apart.shape == (40, 96)
    again = build(**made)  # fresh, then filled as a saved Space is
    again.load_state_dict(tables.state_dict())
    assert torch.equal(again(x), apart)
    codes = tables.codes("film", x[:, 0])
    equal = (codes[:, None] == codes[None]).all(-1)
    assert (apart[:, None, :16] == apart[None, :, :16]).all(-1)[equal].all()


def test_planner_refuses_what_cannot_be():
    with pytest.raises(ConfigError, match="least is about 0.0017"):
        plan("hash", SIZES, width=16, budget=1e-5, multiplexed=False)
    with pytest.raises(ConfigError, match="'unifed'.*unified"):
        plan("unifed", SIZES, width=16)
    with pytest.raises(ConfigError, match="private.*'gendre'.*gender"):
        plan("hash", SIZES, width=16, private=["gendre"])
    with pytest.raises(ConfigError, match="above 0"):
        plan("hash", SIZES, width=16, budget=0)
    assert plan("hash", SIZES, width=16, budget=0.1, rows=99)["rows"] == 99


def test_sparse_gradients_name_the_rows_and_others_stay():
    from jointspace.training.optimisers import RowwiseAdam

    tables = UnifiedEmbedding(["a", "b"], chunk_width=2, buckets=500, chunks=2, sparse=True)
    before = tables.weight.detach().clone()
    optimiser = RowwiseAdam(tables.parameters(), lr=0.1, weight_decay=0.5)
    x = ids(5, dict.fromkeys("ab", 20))
    tables(x).sum().backward()
    assert tables.weight.grad.is_sparse
    optimiser.step()
    moved = (tables.weight != before).any(1).nonzero()[:, 0]
    assert set(moved.tolist()) == set(tables.rows(x).flatten().tolist())


def test_unseen_values_have_a_row_and_full_tables_give_nought():
    vocabulary = {"a": hash_values(np.arange(10))}
    full = build(**plan("full", {"a": 10}, width=4), vocabulary=vocabulary)
    new = hashes(1, start=999)
    assert not full.lookup("a", new).any() and full.lookup("a", hashes(10)).any(1).all()
    assert UnifiedEmbedding(["a"], chunk_width=4, buckets=9).lookup("a", new).any()


# Click models and compress


@pytest.mark.parametrize("network", ["mlp", "dcn", "deepfm"])
def test_click_heads(network):
    head = ClickHead([3, 3], [5], network)
    x = torch.randn(4, 6)
    assert head(x).shape == (4, 1)
    again = ClickHead(**head.config())
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(x), head(x))
    if network == "deepfm":
        assert (head(x) - head.net(x))[:, 0].tolist() == pytest.approx((x[:, :3] * x[:, 3:]).sum(1).tolist(), abs=1e-5)


def test_block_cosines():
    weight = torch.tensor([[1.0, 0.0, 0.0, 2.0, 3.0, 0.0]])
    assert block_cosines(weight, [2, 2, 2]).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_auc_is_that_of_sklearn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    score, label = rng.integers(0, 9, 60), rng.integers(0, 2, 60)
    assert value_of(auc(score, label), 60) == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    counts = rng.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), counts)
    assert auc(score, label)(counts[None])[0] == pytest.approx(roc_auc_score(label[repeated], score[repeated]))


def log(n=400, seed=0):
    rng = np.random.default_rng(seed)
    user, item = rng.integers(60, size=n), rng.integers(40, size=n)
    taste, kind = np.arange(60) % 4, np.arange(40) % 4
    label = (rng.random(n) < 0.1 + 0.7 * (taste[user] == kind[item])).astype(int)
    rows = {
        "user": [f"u{i}" for i in user],
        "item": item.tolist(),
        "kind": kind[item].tolist(),
        "price": (item / 3).tolist(),
    }
    return {**rows, "click": label.tolist()}


def test_processor_by_columns_is_the_processor_by_rows():
    rows = {**log(50), "price": [None, *log(50)["price"][1:]]}
    data = js.load_data(rows, {"table": "*", "label": "click"})
    processor = CategoryProcessor(numeric=["price"])
    processor.fit_columns(data, "table")
    other = CategoryProcessor(numeric=["price"])
    other.fit(data.column("table"))
    assert processor.config() == other.config() and processor.columns == ["user", "item", "kind", "price"]
    assert torch.equal(processor.whole(data, "table")[""], processor(data.column("table"))[""])
    with pytest.raises(DataError, match="'price'"):
        CategoryProcessor().fit(data.column("table"))
    with pytest.raises(DataError, match="none of the columns"):
        processor([{"usr": 1}])


def test_encoder_of_categories_passes_the_battery():
    from jointspace.encoders.registry import build as build_encoder

    data = js.load_data(log(30), {"table": ["user", "item", "kind"], "label": "click"})
    ran = check_encoder(lambda: build_encoder("categories", "table", budget=0.5, width=4), data.column("table"))
    assert "save and load" in ran and "gradients" in ran


def pinned_run(steps=6, **config):
    data = js.load_data(log(), {"table": ["user", "item", "kind"], "label": "click"})
    torch.manual_seed(0)
    method = Clicks(Config(**{"width": 8, "hidden": [16], **config}))
    how = js.TrainingConfig(
        steps=steps, batch_size=64, learning_rate=0.01, logging_steps=1, torch_threads=1, device="cpu"
    )
    return js.fit(method, data, how, progress=False)


PINNED = [0.74364, 0.753289, 0.732086, 0.720524, 0.721614, 0.709805]


def test_pinned_loss_trajectory():
    """The first steps of a seeded run: a change here is a change of the method."""
    losses = pinned_run().losses
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert losses == pytest.approx(PINNED, rel=1e-3)


def test_compress_on_ones_own_file(tmp_path):
    import pandas

    pandas.DataFrame(log()).to_csv(tmp_path / "log.csv", index=False)
    how = dict(label="click", columns=["user", "item", "kind"], width=8, hidden=[16], training={"epochs": 2})
    full = js.compress(tmp_path / "log.csv", method="full", **how)
    space = js.compress(tmp_path / "log.csv", budget=0.5, like=full, **how)
    made = space.metadata["compress"]
    assert made["ratio"] <= 0.5 and made["scores"]["rows"] == 40 and made["like"]["scores"]["auc"] > 0
    assert [row["column"] for row in made["collisions"]] == how["columns"]
    space.save_pretrained(tmp_path / "space")
    again = js.Space.from_pretrained(tmp_path / "space", device="cpu")
    rows = [{"user": "u1", "item": 3, "kind": 1}, {"user": "never seen", "item": None, "kind": 2}]
    want = space.encode(rows, modality="table")
    assert again.encode(rows, modality="table").tolist() == want.tolist() and again.fingerprint() == space.fingerprint()
    assert again.encode(rows, modality="table", output="click").shape == (2, 1)
    scores = js.evaluate(again, tmp_path / "log.csv", task="clicks", columns={"item": "table:*", "label": "click"})
    assert {s.name for s in scores} == {"auc", "log_loss"} and scores["auc"].value > 0.5
    with pytest.raises(DataError, match="must hold 0 and 1.*at_least"):
        js.compress(tmp_path / "log.csv", label="item")
    rated = js.compress(tmp_path / "log.csv", label="item", at_least=20, columns=["user"], training={"epochs": 1})
    assert rated.metadata["compress"]["plan"]["columns"] == ["user"]


@pytest.mark.slow
def test_tiny_reproduction_and_another_log(tmp_path):
    import pandas

    reproduction = load("unified-embedding")
    pandas.DataFrame(log(600)).to_parquet(tmp_path / "mine.parquet")
    result = reproduction.execute(seeds=[5], scale="tiny", data={"log": str(tmp_path / "mine.parquet")})
    assert set(result["arms"]) == set(reproduction.arms) and len(result["claims"]) == len(reproduction.claims)
    assert all(0 <= s["AUC"][0] <= 1 for s in result["arms"].values() if "AUC" in s)
    assert result["datasets"]["log"]["rows"] == 600
