"""Items -> vectors: batches of like length, one tower, quantised on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch

from jointspace.errors import DataError, SpaceError, nearest
from jointspace.space.tower import Tower, unit

Precision = Literal["float32", "float16", "int8", "uint8", "binary", "ubinary"]
PRECISIONS = ("float32", "float16", "int8", "uint8", "binary", "ubinary")


def encode_items(
    tower: Tower,
    items: Sequence[Any],
    *,
    output: str = "dense",
    batch_size: int = 32,
    normalize: bool = True,
    truncate_dim: int | None = None,
    show_progress_bar: bool = False,
) -> np.ndarray | list[np.ndarray]:
    """(N, D) float32 of one tower's output in the order of `items`; `tokens` gives a list of (L_i, D)."""
    spec = tower.outputs()[output]
    dim = spec.dim if truncate_dim is None else truncate_dim
    if not 1 <= dim <= spec.dim:
        raise SpaceError(f"truncate_dim must be from 1 to {spec.dim}, got {truncate_dim}")
    if batch_size < 1:
        raise SpaceError(f"batch_size must be at least 1, got {batch_size}")
    ragged: list[np.ndarray] = [np.empty(0)] * len(items)
    dense = np.empty((0 if spec.ragged else len(items), dim), dtype=np.float32)
    parameter = next(tower.parameters(), None)
    device = parameter.device if parameter is not None else torch.device("cpu")
    training = tower.training
    tower.eval()
    try:
        with torch.inference_mode():
            for where in _progress(_batches(items, batch_size), len(items), batch_size, show_progress_bar):
                inputs = _process(tower, items, where)
                mask = inputs.get("mask")
                x = inputs[""].to(device, non_blocking=True)
                mask = None if mask is None else mask.to(device, non_blocking=True)
                more = {k: v.to(device, non_blocking=True) for k, v in inputs.items() if k not in ("", "mask")}
                answer, real = tower(x, mask, output=output, **more)
                answer = answer[..., :dim]
                answer = unit(answer) if normalize else answer.float()
                values = answer.float().cpu().numpy()
                if not spec.ragged:
                    dense[where] = values
                    continue
                keep = None if real is None else real.cpu().numpy()
                for row, i in enumerate(where):
                    ragged[i] = values[row] if keep is None else values[row][keep[row]]
    finally:
        tower.train(training)
    return ragged if spec.ragged else dense


def _batches(items: Sequence[Any], batch_size: int) -> list[np.ndarray]:
    """Index batches, long texts first, so that a batch holds texts of like length and memory peaks at once."""
    lengths = np.fromiter((len(x) if isinstance(x, str) else 0 for x in items), dtype=np.int64, count=len(items))
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _process(tower: Tower, items: Sequence[Any], where: np.ndarray) -> dict[str, torch.Tensor]:
    """A processed batch; where an item cannot be read, the error names its number."""
    batch = [items[i] for i in where]
    try:
        return tower.encoder.processor(batch)
    except DataError:
        for i, item in zip(where, batch, strict=True):
            try:
                tower.encoder.processor([item])
            except DataError as error:
                raise DataError(f"item {i}: {error}") from None
        raise


def _progress(batches: list[np.ndarray], items: int, batch_size: int, show: bool) -> Iterator[np.ndarray]:
    if not show:
        yield from batches
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("encoding", total=items)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))


def quantize(vectors: np.ndarray, precision: str) -> np.ndarray:
    """float32 (N, D) -> `precision`, as sentence-transformers does it.

    int8 / uint8: 256 even steps between each column's smallest and largest value among these vectors; binary: the sign
    of eight entries a byte, (N, D / 8), as int8 (shifted by 128) or uint8.
    """
    if precision == "float32":
        return vectors
    if precision == "float16":
        return vectors.astype(np.float16)
    if precision in ("int8", "uint8"):
        low, high = vectors.min(axis=0, initial=np.inf), vectors.max(axis=0, initial=-np.inf)
        step = (high - low) / 255
        level = np.divide(vectors - low, step, out=np.zeros_like(vectors), where=step > 0)
        return (np.floor(level) - 128).astype(np.int8) if precision == "int8" else level.astype(np.uint8)
    if precision in ("binary", "ubinary"):
        packed = np.packbits(vectors > 0, axis=-1)
        return (packed - 128).astype(np.int8) if precision == "binary" else packed
    raise SpaceError(f"unknown precision {precision!r}{nearest(precision, PRECISIONS)}")
