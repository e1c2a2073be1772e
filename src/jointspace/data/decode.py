"""Raw values to pictures and sounds. Runs in worker processes; needs Pillow and soundfile, no torch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.errors import DataError


def decode_image(value: Any, where: str = "") -> Any:
    """A raw picture (path, bytes, `{"bytes", "path"}`, PIL, uint8 (H, W), (H, W, 3 | 4) or (3, H, W)) as PIL RGB.

    Transparent pixels become white, 16-bit greys are scaled, the EXIF orientation is applied. Raises DataError, which
    names `where` and the cause.
    """
    from PIL import Image, ImageOps

    picture: Any
    try:
        if isinstance(value, dict):
            value = value["bytes"] if value.get("bytes") is not None else Path(value["path"])
        if isinstance(value, bytes | bytearray | memoryview):
            picture = Image.open(io.BytesIO(value))
        elif isinstance(value, str | Path):
            picture = Image.open(value)
        elif hasattr(value, "convert") and hasattr(value, "getbands"):
            picture = value
        else:
            picture = Image.fromarray(_pixels(value))
        picture.load()
        if getattr(picture, "format", None) in ("JPEG", "TIFF", "WEBP", "MPO"):
            picture = ImageOps.exif_transpose(picture)
        return _rgb(picture, Image)
    except Exception as error:  # Pillow raises many kinds for damaged files
        reason = str(error) or type(error).__name__
        raise DataError(f"{_at(where)}picture cannot be decoded ({_short(value, reason)})") from error


def _rgb(picture: Any, Image: Any) -> Any:
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        scale = 255.0 / 65535.0 if values.max(initial=0.0) > 255.0 else 1.0
        return Image.fromarray(np.clip(values * scale, 0, 255).round().astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def _pixels(value: Any) -> np.ndarray:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype.kind == "f":
        array = np.clip(array * 255.0, 0, 255).round()
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)) or array.dtype.kind not in "uifb":
        raise ValueError(f"array of shape {array.shape} and type {array.dtype} is no picture")
    return np.ascontiguousarray(array.astype(np.uint8))


def decode_audio(value: Any, rate: int, where: str = "") -> np.ndarray:
    """A raw sound (path, bytes, `{"bytes", "path"}`, `(array, rate)`, float array at `rate`) as float32 mono (n,).

    rate: samples a second wanted; other rates are resampled (polyphase). Channels are averaged. Raises DataError.
    """
    try:
        samples, found = read_audio(value)
        if samples.ndim == 2:
            samples = samples.mean(axis=0 if samples.shape[0] < samples.shape[1] else 1)
        if samples.ndim != 1 or samples.size == 0:
            raise ValueError("no samples" if samples.size == 0 else f"{type(value).__name__} is no sound")
        if found and found != rate:
            from scipy.signal import resample_poly

            divisor = np.gcd(int(found), int(rate))
            samples = resample_poly(samples.astype(np.float64), rate // divisor, found // divisor)
        return np.ascontiguousarray(samples, dtype=np.float32)
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{_at(where)}sound cannot be decoded ({_short(value, reason)})") from error


def read_audio(value: Any) -> tuple[np.ndarray, int]:
    """Samples as they are, (n,) or (n, channels) float32, and their rate in Hz (0 = not stated)."""
    if isinstance(value, tuple) and len(value) == 2:
        return np.asarray(value[0], dtype=np.float32), int(value[1])
    if isinstance(value, dict):
        if value.get("array") is not None:
            return np.asarray(value["array"], dtype=np.float32), int(value.get("sampling_rate") or 0)
        value = value["bytes"] if value.get("bytes") is not None else Path(value["path"])
    if isinstance(value, bytes | bytearray | memoryview | str | Path):
        import soundfile

        source = io.BytesIO(value) if isinstance(value, bytes | bytearray | memoryview) else str(value)
        samples, rate = soundfile.read(source, dtype="float32", always_2d=False)
        return samples, int(rate)
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float32), 0


def audio_rate(value: Any) -> int:
    """Samples a second of a raw sound without decoding it; 0 where it is not stated. Raises DataError."""
    if isinstance(value, tuple):
        return int(value[1])
    if isinstance(value, bytes | str | Path):
        import soundfile

        try:
            return int(soundfile.info(io.BytesIO(value) if isinstance(value, bytes) else str(value)).samplerate)
        except Exception as error:
            raise DataError(f"sound cannot be decoded ({_short(value, str(error))})") from error
    return 0


def _at(where: str) -> str:
    return f"{where}: " if where else ""


def _short(value: Any, reason: str) -> str:
    """The cause in a line: no object addresses, the file's name where there is one."""
    if isinstance(value, bytes | bytearray | memoryview):
        if len(value) == 0:
            return "0 bytes"
        if "cannot identify" in reason or "<_io.BytesIO" in reason:
            return f"{len(value)} bytes in no known format"
    return " ".join(reason.split())[:160]
