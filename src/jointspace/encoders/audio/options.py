"""From the flat options of an audio encoder to its processor."""

from __future__ import annotations

import inspect
from typing import Any

from jointspace.data.audio_processor import AudioProcessor
from jointspace.errors import ConfigError, nearest


def audio_processor(given: dict[str, Any] | None, **defaults: Any) -> AudioProcessor:
    """`defaults` overridden by the encoder's option `processor`. ConfigError for an unknown option."""
    valid = list(inspect.signature(AudioProcessor).parameters)
    for name in given or {}:
        if name not in valid:
            raise ConfigError(f"processor has no option {name!r}{nearest(name, valid)}")
    return AudioProcessor(**{**defaults, **(given or {})})


def log_mel_processor(kind: str, mels: int, given: dict[str, Any] | None, **defaults: Any) -> AudioProcessor:
    """A log-mel processor of `mels` bands. ConfigError where the option `processor` says otherwise."""
    processor = audio_processor(given, mels=mels, **defaults)
    if processor.features != "log_mel" or processor.mels != mels:
        raise ConfigError(
            f"{kind}: reads log_mel of {mels} bands, but its processor gives {processor.features} of {processor.mels}"
        )
    return processor
