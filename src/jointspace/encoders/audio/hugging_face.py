"""Hugging Face audio backbones: wav2vec 2.0, HuBERT, WavLM (waves), AST and Whisper's encoder (spectrograms)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from jointspace.data.audio_processor import AudioProcessor
from jointspace.encoders.audio.options import audio_processor
from jointspace.encoders.base import Encoding
from jointspace.encoders.hub import HubEncoder, config_from, one_line, one_source, weights_type
from jointspace.errors import ConfigError, nearest

WAVES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat", "wav2vec2-conformer")
KINDS = (*WAVES, "whisper", "audio-spectrogram-transformer")
_WHAT = "audio encoder 'hf'"


class HuggingFaceAudio(HubEncoder):
    """x, mask as its processor makes them -> tokens of the last layer, mask over them, pooled.

    Waves (B, n): tokens (B, L, D) every 20 ms, pooled None. Whisper (B, T, M): tokens (B, T / 2, D), pooled None.
    AST (B, T, M): patches (B, f t, D), frequency by time = grid, without its two special tokens, whose mean is pooled.
    Whisper and AST attend to the silence after a clip, as they were trained; the mask tells which tokens heard sound.
    """

    modality: ClassVar[str] = "audio"
    unused: ClassVar[str] = "masked_spec_embed"  # stands for hidden frames in pretraining, which we never ask for

    def __init__(self, model: Any, processor: AudioProcessor, **origin: Any):
        super().__init__(model, processor, **origin)
        self.family = str(model.config.model_type)
        self.dim = int(model.config.d_model if self.family == "whisper" else model.config.hidden_size)

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        if mask is None:
            mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        if self.family == "whisper":
            return self._whisper(x, mask, layers)
        if self.family == "audio-spectrogram-transformer":
            return self._ast(x, mask, layers)
        # a group norm over time hears padding: clips of unlike length then go one by one
        if getattr(self.model.config, "feat_extract_norm", "layer") == "group" and not mask.all():
            rows = [self._waves(x[i : i + 1, : int(mask[i].sum())], mask[i : i + 1, : int(mask[i].sum())], layers)
                    for i in range(len(x))]  # fmt: skip
            return _padded(rows)
        return self._waves(x, mask, layers)

    def _waves(self, x: Tensor, mask: Tensor, layers: bool) -> Encoding:
        x = x.masked_fill(~mask, 0.0).to(self.model.dtype)
        out = self.model(x, attention_mask=None if mask.all() else mask.long(), output_hidden_states=layers)
        tokens = out.last_hidden_state
        counts = mask.sum(dim=1)
        for kernel, stride in zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True):
            counts = torch.div(counts - kernel, stride, rounding_mode="floor") + 1
        real = torch.arange(tokens.shape[1], device=x.device) < counts[:, None]
        return Encoding(tokens, real, None, None, list(out.hidden_states) if layers else None)

    def _whisper(self, x: Tensor, mask: Tensor, layers: bool) -> Encoding:
        silent = torch.tensor(-1.5, dtype=x.dtype, device=x.device)  # log10 of the floor 1e-10, scaled
        loudest = x.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=(1, 2), keepdim=True)
        x = torch.where(mask[:, :, None], x, torch.maximum(loudest - 2.0, silent))
        out = self.model(x.transpose(1, 2).to(self.model.dtype), output_hidden_states=layers)
        real = F.pad(mask, (0, mask.shape[1] % 2)).unflatten(1, (-1, 2)).any(dim=2)
        return Encoding(out.last_hidden_state, real, None, None, list(out.hidden_states) if layers else None)

    def _ast(self, x: Tensor, mask: Tensor, layers: bool) -> Encoding:
        config = self.model.config
        x = x.masked_fill(~mask[:, :, None], self.processor.silence)
        out = self.model(x.to(self.model.dtype), output_hidden_states=layers)
        rows = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
        columns = (config.max_length - config.patch_size) // config.time_stride + 1
        # patches overlap in time; a token is real where one of its frames is
        heard = mask.unfold(1, config.patch_size, config.time_stride).any(dim=2)  # (B, t)
        real = heard[:, None].expand(-1, rows, -1).flatten(1)
        states = [state[:, 2:] for state in out.hidden_states] if layers else None
        return Encoding(
            out.last_hidden_state[:, 2:], real, out.pooler_output, (rows, columns), states,
            [(rows, columns)] * len(states) if states is not None else None,
        )  # fmt: skip


def build(
    *,
    path: str | None = None,
    config: dict[str, Any] | None = None,
    pretrained: bool | str | None = None,
    seconds: float | None = None,
    dtype: str = "float32",
    trust_remote_code: bool = False,
    processor: dict[str, Any] | None = None,
) -> HuggingFaceAudio:
    """A backbone with its processor.

    path: local folder or hub id; its weights are loaded unless pretrained=False. config: fields of a Hugging Face
    config, `model_type` among them (wav2vec2, hubert, wavlm, ..., audio-spectrogram-transformer, whisper), for random
    weights. seconds: longest clip of wave models (10). Masking of frames and dropping of layers, which draw from other
    random numbers than ours, are switched off. ConfigError where neither or both of path and config are given, or
    nothing loadable is there.
    """
    path, pretrained = one_source(_WHAT, path, config, pretrained)
    weights = weights_type(dtype)
    defaults: dict[str, Any] = {}
    if config is not None:
        found = _quiet(config_from(_WHAT, config))
        model = _model(found)
    else:
        assert path is not None
        with one_line(_WHAT, path):
            found = _quiet(AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code))
            defaults = _published(path, found)
            if pretrained is False:
                model = _model(found, trust_remote_code)
            else:
                model = AutoModel.from_pretrained(path, config=found, trust_remote_code=trust_remote_code)
                model = model.encoder if found.model_type == "whisper" else model
    own = audio_processor(processor, **{**_native(found, seconds), **defaults})
    source = path if trust_remote_code and getattr(found, "auto_map", None) else None
    return HuggingFaceAudio(model.to(weights).train(), own, source=source, config=config)


def _quiet(config: PretrainedConfig) -> PretrainedConfig:
    if config.model_type not in KINDS:
        raise ConfigError(
            f"{_WHAT}: model_type {config.model_type!r} is not supported{nearest(config.model_type, KINDS)}"
        )
    for field, value in (("apply_spec_augment", False), ("layerdrop", 0.0), ("encoder_layerdrop", 0.0)):
        if hasattr(config, field):
            setattr(config, field, value)
    return config


def _model(config: PretrainedConfig, trust_remote_code: bool = False) -> nn.Module:
    try:
        model = AutoModel.from_config(config, trust_remote_code=trust_remote_code)
    except ValueError as error:
        raise ConfigError(f"{_WHAT}: {str(error).splitlines()[0][:200]}") from error
    return model.encoder if config.model_type == "whisper" else model


def _native(config: PretrainedConfig, seconds: float | None) -> dict[str, Any]:
    """The processor that a model of this config reads."""
    if config.model_type == "whisper":  # two frames of 10 ms a position
        return dict(features="whisper", mels=config.num_mel_bins, seconds=config.max_source_positions * 2 * 160 / 16000)
    if config.model_type == "audio-spectrogram-transformer":
        length = (config.max_length - 1) * 160 + 400
        return dict(
            features="kaldi", mels=config.num_mel_bins, frames=config.max_length, seconds=length / 16000,
            mean=-4.2677393, std=4.5689974, shortest=0.025,
        )  # fmt: skip
    reach = 1
    for kernel, stride in reversed(list(zip(config.conv_kernel, config.conv_stride, strict=True))):
        reach = (reach - 1) * stride + kernel  # samples that one token needs
    return dict(features="wave", normalize=True, seconds=seconds or 10.0, shortest=reach / 16000)


def _published(path: str, config: PretrainedConfig) -> dict[str, Any]:
    """What the folder's preprocessor_config.json says otherwise."""
    from transformers.feature_extraction_utils import FeatureExtractionMixin

    try:
        fields, _ = FeatureExtractionMixin.get_feature_extractor_dict(path)
    except OSError:
        return {}
    published: dict[str, Any] = dict(rate=int(fields.get("sampling_rate", 16000)))
    if config.model_type == "audio-spectrogram-transformer":
        published.update(mean=float(fields.get("mean", -4.2677393)), std=float(fields.get("std", 4.5689974)))
    elif config.model_type != "whisper":
        published.update(normalize=bool(fields.get("do_normalize", True)))
    return published


def _padded(rows: list[Encoding]) -> Encoding:
    """Encodings of one row each -> one of all, padded with zeros."""
    longest = max(row.tokens.shape[1] for row in rows)

    def join(parts: list[Tensor]) -> Tensor:
        return torch.cat([F.pad(part, (0, 0, 0, longest - part.shape[1])) for part in parts])

    mask = torch.cat([F.pad(row.mask, (0, longest - row.tokens.shape[1])) for row in rows])  # type: ignore[arg-type]
    layers = None
    if rows[0].layers is not None:
        layers = [join([row.layers[i] for row in rows]) for i in range(len(rows[0].layers))]  # type: ignore[index]
    return Encoding(join([row.tokens for row in rows]), mask, None, None, layers)
