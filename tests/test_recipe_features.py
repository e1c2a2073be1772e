"""`data.features` of a recipe: a frozen Space's vectors as columns."""

import numpy as np
import pytest

import jointspace as js
from jointspace.errors import ConfigError
from jointspace.recipe import parse
from jointspace.recipe.features import with_features


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    monkeypatch.setenv("JOINTSPACE_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "pairs.csv"
    file.write_text("q,a\n" + "".join(f"red thing {i},a thing {i} in red\n" for i in range(12)))
    return file


def test_a_recipe_trains_with_a_guide_from_a_folder(pairs, text_space, tmp_path):
    text_space.save_pretrained(tmp_path / "guide")
    features = {f"guide_{side}": {"space": str(tmp_path / "guide")} for side in ("text", "text_positive")}
    recipe = parse(
        {
            "method": {"name": "gist_embed", "text": {"name": "ngrams", "width": 8, "buckets": 64}},
            "data": {"path": str(pairs), "columns": {"text": "q", "text_positive": "a"}, "features": features},
            "training": {"steps": 2, "batch_size": 4, "logging_steps": 1, "batches": "homogeneous"},
            "output": str(tmp_path / "run"),
        }
    )
    data = recipe.data.load()
    want = text_space.encode(data.column("text_positive"))
    assert np.stack(data.column("guide_text_positive")) == pytest.approx(want, abs=1e-6)
    from jointspace.recipe.running import run

    done = run(recipe, progress=False)
    assert done.space.method == "gist_embed" and "dropped/query-positive" in done.history[0]


def test_an_encoder_by_its_fields_and_messages(pairs):
    data = js.load_data(str(pairs), columns={"text": "q"})
    space = {"name": "ngrams", "width": 8, "buckets": 64}
    found = with_features(data, {"guide": {"space": space, "field": "text"}})
    assert np.stack(found.column("guide")).shape == (12, 8)
    with pytest.raises(ConfigError, match="data.features.guide_text: unknown field 'spcae'.*space"):
        with_features(data, {"guide_text": {"spcae": "x"}})
    with pytest.raises(ConfigError, match="data.features.guide_text: say which Space"):
        with_features(data, {"guide_text": {"field": "text"}})
    with pytest.raises(ConfigError, match="data.features.guide_text.space: .*'minlm'.*minilm"):
        with_features(data, {"guide_text": {"space": {"name": "minlm"}}})
