"""Texts -> token ids, by any Hugging Face tokenizer or one learnt from the training rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from jointspace.data.processor import Augmentation, Processor
from jointspace.encoders.text import tokenizer as own
from jointspace.errors import ConfigError, DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def clean(items: Sequence[Any]) -> list[str]:
    """Texts that every tokenizer accepts: half surrogate pairs become U+FFFD. DataError for what is no text."""
    texts = []
    for place, item in enumerate(items):
        if not isinstance(item, str):
            raise DataError(f"text {place} of the batch is a {type(item).__name__}, expected str")
        try:
            item.encode()
        except UnicodeEncodeError:
            item = item.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        texts.append(item)
    return texts


class TextProcessor(Processor):
    """ids (B, L) int64, padded on the right to the longest of the batch, and their mask (B, L) bool.

    tokenizer: a fast Hugging Face tokenizer; without one, `algorithm` ("bpe", "unigram") and `vocab_size`, an upper
    bound, tell how `fit` learns one; algorithm None: it will be loaded. max_length: tokens kept of a text, special ones
    included. special_tokens: add [CLS] ... [SEP] or what the tokenizer has; a text without any token then gets one (end
    of sequence, or padding): no row is empty. lowercase: texts first.
    Augmentations get the list of texts and give one back.
    """

    modality: ClassVar[str] = "text"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast | None = None,
        *,
        max_length: int = 64,
        algorithm: str | None = "bpe",
        vocab_size: int = 8192,
        lowercase: bool = False,
        special_tokens: bool = True,
    ):
        if max_length < 3:
            raise ConfigError(f"max_length {max_length} leaves no room between [CLS] and [SEP]")
        if tokenizer is not None:
            algorithm, vocab_size = None, len(tokenizer)
        elif algorithm is not None:
            own.check_spec(algorithm, vocab_size)
        self.max_length, self.algorithm, self.vocab_size = max_length, algorithm, vocab_size
        self.lowercase, self.special_tokens = lowercase, special_tokens
        self.learns = algorithm is not None
        self._hashed: tuple[Any, str] | None = None
        self.tokenizer = None if tokenizer is None else self._adopt(tokenizer)

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        return self.tokenizer is not None

    def fit(self, items: Iterable[str]) -> None:
        """Learn the tokenizer. DataError where the items hold no text."""

        if self.algorithm is None:
            raise DataError("this processor waits for a tokenizer to be loaded, it learns none")

        def batches() -> Iterator[str]:
            for item in items:
                yield from clean([item])

        self.tokenizer = own.train(
            batches(), self.vocab_size, self.algorithm, lowercase=self.lowercase, max_length=self.max_length
        )
        self.vocab_size = len(self.tokenizer)

    def __call__(
        self, items: Sequence[str], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, torch.Tensor]:
        """{"": ids (B, L) int64, "mask": (B, L) bool}. DataError for what is no text, or before `fit`."""
        if self.tokenizer is None:
            raise DataError("the tokenizer is not there yet: call prepare(training texts) on its encoder, or load it")
        texts = list(augment(items, keys)) if augment is not None else list(items)  # type: ignore[arg-type]
        encoded = self.tokenizer(
            clean(texts), add_special_tokens=self.special_tokens, padding=True, truncation=True,
            max_length=self.max_length, return_attention_mask=True,
        )  # fmt: skip
        ids, mask = (np.array(encoded[name], dtype=np.int64) for name in ("input_ids", "attention_mask"))
        if ids.ndim != 2 or ids.shape[1] == 0:
            ids, mask = np.zeros((len(texts), 1), np.int64), np.zeros((len(texts), 1), np.int64)
        if self.special_tokens:
            empty = mask.sum(1) == 0
            ids[empty, 0], mask[empty, 0] = self._filler(), 1
        return {"": torch.from_numpy(ids), "mask": torch.from_numpy(mask.astype(bool))}

    def config(self) -> dict[str, Any]:
        """What makes an equal processor; its tokenizer is among the files of `save`, `content` is the hash of that."""
        names = ("max_length", "algorithm", "vocab_size", "lowercase", "special_tokens")
        return {**{name: getattr(self, name) for name in names}, "content": self._content()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextProcessor:
        return cls(**{name: value for name, value in config.items() if name != "content"})

    def save(self, folder: Path) -> None:
        """tokenizer.json and tokenizer_config.json, in Hugging Face's layout."""
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. DataError where it is not there."""
        from transformers import AutoTokenizer

        if not (Path(folder) / "tokenizer_config.json").is_file():
            raise DataError(f"{folder}: no tokenizer_config.json")
        # the configured tokenizer was saved with its lower-casing inside
        self.tokenizer = self._adopt(AutoTokenizer.from_pretrained(str(folder)), lowercase=False)

    def _adopt(self, tokenizer: Any, lowercase: bool | None = None) -> Any:
        from tokenizers import normalizers

        if not getattr(tokenizer, "is_fast", False):
            raise ConfigError(f"{type(tokenizer).__name__} has no fast form (tokenizer.json), which jointspace needs")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token  # decoders have none; the mask tells
        tokenizer.padding_side = tokenizer.truncation_side = "right"
        tokenizer.model_max_length = self.max_length
        if self.lowercase if lowercase is None else lowercase:
            backend = tokenizer.backend_tokenizer
            before = [] if backend.normalizer is None else [backend.normalizer]
            backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *before])
        return tokenizer

    def _content(self) -> str | None:
        """Hash of all that decides ids: vocabulary, normaliser, splitter, template."""
        if self.tokenizer is None:
            return None
        if self._hashed is None or self._hashed[0] is not self.tokenizer:
            table = json.loads(self.tokenizer.backend_tokenizer.to_str())
            for name in ("truncation", "padding", "version"):  # settings of the last call
                table.pop(name, None)
            text = json.dumps(table, sort_keys=True, ensure_ascii=True)
            self._hashed = (self.tokenizer, blake2b(text.encode(), digest_size=8).hexdigest())
        return self._hashed[1]

    def _filler(self) -> int:
        for name in ("eos_token_id", "pad_token_id", "unk_token_id"):
            if getattr(self.tokenizer, name, None) is not None:
                return int(getattr(self.tokenizer, name))
        return 0
