"""Latent factors as a method: the Space gives the posterior means; rows of numbers as items."""

import numpy as np
import pytest
import torch

import jointspace as js
from jointspace.encoders.registry import build
from jointspace.errors import ConfigError, DataError
from jointspace.methods.tabular.factors import Config, Factors
from jointspace.theory import FactorModel


def table(n=300, d=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2)) @ rng.standard_normal((2, d)) * 2 + rng.standard_normal((n, d)) + 7
    return x, js.load_data({f"c{i}": x[:, i].tolist() for i in range(d)}, {"table": "*"})


@pytest.mark.parametrize("scaled", [False, True])
def test_space_gives_posterior_means(scaled, tmp_path):
    x, data = table()
    result = js.fit(Factors(Config(factors=2, scale_columns=scaled)), data, js.TrainingConfig(), progress=False)
    y = x / x.std(axis=0) if scaled else x
    model = FactorModel(2, standardize=True).fit(y)
    vectors = result.space.encode(data.column("table"), modality="table")
    assert vectors == pytest.approx(model.posterior(y), abs=1e-4)
    assert result.method.trace == pytest.approx([model.log_prob(y).mean() + 5 * np.log(model.scale)], rel=1e-6)
    result.space.save_pretrained(tmp_path / "space")
    again = js.Space.from_pretrained(tmp_path / "space", device="cpu")
    assert (again.encode(data.column("table"), modality="table") == vectors).all()


def test_errors_name_the_column():
    _, data = table()
    with pytest.raises(ConfigError, match="below the number of columns, 5"):
        js.fit(Factors(Config(factors=5)), data, js.TrainingConfig(), progress=False)
    words = js.load_data({"a": [1.0, 2.0], "b": ["x", "y"], "c": [0.0, 1.0]}, {"table": "*"})
    with pytest.raises(DataError, match="'b'.*'x'"):
        js.fit(Factors(Config(factors=1)), words, js.TrainingConfig(), progress=False)


def test_encoder_of_numbers():
    encoder = build("numbers", "table", columns=["a", "b"])
    x = encoder.processor([{"b": 2, "a": 1, "z": 9}])[""]
    assert x.tolist() == [[1.0, 2.0]] == encoder.processor([[1, 2]])[""].tolist()
    assert torch.equal(encoder(x).pooled, x) and encoder(x).tokens.shape == (1, 1, 2) and encoder.dim == 2
    with pytest.raises(DataError, match="a row of 3 numbers, the columns are 2"):
        encoder.processor([[1, 2, 3]])
    learnt = build("numbers", "table")
    learnt.prepare(iter([{"u": 1.0, "v": 2.0}]))
    assert learnt.processor.columns == ["u", "v"] and learnt.dim == 2
