"""Tiles that are used again by the next call: fresh large tensors are dear on a CPU (each page is zeroed when
touched)."""

from __future__ import annotations

import torch
from torch import Tensor

POOL_BYTES = 2**28  # held between calls at most: all tiles of 8,192 rows in float32

_free: list[Tensor] = []


def take(like: Tensor, size: int) -> Tensor:
    """An uninitialised tensor of `size` elements, type and device as `like`."""
    if like.device.type != "cpu":
        return like.new_empty(size)  # other devices have an allocator that keeps memory
    try:
        tile = _free.pop()
    except IndexError:
        return like.new_empty(size)
    if tile.numel() == size and tile.dtype == like.dtype:
        return tile
    _free.clear()  # another batch size: its tiles are of no use
    return like.new_empty(size)


def give(tiles: list[Tensor]) -> None:
    """Take tiles back that nobody reads any more."""
    for tile in tiles:
        if tile.device.type != "cpu" or (len(_free) + 1) * tile.numel() * tile.element_size() > POOL_BYTES:
            return
        _free.append(tile)


def graph_is_freed() -> bool:
    """Within a backward: whether it is the graph's last (no retain_graph), so that its buffers are free afterwards."""
    ask = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return ask is not None and not ask()
