"""A tokenizer learnt from the user's own texts: byte-level, so that no script and no emoji is ever unknown.

The same texts give the same tokenizer, bit for bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jointspace.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

ALGORITHMS = ("bpe", "unigram")
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SMALLEST = 256 + len(SPECIAL)  # every byte and every special token


def check_spec(algorithm: str, vocab_size: int) -> None:
    """ConfigError for an unknown algorithm or a vocabulary that cannot hold all bytes."""
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"no tokenizer is called {algorithm!r}{nearest(algorithm, ALGORITHMS)}")
    if vocab_size < SMALLEST:
        raise ConfigError(f"vocab_size {vocab_size} is too small: {SMALLEST} hold the bytes and the special tokens")


def train(
    texts: Iterable[str], vocab_size: int, algorithm: str = "bpe", *, lowercase: bool = True, max_length: int = 64
) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocab_size` entries: [CLS] text [SEP], padding and truncation on the right.

    algorithm: "bpe" (fast) or "unigram" (about ten times slower). Texts are brought to NFKC form first. DataError
    where there is no text at all, ConfigError as `check_spec`.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    check_spec(algorithm, vocab_size)
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise DataError("no text to learn a tokenizer from: the training rows hold none, or only empty ones")
    tokenizer = Tokenizer(models.BPE() if algorithm == "bpe" else models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase()] if lowercase else [normalizers.NFKC()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    how: dict[str, Any] = dict(
        vocab_size=vocab_size, special_tokens=list(SPECIAL.values()), show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    if algorithm == "bpe":
        tokenizer.train_from_iterator(texts, trainers.BpeTrainer(**how))
    else:
        tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(unk_token=SPECIAL["unk_token"], **how))
        _rescore(tokenizer, texts)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        padding_side="right",
        truncation_side="right",
        **SPECIAL,
    )


def _rescore(tokenizer: Tokenizer, texts: list[str], rounds: int = 3) -> None:
    """New scores for the pieces of a Unigram model, by counting the pieces of the best segmentation, `rounds` times.

    The trainer chooses the same pieces each time, but sums its scores in an order that changes from run to run, and
    their last digits (and the order of pieces, hence all ids) with it.
    """
    from tokenizers import models

    special = list(SPECIAL.values())
    pieces = sorted(set(tokenizer.get_vocab()) - set(special))

    def use(scores: dict[str, float]) -> None:
        ordered = sorted(pieces, key=lambda piece: (-scores[piece], piece))
        vocab = [(token, 0.0) for token in special] + [(piece, scores[piece]) for piece in ordered]
        tokenizer.model = models.Unigram(vocab, special.index(SPECIAL["unk_token"]), False)

    use(dict.fromkeys(pieces, -1.0))  # at first, the fewest pieces win
    for _ in range(rounds):
        counts: Counter[str] = Counter()
        for start in range(0, len(texts), 1000):
            for encoded in tokenizer.encode_batch(texts[start : start + 1000], add_special_tokens=False):
                counts.update(encoded.tokens)
        total = math.log(sum(counts.values()) + len(pieces))
        use({piece: math.log(counts[piece] + 1) - total for piece in pieces})
