"""The store: a LanceDB table of vectors and payload that remembers which Space made it.

STORE/store.json     format, fingerprint of the Space, output, scorer, width, columns
STORE/space/         the Space itself, so that a store can be asked with words years later (`keep_space`)
STORE/items.lance/   one row a vector: item, part, vector, fingerprint, payload columns; while a store moves to another
                     Space (`reindexing`) a second vector and fingerprint, whose names begin with an underscore
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa

from jointspace.errors import DataError, SpaceError, nearest
from jointspace.search.composition import compose
from jointspace.search.fusion import reciprocal_rank_fusion
from jointspace.search.hits import Hit, best_per_item
from jointspace.search.rows import OWN, payload_table, vector_rows
from jointspace.space import Space

FORMAT = 1
MODES = ("exact", "approximate", "text", "hybrid")
_DISTANCES = {"cosine": "cosine", "dot": "dot", "euclidean": "l2"}


class Index:
    """Items of a store, searched by anything its Space can encode. Made by `create` or `open`."""

    def __init__(self, store: Path, about: dict[str, Any], space: Space | None):
        self.store = store
        self.about = about
        self._space = space
        self._several: bool | None = None  # does any item have several vectors? asked when first needed
        self.table = lancedb.connect(str(store)).open_table("items")

    # Making and opening -----------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        store: str | Path,
        space: Space,
        items: Sequence[Any] = (),
        payload: Any = None,
        *,
        ids: Sequence[str] | None = None,
        modality: str | None = None,
        vectors: np.ndarray | None = None,
        output: str = "dense",
        batch_size: int = 64,
        keep_space: bool = True,
        overwrite: bool = False,
    ) -> Index:
        """A new store of `items` (an entry may be a list: several vectors of one item).

        payload: list of dicts, dict of lists or Arrow table, one row an item. ids: strings, default "0", "1", ...
        vectors: (N, D), where they were encoded already. Written beside and renamed. DataError where the folder exists
        (and `overwrite` is not set), or lengths differ.
        """
        path = Path(store)
        if path.exists() and not overwrite:
            raise DataError(f"{path}: exists already; choose another folder or set overwrite")
        if path.exists() and any(path.iterdir()) and not (path / "store.json").is_file():
            raise DataError(f"{path}: is no store (no store.json); it is left as it is")
        tower = space.tower(modality or space.accepts[0])
        spec = tower.outputs().get(output)
        if spec is None or spec.ragged:
            raise SpaceError(f"output {output!r} gives no single vector an item{nearest(output, tower.outputs())}")
        rows = vector_rows(
            space, items, ids=ids, modality=modality, vectors=vectors, output=output, batch_size=batch_size
        )
        table = payload_table(rows, payload)
        about = {
            "format": FORMAT,
            "fingerprint": space.fingerprint(),
            "output": output,
            "scorer": spec.scorer,
            "dim": spec.dim,
            "modality": modality,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            lancedb.connect(str(work)).create_table("items", table)
            if keep_space:
                space.save_pretrained(work / "space")
            (work / "store.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            os.chmod(work, 0o755)
            if path.exists():
                shutil.rmtree(path)
            os.replace(work, path)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return cls(path, about, space)

    @classmethod
    def open(cls, store: str | Path, space: Space | None = None, *, device: str | None = None) -> Index:
        """Open a store. space: the one to ask with (else the store's own copy is loaded when first needed).

        Raises DataError where there is no store, SpaceError where the Space is another than the one that made it.
        """
        path = Path(store)
        if not (path / "store.json").is_file():
            raise DataError(f"{path}: no store here (no store.json)")
        try:
            about = json.loads((path / "store.json").read_text(encoding="utf-8"))
            index = cls(path, about, None)
        except (json.JSONDecodeError, ValueError, OSError) as error:
            raise DataError(f"{path}: the store cannot be opened ({str(error).splitlines()[0]})") from None
        if space is not None:
            index._adopt(space)
        return index

    def _adopt(self, space: Space) -> None:
        made_by = self.about["fingerprint"]
        if space.fingerprint() != made_by and made_by not in space.metadata.get("compatible_with", []):
            raise SpaceError(
                f"{self.store}: made by the Space {self.about['fingerprint']}, asked by {space.fingerprint()}; "
                "vectors of two Spaces are never mixed: index again with the new Space, or upgrade it"
            )
        self._space = space

    @property
    def space(self) -> Space:
        """The Space that made the store. SpaceError where no copy was kept."""
        if self._space is None:
            folder = self.store / self.about.get("space_folder", "space")
            if not (folder / "space.json").is_file():
                raise SpaceError(f"{self.store}: keeps no copy of its Space; pass space=")
            self._adopt(Space.from_pretrained(folder))
        assert self._space is not None
        return self._space

    def __len__(self) -> int:
        """Number of items."""
        return self.table.count_rows("part = 0")

    @property
    def columns(self) -> list[str]:
        """Payload columns."""
        return [name for name in self.table.schema.names if name not in OWN and not name.startswith("_")]

    @property
    def vector_column(self) -> str:
        """Where the vectors of the Space in use lie."""
        return self.about.get("column", "vector")

    # Changing ---------------------------------------------------------------------------------------------------------

    def add(self, items: Sequence[Any], payload: Any = None, *, ids: Sequence[str] | None = None, **how: Any) -> int:
        """Add items; all land or none. DataError where an id is there already. Returns the number of items."""
        first = self._next_id() if ids is None else 0
        table = self._rows(items, payload, ids, first, how)
        names = table.column("item").unique().to_pylist()
        there = self._present(names)
        if there:
            raise DataError(f"{self.store}: id {sorted(there)[0]!r} is there already; use upsert to replace it")
        self.table.add(table)
        self._several = None
        return len(names)

    def upsert(self, items: Sequence[Any], payload: Any = None, *, ids: Sequence[str], **how: Any) -> int:
        """Add items or replace those of the same id, in one version of the table. Returns the number of items."""
        table = self._rows(items, payload, ids, 0, how)
        names = table.column("item").unique().to_pylist()
        merge = self.table.merge_insert("key").when_matched_update_all().when_not_matched_insert_all()
        # parts that the new item no longer has go in the same commit
        merge.when_not_matched_by_source_delete(f"item IN ({_quoted(names)})").execute(table)
        self._several = None
        return len(names)

    def delete(self, ids: Sequence[str] | None = None, *, where: str | None = None) -> int:
        """Delete by id or by an SQL condition on the payload. Returns how many items went."""
        if (ids is None) == (where is None):
            raise DataError("delete: give ids or where, one of them")
        condition = f"item IN ({_quoted(ids)})" if ids is not None else str(where)
        if ids is not None and not len(ids):
            return 0
        before = len(self)
        self._run(lambda: self.table.delete(condition), condition)
        return before - len(self)

    def _rows(self, items: Any, payload: Any, ids: Any, first: int, how: dict[str, Any]) -> pa.Table:
        how = {"modality": self.about.get("modality"), **how}
        rows = vector_rows(self.space, items, ids=ids, first=first, output=self.about["output"], **how)
        places = (self.vector_column, self.about.get("space_column", "space"))
        return payload_table(rows, payload, like=self.table.schema, places=places)

    def _present(self, names: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(names), 1000):
            condition = f"item IN ({_quoted(names[start : start + 1000])})"
            found |= set(
                self.table.search().where(condition).select(["item"]).limit(None).to_arrow()["item"].to_pylist()
            )
        return found

    def _next_id(self) -> int:
        names = self.table.search().select(["item"]).limit(None).to_arrow()["item"].to_pylist()
        return max((int(n) for n in names if n.isdigit()), default=-1) + 1

    def optimize(self, *, text: Sequence[str] = (), partitions: int | None = None) -> None:
        """Build what approximate and hybrid search use: IVF_HNSW_SQ over the vectors, full text over `text` columns."""
        from lancedb.index import FTS, HnswSq

        rows = self.table.count_rows()
        if rows >= 256:
            lists = partitions or max(1, rows // 100_000)
            distance: Any = _DISTANCES[self.about["scorer"]]
            vectors = HnswSq(distance_type=distance, num_partitions=lists)
            self.table.create_index(self.vector_column, config=vectors, replace=True)
        for name in text:
            if name not in self.columns:
                raise DataError(f"{self.store}: no payload column {name!r}{nearest(name, self.columns)}")
            # scripts without spaces and other languages: no stemming, no English stop words, n-grams of characters
            config = FTS(
                base_tokenizer="ngram", ngram_min_length=2, ngram_max_length=3, stem=False, remove_stop_words=False
            )
            self.table.create_index(name, config=config, replace=True)
        self.table.optimize()

    # Searching --------------------------------------------------------------------------------------------------------

    def search(
        self,
        query: Any = None,
        *,
        text: str | None = None,
        image: Any = None,
        vector: np.ndarray | None = None,
        weights: Sequence[float] | None = None,
        k: int = 10,
        where: str | None = None,
        mode: str = "exact",
        modality: str | None = None,
        text_column: str | None = None,
    ) -> list[Hit]:
        """The k nearest items, best first.

        query: any item the Space encodes. text / image: the same by name, or both, added with `weights` (text first,
        then image; ALIGN's composed query). vector: (D,) encoded already. where: SQL condition on the payload
        (`"lang = 'de' AND year > 2000"`). mode: exact (every vector is compared), approximate (after `optimize`), text
        (full text alone), hybrid (vectors and full text, reciprocal rank fusion). Raises DataError for a bad condition
        or mode, SpaceError for an item the Space does not accept.
        """
        if mode not in MODES:
            raise DataError(f"mode {mode!r}: no such mode{nearest(mode, MODES)}")
        if k < 1:
            raise DataError(f"k must be at least 1, got {k}")
        words = text if text is not None else query if isinstance(query, str) and modality in (None, "text") else None
        if mode in ("text", "hybrid"):
            if words is None:
                raise DataError(f"mode {mode}: needs a text to look for")
            by_words = self._by_words(words, k if mode == "text" else 4 * k + 50, where, text_column)
            if mode == "text":
                return _hits(best_per_item(by_words, k), "_score")
        asked = self._vector(query, text, image, vector, weights, modality)
        rows = self._by_vector(asked, k if mode != "hybrid" else 4 * k + 50, where, exact=mode != "approximate")
        if mode != "hybrid":
            return _hits(rows, "score")
        named = {row["item"]: row for row in reversed([*rows, *by_words])}
        fused = reciprocal_rank_fusion([[r["item"] for r in rows], [r["item"] for r in best_per_item(by_words, 10**9)]])
        return _hits([{**named[str(item)], "score": score} for item, score in fused[:k]], "score")

    def search_many(self, queries: Sequence[Any], *, k: int = 10, **how: Any) -> list[list[Hit]]:
        """`search` for several queries: encoded in one batch, then asked one by one."""
        modality, role = how.pop("modality", None), "query"
        vectors = self.space.encode(list(queries), modality=modality, role=role, output=self.about["output"])
        return [self.search(vector=v, k=k, **how) for v in vectors]

    def _vector(
        self, query: Any, text: Any, image: Any, vector: Any, weights: Sequence[float] | None, modality: str | None
    ) -> np.ndarray:
        if vector is not None:
            v = np.asarray(vector, dtype=np.float32).reshape(-1)
            if len(v) != self.about["dim"]:
                raise SpaceError(f"vector has width {len(v)}, the store {self.about['dim']}")
            return v
        how = dict(role="query", output=self.about["output"])
        parts = []
        if query is not None:
            parts.append(self.space.encode([query], modality=modality, **how)[0])
        if text is not None:
            parts.append(self.space.encode([text], modality="text", **how)[0])
        if image is not None:
            parts.append(self.space.encode([image], modality="image", **how)[0])
        if not parts:
            raise DataError("search: give a query, text, image or vector")
        if len(parts) == 1 and weights is None:
            return parts[0]
        return compose(parts, weights)

    @property
    def _shown(self) -> list[str]:
        """Columns that a hit carries: all but vectors."""
        return ["key", "item", "part", self.about.get("space_column", "space"), *self.columns]

    def _by_vector(self, v: np.ndarray, k: int, where: str | None, *, exact: bool) -> list[dict[str, Any]]:
        """k items with their payload and `score`; asks for more vectors where items have several."""
        if self._several is None:
            self._several = self.table.count_rows("part > 0") > 0
        limit, total = k * (4 if self._several else 1), None
        while True:
            asked: Any = self.table.search(v, vector_column_name=self.vector_column)
            asked = asked.distance_type(_DISTANCES[self.about["scorer"]])
            asked = asked.select([*self._shown, "_distance"]).limit(limit)
            if where:
                asked = asked.where(where, prefilter=True)
            asked = asked.bypass_vector_index() if exact else asked.nprobes(20).refine_factor(4)
            rows = self._run(lambda asked=asked: asked.to_list(), where)
            kept = best_per_item(rows, k)
            total = self.table.count_rows() if total is None else total
            if len(kept) == k or len(rows) < limit or limit >= total:
                break
            limit *= 4
        sign = {"cosine": lambda d: 1.0 - d, "dot": lambda d: 1.0 - d, "euclidean": lambda d: -(d**0.5)}
        return [{**row, "score": sign[self.about["scorer"]](row["_distance"])} for row in kept]

    def _by_words(self, words: str, limit: int, where: str | None, column: str | None) -> list[dict[str, Any]]:
        indexed = [i.columns[0] for i in self.table.list_indices() if i.index_type == "FTS"]
        if not indexed:
            raise DataError(f"{self.store}: no full-text index; call optimize(text=[COLUMN]) first")
        if column is not None and column not in indexed:
            raise DataError(f"{self.store}: column {column!r} has no full-text index{nearest(column, indexed)}")
        asked = self.table.search(words, query_type="fts", fts_columns=column or indexed).limit(limit)
        asked = asked.select([*self._shown, "_score"])
        if where:
            asked = asked.where(where, prefilter=True)
        return self._run(lambda: asked.to_list(), where)

    def _run(self, ask: Any, where: str | None) -> Any:
        try:
            return ask()
        except (ValueError, RuntimeError, OSError) as error:
            reason = str(error).splitlines()[0][:200]
            raise DataError(f"{self.store}: {f'condition {where!r}' if where else 'search'} fails: {reason}") from None


def _hits(rows: Sequence[dict[str, Any]], score: str) -> list[Hit]:
    own = {*OWN, "score"}
    return [
        Hit(
            r["item"],
            float(r[score]),
            rank,
            int(r["part"]),
            {k: v for k, v in r.items() if k not in own and not k.startswith("_")},
        )
        for rank, r in enumerate(rows, start=1)
    ]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join("'" + str(n).replace("'", "''") + "'" for n in names)
