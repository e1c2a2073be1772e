"""The folder layout of sentence-transformers: written for a Space of one text tower, read in both of its forms.

Written is the form of before 5.4 (`sentence_transformers.models.*`), which serving tools read too; its successors name
other classes and write `pooling_mode` as a word.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import jointspace
from jointspace.errors import SpaceError
from jointspace.nn.registry import register
from jointspace.space.tower import Tower

if TYPE_CHECKING:
    from jointspace.space.space import Space

# our pooling -> the flag of the old form, the word of the new one
POOLINGS = {
    "mean": ("pooling_mode_mean_tokens", "mean"),
    "cls": ("pooling_mode_cls_token", "cls"),
    "max": ("pooling_mode_max_tokens", "max"),
    "last": ("pooling_mode_lasttoken", "lasttoken"),
}
_OTHER_FLAGS = ("pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens")
_ACTIVATIONS = {"Identity": nn.Identity, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU, "SiLU": nn.SiLU}


@register
class UnitLength(nn.Module):
    """Rows (..., D) at unit length, where a layout has that in the middle of its modules."""

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1)

    def config(self) -> dict[str, Any]:
        return {}


def fits(space: Space) -> bool:
    """True for one text tower on a Hugging Face backbone whose pooling and heads the layout can say."""
    if len(space.towers) != 1:
        return False
    tower = space._towers()[0]
    return (
        tower.accepts == ("text",)
        and getattr(tower.encoder, "layout", None) == "hf"
        and tower.pooling in POOLINGS
        and all(isinstance(m, nn.Linear | nn.Identity | UnitLength) for m in _chain(tower.projection))
    )


def _chain(module: nn.Module) -> list[nn.Module]:
    return list(module) if isinstance(module, nn.Sequential) else [module]


def write_layout(space: Space, folder: Path) -> None:
    """modules.json and what it names, beside the encoder's files that are in `folder` already."""
    tower = space._towers()[0]
    models = "sentence_transformers.models"
    modules = [("", f"{models}.Transformer"), ("1_Pooling", f"{models}.Pooling")]
    flag = POOLINGS[str(tower.pooling)][0]
    pooling: dict[str, Any] = {"word_embedding_dimension": tower.encoder.dim}
    pooling |= {f: f == flag for f, _ in POOLINGS.values()} | dict.fromkeys(_OTHER_FLAGS, False)
    _write_json(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": True})
    for module in _chain(tower.projection):
        if isinstance(module, nn.Linear):
            name = f"{len(modules)}_Dense"
            _write_dense(module, folder / name)
            modules.append((name, f"{models}.Dense"))
        elif isinstance(module, UnitLength):
            modules.append((f"{len(modules)}_Normalize", f"{models}.Normalize"))
    if space.normalize:
        modules.append((f"{len(modules)}_Normalize", f"{models}.Normalize"))
    for name, kind in modules:
        if kind.endswith("Normalize"):
            (folder / name).mkdir(exist_ok=True)
            _write_json(folder / name / "config.json", {})
    _write_json(
        folder / "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)],
    )
    length = int(getattr(tower.encoder.processor, "max_length", 512))
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    _write_json(
        folder / "config_sentence_transformers.json",
        {
            "__version__": {"jointspace": jointspace.__version__, "pytorch": torch.__version__},
            "prompts": space.prompts,
            "default_prompt_name": space.default_prompt,
            "similarity_fn_name": tower.scorer,
        },
    )


def _write_dense(module: nn.Linear, folder: Path) -> None:
    config = {
        "in_features": module.in_features,
        "out_features": module.out_features,
        "bias": module.bias is not None,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    _write_json(folder / "config.json", config)
    state = {f"linear.{k}": v.detach().cpu().contiguous().clone() for k, v in module.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_layout(folder: Path, *, trust_remote_code: bool = False) -> Space:
    """A sentence-transformers folder, either form, as a Space. SpaceError names a module it cannot be told in."""
    from jointspace.encoders.text.hugging_face import build
    from jointspace.space.space import Space

    encoder, pooling, heads = None, "mean", []
    for row in _read_json(folder / "modules.json"):
        kind, path = str(row["type"]).rsplit(".", 1)[-1], (folder / str(row["path"])).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise SpaceError(f"{folder / 'modules.json'}: path {row['path']} leads outside the folder")
        if kind == "Transformer":
            encoder = build(path=str(path), trust_remote_code=trust_remote_code)
        elif kind == "Pooling":
            pooling = _read_pooling(path / "config.json")
        elif kind == "Dense":
            heads += _read_dense(path)
        elif kind == "Normalize":
            heads.append(UnitLength())
        elif kind != "Dropout":
            raise SpaceError(f"{folder / 'modules.json'}: module {kind} has no counterpart here")
    if encoder is None:
        raise SpaceError(f"{folder / 'modules.json'}: names no Transformer module")
    normalize = bool(heads) and isinstance(heads[-1], UnitLength)
    heads = heads[:-1] if normalize else heads
    extra = folder / "config_sentence_transformers.json"
    options = _read_json(extra) if extra.is_file() else {}
    scorer = {"dot": "dot", "euclidean": "euclidean"}.get(options.get("similarity_fn_name") or "cosine", "cosine")
    projection = heads[0] if len(heads) == 1 else nn.Sequential(*heads) if heads else nn.Identity()
    return Space(
        method="",
        normalize=normalize,
        prompts={k: v for k, v in (options.get("prompts") or {}).items() if v},
        default_prompt=options.get("default_prompt_name"),
        metadata={"imported_from": "sentence-transformers"},
        text=Tower(encoder, pooling=pooling, projection=projection, scorer=scorer),
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SpaceError(f"{path}: not readable as JSON ({error})") from None


def _read_pooling(path: Path) -> str:
    config = _read_json(path)
    word = config.get("pooling_mode")
    for ours, (flag, name) in POOLINGS.items():
        if word == name or (word is None and config.get(flag)):
            return ours
    raise SpaceError(f"{path}: no pooling that is known here (mean, cls, max, last token)")


def _read_dense(folder: Path) -> list[nn.Module]:
    config = _read_json(folder / "config.json")
    name = str(config.get("activation_function", "Tanh")).rsplit(".", 1)[-1]
    if name not in _ACTIVATIONS:
        raise SpaceError(f"{folder / 'config.json'}: activation_function {name} is not known here")
    if not (folder / "model.safetensors").is_file():
        raise SpaceError(f"{folder}: no model.safetensors (pickled weights are not read)")
    linear = nn.Linear(int(config["in_features"]), int(config["out_features"]), bias=bool(config.get("bias", True)))
    state = load_file(folder / "model.safetensors")
    linear.load_state_dict({key.removeprefix("linear."): tensor for key, tensor in state.items()})
    return [linear] if name == "Identity" else [linear, _ACTIVATIONS[name]()]
