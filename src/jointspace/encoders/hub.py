"""What the Hugging Face backbones of texts, pictures and sounds share: their frame, configs, loading, short errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, PretrainedConfig
from transformers.utils import logging as hf_logging

from jointspace.data.processor import Processor
from jointspace.encoders.base import Encoder
from jointspace.errors import ConfigError, nearest

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class HubEncoder(Encoder):
    """A transformers model and its processor. A subclass adds `modality`, `dim`, `forward` and its own options.

    source: where the model's own code came from, None = it has none; config: the fields it was made from, if any.
    """

    kind: ClassVar[str] = "hf"
    layout: ClassVar[str] = "hf"  # saved as Hugging Face saves
    unused: ClassVar[str | None] = None  # how a parameter's name ends that only pretraining uses; it stays as it is

    def __init__(
        self, model: Any, processor: Processor, *, source: str | None = None, config: dict[str, Any] | None = None
    ):
        super().__init__()
        self.model: Any = model
        self.processor: Any = processor
        self.source, self._given = source, config
        for name, parameter in model.named_parameters():
            if self.unused and name.endswith(self.unused):
                parameter.requires_grad_(False)

    def own_options(self) -> dict[str, Any]:
        """What the modality adds to `options`."""
        return {"processor": self.processor.config()}

    def options(self) -> dict[str, Any]:
        shared = dict(self.own_options(), dtype=str(self.model.dtype).removeprefix("torch."))
        if self.source is not None:
            return {"path": self.source, "pretrained": False, **shared}
        return {"config": config_fields(self.model.config, self._given), **shared}


def one_source(
    what: str, path: str | None, config: dict[str, Any] | None, pretrained: bool | str | None
) -> tuple[str | None, bool | None]:
    """(path, pretrained) where `pretrained` may be the path. ConfigError unless one of path and config is given."""
    if isinstance(pretrained, str):
        path, pretrained = path or pretrained, True
    if (path is None) == (config is None):
        raise ConfigError(f"{what} needs path= (folder or hub id) or config= (with model_type), one of them")
    return path, pretrained


def weights_type(dtype: str) -> torch.dtype:
    """The type of the weights in memory. ConfigError for a name that is none."""
    if dtype not in DTYPES:
        raise ConfigError(f"dtype is {dtype!r}, expected one of {', '.join(DTYPES)}{nearest(dtype, DTYPES)}")
    return DTYPES[dtype]


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
