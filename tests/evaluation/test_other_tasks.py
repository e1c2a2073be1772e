"""Zero-shot, probes, similarity, pairs, clusters, reranking: against the definitions, chance, and their bad input."""

import numpy as np
import pytest
from fake_space import FakeSpace
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, v_measure_score

import jointspace as js
from jointspace.errors import ConfigError, DataError
from jointspace.evaluation.pairs import best_thresholds

KINDS = ["cat", "dog", "emu", "fox"]
ITEMS = {"image": [f"{KINDS[i % 4]}#{i}".encode() for i in range(80)], "label": [KINDS[i % 4] for i in range(80)]}
NOISE = 2.0


def test_zero_shot_takes_the_mean_of_unit_vectors():
    space = FakeSpace(NOISE)
    scores = js.evaluate(space, ITEMS, task="zero_shot", templates=["{}#a", "{}#b photo"], top=2)
    classes = np.stack([space.encode([f"{k}#a", f"{k}#b photo"], modality="text").mean(axis=0) for k in KINDS])
    sims = space.encode(ITEMS["image"], modality="image") @ (classes / np.linalg.norm(classes, axis=1)[:, None]).T
    order = np.argsort(-sims, axis=1)
    target = np.arange(80) % 4
    assert scores["accuracy"].value == np.mean(order[:, 0] == target)
    assert scores["top_2"].value == np.mean((order[:, :2] == target[:, None]).any(axis=1))
    assert scores["class_mean"].value == pytest.approx(scores["accuracy"].value)  # classes of equal size
    assert scores["accuracy"].chance == 0.25 and scores["top_2"].chance == 0.5 and scores["accuracy"].n == 80
    constant = js.evaluate(FakeSpace(constant=True), ITEMS, task="zero_shot", top=2)
    assert [s.value for s in constant] == pytest.approx([s.chance for s in constant])


def test_zero_shot_names_classes():
    numbered = {"image": ITEMS["image"], "label": [i % 4 for i in range(80)]}
    with pytest.raises(DataError, match="labels are numbers"):
        js.evaluate(FakeSpace(), numbered, task="zero_shot")
    words = {**numbered, "kind": ITEMS["label"]}
    how = dict(task="zero_shot", templates="{}#t")
    plain = js.evaluate(FakeSpace(NOISE), ITEMS, **how).values()
    assert (
        js.evaluate(FakeSpace(NOISE), words, columns={"item": "image", "class_name": "kind"}, **how).values() == plain
    )
    named = js.evaluate(FakeSpace(NOISE), numbered, classes=dict(enumerate(KINDS)), **how)
    assert named.values() == plain
    two = js.evaluate(FakeSpace(NOISE), ITEMS, classes=["cat", "dog"], **how)
    assert two["accuracy"].n == 40 and two.protocol["facts"]["items_of_other_classes"] == 40
    several = js.evaluate(FakeSpace(NOISE), ITEMS, classes={k: [k, f"{k}#s"] for k in KINDS}, **how)
    assert several.protocol["facts"]["prompts"] == 8
    with pytest.raises(ConfigError, match=r"no template set 'generel' \(did you mean general\?\)"):
        js.evaluate(FakeSpace(), ITEMS, task="zero_shot", templates="generel")


def test_linear_probe_on_train_rows_and_by_cross_validation():
    space = FakeSpace(NOISE)
    train = {"image": [f"{KINDS[i % 4]}#t{i}".encode() for i in range(60)], "label": [KINDS[i % 4] for i in range(60)]}
    scores = js.evaluate(space, ITEMS, task="linear_probe", train=train, standardize=False)
    x, z = (space.encode(d["image"], modality="image").astype(np.float64) for d in (train, ITEMS))
    want = LogisticRegression(max_iter=1000).fit(x, train["label"]).predict(z)
    assert scores["accuracy"].value == np.mean(want == np.array(ITEMS["label"]))
    assert scores["accuracy"].chance == 0.25 and scores.protocol["facts"]["train_rows"] == 60
    few = js.evaluate(space, ITEMS, task="linear_probe", train=train, shots=2, draws=3)["accuracy"]
    assert len(few.details["draws"]) == 3 and few.value == pytest.approx(np.mean(few.details["draws"]))
    crossed = js.evaluate(space, ITEMS, task="linear_probe")["accuracy"]
    assert crossed.n == 80 and crossed.value > 0.5
    seen = js.evaluate(space, ITEMS, task="linear_probe", train=ITEMS)
    assert seen.protocol["facts"]["items_seen_in_train"] == 80


def test_a_split_of_the_same_data_trains_the_probe(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split, n in (("train", 60), ("test", 40)):
        rows = {"text": [f"{KINDS[i % 4]}#{split}{i}" for i in range(n)], "label": [i % 4 for i in range(n)]}
        pq.write_table(pa.table(rows), tmp_path / f"{split}.parquet")
    for task in ("knn", "linear_probe"):
        scores = js.evaluate(FakeSpace(NOISE), tmp_path, task=task, train="train")
        assert scores["accuracy"].n == 40 and scores.protocol["facts"]["train_rows"] == 60
        assert scores.protocol["split"] == "test"


def test_nearest_neighbours():
    space = FakeSpace(NOISE)
    alone = js.evaluate(space, ITEMS, task="knn", k=5)
    x = space.encode(ITEMS["image"], modality="image")
    sims = x @ x.T
    np.fill_diagonal(sims, -np.inf)
    target, right = np.arange(80) % 4, []
    for i, near in enumerate(np.argsort(-sims, axis=1)[:, :5]):
        votes = np.bincount(target[near], minlength=4)
        right.append((votes[target[i]] == votes.max()) / (votes == votes.max()).sum())
    assert alone["accuracy"].value == pytest.approx(np.mean(right))
    odd = {"image": ITEMS["image"][:50], "label": ["a"] * 30 + ["b"] * 20}
    nothing = js.evaluate(FakeSpace(constant=True), odd, task="knn", k=7, train=odd)
    assert nothing["accuracy"].value == nothing["accuracy"].chance == 0.6
    with pytest.raises(ConfigError, match="a label budget .* needs train="):
        js.evaluate(space, ITEMS, task="knn", shots=3)


def test_similarity_correlates_with_people():
    rng = np.random.default_rng(0)
    data = {
        "sentence1": [f"w{i}#a" for i in range(50)],
        "sentence2": [f"w{i if i % 2 else i + 1}#b" for i in range(50)],
        "score": (np.arange(50) % 2 * 3 + rng.random(50)).tolist(),
    }
    space = FakeSpace(1.0)
    scores = js.evaluate(space, data, task="sts")
    x, y = (space.encode(data[k], modality="text").astype(float) for k in ("sentence1", "sentence2"))
    sims = (x * y).sum(axis=1)
    assert scores["spearman"].value == pytest.approx(spearmanr(sims, data["score"]).statistic)
    assert scores["pearson"].value == pytest.approx(pearsonr(sims, data["score"]).statistic)
    low, high = scores["spearman"].interval
    assert low < scores["spearman"].value < high and scores["spearman"].per_unit.shape == (50, 2)


def test_pair_classification():
    data = {
        "sentence1": [f"w{i}#a" for i in range(60)],
        "sentence2": [f"w{i if i % 3 == 0 else i + 100}#b" for i in range(60)],
        "label": ["same" if i % 3 == 0 else "other" for i in range(60)],
    }
    space = FakeSpace(1.5)
    scores = js.evaluate(space, data, task="pair_classification", positive="same")
    x, y = (space.encode(data[k], modality="text").astype(float) for k in ("sentence1", "sentence2"))
    sims, yes = (x * y).sum(axis=1), np.array(data["label"]) == "same"
    assert scores["ap"].value == pytest.approx(average_precision_score(yes, sims))
    best = max(np.mean((sims >= t) == yes) for t in [*sims, 9])
    assert scores["accuracy"].value == pytest.approx(best)
    threshold = scores["accuracy"].details["threshold"]
    assert np.mean((sims >= threshold - 1e-9) == yes) == pytest.approx(best)
    nothing = js.evaluate(FakeSpace(constant=True), data, task="pair_classification", positive="same")
    assert [s.value for s in nothing] == pytest.approx([s.chance for s in nothing])
    with pytest.raises(DataError, match="say positive=LABEL, the one that means yes, among other, same"):
        js.evaluate(space, data, task="pair_classification")
    with pytest.raises(DataError, match="all 60 pairs have the same label"):
        js.evaluate(space, data, task="pair_classification", positive="yes")


def test_thresholds_by_trying_all():
    rng = np.random.default_rng(1)
    score, label = rng.integers(0, 10, 40) / 10, rng.integers(0, 2, 40).astype(float)
    accuracy_at, f1_at = best_thresholds(score, label)
    accuracy = {t: np.mean((score >= t) == label) for t in [*score, 9.0]}
    f1 = {t: 2 * np.sum((score >= t) * label) / (np.sum(score >= t) + label.sum()) for t in score}
    assert np.mean((score >= accuracy_at) == label) == max(accuracy.values())
    assert f1[f1_at] == max(f1.values())
    assert best_thresholds(np.array([1.0, 2.0]), np.array([1.0, 0.0]))[0] in (1.0, np.nextafter(2.0, 3))


def test_clusters():
    scores = js.evaluate(FakeSpace(0.3), ITEMS, task="clustering")
    assert scores["v_measure"].value == 1 and scores["accuracy"].value == 1
    small = js.evaluate(FakeSpace(0.3), ITEMS, task="clustering", mini_batch=40, kmeans_seed=1)
    assert small["v_measure"].value > 0.9 and small.protocol["options"]["mini_batch"] == 40
    hard = js.evaluate(FakeSpace(3.0), ITEMS, task="clustering")
    columns = hard["v_measure"].units.columns
    assert hard["v_measure"].value == pytest.approx(v_measure_score(columns["label"], columns["cluster"]))
    assert 0 < hard["v_measure"].chance < 0.2 and 0.25 < hard["accuracy"].chance < 0.5
    with pytest.raises(ConfigError, match="k must be from 2 to 80, got 99"):
        js.evaluate(FakeSpace(), ITEMS, task="clustering", k=99)


def test_reranking():
    rng = np.random.default_rng(0)
    query = [f"w{i}#q" for i in range(12) for _ in range(6)]
    right = rng.integers(0, 2, 72)
    right[:6] = 0  # a query without an answer says nothing
    answer = [f"{q.partition('#')[0] if r else f'x{j}'}#{j}" for j, (q, r) in enumerate(zip(query, right, strict=True))]
    data = {"question": query, "answer": answer, "label": right.tolist()}
    space = FakeSpace(1.5)
    scores = js.evaluate(space, data, task="reranking")
    x, y = (space.encode(data[k], modality="text").astype(float) for k in ("question", "answer"))
    sims, aps = (x * y).sum(axis=1), []
    for i in range(12):
        part = slice(6 * i, 6 * i + 6)
        if 0 < right[part].sum() < 6:
            aps.append(average_precision_score(right[part], sims[part]))
    assert scores["map"].value == pytest.approx(np.mean(aps)) and scores["map"].n == len(aps)
    assert scores.protocol["facts"]["queries_all_right_or_all_wrong"] == 12 - len(aps)
    nothing = js.evaluate(FakeSpace(constant=True), data, task="reranking")
    assert [s.value for s in nothing] == pytest.approx([s.chance for s in nothing])
    same = js.evaluate(space, {**data, "qid": np.repeat(np.arange(12), 6).tolist()}, task="reranking")
    assert same["map"].value == pytest.approx(scores["map"].value)

    class Pairs(FakeSpace):
        def score(self, pairs):
            return np.array([float(a.partition("#")[0] == b.partition("#")[0]) for a, b in pairs])

    assert js.evaluate(Pairs(), data, task="reranking", by="pairs")["map"].value == 1
    with pytest.raises(DataError, match="no query has both a right and a wrong candidate"):
        js.evaluate(space, {**data, "label": [1] * 72}, task="reranking")


def test_paired_tasks_work_across_modalities():
    data = {"image": [f"w{i}#p".encode() for i in range(20)], "text": [f"w{i + i % 2}#t" for i in range(20)]}
    data["label"] = [1 - i % 2 for i in range(20)]
    scores = js.evaluate(FakeSpace(0.5), data, task="pair_classification", columns={"first": "image", "second": "text"})
    assert scores["ap"].value > 0.9
