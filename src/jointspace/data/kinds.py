"""What kind of thing a column holds, guessed from its type and a look at some of its rows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from jointspace.data.columns import Column
from jointspace.data.modality import AUDIO_SUFFIXES, IMAGE_SUFFIXES

LOOK = 1000  # rows a guess is based on
# kind -> modality of a field made of such a column; other kinds are plain columns
FIELD_KINDS = {"image": "image", "audio": "audio", "text": "text", "texts": "text", "frames": "video"}

# Names under which people keep what goes with a picture, best first; several of them are choices of one field.
CAPTIONS = (
    "text", "caption", "captions", "alt_text", "alt", "sentence", "sentences", "title", "name", "names", "keywords",
    "description", "report",
)  # fmt: skip


def kind_of(column: Column, name: str = "") -> str:
    """Kind of a column (see `ColumnInfo`), from its type and its first rows."""
    values = [v for v in column.take(spread(np.arange(len(column)))) if v is not None]
    if not values:
        return "other"
    first = values[0]
    if isinstance(first, dict):
        data = next((v.get("bytes") for v in values if v.get("bytes")), None)
        if data is not None:
            return _medium(data)
        if first.get("array") is not None:
            return "audio"
        path = first.get("path")
        return kind_of(Column([path]), name) if isinstance(path, str) else "other"
    if isinstance(first, bytes):
        return _medium(first)
    if isinstance(first, str):
        return _strings(values, name)
    if isinstance(first, list):
        inner = next((w for v in values for w in v if w is not None), None)
        if isinstance(inner, str):
            return "texts"
        if isinstance(inner, bytes) or (isinstance(inner, dict) and "bytes" in inner):
            return "frames"
        return "vector" if isinstance(inner, int | float) and not isinstance(inner, bool) else "other"
    if isinstance(first, bool):
        return "bool"
    if isinstance(first, int):
        return "label" if len(set(values)) <= max(2, min(200, len(values) // 4)) else "number"
    if isinstance(first, float):
        return "number"
    if hasattr(first, "getbands"):
        return "image"
    if hasattr(first, "shape"):
        return {1: "vector", 2: "image", 3: "image"}.get(len(first.shape), "other")
    return "other"


def spread(rows: np.ndarray) -> np.ndarray:
    """Some rows, evenly over all: files are often sorted."""
    return rows if len(rows) <= LOOK else rows[np.linspace(0, len(rows) - 1, LOOK).astype(np.int64)]


def _medium(data: bytes) -> str:
    """image, audio or other, by the first bytes."""
    if data[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM") and data[8:12] != b"WEBP" or data[:3] == b"ID3":
        return "audio"
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)):
            return "image"
    except Exception:  # Pillow raises many kinds
        return "other"


def _strings(values: list[str], name: str) -> str:
    if name == "text":
        return "text"
    if name == "file_name":  # beside `image` or `audio`, which hold the path
        return "key"
    suffixes = {Path(v).suffix.lower() for v in values if len(v) < 300}
    if suffixes and suffixes <= IMAGE_SUFFIXES:
        return "image"
    if suffixes and suffixes <= AUDIO_SUFFIXES:
        return "audio"
    words = sum(len(v.split()) for v in values) / len(values)
    distinct = len(set(values)) / len(values)
    if len(values) >= 20 and distinct < 0.2 and words < 4:
        return "category"
    unspaced = sum(any(0x2E80 < ord(c) < 0xD800 for c in v) for v in values) / len(values) > 0.5  # CJK has no spaces
    return "text" if words >= 1.5 or unspaced or max(map(len, values)) > 60 else "key"
