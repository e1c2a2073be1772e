"""Names and options of encoders: known before torch is, refused in one line."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from jointspace.encoders import EncoderConfig, registry
from jointspace.errors import ConfigError

ENTRIES = [(modality, name) for modality, entries in registry.ENTRIES.items() for name in entries]


@dataclass(kw_only=True, config=ConfigDict(extra="forbid"))
class Method:
    text: EncoderConfig


def test_the_names_of_the_contract_are_there():
    assert {"minilm", "hf", "transformer", "ngrams", "static"} <= set(registry.names("text"))
    assert {"bert-mini", "bert-small", "bert-base", "bert-large"} <= set(registry.names("text"))
    assert set(registry.names("text")) <= set(registry.names())


@pytest.mark.parametrize(("modality", "name"), ENTRIES, ids=lambda value: value)
def test_every_factory_takes_exactly_the_options_of_its_entry(modality, name):
    entry = registry.entry(name, modality)
    parameters = inspect.signature(entry.load()).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        assert set(parameters) == set(entry.options)


def test_configs_and_their_errors_never_import_torch():
    code = (
        "import sys\n"
        "from jointspace.encoders import EncoderConfig\n"
        "EncoderConfig(name='bert-base', max_length=32)\n"
        "try: EncoderConfig(name='bert-bas')\n"
        "except ValueError as error: print(error)\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == ["no encoder is called 'bert-bas' (did you mean bert-base?)", "False"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(name="transfomer"), r"no encoder is called 'transfomer' \(did you mean transformer\?\)"),
        (
            dict(name="transformer", layer=2),
            r"text encoder 'transformer' has no option 'layer' \(did you mean layers\?",
        ),
        (dict(name="transformer", layers="two"), r"option 'layers' is 'two', expected int \(default 2\)"),
        (dict(name="transformer", layers=True), r"option 'layers' is True, expected int"),
        (dict(name="transformer", lowercase=1), r"option 'lowercase' is 1, expected bool"),
        (dict(name="ngrams", pretrained=True), r"text encoder 'ngrams' has no pretrained weights"),
        (dict(), r"encoder name: Field required"),
    ],
)
def test_bad_configs_are_one_line(fields, message):
    with pytest.raises(ConfigError, match=message) as caught:
        EncoderConfig(**fields)
    assert "\n" not in str(caught.value)


def test_inside_a_method_config_the_field_is_named():
    assert Method(text="minilm").text == EncoderConfig(name="minilm")
    assert Method(text={"name": "transformer", "layers": 3}).text.options() == {"layers": 3}
    with pytest.raises(ValidationError) as caught:
        Method(text={"name": "transformr"})
    error = caught.value.errors()[0]
    assert error["loc"] == ("text",) and "did you mean transformer" in error["msg"]


def test_options_are_the_defaults_under_what_is_given():
    got = registry.resolve("bert-mini", "text", dict(max_length=9, pretrained=False))
    assert (got["layers"], got["width"], got["heads"], got["max_length"]) == (4, 256, 4, 9)
    assert registry.resolve("static", "text", dict(dropout=1))["dropout"] == 1  # an int fits a float
    with pytest.raises(ConfigError, match="no encoders of modality 'smell'"):
        registry.build("static", "smell")
    with pytest.raises(ConfigError, match="no audio encoder is called 'static'"):
        EncoderConfig(name="static").build("audio")


def test_an_encoder_of_ones_own(monkeypatch):
    monkeypatch.setattr(registry, "ENTRIES", {**registry.ENTRIES, "text": dict(registry.ENTRIES["text"])})
    registry.register("mine", "text", lambda size: size, dict(size=3))
    assert EncoderConfig(name="mine", size=5).build("text") == 5
    assert EncoderConfig(name="mine").build("text") == 3
