"""From the flat options of a picture encoder to its processor."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from jointspace.data.image_processor import ImageProcessor
from jointspace.errors import ConfigError, nearest


def image_processor(size: int | Sequence[int], given: dict[str, Any] | None, /, **defaults: Any) -> ImageProcessor:
    """Processor for inputs of `size`: `defaults` overridden by the encoder's option `processor`.

    A `processor` that names neither size nor crop gets `size`. ConfigError for an unknown option.
    """
    valid = [name for name in inspect.signature(ImageProcessor).parameters]
    for name in given or {}:
        if name not in valid:
            raise ConfigError(f"processor has no option {name!r}{nearest(name, valid)}")
    processor = ImageProcessor(**{"size": size, **defaults, **(given or {})})
    want = (size, size) if isinstance(size, int) else tuple(size)
    if processor.output_size != want:
        raise ConfigError(
            f"processor makes pictures of {processor.output_size}, but the encoder's size is {want}: make its "
            f"crop (or size) equal"
        )
    return processor
