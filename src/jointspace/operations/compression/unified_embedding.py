"""Unified Embedding: one shared table for all categorical columns, several lookups a column.

Coleman, Kang (equal), Fahrbach, Wang, Hong, Chi and Cheng, "Unified Embedding: Battle-Tested Feature Representations
for Web-Scale ML Systems", NeurIPS 2023, arXiv 2305.12102. Code: tensorflow/recommenders, feature_multiplexing.

Idea: *feature multiplexing*: one space of M rows for all columns, each column under hashes of its own, so that a value
meets M - 1 other rows instead of the few of its column's table. Two values of one column that share a row cannot be
told apart (harmful); values of two columns that share a row are read with different weights: the gradient of row m is
sum_t theta_t sum_i 1(h_t(x_it) = m) r_i, and with orthogonal theta_t nothing of column t reaches <theta_s, e_m>.
*Several lookups*: column t makes c_t lookups, side by side; its width is c_t chunks and all of them must collide before
two values are one. The layer is `nn.tables.unified.UnifiedEmbedding`; here is what it says about itself.

Shapes: ids (B, F) int64; output (B, sum of widths); rows of the tables (tables x buckets, chunk width).
Differs from the official layer: chunks in numeric order; splitmix64 over 64-bit value hashes in place of SipHash; the
upper bits times M in place of a remainder; the tables lie in one parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.errors import ConfigError
from jointspace.nn.tables import Tables


def clean_share(values: int, rows: int) -> float:
    """(1 - 1/M)^(n - 1): chance that a value of n shares its row of M with no other value; 1 for M = 0, no hashing."""
    return float((1 - 1 / rows) ** (values - 1)) if rows else 1.0


def collisions(tables: Tables, vocabulary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a column: what hashing did to its values. vocabulary: column -> their 64-bit hashes (n,).

    values, lookups; expected and measured share of values with at least one clean lookup, which no other value of the
    column makes (for several lookups 1 - prod_k (1 - share_k)); alike: share of values that another one equals in every
    lookup; shared: share of values that meet another column's value in some row.
    """
    codes = {name: _codes(tables, name, vocabulary[name]) for name in tables.columns if name in vocabulary}
    rows = []
    for name, mine in codes.items():
        sizes, n = tables.spaces(name), len(mine)
        expected = 1 - float(np.prod([1 - clean_share(n, size) for size in sizes]))
        alone = np.stack([np.isin(column, _once(column)) for column in mine.T], axis=1)
        _, first, counts = np.unique(mine, axis=0, return_inverse=True, return_counts=True)
        others = np.concatenate([c.ravel() for other, c in codes.items() if other != name] or [np.zeros(0, int)])
        rows.append(
            {
                "column": name,
                "values": n,
                "lookups": len(sizes),
                "expected clean": expected,
                "clean": float(alone.any(axis=1).mean()),
                "alike": float((counts[first.ravel()] > 1).mean()),
                "shared": float(np.isin(mine, others).any(axis=1).mean()),
            }
        )
    return rows


def _codes(tables: Tables, name: str, hashes: Any) -> np.ndarray:
    return tables.codes(name, torch.as_tensor(np.asarray(hashes, dtype=np.int64))).cpu().numpy()


def _once(column: np.ndarray) -> np.ndarray:
    values, counts = np.unique(column, return_counts=True)
    return values[counts == 1]


def row_gradient_by_column(tables: Tables, ids: Tensor, upstream: Tensor, row: int) -> Tensor:
    """(F, chunk width): what each column adds to the gradient of one row of the tables.

    ids (B, F); upstream (B, dim): gradient of the loss with respect to the tables' output. The sum over columns is the
    row's gradient. ConfigError for tables whose output is not made of whole rows side by side.
    """
    width = next(tables.parameters()).shape[1]
    parts = []
    for t, grad in enumerate(upstream.split(tables.widths, dim=1)):
        codes = tables.codes(t, ids[:, t])  # (B, K)
        if codes.shape[1] * width != grad.shape[1]:
            raise ConfigError(f"{tables.family}: rows are not laid side by side, so gradients cannot be split by row")
        hit = (codes == row).to(grad)  # (B, K)
        parts.append(torch.einsum("bk,bkd->d", hit, grad.unflatten(1, (-1, width))))
    return torch.stack(parts)
