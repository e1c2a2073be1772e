"""A Space as a folder: JSON, safetensors and tokenizer files. No pickles, nothing executed from it.

space.json            format, towers, pooling, heads, prompts, metadata, fingerprint
heads.safetensors     projections, pooling modules and named heads
README.md             model card with scores and intervals
<encoder>/            one folder an encoder (saved once where towers share it); the folder itself where the Space is
                      one text tower, which then is a sentence-transformers folder too
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

import jointspace
from jointspace.encoders import storage as encoder_storage
from jointspace.encoders.storage import load_encoder, save_encoder
from jointspace.errors import SpaceError
from jointspace.nn.registry import from_config, to_config
from jointspace.space import sentence_transformers as st
from jointspace.space.card import write_card
from jointspace.space.space import Space
from jointspace.space.tower import Tower

FORMAT = 1


def describe(space: Space) -> dict[str, Any]:
    """All that decides a vector besides the weights, as JSON: the part of `space.json` that the fingerprint covers."""
    folders = _encoder_folders(space)
    towers = {}
    for name, tower in space.towers.items():
        assert isinstance(tower, Tower)
        towers[name] = {
            "encoder": folders[id(tower.encoder)],
            "backbone": encoder_storage.describe(tower.encoder),
            "pooling": tower.pooling if isinstance(tower.pooling, str) else to_config(tower.pooling),
            "projection": to_config(tower.projection),
            "token_projection": to_config(tower.token_projection),
            "heads": {head: to_config(module) for head, module in tower.heads.items()},
            "accepts": list(tower.accepts),
            "roles": list(tower.roles),
            "scorer": tower.scorer,
        }
    return {
        "normalize": space.normalize,
        "prompts": space.prompts,
        "default_prompt": space.default_prompt,
        "towers": towers,
    }


def _encoder_folders(space: Space) -> dict[int, str]:
    """Encoder -> folder name: the first tower's that has it; "." for a Space of one text tower."""
    if len(space.towers) == 1 and st.fits(space):
        return {id(tower.encoder): "." for tower in space._towers()}
    folders: dict[int, str] = {}
    for name, tower in space.towers.items():
        folders.setdefault(id(tower.encoder), name)  # type: ignore[union-attr]
    return folders


def save(space: Space, folder: Path) -> Path:
    """Write beside, then rename, so that `folder` holds the old Space or the new one, never a mixture."""
    if folder.is_file():
        raise SpaceError(f"{folder}: is a file, not a folder for a Space")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "space.json").is_file():
        raise SpaceError(f"{folder}: holds other files and no space.json; choose an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(space, work)
        old = None
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            os.replace(folder, old / "space")
        os.replace(work, folder)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return folder


def _write(space: Space, work: Path) -> None:
    os.chmod(work, 0o755)
    table = describe(space)
    seen: set[str] = set()
    for tower in space._towers():
        name = _encoder_folders(space)[id(tower.encoder)]
        if name not in seen:
            seen.add(name)
            target = work if name == "." else work / name
            target.mkdir(exist_ok=True)
            save_encoder(tower.encoder, target)
    heads = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, tower in space.towers.items()
        for key, tensor in tower.state_dict().items()
        if not key.startswith("encoder.")
    }
    if heads:
        save_file({key: tensor.clone() for key, tensor in heads.items()}, work / "heads.safetensors")
    document = {
        "format": FORMAT,
        "jointspace": jointspace.__version__,
        "method": space.method,
        "fingerprint": space.fingerprint(),
        "dim": space.dim,
        **table,
        "metadata": space.metadata,
    }
    (work / "space.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not (work / "config.json").exists():
        config = {"model_type": "jointspace", "method": space.method, "dim": space.dim, "towers": list(space.towers)}
        (work / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if "." in seen:
        st.write_layout(space, work)
    write_card(space, work)
    for path in work.rglob("*"):
        if path.is_file():
            os.chmod(path, 0o644)


def load(path: str | Path, *, trust_remote_code: bool = False) -> Space:
    """Open whatever `path` is; see `Space.from_pretrained`."""
    folder = Path(path)
    if not folder.exists():
        folder = _from_hub(str(path))
    if (folder / "space.json").is_file():
        return _read(folder)
    if (folder / "modules.json").is_file():
        return st.read_layout(folder, trust_remote_code=trust_remote_code)
    if (folder / "config.json").is_file():
        from jointspace.space.hugging_face import read_model

        return read_model(folder, trust_remote_code=trust_remote_code)
    raise SpaceError(f"{path}: no space.json, modules.json or config.json in it, so it is no Space")


def _from_hub(name: str) -> Path:
    looks_local = name.startswith(("/", ".", "~")) or name.count("/") != 1
    if looks_local:
        raise SpaceError(f"{name}: no such folder")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.md"]))
    except Exception as error:
        raise SpaceError(f"{name}: no such folder, and not to be had from the hub ({type(error).__name__})") from None


def _read(folder: Path) -> Space:
    where = folder / "space.json"
    try:
        table = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SpaceError(f"{where}: not readable as JSON ({error})") from None
    if not isinstance(table, dict) or not isinstance(table.get("towers"), dict) or not table["towers"]:
        raise SpaceError(f"{where}: field towers must be a table of towers, got {_short(table, 'towers')}")
    if table.get("format", FORMAT) != FORMAT:
        raise SpaceError(f"{where}: format {table['format']} is not the {FORMAT} that this version reads")
    encoders: dict[str, Any] = {}
    towers = {}
    for name, row in table["towers"].items():
        try:
            sub = str(row["encoder"])
            target = (folder / sub).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise SpaceError(f"{where}: towers.{name}.encoder leads outside the folder")
            if sub not in encoders:
                encoders[sub] = load_encoder(target)
            pooling = row["pooling"]
            towers[name] = Tower(
                encoders[sub],
                pooling=pooling if isinstance(pooling, str) else from_config(pooling),
                projection=from_config(row["projection"]),
                token_projection=from_config(row["token_projection"]),
                heads={head: from_config(config) for head, config in row["heads"].items()},
                accepts=row["accepts"],
                roles=row["roles"],
                scorer=row["scorer"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise SpaceError(f"{where}: towers.{name} is incomplete or of the wrong type ({error})") from None
    space = Space(
        method=str(table.get("method", "")),
        normalize=bool(table.get("normalize", True)),
        prompts=table.get("prompts"),
        default_prompt=table.get("default_prompt"),
        metadata=table.get("metadata"),
        **towers,
    )
    _load_heads(space, folder / "heads.safetensors")
    want, got = table.get("fingerprint"), space.fingerprint()
    if want and want != got:
        raise SpaceError(f"{where}: fingerprint is {want}, but weights and settings give {got}: a file was changed")
    return space


def _load_heads(space: Space, path: Path) -> None:
    own = {
        f"{name}.{key}": tensor
        for name, tower in space.towers.items()
        for key, tensor in tower.state_dict().items()
        if not key.startswith("encoder.")
    }
    try:
        saved = load_file(path) if path.is_file() else {}
    except Exception as error:
        raise SpaceError(f"{path}: not readable as safetensors ({error})") from None
    if saved.keys() != own.keys():
        odd = sorted(saved.keys() ^ own.keys())[0]
        raise SpaceError(f"{path}: tensor {odd} is {'missing' if odd in own else 'not expected'}")
    for key, tensor in saved.items():
        if tensor.shape != own[key].shape:
            raise SpaceError(f"{path}: {key} has shape {tuple(tensor.shape)}, expected {tuple(own[key].shape)}")
        own[key].copy_(tensor)


def _short(table: Any, field: str) -> str:
    value = table.get(field) if isinstance(table, dict) else table
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 60 else text[:57] + "..."
