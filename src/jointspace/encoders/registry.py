"""Which encoders there are, by modality and name. Data only: nothing here imports torch.

An entry names the factory ("module:function or class", imported on first use) and all options it takes with their
defaults; the factory gets every one of them as a keyword argument and returns an `Encoder`. An entry without the
option `pretrained` has no weights to load. A default of None means "worked out by the factory".
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.encoders.base import Encoder


@dataclass(frozen=True)
class Entry:
    """One encoder by name: its factory and every option with its default."""

    factory: str | Callable[..., Encoder]
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Encoder]:
        if not isinstance(self.factory, str):
            return self.factory
        module, attribute = self.factory.split(":")
        return getattr(importlib.import_module(module), attribute)


_HF_TEXT: dict[str, Any] = dict(
    path=None, config=None, pretrained=None, tokenizer="bpe", vocab_size=None, max_length=None, lowercase=False,
    pooler=False, dtype="float32", trust_remote_code=False,
)  # fmt: skip
_BERT: dict[str, Any] = dict(
    layers=2, width=128, heads=None, feed_forward=None, max_length=64, vocab_size=8192, tokenizer="bpe",
    lowercase=True, dropout=0.1, pretrained=False,
)  # fmt: skip
_CATEGORIES: dict[str, Any] = dict(
    family="unified", budget=0.25, width=16, multiplexed=True, private=None, columns=None, numeric=(), sizes=None,
    options=None,
)  # fmt: skip
_TEXT, _IMAGE, _AUDIO = (f"jointspace.encoders.{modality}" for modality in ("text", "image", "audio"))
_EFFICIENTNET: dict[str, Any] = dict(
    size=None, pretrained=False, top=False, norm="batch", drop_path=0.2, frozen_batch_norm=False, width=None,
    depth=None, depthwise_padding=(), processor=None,
)  # fmt: skip

ENTRIES: dict[str, dict[str, Entry]] = {
    "text": {
        "hf": Entry(f"{_TEXT}.hugging_face:build", _HF_TEXT),
        "minilm": Entry(
            f"{_TEXT}.hugging_face:build_minilm", dict(pretrained=True, max_length=None, layers=None)
        ),
        "transformer": Entry(f"{_TEXT}.bert:build", _BERT),
        "bert-mini": Entry(f"{_TEXT}.bert:build", _BERT | dict(layers=4, width=256, heads=4, vocab_size=30522)),
        "bert-small": Entry(f"{_TEXT}.bert:build", _BERT | dict(layers=4, width=512, heads=8, vocab_size=30522)),
        "bert-base": Entry(f"{_TEXT}.bert:build", _BERT | dict(layers=12, width=768, heads=12, vocab_size=30522)),
        "bert-large": Entry(f"{_TEXT}.bert:build", _BERT | dict(layers=24, width=1024, heads=16, vocab_size=30522)),
        "static": Entry(
            f"{_TEXT}.static:build",
            dict(width=256, vocab_size=8192, tokenizer="bpe", lowercase=True, max_length=256, dropout=0.0),
        ),
        "ngrams": Entry(
            f"{_TEXT}.ngrams:build",
            dict(
                width=256, buckets=65536, n_min=1, n_max=5, words=True, max_length=1024, lowercase=True, dropout=0.0,
                norm=True, tokens=False, sparse=False,
            ),
        ),
    },
    "image": {
        "hf": Entry(
            f"{_IMAGE}.hugging_face:build",
            dict(
                path=None, config=None, pretrained=None, size=None, pooler=None, dtype="float32",
                trust_remote_code=False, processor=None,
            ),
        ),
        "cnn": Entry(
            f"{_IMAGE}.cnn:CNN",
            dict(
                size=32, widths=(32, 64, 128), depth=1, norm="group", dropout=0.0, frozen_batch_norm=False,
                processor=None,
            ),
        ),
        "resnet": Entry(
            f"{_IMAGE}.resnet:ResNet",
            dict(
                size=32, width=64, blocks=(2, 2, 2, 2), stem="small", norm="batch", frozen_batch_norm=False,
                processor=None,
            ),
        ),
        "vit": Entry(
            f"{_IMAGE}.vit:ViT",
            dict(
                size=32, patch=4, layers=4, width=128, heads=None, feed_forward=None, pool="cls", positions="learnt",
                dropout=0.0, drop_path=0.0, processor=None,
            ),
        ),
        "efficientnet-lite0": Entry(
            f"{_IMAGE}.efficientnet_lite:EfficientNetLite0",
            dict(size=224, levels=(8,), frozen_batch_norm=None, pretrained=False, processor=None),
        ),
        **{
            f"efficientnet-b{i}": Entry(f"{_IMAGE}.efficientnet:EfficientNet", _EFFICIENTNET | dict(variant=f"b{i}"))
            for i in range(8)
        },
    },
    "graph": {
        "walks": Entry(
            "jointspace.encoders.graph.walks:build",
            dict(
                width=64, heads=4, layers=1, length=5, walks=1000, read=5, buckets=16, bucket_scale="log",
                max_walks=1000, code_dim=None, seed=0, walk_attention=True, degrees=True, global_code=True,
                local_code=True,
            ),
        ),
    },
    "table": {
        "categories": Entry("jointspace.encoders.table.categories:build", _CATEGORIES),
        "numbers": Entry("jointspace.encoders.table.numbers:build", dict(columns=None)),
        "table-transformer": Entry(
            "jointspace.encoders.table.transformer:TableTransformer",
            dict(
                width=64, layers=4, heads=4, feed_forward=None, dropout=0.0, regs=1, type_embedding=True,
                column_embedding=False, columns=None, categorical=(), scaling="min_max", schema=None,
            ),
        ),
    },
    "audio": {
        "hf": Entry(
            f"{_AUDIO}.hugging_face:build",
            dict(
                path=None, config=None, pretrained=None, seconds=None, dtype="float32", trust_remote_code=False,
                processor=None,
            ),
        ),
        "audio-transformer": Entry(
            f"{_AUDIO}.transformer:AudioTransformer",
            dict(
                rate=16000, seconds=10.0, mels=64, patch=4, layers=4, width=128, heads=None, feed_forward=None,
                dropout=0.1, drop_path=0.0, processor=None,
            ),
        ),
        "audio-cnn": Entry(
            f"{_AUDIO}.cnn:AudioCNN",
            dict(rate=16000, seconds=10.0, mels=64, widths=(32, 64, 128), dropout=0.0, processor=None),
        ),
    },
}  # fmt: skip


def register(
    name: str, modality: str, factory: str | Callable[..., Encoder], options: Mapping[str, Any] | None = None
) -> None:
    """Add an encoder of your own: afterwards recipes may name it. `factory` as in `Entry`."""
    ENTRIES.setdefault(modality, {})[name] = Entry(factory, dict(options or {}))


def names(modality: str | None = None) -> list[str]:
    """All names, or those of one modality."""
    if modality is None:
        return sorted({name for entries in ENTRIES.values() for name in entries})
    return sorted(ENTRIES.get(modality, {}))


def entry(name: str, modality: str) -> Entry:
    """ConfigError naming the nearest valid one where there is no such modality or name."""
    if modality not in ENTRIES:
        raise ConfigError(f"no encoders of modality {modality!r}{nearest(modality, ENTRIES)}")
    if name not in ENTRIES[modality]:
        raise ConfigError(f"no {modality} encoder is called {name!r}{nearest(name, ENTRIES[modality])}")
    return ENTRIES[modality][name]


def resolve(name: str, modality: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of the encoder: its defaults under `options`. ConfigError for an unknown or ill-typed one."""
    known = entry(name, modality).options
    for option, value in options.items():
        if option not in known:
            if option == "pretrained":
                if value:
                    raise ConfigError(f"{modality} encoder {name!r} has no pretrained weights; drop pretrained")
                continue
            raise ConfigError(f"{modality} encoder {name!r} has no option {option!r}{nearest(option, known)}")
        check_type(f"{modality} encoder {name!r}: option {option!r}", value, known[option])
    return {**known, **{option: value for option, value in options.items() if option in known}}


def check_type(what: str, value: Any, default: Any) -> None:
    """ConfigError where `value` is of another type than `default`; None on either side fits, and any `pretrained`."""
    if value is None or default is None or what.endswith("'pretrained'"):
        return
    fitting: tuple[type, ...] = (type(default),)
    for kinds in ((int, float), (list, tuple)):  # 1 fits 1.0, and a YAML list a tuple
        if isinstance(default, kinds[1]):
            fitting = kinds
    if not isinstance(value, fitting) or isinstance(value, bool) is not isinstance(default, bool):
        raise ConfigError(f"{what} is {value!r}, expected {type(default).__name__} (default {default!r})")


def build(name: str, modality: str, **options: Any) -> Encoder:
    """A new encoder. Raises ConfigError (name, option, type) or what its factory raises."""
    resolved = resolve(name, modality, options)
    return entry(name, modality).load()(**resolved)
