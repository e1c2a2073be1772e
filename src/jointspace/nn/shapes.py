"""Shape checks for public doors."""

from __future__ import annotations

from typing import Any


def check(spec: str, **tensors: Any) -> dict[str, int]:
    """`check("x: B D, mask: B L", x=x, mask=m)` -> `{"B": 8, "D": 64, "L": 12}`.

    Raises ValueError that names the tensor and the axis when a rank differs or an axis letter has two sizes.
    """
    sizes: dict[str, int] = {}
    for part in spec.split(","):
        name, axes = (s.strip() for s in part.split(":"))
        letters, shape = axes.split(), tuple(tensors[name].shape)
        if len(letters) != len(shape):
            raise ValueError(f"{name}: expected axes {axes}, got shape {shape}")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ValueError(f"{name}: axis {letter} is {size}, but {sizes[letter]} earlier ({spec})")
    return sizes
