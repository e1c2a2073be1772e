"""The retrieval task: directions, twins, several texts, judgements, labels, chance, baselines, precision, bad input."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_space import FakeSpace

import jointspace as js
from jointspace.errors import ConfigError, DataError

WORDS = [f"word{i}" for i in range(40)]
PAIRS = {"image": [f"{w}#picture".encode() for w in WORDS], "caption": [f"{w}#caption" for w in WORDS]}
COLUMNS = {"query": "caption", "document": "image"}


def by_hand(space, queries, documents, right, q_mod="text", d_mod="image"):
    scores = space.encode(queries, modality=q_mod) @ space.encode(documents, modality=d_mod).T
    return [1 + min(sum(row > row[j]) for j in r) for row, r in zip(scores, right, strict=True)]


def test_ranks_are_those_counted_by_hand():
    space = FakeSpace(noise=1.5)
    scores = js.evaluate(space, PAIRS, task="retrieval", columns=COLUMNS)
    ranks = by_hand(space, PAIRS["caption"], PAIRS["image"], [[i] for i in range(40)])
    assert scores["text_to_image/median_rank"].value == np.median(ranks)
    assert scores["r@5"] is scores["text_to_image/r@5"]
    assert scores["r@5"].value == np.mean(np.array(ranks) <= 5)
    assert scores["mrr"].per_unit == pytest.approx(1 / np.array(ranks))
    back = by_hand(space, PAIRS["image"], PAIRS["caption"], [[i] for i in range(40)], "image", "text")
    assert scores["image_to_text/r@1"].value == np.mean(np.array(back) == 1)
    assert scores["r@5"].n == 40 and scores["r@5"].unit == "text query"
    low, high = scores["r@5"].interval
    assert 0 <= low <= scores["r@5"].value <= high <= 1


def test_fields_named_after_modalities_do_as_well():
    named = js.evaluate(FakeSpace(1.5), PAIRS, columns=COLUMNS).values()
    for columns in ({"image": "image", "text": "caption"}, {"query": "text:caption", "document": "image:image"}):
        assert js.evaluate(FakeSpace(1.5), PAIRS, columns=columns).values() == named
    data = js.load_data(PAIRS, columns={"image": "image", "text": "caption"})
    assert js.evaluate(FakeSpace(1.5), data).values() == named
    one = js.evaluate(FakeSpace(1.5), PAIRS, columns=COLUMNS, direction="image_to_text")
    assert one.names[0] == "image_to_text/r@1" and len(one) == 6


def test_roles_reach_the_space_and_equal_items_are_encoded_once():
    space = FakeSpace()
    data = {"question": ["a#1", "a#1", "b#1"], "answer": ["a#2", "c#2", "b#2"]}
    js.evaluate(space, data, columns={"query": "question", "document": "answer"}, prompt={"query": "Q: "})
    assert [c["role"] for c in space.calls] == ["query", "document"]
    assert space.calls[0]["items"] == ["a#1", "b#1"] and space.calls[0]["prompt"] == "Q: "
    assert space.calls[1]["prompt"] is None


def test_a_constant_scorer_gets_chance_and_its_interval_is_honest():
    scores = js.evaluate(FakeSpace(constant=True), PAIRS, columns=COLUMNS)
    for score in scores:
        assert score.value == pytest.approx(score.chance), score.name
    assert scores["r@10"].chance == pytest.approx(0.25)
    perfect = js.evaluate(FakeSpace(noise=0), PAIRS, columns=COLUMNS)["r@1"]
    assert perfect.value == 1 and perfect.interval == pytest.approx((0.025 ** (1 / 40), 1))


def test_twins_count_as_right():
    data = {"image": [b"flag#1", b"flag#1", b"tree#1"], "name": ["flag#a", "flag#b", "tree#a"]}
    columns = {"query": "name", "document": "image"}
    with_twins = js.evaluate(FakeSpace(noise=0.2), data, columns=columns, direction="forward")
    without = js.evaluate(FakeSpace(noise=0.2), data, columns=columns, direction="forward", twins=False)
    assert with_twins["r@1"].value == 1
    assert without["r@1"].value == pytest.approx(2 / 3)  # two equal pictures share the first place
    same = {"image": [b"x#1", b"y#1"], "name": ["sun", "sun"]}
    assert js.evaluate(FakeSpace(), same, columns=columns, direction="forward", twins="both")["r@1"].value == 1


def test_several_texts_a_row_all_count_and_stay_together():
    data = {"image": PAIRS["image"], "names": [[f"{w}#a", f"{w}#b", f"{w}#c"] for w in WORDS]}
    columns = {"query": "names", "document": "image"}
    space = FakeSpace(noise=1.5)
    scores = js.evaluate(space, data, columns=columns)
    flat = [t for row in data["names"] for t in row]
    ranks = by_hand(space, flat, data["image"], [[i // 3] for i in range(120)])
    assert scores["r@5"].value == pytest.approx(np.mean(np.array(ranks) <= 5))
    assert scores["r@5"].n == 40 and len(scores["r@5"].per_unit) == 120
    assert scores["r@5"].unit == "row of text queries"
    right = [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(40)]
    back = by_hand(space, data["image"], flat, right, "image", "text")
    assert scores["image_to_text/r@5"].value == np.mean(np.array(back) <= 5)
    assert scores["image_to_text/r@5"].chance > scores["r@5"].chance * 0.9
    first = js.evaluate(space, data, columns=columns, choices="first")
    assert first["r@5"].value == np.mean(np.array(ranks[::3]) <= 5)


def judged(folder):
    rng = np.random.default_rng(0)
    rows = [(f"q{i}", f"d{j}", int(rng.integers(0, 3))) for i in range(20) for j in {i, (i * 7) % 40, (i * 3) % 40}]
    query, doc, gain = zip(*rows, strict=True)
    tables = {
        "queries": {"query_id": [f"q{i}" for i in range(21)], "text": [f"word{i}#q" for i in range(21)]},
        "corpus": {"doc_id": [f"d{i}" for i in range(40)], "text": [f"word{i}#d" for i in range(40)]},
        "qrels": {"query_id": query, "doc_id": [*doc[:-1], "gone"], "relevance": gain},
    }
    for name, table in tables.items():
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
    return list(zip(query, [*doc[:-1], "gone"], gain, strict=True))


def test_a_folder_of_queries_corpus_and_judgements(tmp_path):
    rows = judged(tmp_path)
    space = FakeSpace(noise=1.0)
    scores = js.evaluate(space, tmp_path, metrics=["ndcg@10", "recall@10", "map"])
    sims = space.encode([f"word{i}#q" for i in range(21)], modality="text")
    sims = sims @ space.encode([f"word{i}#d" for i in range(40)], modality="text").T
    gains = np.zeros((21, 40))
    for q, d, g in rows:
        if d != "gone":
            gains[int(q[1:]), int(d[1:])] = g
    from sklearn.metrics import ndcg_score

    telling = (gains > 0).any(axis=1)
    assert scores["ndcg@10"].value == pytest.approx(ndcg_score(gains[telling], sims[telling], k=10))
    top = np.argsort(-sims, axis=1)[:, :10]
    hits = [(gains[i][top[i]] > 0).sum() / (gains[i] > 0).sum() for i in np.flatnonzero(telling)]
    assert scores["recall@10"].value == pytest.approx(np.mean(hits))
    facts = scores.protocol["facts"]
    assert facts["queries_without_judgement"] == int((~telling).sum()) and facts["candidates_forward"] == 40
    given = js.evaluate(
        space,
        tmp_path / "queries.parquet",
        corpus=tmp_path / "corpus.parquet",
        qrels=tmp_path / "qrels.parquet",
        metrics=["ndcg@10"],
    )
    assert given["ndcg@10"].value == scores["ndcg@10"].value


def test_items_of_one_label_find_each_other():
    data = {
        "text": [f"{w}#{i}" for w in WORDS[:10] for i in range(4)] + ["alone#1"],
        "label": [*np.repeat(range(10), 4), 99],
    }
    space = FakeSpace(noise=0.9)
    scores = js.evaluate(space, data, relevant="label")
    x = space.encode(data["text"], modality="text")
    sims = x @ x.T
    np.fill_diagonal(sims, -np.inf)
    label = np.array(data["label"])
    hit = label[sims.argmax(axis=1)] == label
    assert scores["p@1"].value == pytest.approx(hit[:40].mean()) and scores["p@1"].n == 40
    assert scores.protocol["facts"]["alone_in_their_label"] == 1


def test_baselines_stand_beside():
    scores = js.evaluate(FakeSpace(0.8), PAIRS, columns=COLUMNS, baselines={"noisy": FakeSpace(4.0)})
    assert scores.baselines["noisy"]["r@1"].value < scores["r@1"].value
    header = scores.table().splitlines()[1]
    assert header.split() == ["score", "value", "95", "%", "interval", "chance", "noisy", "n", "unit"]


@pytest.mark.parametrize("precision", ["float16", "int8", "uint8", "binary", "ubinary"])
def test_lower_precision_is_simulated_and_named(precision):
    whole = js.evaluate(FakeSpace(1.0, dim=64), PAIRS, columns=COLUMNS)
    coarse = js.evaluate(FakeSpace(1.0, dim=64), PAIRS, columns=COLUMNS, precision=precision)
    assert coarse.protocol["encoding"]["precision"] == precision
    assert abs(coarse["mrr"].value - whole["mrr"].value) < (0.3 if "binary" in precision else 0.05)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (dict(task="retrievel"), ConfigError, r"no task 'retrievel' \(did you mean retrieval\?\)"),
        (dict(columns={"query": "captoin"}), DataError, r"no column 'captoin' \(did you mean caption\?\)"),
        (dict(columns={"quary": "caption"}), DataError, r"no role 'quary' \(did you mean query\?\)"),
        (dict(columns={"query": "caption"}, twin=True), ConfigError, r"no option 'twin' \(did you mean twins\?\)"),
        (dict(columns=COLUMNS, direction="sideways"), ConfigError, "direction 'sideways'"),
        (dict(columns=COLUMNS, metrics=["r@0"]), ConfigError, r"no metric 'r@0' \(did you mean r@"),
        (dict(columns=COLUMNS, precision="int4"), ConfigError, "precision: 'int4'"),
        (dict(columns=COLUMNS, corpus="x"), ConfigError, "corpus and qrels belong together"),
        (dict(columns=COLUMNS, twins="perhaps"), ConfigError, "twins must be true, false or both"),
    ],
)
def test_bad_input_is_one_line_that_names_it(options, error, message):
    with pytest.raises(error, match=message) as caught:
        js.evaluate(FakeSpace(), PAIRS, **options)
    assert "\n" not in str(caught.value)


def test_open_roles_and_broken_vectors_are_named():
    three = {"a": ["x y z"] * 3, "b": ["x y z"] * 3, "c": ["x y z"] * 3}
    with pytest.raises(DataError, match="no column for query .*document .*there are: a, b, c"):
        js.evaluate(FakeSpace(), three)
    with pytest.raises(ConfigError, match="expected a Space"):
        js.evaluate(object(), PAIRS)

    class Broken(FakeSpace):
        def encode(self, items, **options):
            return np.full((len(items), 4), np.nan, dtype=np.float32)

    with pytest.raises(DataError, match="the vector of text 'word0#caption' is not finite"):
        js.evaluate(Broken(), PAIRS, columns=COLUMNS)
