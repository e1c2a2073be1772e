"""Which modality a field or an item belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jointspace.errors import DataError, nearest

MODALITIES = ("text", "image", "audio", "video", "points", "volume", "table", "record", "graph")

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"})


def modality_of_field(field: str) -> str | None:
    """Modality a field is named after: `image_view_2` -> `image`, `label` -> None (a plain column).

    `image_id` and `text_mask` are no items: those names belong to the batch, and data sets use them for keys.
    """
    if field.endswith(("_id", "_ids", "_mask")):
        return None
    head = field.split("_", 1)[0]
    return head if head in MODALITIES else None


def modality_of_item(item: Any) -> str:
    """Modality of one item by its type: `str` is text, `Path` goes by suffix, PIL image, 1-D waveform, (N, 3) points.

    Raises DataError where the type alone does not tell; the caller then has to pass `modality=`.
    """
    if isinstance(item, str):
        return "text"
    if isinstance(item, Path):
        suffix = item.suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            return "image"
        if suffix in AUDIO_SUFFIXES:
            return "audio"
        raise DataError(f"{item}: cannot tell the modality from the suffix {suffix or '(none)'}; pass modality=")
    if isinstance(item, dict):
        known = [key for key in item if key in MODALITIES]
        if known:
            return "+".join(sorted(known))
    if hasattr(item, "convert") and hasattr(item, "getbands"):  # PIL image, without importing Pillow
        return "image"
    if type(item).__name__ == "Node" and hasattr(item, "graph"):
        return "graph"
    shape = getattr(item, "shape", None)
    if shape is not None:
        if len(shape) == 1:
            return "audio"
        if len(shape) == 2 and shape[1] in (3, 6):
            return "points"
        if len(shape) == 3 and 3 in (shape[0], shape[2]):
            return "image"
    raise DataError(f"cannot tell the modality of a {type(item).__name__}; pass modality={nearest('', MODALITIES)}")
