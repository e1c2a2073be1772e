"""The Space: named towers that put items of different kinds where distance means relatedness."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from jointspace.data.graph import Node
from jointspace.data.modality import MODALITIES, modality_of_item
from jointspace.encoders.depth import depth, first_layers
from jointspace.errors import SpaceError, nearest
from jointspace.space.encoding import Precision, encode_items, quantize
from jointspace.space.tower import Tower, shortened


class Space(nn.Module):
    """Towers by name, with metadata; `encode` items of any modality a tower accepts, compare, save.

    method: slug of the method that learnt it. normalize: vectors have unit length by default. prompts: name -> text put
    before an item's text. metadata: JSON-able facts (training, scores, data) that travel in `space.json` and the model
    card. Two Spaces with equal `fingerprint()` give equal vectors.
    """

    def __init__(
        self,
        *,
        method: str = "",
        normalize: bool = True,
        prompts: Mapping[str, str] | None = None,
        default_prompt: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **towers: Tower,
    ):
        super().__init__()
        if not towers:
            raise SpaceError("a Space needs at least one tower")
        self.method = method
        self.normalize = normalize
        self.prompts = dict(prompts or {})
        self.default_prompt = default_prompt
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.towers = nn.ModuleDict(towers)
        self._fingerprint: tuple[Any, str] | None = None

    # What it is -------------------------------------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Width of the output `dense`, equal in all towers of a joint space (else the first tower's)."""
        return next(iter(self._towers())).dim

    @property
    def accepts(self) -> tuple[str, ...]:
        """Modalities that some tower encodes."""
        return tuple(dict.fromkeys(m for tower in self._towers() for m in tower.accepts))

    @property
    def device(self) -> torch.device:
        parameter = next(self.parameters(), None)
        return parameter.device if parameter is not None else torch.device("cpu")

    def _towers(self) -> list[Tower]:
        return list(self.towers.values())  # type: ignore[arg-type]

    def tower(self, modality: str, role: str | None = None) -> Tower:
        """The tower for a modality and role. SpaceError names what the Space does accept."""
        fitting = [t for t in self._towers() if modality in t.accepts]
        if not fitting:
            named = self.towers[modality] if modality in self.towers else None
            if named is None:
                raise SpaceError(
                    f"this Space has no tower for {modality!r}; it accepts {', '.join(self.accepts)}"
                    f"{nearest(modality, self.accepts) if modality not in MODALITIES else ''}"
                )
            return named  # type: ignore[return-value]
        for tower in fitting:
            if role is not None and role in tower.roles:
                return tower
        return fitting[0]

    def fingerprint(self) -> str:
        """16 hex digits over weights, processors, pooling, heads, prompts, normalisation and scorers."""
        from jointspace.space.storage import describe

        state = self.state_dict()
        said = json.dumps(describe(self), sort_keys=True)
        key = (said, *((name, t.data_ptr(), t._version) for name, t in state.items()))
        if self._fingerprint is None or self._fingerprint[0] != key:
            digest = hashlib.sha256(said.encode())
            for name in sorted(state):
                digest.update(name.encode())
                tensor = state[name].detach().cpu().contiguous()
                digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
            self._fingerprint = (key, digest.hexdigest()[:16])
        return self._fingerprint[1]

    # What it does -----------------------------------------------------------------------------------------------------

    def encode(
        self,
        items: Any,
        *,
        modality: str | None = None,
        role: str | None = None,
        output: str = "dense",
        condition: str | None = None,
        graph: Any = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        batch_size: int = 32,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        precision: Precision = "float32",
        show_progress_bar: bool = False,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Any:
        """Items -> float32 array (N, D), unit length by default; one item alone -> (D,); `[]` -> (0, D).

        items: one item or a sequence; strings, PIL pictures, paths, bytes, waveforms (float arrays at the tower's rate,
        or (array, rate)). modality: needed where the type does not tell (a `str` is text unless `modality="image"` says
        that it is a path). role: "query" or "document" for Spaces whose sides differ; also the name of a prompt.
        graph: a `Graph` whose nodes the items name; without it names are nodes of the graph the Space was learnt on.
        output: `dense`, `features` (before the head), a head's name, or `tokens` (a list of (L_i, D) arrays).
        prompt / prompt_name: text put before each text. truncate_dim: keep the first so many entries, then normalise.
        precision: float32, float16, int8, uint8, binary, ubinary (last four as in sentence-transformers).
        Raises SpaceError for a modality, output, condition or prompt the Space does not have, DataError for an item
        that cannot be decoded (its number is named).
        """
        single = isinstance(items, str | bytes | int | Path | Mapping | Node) or hasattr(items, "getbands")
        rows: Sequence[Any] = [items] if single else items
        if not isinstance(rows, Sequence):
            rows = list(rows)
        if graph is not None:
            rows, modality = graph.nodes(rows), "graph"
        if condition is not None:
            raise SpaceError(f"this Space has no conditions, so condition={condition!r} cannot be met")
        if device is not None:
            self.to(device)
        text_prompt = self._prompt(prompt, prompt_name, role)
        normalize = self.normalize if normalize_embeddings is None else normalize_embeddings
        # one pass a modality, answers put back in the order of the items
        kinds = [modality] * len(rows) if modality else [self._kind(row) for row in rows]
        groups = list(dict.fromkeys(kinds)) or [modality or self.accepts[0]]
        ragged: list[Any] = [None] * len(rows)
        vectors: Any = None
        for kind in groups:
            tower = self.tower(str(kind), role)
            if output not in tower.outputs():
                raise SpaceError(f"this Space has no output {output!r}{nearest(output, tower.outputs())}")
            where = [i for i, k in enumerate(kinds) if k == kind]
            part = [rows[i] for i in where]
            if text_prompt and kind == "text":
                part = [text_prompt + str(text) for text in part]
            answer = encode_items(
                tower,
                part,
                output=output,
                batch_size=batch_size,
                normalize=normalize and output != "features",
                truncate_dim=truncate_dim,
                show_progress_bar=show_progress_bar,
            )
            if isinstance(answer, list):
                for i, row in zip(where, answer, strict=True):
                    ragged[i] = row
                continue
            if vectors is None:
                vectors = np.empty((len(rows), answer.shape[1]), dtype=np.float32)
            elif vectors.shape[1] != answer.shape[1]:
                raise SpaceError(f"towers give widths {vectors.shape[1]} and {answer.shape[1]}; encode them apart")
            vectors[where] = answer
        if vectors is None:
            return ragged[0] if single else ragged
        vectors = quantize(vectors, precision)
        if convert_to_tensor:
            vectors = torch.from_numpy(vectors)
        return vectors[0] if single else vectors

    def _kind(self, item: Any) -> str:
        """Modality of an item; where there is no text tower but one for graphs, a name is that of a node, and where
        only rows of tables are taken, a mapping is one."""
        if isinstance(item, Mapping) and self.accepts == ("table",):
            return "table"
        if isinstance(item, str | int) and "graph" in self.accepts and "text" not in self.accepts:
            return "graph"
        return modality_of_item(item)

    def _prompt(self, prompt: str | None, prompt_name: str | None, role: str | None) -> str:
        if prompt is not None:
            return prompt
        if prompt_name is not None:
            if prompt_name not in self.prompts:
                raise SpaceError(f"this Space has no prompt {prompt_name!r}{nearest(prompt_name, self.prompts)}")
            return self.prompts[prompt_name]
        if role is not None and role in self.prompts:
            return self.prompts[role]
        return self.prompts.get(self.default_prompt, "") if self.default_prompt else ""

    def similarity(self, a: Any, b: Any) -> np.ndarray:
        """Vectors (N, D), (M, D) as `encode` gives them -> (N, M) float32, by the towers' scorer."""
        x, y = (np.atleast_2d(np.asarray(v, dtype=np.float32)) for v in (a, b))
        if x.shape[1] != y.shape[1]:
            raise SpaceError(f"similarity: widths differ, {x.shape[1]} and {y.shape[1]}")
        scorer = self._towers()[0].scorer
        if scorer == "euclidean":
            from scipy.spatial.distance import cdist

            return -cdist(x, y).astype(np.float32)
        if scorer == "cosine":
            x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
        return x @ y.T

    def score(self, pairs: Sequence[tuple[Any, Any]], **options: Any) -> np.ndarray:
        """Pairs (a, b) of items -> (N,) float32: the similarity of their vectors (cross-encoders have their own)."""
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        left, right = (self.encode(list(side), role=role, **options) for side, role in zip(zip(*pairs), _ROLES))
        if self._towers()[0].scorer == "euclidean":
            return -np.linalg.norm(left - right, axis=1)
        return np.einsum("nd,nd->n", left, right)

    def truncate(self, *, dim: int | None = None, layers: int | None = None) -> Space:
        """A Space that gives the first `dim` entries and whose encoders have the first `layers` blocks alone.

        What is kept is shared with this Space; what is cut off is neither computed nor saved. Where the Space was
        trained for it (`metadata["trained_grid"]`), little is lost. SpaceError outside 1..D or 1..N, or for an encoder
        without layers.
        """
        if dim is None and layers is None:
            raise SpaceError("truncate: say how many layers= or dim= to keep")
        if dim is not None and not 1 <= dim <= self.dim:
            raise SpaceError(f"truncate: dim must be from 1 to {self.dim}, got {dim}")
        towers = {}
        for name, tower in zip(self.towers, self._towers(), strict=True):
            short = copy.copy(tower)
            short._modules = dict(tower._modules)
            if dim is not None:
                short.projection = shortened(tower.projection, dim)
            if layers is not None:
                short.encoder = first_layers(tower.encoder, layers)
            towers[name] = short
        was: dict[str, Any] = {"fingerprint": self.fingerprint(), "dim": self.dim}
        if layers is not None:
            was["layers"] = depth(self._towers()[0].encoder)
        meta = {**self.metadata, "truncated_from": was}
        return Space(
            method=self.method,
            normalize=self.normalize,
            prompts=self.prompts,
            default_prompt=self.default_prompt,
            metadata=meta,
            **towers,
        )

    # Where it lives ---------------------------------------------------------------------------------------------------

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the Space folder (beside, then renamed). SpaceError where `folder` holds something else."""
        from jointspace.space.storage import save

        return save(self, Path(folder))

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, device: str | torch.device | None = None, trust_remote_code: bool = False
    ) -> Space:
        """Open a Space folder, a sentence-transformers folder (both layouts), a Hugging Face CLIP-like or text model
        folder, or a hub id (downloaded by huggingface_hub). device: None = accelerator if there is one, else CPU.

        Raises SpaceError naming the file and the field that does not fit.
        """
        from jointspace.space.storage import load

        space = load(path, trust_remote_code=trust_remote_code)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return space.to(device).eval()

    def push_to_hub(self, repo_id: str, *, private: bool = True) -> str:
        """Upload the Space folder to the hub (the user's own login). Returns the address of the commit."""
        import tempfile

        from huggingface_hub import HfApi

        api = HfApi()
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as parent:
            folder = self.save_pretrained(Path(parent) / "space")
            return str(api.upload_folder(repo_id=repo_id, folder_path=str(folder)))

    def extra_repr(self) -> str:
        return f"method={self.method!r}, dim={self.dim}, accepts={self.accepts}"


_ROLES = ("query", "document")
