"""The GIST loss on a share of the batch, in one of several gloo processes."""

import json
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

from jointspace.methods.text.gist_embed import Guide, Triplets, gist_loss

N, D = 4, 6


def loss_and_gradient(first: int, last: int) -> tuple[float, list[float]]:
    """Of rows first .. last - 1 of the batch, embedded by one weight that all processes share."""
    torch.set_num_threads(1)
    made = torch.Generator().manual_seed(0)
    x = torch.randn(3, 2 * N, D, generator=made, dtype=torch.float64)[:, first:last]
    g = torch.randn(3, 2 * N, D, generator=made, dtype=torch.float64)[:, first:last]
    ids = torch.tensor([[0, 1, 2, 0, 3, 4, 5, 6], range(10, 18), [20, 21, 12, 23, 24, 25, 0, 27]])[:, first:last]
    weight = torch.randn(D, D, generator=made, dtype=torch.float64).requires_grad_()
    student = Triplets(*(F.normalize(side @ weight, dim=-1) for side in x))
    loss, _ = gist_loss(student, Guide(Triplets(*g), margin=0.1), temperature=0.2, ids=Triplets(*ids))
    loss.backward()
    return loss.item(), weight.grad.flatten().tolist()


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = loss_and_gradient(rank * N, rank * N + N)
    (Path(folder) / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
