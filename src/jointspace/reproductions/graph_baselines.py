"""Node embeddings that graph methods are compared with: DeepWalk, GraRep, GraphSAGE on degrees, raw statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def deepwalk(graph: Any, *, dim: int, seed: int, steps: int = 400, window: int = 10) -> np.ndarray:
    """node2vec with p = q = 1 (DeepWalk): (N, dim). Skip-gram with 5 negatives on the pairs that infinitely many walks
    give (Qiu et al., "Network Embedding as Matrix Factorization", WSDM 2018), so no sampling noise handicaps it."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    tables = nn.ModuleList([nn.Embedding(len(graph), dim) for _ in range(2)])
    for table in tables:
        nn.init.normal_(table.weight, std=dim**-0.5)  # type: ignore[arg-type]
    return _train(lambda: (tables[0].weight, tables[1].weight), tables, graph, window, steps, 0.03, seed)


def sage(graph: Any, *, dim: int, seed: int, steps: int = 200, length: int = 5) -> np.ndarray:
    """GraphSAGE (mean, 2 layers) on log degrees and degree buckets, trained by IRWE's own position loss: (N, dim)."""
    import torch
    from torch import nn

    degree = np.maximum(graph.degree, 1)
    bucket = np.minimum(np.log2(degree).astype(int), 15)
    features = torch.from_numpy(np.concatenate([np.log(degree)[:, None], np.eye(16)[bucket]], axis=1)).float()
    step = graph.adjacency().multiply(1 / degree[:, None]).tocoo()
    places = torch.from_numpy(np.stack([step.row, step.col]).astype(np.int64))
    values = torch.from_numpy(step.data).float()
    mean = torch.sparse_coo_tensor(places, values, step.shape, check_invariants=False).coalesce()
    torch.manual_seed(seed)
    layers = nn.ModuleList([nn.Linear(34, 2 * dim), nn.Linear(4 * dim, dim), nn.Linear(4 * dim, dim)])

    def both() -> tuple[Any, Any]:
        hidden = torch.relu(layers[0](torch.cat([features, mean @ features], dim=1)))
        hidden = torch.cat([hidden, mean @ hidden], dim=1)
        return layers[1](hidden), layers[2](hidden)

    return _train(both, layers, graph, length, steps, 0.005, seed)


def _train(
    both: Callable[[], tuple[Any, Any]], module: Any, graph: Any, length: int, steps: int, rate: float, seed: int
) -> np.ndarray:
    """Adam on skip-gram over P = mean of (D^-1 A)^t, 256 rows and all contexts a step; noise degree^.75, Q = 5."""
    import torch

    from jointspace.data.walks import transition_average
    from jointspace.objectives.skip_gram import skip_gram_loss

    chance = torch.from_numpy(transition_average(graph, length).toarray()).float()
    noise = torch.from_numpy(np.maximum(graph.degree, 1e-9) ** 0.75).float()
    noise = noise / noise.sum()
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    lots = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - step / steps)
        rows = torch.randperm(len(graph), generator=lots)[:256]
        own, context = both()
        scores = own[rows] @ context.T
        optimiser.zero_grad()
        skip_gram_loss(scores, scores, positive_weight=chance[rows], negative_weight=5 * noise).backward()
        optimiser.step()
    with torch.no_grad():
        return both()[0].numpy().copy()


def grarep(graph: Any, *, dim: int, powers: int = 4) -> np.ndarray:
    """Cao, Lu, Xu, "GraRep", CIKM 2015: SVD of the positive part of log (S^k / column sums) - log (1 / N), dim / powers
    columns for each k: (N, dim)."""
    from scipy.sparse.linalg import svds

    step = graph.adjacency().toarray() / np.maximum(graph.degree, 1)[:, None]
    power, parts, n = step, [], len(graph)
    for k in range(powers):
        power = power if k == 0 else power @ step
        sums = np.maximum(power.sum(axis=0), 1e-12)
        shifted = np.log(np.maximum(power / sums, 1e-12)) - np.log(1 / n)
        u, s, _ = svds(np.maximum(shifted, 0), k=dim // powers, v0=np.ones(n), random_state=0)
        parts.append(u * np.sqrt(s))
    return np.concatenate(parts, axis=1)


def raw_statistics(graph: Any, *, dim: int, walks: int, length: int, seed: int) -> np.ndarray:
    """[s || delta], blocks at unit mean square, as their first principal components: (N, dim)."""
    from sklearn.decomposition import PCA

    from jointspace.data.walk_statistics import WalkSettings, WalkStatistics, learn_vocabulary

    settings = WalkSettings(length=length, walks=walks, seed=seed)
    everyone = np.arange(len(graph))
    vocabulary = learn_vocabulary(graph, everyone, settings)
    features, _ = WalkStatistics(graph, settings, vocabulary).rows(everyone)
    features[:, : settings.slots] /= vocabulary.scale[0]
    features[:, settings.slots :] /= vocabulary.scale[1]
    return PCA(min(dim, *features.shape), random_state=0).fit_transform(features)
