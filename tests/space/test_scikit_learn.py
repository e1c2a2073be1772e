"""A Space in scikit-learn pipelines."""

import numpy as np
import pandas
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import jointspace as js
from jointspace.errors import SpaceError
from jointspace.space.scikit_learn import SpaceTransformer


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "c": ["x", "y", None] * 20})
    data = js.load_data({name: frame[name].tolist() for name in frame}, columns={"table": list(frame)})
    torch.manual_seed(0)
    method = js.methods.TJEPA(
        js.methods.TJEPA.Config(width=16, layers=1, heads=2, predictor_layers=1, context=(0.3, 0.4), target=(0.3, 0.4))
    )
    method.prepare(data)
    return method.space().eval(), frame


def test_a_data_frame_goes_through_a_pipeline(made):
    space, frame = made
    pipeline = make_pipeline(SpaceTransformer(space), LogisticRegression(max_iter=200))
    scores = cross_val_score(pipeline, frame, frame["a"] > 0, cv=3)
    assert scores.mean() > 0.8
    rows = frame.to_dict(orient="records")
    vectors = SpaceTransformer(space, output="dense").fit_transform(frame)
    assert np.allclose(vectors, space.encode(rows), atol=1e-6) and vectors.shape == (60, 16)


def test_clone_shares_the_space_and_names_are_given(made, tmp_path):
    space, frame = made
    first = SpaceTransformer(space.save_pretrained(tmp_path / "space")).fit(frame)
    again = clone(first)
    assert again.space == first.space and not hasattr(again, "space_")
    assert np.allclose(again.transform(frame[:3]), SpaceTransformer(space).transform(frame[:3]), atol=1e-6)
    assert list(again.get_feature_names_out()[:2]) == ["features_0", "features_1"]
    assert again.get_feature_names_out().shape == (again.transform(frame[:1]).shape[1],)


def test_errors(made):
    with pytest.raises(SpaceError, match="'tokens' is no vector"):
        SpaceTransformer(made[0], output="tokens").fit(None)
