"""A small BERT from scratch, with a tokenizer learnt from the training rows."""

from __future__ import annotations

from jointspace.encoders.text import hugging_face
from jointspace.encoders.text.hugging_face import HuggingFaceText
from jointspace.errors import ConfigError


def build(
    *,
    layers: int,
    width: int,
    heads: int | None,
    feed_forward: int | None,
    max_length: int,
    vocab_size: int,
    tokenizer: str,
    lowercase: bool,
    dropout: float,
    pretrained: bool | str,
) -> HuggingFaceText:
    """`layers` blocks of width D with random weights; a Space of it opens in sentence-transformers.

    heads: D / 64 by default, at least 1; feed_forward: 4 D by default; max_length: tokens, [CLS] and [SEP] among them;
    vocab_size: an upper bound, the table of embeddings shrinks to what the tokenizer found; tokenizer: "bpe" or
    "unigram". pretrained: a folder or hub id replaces all of this by what is there, max_length apart. ConfigError
    where width is not a multiple of heads, or pretrained is True: there are no weights that belong to the name.
    """
    if isinstance(pretrained, str):
        return hugging_face.build(path=pretrained, max_length=max_length)
    if pretrained:
        raise ConfigError("BERT has no weights of its own here: pretrained takes a folder or a hub id")
    heads = heads or max(1, width // 64)
    if width % heads:
        raise ConfigError(f"width {width} is not a multiple of heads {heads}")
    config = dict(
        model_type="bert", num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads,
        intermediate_size=feed_forward or 4 * width, max_position_embeddings=max_length, vocab_size=vocab_size,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout, type_vocab_size=1, pad_token_id=0,
    )  # fmt: skip
    return hugging_face.build(
        config=config, tokenizer=tokenizer, vocab_size=vocab_size, max_length=max_length, lowercase=lowercase
    )
