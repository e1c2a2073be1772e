"""Public batteries: what every encoder and every method must pass, ours and yours.

    from jointspace.testing import check_encoder, check_method
    check_encoder(lambda: EncoderConfig(name="transformer", layers=1, width=32).build("text"))
    check_method(lambda: ALIGN(Config(...)), js.load_data("emoji", columns={...}, limit=32))

Each raises AssertionError with one line that says what differs, and returns the names of the checks that ran.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.encoders.base import Encoder, Encoding
from jointspace.encoders.storage import describe, load_encoder, save_encoder
from jointspace.nn.masks import masked_mean
from jointspace.training.checks import check_method as check_method

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
_TEXTS = (
    "a red square",
    "Zwei grüne Kreise liegen neben einem Dreieck.",
    "",
    "你好 世界 🙂",
    "नमस्ते",
    "half \ud83d, nul \x00",
)


def sample_items(modality: str, seed: int = 0) -> list[Any]:
    """A few items of unequal size: texts of several scripts (one empty), pictures, sounds of .3 to 1 s at 16 kHz."""
    random = np.random.default_rng(seed)
    if modality == "text":
        return list(_TEXTS)
    if modality == "image":
        return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((40, 32), (32, 48), (64, 64), (33, 31))]
    if modality == "audio":
        return [(random.standard_normal(n) * 0.1).astype(np.float32) for n in (16000, 4800, 9999)]
    raise AssertionError(f"no sample items of modality {modality!r}: pass items=")


def check_encoder(
    build: Callable[[], Encoder],
    items: Sequence[Any] | None = None,
    *,
    unreached: str | None = None,
    tolerance: float = 1e-5,
) -> list[str]:
    """Shapes; same answer twice; padding changes nothing; batch = one by one; gradients reach every parameter;
    bfloat16 autocast runs; save and load give an equal encoder.

    build: makes a new encoder of any modality; items: at least two, of unequal size where the modality has sizes
    (`sample_items` by default); unreached: regular expression of parameters that rightly get no gradient; tolerance:
    absolute, in float32.
    """
    torch.manual_seed(0)
    encoder = build()
    items = list(items) if items is not None else sample_items(encoder.modality)
    assert len(items) >= 2, "check_encoder needs at least two items"
    encoder.prepare(iter(items))
    encoder.eval()
    x, mask = _process(encoder, items)
    ran = [_shapes(encoder, x, mask, len(items)), _twice(encoder, x, mask)]
    if mask is not None and mask.shape == x.shape[: mask.dim()]:
        ran.append(_padding(encoder, x, mask, tolerance))
    ran += [
        _one_by_one(encoder, items, tolerance),
        _gradients(encoder, x, mask, unreached),
        _bfloat16(encoder, x, mask),
        _saved(encoder, items),
    ]
    return ran


def _process(encoder: Encoder, items: Sequence[Any]) -> tuple[Tensor, Tensor | None]:
    batch = encoder.processor(items)
    assert "" in batch, f"{type(encoder.processor).__name__} gives {sorted(batch)}, expected '' for the field itself"
    for name, tensor in batch.items():
        assert len(tensor) == len(items), (
            f"processor: {name or 'the field'} has {len(tensor)} rows for {len(items)} items"
        )
    return batch[""], batch.get("mask")


@torch.no_grad()
def _say(encoder: Encoder, x: Tensor, mask: Tensor | None, layers: bool = False) -> Encoding:
    return encoder(x, mask, layers=layers)


def _shapes(encoder: Encoder, x: Tensor, mask: Tensor | None, n: int) -> str:
    said = _say(encoder, x, mask, layers=True)
    shape = tuple(said.tokens.shape)
    assert len(shape) == 3 and shape[0] == n and shape[2] == encoder.dim, (
        f"tokens have shape {shape}, expected ({n}, L, {encoder.dim})"
    )
    if said.mask is not None:
        assert said.mask.dtype == torch.bool, f"mask is {said.mask.dtype}, expected bool"
        assert tuple(said.mask.shape) == shape[:2], f"mask has shape {tuple(said.mask.shape)}, tokens {shape}"
    if said.pooled is not None:
        assert tuple(said.pooled.shape) == (n, encoder.dim), f"pooled has shape {tuple(said.pooled.shape)}"
    if said.grid is not None:
        assert int(np.prod(said.grid)) == shape[1], f"grid {said.grid} does not hold {shape[1]} tokens"
    assert said.layers, "layers=True gave no hidden states"
    for i, layer in enumerate(said.layers):
        assert layer.dim() == 3 and len(layer) == n, f"layer {i} has shape {tuple(layer.shape)}"
    for name, tensor in _parts(said).items():
        assert tensor.isfinite().all(), f"{name} is not finite"
    return "shapes"


def _twice(encoder: Encoder, x: Tensor, mask: Tensor | None) -> str:
    first, second = _parts(_say(encoder, x, mask)), _parts(_say(encoder, x, mask))
    for name in first:
        assert torch.equal(first[name], second[name]), f"eval mode: {name} differs between two equal calls"
    return "twice"


def _padding(encoder: Encoder, x: Tensor, mask: Tensor, tolerance: float) -> str:
    """Other values under the padding; then, unless the encoder's longest input forbids it, three more places of it."""
    plain = _parts(_say(encoder, x, mask))
    junk = torch.where(mask.reshape(*mask.shape, *[1] * (x.dim() - 2)).expand_as(x), x, torch.ones_like(x))
    for name, part in _parts(_say(encoder, junk, mask)).items():
        _close(plain[name], part, tolerance, f"values under the padding change {name}")
    more = torch.cat([junk, torch.ones_like(x[:, :1]).expand(-1, 3, *x.shape[2:])], dim=1)
    longer = torch.cat([mask, torch.zeros_like(mask[:, :1]).expand(-1, 3)], dim=1)
    try:
        padded = _parts(_say(encoder, more, longer))
    except (ValueError, RuntimeError, IndexError):
        return "padding, at full length"
    for name, part in plain.items():
        _close(part, padded[name][:, : part.shape[1]], tolerance, f"more padding changes {name}")
    return "padding"


def _one_by_one(encoder: Encoder, items: Sequence[Any], tolerance: float) -> str:
    together = _parts(_say(encoder, *_process(encoder, items)))
    for i, item in enumerate(items):
        alone = _parts(_say(encoder, *_process(encoder, [item])))
        for name in ("pooled", "mean of tokens"):
            if name in together:
                _close(
                    together[name][i], alone[name][0], tolerance, f"item {i}: {name} differs between batch and alone"
                )
    return "batch = one by one"


def _gradients(encoder: Encoder, x: Tensor, mask: Tensor | None, unreached: str | None) -> str:
    encoder.train()
    encoder.zero_grad(set_to_none=True)
    generator = torch.Generator().manual_seed(0)
    said = encoder(x, mask)
    # random weights: the plain sum of a normalised vector is constant
    loss = sum((part * torch.randn(part.shape, generator=generator)).sum() for part in _parts(said).values())
    loss.backward()  # type: ignore[union-attr]
    lost = []
    for name, parameter in encoder.named_parameters():
        if not parameter.requires_grad or (unreached and re.search(unreached, name)):
            continue
        grad = parameter.grad.to_dense() if parameter.grad is not None and parameter.grad.is_sparse else parameter.grad
        # a bias of keys is without effect on a softmax, so that one-dimensional ones may have a gradient of 0
        if grad is None or not grad.isfinite().all() or (parameter.dim() > 1 and not grad.any()):
            lost.append(name)
    encoder.zero_grad(set_to_none=True)
    encoder.eval()
    assert not lost, f"no finite gradient reaches {len(lost)} parameters, {lost[0]} among them"
    return "gradients"


def _bfloat16(encoder: Encoder, x: Tensor, mask: Tensor | None) -> str:
    plain = _parts(_say(encoder, x, mask))["mean of tokens"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = _parts(_say(encoder, x, mask))["mean of tokens"]
    assert half.isfinite().all(), "bfloat16 autocast: tokens are not finite"
    alike = torch.cosine_similarity(plain.flatten(), half.float().flatten(), dim=0).item()
    assert alike > 0.98, f"bfloat16 autocast: mean of tokens has cosine {alike:.3f} with float32"
    return "bfloat16"


def _saved(encoder: Encoder, items: Sequence[Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        save_encoder(encoder, folder)
        pickles = [path.name for path in Path(folder).rglob("*") if path.suffix in _PICKLES]
        assert not pickles, f"saved as pickles: {pickles}"
        torch.manual_seed(1)
        again = load_encoder(folder)
    assert describe(again) == describe(encoder), "options or processor differ after save and load"
    (x, mask), (x2, mask2) = _process(encoder, items), _process(again, items)
    assert torch.equal(x, x2), "the processor differs after save and load"
    same = torch.equal(mask, mask2) if mask is not None and mask2 is not None else mask is mask2
    assert same, "the mask differs after save and load"
    before, after = _parts(_say(encoder, x, mask)), _parts(_say(again, x, mask))
    for name in before:
        assert torch.equal(before[name], after[name]), f"{name} differs after save and load"
    return "save and load"


def _parts(said: Encoding) -> dict[str, Tensor]:
    """What can be compared: real tokens (0 elsewhere), their mean, the backbone's own vector."""
    tokens = said.tokens
    if said.mask is not None:
        tokens = torch.where(said.mask.unsqueeze(-1), tokens, torch.zeros_like(tokens))
    parts = {"tokens": tokens, "mean of tokens": masked_mean(tokens, said.mask)}
    if said.pooled is not None:
        parts["pooled"] = said.pooled
    return parts


def _close(a: Tensor, b: Tensor, tolerance: float, what: str) -> None:
    gap = (a.float() - b.float()).abs().max().item() if a.numel() else 0.0
    assert gap <= tolerance, f"{what} by {gap:.2g} (allowed {tolerance:g})"
