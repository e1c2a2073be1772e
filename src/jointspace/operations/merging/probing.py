"""Merges of text Spaces that look at probe data: the loss of pairs judges, sources stand for the models' tasks."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data.collate import Collator
from jointspace.data.dataset import Dataset
from jointspace.errors import ConfigError
from jointspace.methods.text.sentence_pairs import SentencePairs
from jointspace.operations.merging import data_driven, self_positioning
from jointspace.operations.merging.task_vector import TaskVectors
from jointspace.space import Space
from jointspace.training import fit

SAMPLES = 64  # batches of each task that Fisher and RegMean look at
BATCH = 16


def merge_with_probe(
    method: str,
    base: Space,
    spaces: Sequence[Space],
    labels: Sequence[str],
    weights: Sequence[float],
    probe: Dataset,
    loss: Mapping[str, Any],
    search: Mapping[str, Any],
    training: Mapping[str, Any],
    seed: int,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(state of the merged Space, what to remember of it). ConfigError where sources and models do not match."""
    if method != "self_positioning" and len(probe.source_names) != len(spaces):
        raise ConfigError(f"merge: {method} needs one probe source a model: {len(spaces)}, not {probe.source_names}")
    judges = [judge(space, loss) for space in (base, *spaces)]
    vectors = TaskVectors.between(judges[0].state_dict(), [j.state_dict() for j in judges[1:]], labels)
    found: dict[str, Any] = {}
    if method == "self_positioning":
        config = self_positioning.Config(**search)
        learner = self_positioning.SelfPositioning(config, judges[0], vectors)
        fit(learner, probe, self_positioning.default_training(**{"seed": seed, **training}), progress=False)
        merged, found = learner.merged(), learner.found()
    else:
        tasks = [probe.select(np.flatnonzero(probe.source == k)) for k in range(len(spaces))]
        if method == "fisher":
            informations = [fisher_of(j, task, seed) for j, task in zip(judges[1:], tasks, strict=True)]
            state = data_driven.fisher(vectors, informations, weights)
        else:
            grams = [grams_of(j, task, seed) for j, task in zip(judges[1:], tasks, strict=True)]
            state = data_driven.regmean(vectors, grams)
        judges[0].load_state_dict(state)
        merged = judges[0]
    space = copy.deepcopy(base)
    tower = space.tower("text")
    for ours, theirs in ((tower.encoder, "text_encoder"), (tower.projection, "text_projection")):
        ours.load_state_dict(merged.get_submodule(theirs).state_dict())
    return space.state_dict(), found


def judge(space: Space, loss: Mapping[str, Any]) -> SentencePairs:
    """The loss of pairs on a Space's text tower, its modules copied."""
    method = SentencePairs(SentencePairs.Config(**loss), tower=copy.deepcopy(space.tower("text")))
    return method.eval()


def batches(method: SentencePairs, task: Dataset, seed: int) -> Iterator[dict[str, Any]]:
    """Up to SAMPLES batches of a task, in a seeded order."""
    known = [*method.fields, *(f for f in method.optional_fields if f in task.fields)]
    collate = Collator(task, method.processors(), known, seed=seed, train=False)
    order = np.random.default_rng(seed).permutation(len(task))
    for start in range(0, min(len(task) - 1, SAMPLES * BATCH), BATCH):
        rows = order[start : start + BATCH]
        if len(rows) > 1:
            yield collate(rows)


def fisher_of(method: SentencePairs, task: Dataset, seed: int) -> dict[str, Tensor]:
    """Diagonal Fisher information of a task model on its own task, by batches of pairs."""
    return data_driven.fisher_information(
        method,
        lambda model, batch: torch.stack(list(model(batch).values())).sum(),
        batches(method, task, seed),
    )


def grams_of(method: SentencePairs, task: Dataset, seed: int) -> dict[str, Tensor]:
    """Inputs of every linear layer of a task model on its own task."""
    return data_driven.input_grams(method, lambda: [method.embed(batch) for batch in batches(method, task, seed)])
