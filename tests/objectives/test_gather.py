"""Two processes with n rows each are one process with 2 n: value, gradients, and what DDP makes of them."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from dense_info_nce import vectors

from jointspace.objectives import info_nce, pairwise_sigmoid
from jointspace.objectives.contrastive import gather_rows

N, D, H = 5, 4, 2
LABELS = torch.tensor([0, 1, 2, 0, 3, 4, 1, 0, 5, 2])
TARGETS = torch.rand(2 * N, 2 * N, generator=torch.Generator().manual_seed(0)) < 0.2
OUT = torch.rand(2 * N, 2 * N, generator=torch.Generator().manual_seed(1)) < 0.3


def cases():
    """name -> (loss, options of rows [a, b), which of them are shared as they are)."""
    weights = torch.linspace(0.1, 1, 2 * N)
    plain = {"temperature": 0.3}
    forms = {
        "one way": {},
        "symmetric": {"symmetric": True},
        "smoothed ids weights": {
            "symmetric": True, "label_smoothing": 0.1, "query_ids": LABELS, "key_ids": LABELS + 10, "weights": weights,
        },
        "labels": {"symmetric": True, "positives": (LABELS, LABELS)},
        "mask": {"symmetric": True, "positives": TARGETS, "ignore": OUT},
        "indices and rule": {
            "symmetric": True,
            "positives": torch.arange(2 * N)[:, None].roll(3, 0),
            "ignore": lambda rows, columns: OUT[rows, columns],
        },
        "negatives": {"negatives": True, "negative_ids": LABELS[:, None] + torch.tensor([0, 7]), "key_ids": LABELS},
        "own negatives": {"negatives": True, "in_batch": False},
        "decoupled": {"positives": (LABELS, LABELS), "denominator": "negatives", "symmetric": True},
    }  # fmt: skip
    made = {name: (info_nce, plain | form) for name, form in forms.items()}
    made["sigmoid"] = (pairwise_sigmoid, {"bias": -1.0, "positives": (LABELS, LABELS), "weights": weights})
    return made


def cut(options, rows):
    """A process's own part of the options."""
    part = {}
    for name, value in options.items():
        if isinstance(value, tuple):
            part[name] = tuple(x[rows] for x in value)
        else:
            part[name] = value[rows] if isinstance(value, torch.Tensor) else value
    return part


def embed(weight, rows):
    """A tiny model shared by all processes, so that averaged parameter gradients can be compared."""
    x = vectors(2 * N, D).detach()
    q, k, h = x[rows] @ weight, x.roll(1, 0)[rows] @ weight, vectors(2 * N, H, D, seed=4).detach()[rows] @ weight
    return q, k, h


def run(loss, options, weight, rows, **more):
    q, k, h = embed(weight, rows)
    options = dict(options)
    if options.pop("negatives", False):
        options["negatives"] = h
    return loss(q, k, **options, **more)


def worker(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    rows = slice(rank * N, (rank + 1) * N)
    found = {}
    for name, (loss, options) in cases().items():
        weight = vectors(D, D, seed=9)
        value = run(loss, cut(options, rows), weight, rows, gather=True)
        value.backward()
        dist.all_reduce(weight.grad)  # what DDP does: the mean over processes
        found[name] = value.item(), (weight.grad / 2).tolist()
    try:
        gather_rows(torch.ones(1 + rank))
    except ValueError as error:
        found["error"] = str(error)
    (Path(folder) / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_are_one_of_twice_the_batch(tmp_path):
    context = mp.get_context("spawn")
    processes = [context.Process(target=worker, args=(rank, str(tmp_path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    compared = 0
    for name, (loss, options) in cases().items():
        weight = vectors(D, D, seed=9)
        value = run(loss, options, weight, slice(None))
        value.backward()
        for rank in range(2):
            theirs, gradient = found[rank][name]
            assert theirs == pytest.approx(value.item(), rel=1e-9), name
            assert (torch.tensor(gradient, dtype=torch.float64) - weight.grad).abs().max() < 1e-9, name
            compared += 1
    assert compared == 20
    assert "different numbers of rows ([1, 2])" in found[0]["error"]


def test_without_processes_gathering_is_nothing():
    q, k = vectors(N, D), vectors(N, D, seed=1)
    assert gather_rows(q) is q
    assert info_nce(q, k, gather=True, symmetric=True).item() == info_nce(q, k, symmetric=True).item()
