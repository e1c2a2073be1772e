"""Several Spaces of one architecture -> one Space of the same size."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jointspace.data.dataset import Dataset, load_data
from jointspace.encoders.hub import weights_type
from jointspace.errors import ConfigError, SpaceError, nearest
from jointspace.operations.merging import coefficients, elementwise
from jointspace.operations.merging.recipe import METHODS, WITH_PROBE, WITHOUT_BASE, MergeRecipe, read
from jointspace.operations.merging.task_vector import TaskVectors, check_alike
from jointspace.space import Space
from jointspace.space.storage import describe


def merge(
    models: Sequence[Space | str | Path],
    *,
    base: Space | str | Path | None = None,
    method: str = "linear",
    weights: Sequence[float] | None = None,
    density: float = 1.0,
    t: float = 0.5,
    scale: float = 1.0,
    normalize: bool | None = None,
    probe: Dataset | None = None,
    loss: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    seed: int = 0,
) -> Space:
    """One Space out of several fine-tunes; `method` is one of `jointspace.operations.merging.recipe.METHODS`.

    models: Spaces or folders, in order. base: what they were trained from (linear, slerp and regmean do without).
    weights: one a model, 1 by default. density: share of entries kept (ties, dare). t: place on the arc (slerp). scale:
    length of what is added to the base. normalize: divide by the sum of weights (linear yes, the others no, ties yes).
    probe: rows whose sources are the models' tasks, in the order of the models, with the fields of a pair (`text`,
    `text_positive`); loss: fields of `SentencePairs` that judges them; search: fields of
    `self_positioning.Config`; training: fields of its run.

    The Space remembers how it was made (`metadata["merge"]`), with weights that were found. Raises SpaceError where two
    models are not of one architecture (the tensor is named), ConfigError for an option that does not fit.
    """
    if method not in METHODS:
        raise ConfigError(f"merge: no method {method!r}{nearest(method, METHODS)}")
    spaces = [_opened(model) for model in models]
    labels = [_label(model, i) for i, model in enumerate(models)]
    if not spaces:
        raise ConfigError("merge: no models given")
    if base is None and method not in WITHOUT_BASE:
        raise ConfigError(f"merge: {method} needs base=, the model that the others were trained from")
    if probe is None and method in WITH_PROBE:
        raise ConfigError(f"merge: {method} needs probe=, rows of each model's task")
    reference = _opened(base) if base is not None else spaces[0]
    for space, label in zip(spaces, labels, strict=True):
        _check_same_kind(reference, space, label)
    w = [1.0] * len(spaces) if weights is None else [float(v) for v in weights]
    if len(w) != len(spaces):
        raise ConfigError(f"merge: {len(w)} weights for {len(spaces)} models")
    about: dict[str, Any] = {"merge_method": method, "models": [s.fingerprint() for s in spaces], "weights": w}
    if method in WITH_PROBE:
        assert probe is not None
        from jointspace.operations.merging.probing import merge_with_probe

        state, found = merge_with_probe(
            method, reference, spaces, labels, w, probe, loss or {}, search or {}, training or {}, seed
        )
        about |= found
    else:
        state = _without_data(method, reference.state_dict(), spaces, labels, w, density, t, scale, normalize, seed)
        about |= {"density": density, "scale": scale} | ({"t": t} if method == "slerp" else {})
    merged = with_weights(reference, state, dtype)
    merged.method = method
    merged.metadata = {**merged.metadata, "merge": {**about, "base": None if base is None else reference.fingerprint()}}
    return merged


def merge_recipe(path: str | Path, overrides: dict[str, Any] | None = None) -> Space:
    """Run a merge recipe (see `recipe.MergeRecipe`). Paths in it are relative to where the command runs."""
    recipe = read(path, overrides)
    p = dict(recipe.parameters)
    common = float(p.pop("weight", 1.0))
    density = float(p.pop("density", 1.0))
    densities = {entry.parameters.get("density", density) for entry in recipe.models}
    if len(densities) > 1:
        raise ConfigError(f"{path}: models: one density for all models, got {sorted(densities)}")
    known = {"t": float(p.pop("t", 0.5)), "scale": float(p.pop("lambda", 1.0)), "normalize": p.pop("normalize", None)}
    if p and recipe.merge_method != "self_positioning":
        name = next(iter(p))
        raise ConfigError(f"{path}: parameters: no {name!r}{nearest(name, ('t', 'weight', 'density', 'lambda'))}")
    probe, loss = _probe(recipe)
    return merge(
        [entry.model for entry in recipe.models], base=recipe.base_model, method=recipe.merge_method,
        weights=[entry.parameters.get("weight", common) for entry in recipe.models], density=densities.pop(),
        probe=probe, loss=loss, search=p, training=recipe.training, dtype=recipe.dtype, seed=recipe.seed, **known,
    )  # fmt: skip


def with_weights(space: Space, state: Mapping[str, Tensor], dtype: str | None = None) -> Space:
    """A copy of a Space with other weights."""
    kind = None if dtype is None else weights_type(dtype)
    made = copy.deepcopy(space)
    made.load_state_dict(dict(state))
    return made if kind is None else made.to(kind)


def _without_data(
    method: str,
    base: Mapping[str, Tensor],
    spaces: Sequence[Space],
    labels: Sequence[str],
    weights: Sequence[float],
    density: float,
    t: float,
    scale: float,
    normalize: bool | None,
    seed: int,
) -> dict[str, Tensor]:
    states = [space.state_dict() for space in spaces]
    if method == "slerp":
        if len(states) != 2:
            raise ConfigError(f"merge: slerp takes two models, got {len(states)}; nuslerp takes any number")
        return elementwise.slerp_weights(states[0], states[1], t)
    vectors = TaskVectors.between(base, states, labels)
    if not vectors.names:  # all models are the base
        return dict(vectors.base)
    w = torch.tensor(weights, dtype=torch.float64)
    if method == "linear":
        return vectors.compose(scale * (coefficients.average(w, vectors.gram()) if normalize is not False else w))
    if method == "task_arithmetic":
        return vectors.compose(scale * (coefficients.average(w, vectors.gram()) if normalize else w))
    if method == "nuslerp":
        return vectors.compose(scale * coefficients.slerp(w, vectors.gram(), labels=labels))
    if method == "ties":
        return elementwise.ties(vectors, weights, density, scale)
    return elementwise.dare(
        vectors, weights, density, scale=scale, signs=method == "dare_ties", normalize=bool(normalize), seed=seed
    )


def _probe(recipe: MergeRecipe) -> tuple[Dataset | None, dict[str, Any]]:
    if recipe.probe is None:
        return None, {}
    given = dict(recipe.probe)
    loss = dict(given.pop("method", {}))
    for name in given:
        if name not in ("sources", "path", "columns", "split", "limit"):
            raise ConfigError(f"probe: no field {name!r}{nearest(name, ('sources', 'path', 'columns', 'split'))}")
    if "sources" in given:
        return load_data(sources=given["sources"], columns=given.get("columns")), loss
    return load_data(given.pop("path", None), **given), loss


def _opened(model: Space | str | Path) -> Space:
    return model if isinstance(model, Space) else Space.from_pretrained(model)


def _label(model: Any, number: int) -> str:
    return f"model {number}" if isinstance(model, Space) else str(model)


def _check_same_kind(base: Space, space: Space, label: str) -> None:
    """SpaceError unless both have the same towers, processors and heads."""
    check_alike(base.state_dict(), space.state_dict(), label)
    ours, theirs = describe(base)["towers"], describe(space)["towers"]
    for name in ours:
        for part, value in ours[name].items():
            if theirs.get(name, {}).get(part) != value:
                raise SpaceError(f"merge: {label} differs from the base in the {part} of tower {name!r}")
