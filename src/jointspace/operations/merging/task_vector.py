"""Task vectors: what fine-tuning added to a base, as a space one can add, scale and measure in.

Ilharco et al., "Editing Models with Task Arithmetic", ICLR 2023, arXiv 2212.04089.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from jointspace.errors import SpaceError

State = Mapping[str, Tensor]


class TaskVectors:
    """N differences V_i = theta_i - theta_0 over the float tensors of one architecture.

    base: name -> theta_0 (its own type); deltas: name -> (N, *shape) float32. Tensors that are no floats are not part
    of a vector; `compose` leaves them to the base.
    """

    def __init__(self, base: State, deltas: State, labels: Sequence[str]):
        self.base, self.deltas, self.labels = dict(base), dict(deltas), list(labels)

    @classmethod
    def between(cls, base: State, models: Sequence[State], labels: Sequence[str] | None = None) -> TaskVectors:
        """Differences of `models` to `base`. SpaceError names a tensor that one lacks or that has another shape."""
        labels = list(labels or (f"model {i}" for i in range(len(models))))
        if not models:
            raise SpaceError("merge: no models given")
        for model, label in zip(models, labels, strict=True):
            check_alike(base, model, label)
        floats = [name for name, tensor in base.items() if tensor.is_floating_point()]
        deltas = {
            name: torch.stack([model[name].detach().float() - base[name].detach().float() for model in models])
            for name in floats
        }
        return cls({name: tensor.detach().clone() for name, tensor in base.items()}, deltas, labels)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def names(self) -> list[str]:
        """Float tensors in which some model differs from the base."""
        return [name for name, delta in self.deltas.items() if bool(delta.any())]

    def gram(self, *, by_tensor: bool = False) -> Tensor:
        """Inner products <V_i, V_j>: (N, N) float64 over all tensors, or (T, N, N), one a tensor of `names`."""
        parts = [self._gram(self.deltas[name]) for name in self.names]
        if not parts:
            raise SpaceError("merge: the models equal their base in every tensor, there is nothing to merge")
        return torch.stack(parts) if by_tensor else torch.stack(parts).sum(0)

    @staticmethod
    def _gram(delta: Tensor) -> Tensor:
        flat = delta.reshape(len(delta), -1).double()
        return flat @ flat.T

    def norms(self) -> list[float]:
        """Length of each vector."""
        return self.gram().diagonal().sqrt().tolist()

    def cosines(self) -> Tensor:
        """(N, N) cosines between the vectors; 0 where one is zero."""
        gram = self.gram()
        length = gram.diagonal().sqrt().clamp_min(torch.finfo(gram.dtype).tiny)
        return gram / length[:, None] / length

    def compose(self, coefficients: Tensor) -> dict[str, Tensor]:
        """theta_0 + sum_i c_i V_i by name, differentiable in c: dL/dc_i is <dL/dtheta, V_i>, no graph over weights.

        coefficients: (N,) or (T, N), one row a tensor of `names`. Where all c are 0 the base comes back to the bit.
        """
        rows = coefficients.expand(len(self.names), len(self)) if coefficients.ndim == 1 else coefficients
        made = dict(self.base)
        for name, c in zip(self.names, rows, strict=True):
            delta = self.deltas[name]
            made[name] = (self.base[name].float() + torch.tensordot(c.to(delta.dtype), delta, 1)).to(
                self.base[name].dtype
            )
        return made


def check_alike(base: State, model: State, label: str) -> None:
    """SpaceError unless `model` has the names and shapes of `base`."""
    only = [name for name in base if name not in model] + [name for name in model if name not in base]
    if only:
        raise SpaceError(f"merge: {label} is no fine-tune of the base: {only[0]} is in one of them only")
    for name, tensor in base.items():
        if tensor.shape != model[name].shape:
            raise SpaceError(
                f"merge: {label} is no fine-tune of the base: {name} has the shape {tuple(model[name].shape)}, "
                f"the base {tuple(tensor.shape)}"
            )
