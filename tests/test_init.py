"""`init`: what it finds, what it chooses, a recipe that is valid as it is."""

import re

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from jointspace import init, recipe
from jointspace.errors import ConfigError, DataError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(source, **options):
    """Write, read back with the real recipe reader, load the data it names."""
    from pathlib import Path

    out = Path("out.yaml")
    found = init.write(source, out, force=True, **options)
    text = out.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40 and all(len(line) <= 200 for line in text.splitlines())
    parsed = recipe.parse(recipe.read(str(out)), where=str(out))
    return found, parsed, text


def test_emoji_becomes_align_with_validation(here):
    found, parsed, text = made("emoji")
    assert parsed.method["name"] == "align" and parsed.data.columns == {"image": "image", "text": ["name", "keywords"]}
    assert (parsed.data.split, parsed.validation.split) == ("train", "validation")
    assert parsed.validation.columns == {"image": "image", "text": "name"} and parsed.evaluation[0].task == "retrieval"
    assert any("2 rows of validation are in the training data" in line for line in found.lines)
    assert any("name: text" in line and "Latin" in line for line in found.lines) and "# Mind: 2 rows" in text
    assert len(parsed.data.load()) == 1506


def test_pairs_of_texts(here):
    rows = "\n".join(f"was ist {i}?,das ist die Zahl {i}" for i in range(40))
    (here / "paare ä.csv").write_text("Frage,Antwort\n" + rows, encoding="utf-8")
    found, parsed, text = made("paare ä.csv")
    assert parsed.method["name"] == "sentence_pairs" and parsed.data.path == "paare ä.csv"
    assert parsed.data.columns == {"text": "Frage", "text_positive": "Antwort"}
    assert parsed.training.batch_size == 16 and parsed.output == "runs/paare-ä"
    assert parsed.validation is None and "no validation rows found" in text
    assert parsed.data.load()[3]["text_positive"] == "das ist die Zahl 3"
    assert found.lines[0] == "paare ä.csv: 40 rows"


def test_known_pair_names_and_negatives_win(here):
    header = "label,negative,premise,hypothesis\n"
    (here / "p.csv").write_text(header + "".join(f"1,not this {i},some thing {i},a thing {i}\n" for i in range(8)))
    _, parsed, text = made("p.csv")
    assert parsed.data.columns == {"text": "premise", "text_positive": "hypothesis", "text_negative": "negative"}
    assert "every row counts as a matching pair" in text


def test_class_folders_become_classification(here):
    for kind in ("cat", "dog"):
        for i in range(3):
            path = here / "pictures" / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((40, 50, 3), 9 * i, dtype=np.uint8)).save(path)
    _, parsed, _ = made("pictures")
    assert parsed.method["name"] == "classification" and parsed.method["classes"] == 2
    assert parsed.method["image"]["size"] == 48 and parsed.data.columns == {"image": "image", "label": "label"}


def test_bad_rows_are_found_and_skipped(here):
    (here / "pictures").mkdir()
    for i in range(6):
        Image.new("RGB", (20, 20), (40 * i, 0, 0)).save(here / "pictures" / f"{i}.png")
    (here / "pictures" / "2.png").write_bytes(b"damaged")
    lines = [f"{i}.png,{'' if i == 4 else f'red number {i}'}" for i in range(6)]
    (here / "pictures" / "metadata.csv").write_text("file_name,text\n" + "\n".join(lines))
    found, parsed, text = made("pictures")
    assert parsed.data.on_bad == "skip" and "bad rows are left out and counted" in text
    assert any("problem: 2 bad rows" in line and "2, 4" in line for line in found.lines)
    data = parsed.data.load()
    assert len(data) == 4 and sum(data.skipped.values()) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na cat,1\na dog,0\n", r"found text \(text\), label"),
        ("a,b\n1,2\n", "init needs pictures with texts or labels, or pairs of texts"),
        ("text,text_positive\nthis here,that there\n", "one row"),
        ("text,label\n", "empty"),
    ],
)
def test_nothing_to_learn_from(here, content, message):
    (here / "x.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        init.write("x.csv", here / "out.yaml")
    assert not (here / "out.yaml").exists()


def test_sounds_are_recognised_and_refused(here):
    (here / "sounds" / "bell").mkdir(parents=True)
    soundfile.write(here / "sounds" / "bell" / "a.wav", np.zeros(80), 8000)
    with pytest.raises(DataError, match=r"audio \(audio\)"):
        init.look("sounds")


def test_nothing_is_overwritten(here):
    (here / "out.yaml").write_text("mine: true\n")
    with pytest.raises(ConfigError, match="out.yaml: exists already; --force"):
        init.write("emoji", here / "out.yaml")
    assert yaml.safe_load((here / "out.yaml").read_text()) == {"mine": True}
    with pytest.raises(ConfigError, match="is a folder"):
        init.write("emoji", here)


def test_batch_sizes_fit_the_data():
    assert [init._batch_size(n) for n in (2, 5, 40, 300, 10**6)] == [2, 2, 16, 128, 128]
    assert init._picture_size("640x480, RGB") == 96 and init._picture_size("28x28, L") == 32
    assert re.fullmatch(r"[\w.-]+", init._slug("a b/c d.csv"))
