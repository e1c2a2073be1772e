"""What the Hugging Face backbones of pictures and sounds share: configs, loading, quiet and short errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from safetensors import SafetensorError
from transformers import AutoConfig, PretrainedConfig
from transformers.utils import logging as hf_logging

from jointspace.errors import ConfigError


def config_from(what: str, fields: dict[str, Any]) -> PretrainedConfig:
    """A config object from its fields, `model_type` among them. ConfigError, its line begins with `what`."""
    fields = dict(fields)
    model_type = fields.pop("model_type", None)
    if model_type is None:
        raise ConfigError(f"{what}: config has no model_type")
    try:
        return AutoConfig.for_model(model_type, **fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{what}: config of {model_type!r}: {str(error).splitlines()[0][:200]}") from error


def config_fields(config: PretrainedConfig, given: dict[str, Any] | None) -> dict[str, Any]:
    """JSON fields that rebuild `config`: those it was made from while they still say the same, so that another version
    of transformers does not change what a Space is hashed from, else those that differ from their defaults.
    """
    if given is not None and config_from("", given).to_dict() == config.to_dict():
        return given
    now = json.loads(config.to_json_string(use_diff=True))
    return {name: value for name, value in now.items() if name not in ("transformers_version", "architectures")}


@contextmanager
def one_line(what: str, path: str) -> Iterator[None]:
    """transformers' reports of unused weights stay quiet, and what goes wrong becomes one line (ConfigError)."""
    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise ConfigError(f"{what}: cannot load {path}: {lines[0][:300] if lines else error!r}") from error
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()
