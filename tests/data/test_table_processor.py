"""Rows of mixed columns as numbers, and back."""

import json

import numpy as np
import pytest

import jointspace as js
from jointspace.data.table_processor import TableProcessor
from jointspace.errors import ConfigError, DataError

ROWS = [
    {"age": 20, "city": "Ulm", "size": 1.5, "code": 7},
    {"age": None, "city": None, "size": 2.5, "code": 9},
    {"age": 40, "city": "Bonn", "size": 2.0, "code": 7},
]


def fitted(rows=ROWS, **options):
    processor = TableProcessor(**options)
    processor.fit(rows)
    return processor


def test_schema_and_numbers():
    processor = fitted(categorical=["code"])
    assert processor.features == ["age", "size", "age is missing", "city", "code"]
    assert (processor.numeric, processor.sizes) == (2, [3, 4, 3])
    x = processor(ROWS)[""].numpy()
    assert x[:, 0].tolist() == [0.0, 0.5, 1.0]  # missing: the mean of 20 and 40
    assert x[:, 1].tolist() == [0.0, 1.0, 0.5]
    assert x[:, 2].tolist() == [1, 2, 1] and x[:, 3].tolist() == [2, 3, 1] and x[:, 4].tolist() == [1, 2, 1]


def test_inverse_gives_the_rows_back():
    processor = fitted(categorical=["code"])
    assert processor.inverse(processor(ROWS)[""]) == ROWS
    odd = processor([{"age": 30, "city": "Rome", "size": 2.0, "code": 8}])[""]
    assert processor.inverse(odd) == [{"age": 30, "city": None, "size": 2.0, "code": None}]  # never met: code 0


@pytest.mark.parametrize("scaling", ["min_max", "standard"])
def test_scalings_equal_those_of_scikit_learn(scaling):
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    x = np.random.default_rng(0).normal(3, 5, size=(30, 2))
    rows = [{"a": a, "b": b} for a, b in x]
    want = (MinMaxScaler() if scaling == "min_max" else StandardScaler()).fit_transform(x)
    assert fitted(rows, scaling=scaling)(rows)[""].numpy() == pytest.approx(want, abs=1e-6)


def test_constant_missing_and_nan():
    processor = fitted([{"a": 3, "b": float("nan"), "c": None}, {"a": 3, "b": 1.0, "c": None}])
    assert processor([{"a": 3, "b": None}])[""].tolist() == [[0.0, 0.0, 2.0, 1.0]]  # c: missing is its only category
    assert fitted([{"a": 1.0}, {"a": 3.0}])([{"a": None}])[""].tolist() == [[0.5]]  # never missing before: the mean


def test_whole_columns_equal_rows_and_the_config_holds_all():
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    data = js.load_data(columns, columns={"table": list(columns)})
    one, other = TableProcessor(), fitted()
    one.fit_columns(data, "table")
    assert one.config() == other.config()
    assert np.array_equal(one.whole(data, "table")[""], other(ROWS)[""])
    again = TableProcessor.from_config(json.loads(json.dumps(one.config())))
    assert again.fitted and np.array_equal(again(ROWS)[""], one(ROWS)[""])


def test_errors_name_the_column():
    with pytest.raises(DataError, match="column 'age': 'old' is not a number"):
        fitted()([{"age": "old", "city": "Ulm"}])
    with pytest.raises(DataError, match="none of the columns age"):
        fitted()([{"agee": 1}])
    with pytest.raises(DataError, match="a row is {column: value}, got str"):
        fitted()(["Ulm"])
    with pytest.raises(DataError, match="column 'b': a list is neither"):
        fitted([{"b": "x"}, {"b": (1,)}][:1] + [{"b": [1]}])
    with pytest.raises(ConfigError, match="did you mean code"):
        fitted(categorical=["cod"])
    with pytest.raises(ConfigError, match="did you mean min_max"):
        TableProcessor(scaling="minmax")
    with pytest.raises(DataError, match="inf"):
        fitted([{"a": float("inf")}, {"a": 1.0}])
