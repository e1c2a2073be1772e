"""Embedding tables with sparse gradients: norm, clipping and row-wise Adam as with dense ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from jointspace.training.optimisers import RowwiseAdam
from jointspace.training.phases import Update


def table_and_head(sparse):
    torch.manual_seed(0)
    return nn.ModuleDict({"table": nn.Embedding(50, 4, sparse=sparse), "head": nn.Linear(4, 2)}).double()


def loss(model, step):
    ids = torch.randint(50, (6, 3), generator=torch.Generator().manual_seed(step))
    return model["head"](model["table"](ids).sum(1)).square().sum()


@pytest.mark.parametrize("most", [None, 0.5])
def test_sparse_tables_learn_as_dense_ones(most):
    ends = []
    for sparse in (False, True):
        model = table_and_head(sparse)
        update = Update.__new__(Update)
        update.params, update.config = list(model.parameters()), SimpleNamespace(max_grad_norm=most)
        optimiser, norms = RowwiseAdam(model.parameters(), lr=0.05, weight_decay=0.1), []
        for step in range(5):
            optimiser.zero_grad()
            loss(model, step).backward()
            norms.append(update.gradient_norm())
            update.clip(norms[-1])
            optimiser.step()
        ends.append((torch.stack(norms), [p.detach() for p in model.parameters()]))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-12)
