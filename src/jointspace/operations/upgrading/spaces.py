"""Old Space + new Space -> a new Space whose vectors live among the old one's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from jointspace.data.cache import cache
from jointspace.data.dataset import Dataset, load_data
from jointspace.errors import ConfigError
from jointspace.operations.upgrading import xbt
from jointspace.operations.upgrading.criterion import DIRECTIONS, criterion, retrieval
from jointspace.space import Space
from jointspace.training import fit


def upgrade(
    old: Space | str | Path,
    new: Space | str | Path,
    texts: Sequence[str] | Dataset,
    pairs: Dataset | None = None,
    *,
    validation: Dataset | None = None,
    config: Mapping[str, Any] | None = None,
    stage_1: Mapping[str, Any] | None = None,
    stage_2: Mapping[str, Any] | None = None,
    cache_folder: str | Path | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> Space:
    """A copy of `new` that gives vectors of the old width and among the old vectors (XBT). Neither Space is changed.

    texts: what stage 1 learns from: strings, or a data set with the field `text`; no pictures are needed. pairs: a data
    set with `image` and `text` for stage 2; without it stage 1 is all. validation: pairs on which the criterion is
    measured: new query on old gallery against old on old, kept in `metadata["upgrade"]`. config: fields of
    `xbt.Config`; stage_1, stage_2: training fields that replace the defaults.

    `metadata["compatible_with"]` names the old Space's fingerprint (and what that was compatible with): an Index of
    the old Space takes queries and new items of this one. Raises ConfigError without texts, SpaceError where one of
    the Spaces has no text tower.
    """
    old, new = _opened(old), _opened(new)
    old_print, new_print = old.fingerprint(), new.fingerprint()
    settings = xbt.Config(**dict(config or {}))
    data = texts if isinstance(texts, Dataset) else load_data({"text": list(texts)})
    if "text" not in data.fields:
        raise ConfigError(f"upgrade: texts must have the field 'text', they have {', '.join(data.fields)}")
    old.tower("text"), new.tower("text")
    before = None if validation is None else {s: _both(old, validation)[s] for s in ("image", "text")}
    data = cache(data, {"new_text": (new, "text"), "old_text": (old, "text")}, cache_folder, batch_size=256)
    compatible = [old_print, *old.metadata.get("compatible_with", [])]
    old_dim = old.dim
    del old  # stage 2 must do without

    torch.manual_seed(seed)
    phi = xbt.Phi(new.dim, old_dim)
    head = data.select(list(range(min(settings.anchors, len(data)))))
    phi.fit_skip(*(torch.tensor(head.array(name), dtype=torch.float32) for name in ("new_text", "old_text")))
    training = xbt.stage_1_training(**{"seed": seed, **dict(stage_1 or {})})
    training.batch_size = min(training.batch_size, len(data))
    say(f"stage 1: {len(data):,} texts, {new.dim} -> {old_dim}")
    upgraded = fit(xbt.TextProjection(settings, copy.deepcopy(new), phi), data, training, progress=False).space
    stages = ["text projection"]
    if pairs is not None:
        say(f"stage 2: {len(pairs):,} pairs")
        upgraded = _stage_2(settings, new, upgraded, pairs, dict(stage_2 or {}), cache_folder, seed)
        stages.append("pair adaptation")
    about: dict[str, Any] = {"new": new_print, "stages": stages, "config": dict(vars(settings))}
    if before is not None and validation is not None:
        about["criterion"] = judge(before, _both(upgraded, validation)).to_json()
    upgraded.method = "xbt"
    upgraded.metadata = {**new.metadata, "compatible_with": compatible, "upgrade": about}
    return upgraded.eval()


def judge(old: Mapping[str, Any], query: Mapping[str, Any]) -> Any:
    """The criterion from vectors: old gallery and queries, new queries; each {"image": (N, D), "text": (N, D)}."""

    def table(queries: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        sides = (("image", "text"), ("text", "image"))
        return {name: retrieval(queries[q], old[g]) for name, (q, g) in zip(DIRECTIONS, sides, strict=True)}

    return criterion(table(old), table(query))


def _stage_2(
    settings: Any,
    new: Space,
    upgraded: Space,
    pairs: Dataset,
    fields: dict[str, Any],
    folder: str | Path | None,
    seed: int,
) -> Space:
    """Targets come from stage 1's Space: its text vectors are the pseudo-old ones."""
    data = cache(pairs, {"target": (upgraded, "text")}, folder, batch_size=256)
    own, phi = copy.deepcopy(new), copy.deepcopy(upgraded.tower("text").projection.get_submodule("phi"))
    assert isinstance(phi, xbt.Phi)
    training = xbt.stage_2_training(**{"seed": seed, **fields})
    training.batch_size = min(training.batch_size, len(data))
    return fit(xbt.PairAdaptation(settings, own, phi), data, training, progress=False).space


def _both(space: Space, pairs: Dataset) -> dict[str, Any]:
    """Vectors of both sides of pairs."""
    texts = [value[0] if isinstance(value, list) else value for value in pairs.column("text")]
    return {
        "image": space.encode(pairs.column("image"), modality="image", batch_size=128),
        "text": space.encode(texts, modality="text", batch_size=128),
    }


def _opened(space: Space | str | Path) -> Space:
    return space if isinstance(space, Space) else Space.from_pretrained(space)
