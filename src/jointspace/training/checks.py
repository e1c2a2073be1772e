"""The battery that every method passes: `check_method`."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from jointspace.data.batch import is_shared
from jointspace.space import Space
from jointspace.training.callbacks import Callback
from jointspace.training.config import TrainingConfig
from jointspace.training.frozen import learnt_state
from jointspace.training.gradient_cache import cached_losses
from jointspace.training.loop import fit
from jointspace.training.method import Batch, Method
from jointspace.training.run import Run
from jointspace.training.saving import save
from jointspace.training.seeding import seed_all
from jointspace.training.starting import prepare_run

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


def check_method(
    build: Callable[[], Method],
    data: Dataset,
    *,
    config: TrainingConfig | None = None,
    unreached: str | None = None,
    tolerance: float = 1e-4,
) -> list[str]:
    """Missing fields are named; embeddings are row-aligned; terms are finite scalars and add up; the loss is a function
    of (weights, batch, seed); gradients reach every parameter that learns and no frozen one; gradient caching changes
    nothing; training lowers the loss; a resumed run ends with the same weights; the Space encodes, saves and opens.

    build: makes a new method, the same each time it is called with the same torch seed; data: at least two batches;
    config: how it is trained (default: 12 steps of 8 rows); unreached: regular expression of parameters that rightly
    get no gradient; tolerance: of gradient caching, relative to the largest gradient.

    Raises AssertionError with one line that says what differs. Returns the names of the checks that ran.
    """
    config = config or TrainingConfig(steps=12, batch_size=8, learning_rate=3e-3, logging_steps=1)
    run = _run(build, data, config)
    run.open_batches()
    batch = run.next_batch("train")
    ran = [_fields(run.method, data), _terms(run.method, batch), _seeded(run.method, batch)]
    ran.append(_gradients(run.method, batch, unreached))
    if type(run.method).losses is Method.losses:
        ran.append(_embeddings(run.method, batch))
        if not any(isinstance(m, _BatchNorm) for m in run.method.modules()):
            ran.append(_cached(run.method, batch, tolerance))
    ran.append(_trained(build, data, config))
    ran.append(_saved(run.method))
    return ran


def _run(build: Callable[[], Method], data: Dataset, config: TrainingConfig) -> Run:
    torch.manual_seed(0)
    return prepare_run(build(), data, config, progress=False)


def _fields(method: Method, data: Dataset) -> str:
    class Without:
        fields = [f for f in data.fields if f not in method.fields[:1]]

    for name in method.fields[:1]:
        try:
            method.check_fields(Without())  # type: ignore[arg-type]
        except ValueError as error:
            assert name in str(error), f"check_fields does not name the missing field {name!r}: {error}"
        else:
            raise AssertionError(f"check_fields accepts data without {name!r}")
    return "fields"


def _terms(method: Method, batch: Batch) -> str:
    terms = method.losses(batch)
    assert terms, "losses gives no term"
    for name, value in terms.items():
        assert value.ndim == 0, f"the term {name!r} has shape {tuple(value.shape)}, not ()"
        assert bool(value.isfinite()), f"the term {name!r} is {value.item()}"
    assert any(t.requires_grad for t in terms.values()), "no term depends on a parameter that learns"
    return "terms"


def _losses(method: Method, batch: Batch) -> dict[str, float]:
    seed_all(0, "check")
    return {name: float(value.detach()) for name, value in method.losses(batch).items()}


def _seeded(method: Method, batch: Batch) -> str:
    state = copy.deepcopy(method.state_dict())
    first = _losses(method, batch)
    method.load_state_dict(state)
    second = _losses(method, batch)
    assert first == second, f"the same weights, batch and seed give {first}, then {second}"
    return "seeded"


def _gradients(method: Method, batch: Batch, unreached: str | None) -> str:
    method.zero_grad(set_to_none=True)
    torch.stack(list(method.losses(batch).values())).sum().backward()
    outside = tuple(f"{name}." for name in method.frozen)
    for name, parameter in method.named_parameters():
        if outside and name.startswith(outside):
            assert parameter.grad is None, f"the frozen parameter {name} gets a gradient"
        elif parameter.requires_grad and not (unreached and re.search(unreached, name)):
            assert parameter.grad is not None, f"the parameter {name} gets no gradient"
            assert bool(parameter.grad.isfinite().all()), f"the gradient of {name} is not finite"
    method.zero_grad(set_to_none=True)
    return "gradients"


def _embeddings(method: Method, batch: Batch) -> str:
    rows = len(batch["row"])
    for name, value in method.embed(batch).items():
        assert isinstance(value, Tensor), f"embed: {name!r} is a {type(value).__name__}, not a tensor"
        if not is_shared(name):
            assert value.ndim and len(value) == rows, f"embed: {name!r} has shape {tuple(value.shape)} for {rows} rows"
    return "embeddings"


def _cached(method: Method, batch: Batch, tolerance: float) -> str:
    """In eval mode, so that no dropout tells pieces from the whole."""
    mode = method.training
    method.eval()
    grads = []
    for size in (None, 3):
        method.zero_grad(set_to_none=True)
        seed_all(0, "check")
        if size is None:
            torch.stack(list(method.losses(batch).values())).sum().backward()
        else:
            terms, backward = cached_losses(method, batch, size)
            backward(torch.stack(list(terms.values())).sum())
        grads.append({n: p.grad for n, p in method.named_parameters() if p.grad is not None})
    whole, pieces = grads
    assert whole.keys() == pieces.keys(), f"gradient caching reaches other parameters: {whole.keys() ^ pieces.keys()}"
    scale = max((float(g.abs().max()) for g in whole.values()), default=0.0)
    for name, grad in whole.items():
        differs = float((grad - pieces[name]).abs().max())
        assert differs <= tolerance * scale, f"gradient caching changes the gradient of {name} by {differs:.2g}"
    method.zero_grad(set_to_none=True)
    method.train(mode)
    return "cached"


def _trained(build: Callable[[], Method], data: Dataset, config: TrainingConfig) -> str:
    """Trains; the second time it is stopped half-way and resumed."""
    torch.manual_seed(0)
    whole = fit(build(), data, config, progress=False)
    first, last = np.mean(whole.losses[:3]), np.mean(whole.losses[-3:])
    assert last < first, f"training does not lower the loss: {first:.4g} at first, {last:.4g} at last"
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        try:
            fit(
                build(),
                data,
                config,
                output=folder,
                callbacks=[_StopAt(max(1, len(whole.history) // 2))],
                progress=False,
            )
        except _Stopped:
            pass
        torch.manual_seed(1)  # a resumed run has its weights from the checkpoint, not from the seed
        resumed = fit(build(), data, config, output=folder, resume=True, progress=False)
    for name, tensor in learnt_state(whole.method).items():
        same = torch.equal(tensor, learnt_state(resumed.method)[name])
        assert same, f"a resumed run ends with another {name} (state outside parameters and buffers?)"
    return "trained and resumed"


class _Stopped(Exception):
    pass


class _StopAt(Callback):
    """Stops the run dead right after the checkpoint of a step."""

    name = "stop"

    def __init__(self, step: int):
        self.step = step

    def on_step(self, run: Run, terms: Mapping[str, float]) -> None:
        if run.step == self.step:
            save(run)
            raise _Stopped


def _saved(method: Method) -> str:
    space = method.eval().space()
    assert isinstance(space, Space), f"space() gives a {type(space).__name__}, not a Space"
    with tempfile.TemporaryDirectory() as folder:
        space.save_pretrained(Path(folder) / "space")
        again = Space.from_pretrained(Path(folder) / "space", device="cpu")
    assert again.fingerprint() == space.fingerprint(), "the saved Space opens with another fingerprint"
    return "saved"
