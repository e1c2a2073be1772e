"""Who judged which document right for which query: tables of judgements (qrels) and the folders that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data import catalogue
from jointspace.data.identity import hash_bytes
from jointspace.data.readers.folder import tables
from jointspace.data.sources import read_source
from jointspace.errors import DataError, nearest
from jointspace.metrics.relevance import indices_of

IDS = {
    "query": ("query_id", "query-id", "qid", "_id", "id"),
    "doc": ("doc_id", "corpus-id", "corpus_id", "document_id", "docid", "_id", "id"),
}
GAINS = ("relevance", "score", "gain", "label")


@dataclass
class Judged:
    """Judged pairs of rows, all (M,): query row, document row, gain (relevance; <= 0 is not right)."""

    query: np.ndarray
    document: np.ndarray
    gain: np.ndarray
    document_ids: np.ndarray | None = None  # until `among` has found their rows
    counts: dict[str, int] = field(default_factory=dict)

    def turned(self) -> Judged:
        """The same judgements with documents asking for queries."""
        return Judged(self.document, self.query, self.gain, counts=self.counts)

    def among(self, ids: Sequence[str]) -> Judged:
        """Rows of the judged documents; judgements of documents that are not there are counted and left out."""
        if self.document_ids is None:
            return self
        row = indices_of(self.document_ids, np.asarray(ids, dtype=str))
        found = row >= 0
        if not (found & (self.gain > 0)).any():
            raise DataError(f"qrels: none of the judged documents is in the corpus, whose ids look like {ids[0]!r}")
        counts = {**self.counts, "judgements_without_document": int((~found & (self.gain > 0)).sum())}
        return Judged(self.query[found], row[found], self.gain[found], counts=counts)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all pairs and gains."""
        order = np.lexsort((self.document, self.query))
        table = np.stack([self.query[order], self.document[order], (self.gain[order] * 1000).astype(np.int64)])
        return f"{hash_bytes(np.ascontiguousarray(table, dtype=np.int64).tobytes()) & 0xFFFFFFFFFFFFFFFF:016x}"


def read_judgements(source: Any, query_ids: Sequence[str]) -> Judged:
    """Read judgements: columns for the query's and the document's id, and a relevance (1 where there is none).

    Raises DataError where a column is missing or no judgement belongs to a query.
    """
    data = read_source(source)
    names = list(dict.fromkeys(name for part in data.parts for name in part.columns))
    columns = {}
    for what in ("query", "doc"):
        columns[what] = next((name for name in IDS[what] if name in names), None)
        if columns[what] is None:
            raise DataError(f"qrels: no column {IDS[what][0]!r}{nearest(IDS[what][0], names)}")
    gain = next((name for name in GAINS if name in names), None)
    wanted = {f"judged_{k}": v for k, v in columns.items()} | ({"gain": gain} if gain else {})
    table = read_source(data, wanted)
    row = indices_of(np.array([str(v) for v in table.column("judged_query")]), np.asarray(query_ids, dtype=str))
    gains = np.ones(len(table)) if gain is None else table.array("gain").astype(np.float64)
    found = row >= 0
    if not (found & (gains > 0)).any():
        raise DataError(f"qrels: no judgement is about a query, whose ids look like {list(query_ids)[0]!r}")
    ids = np.array([str(v) for v in table.column("judged_doc")])[found]
    right = np.unique(row[found & (gains > 0)])
    counts = {"queries_without_judgement": len(query_ids) - len(right)}
    return Judged(row[found], np.zeros(int(found.sum()), dtype=np.int64), gains[found], ids, counts)


def judged_tables(source: str | Path) -> tuple[Path, Path, Path] | None:
    """Files of queries, corpus and qrels, where `source` (a folder or a catalogue name) has all three."""
    path = Path(source)
    if not path.is_dir():
        if not isinstance(source, str) or source not in catalogue.names():
            return None
        path = catalogue.find(source)
    found = tables(path) if path.is_dir() else {}
    if not all(name in found and len(found[name]) == 1 for name in ("queries", "corpus", "qrels")):
        return None
    return found["queries"][0], found["corpus"][0], found["qrels"][0]


def id_column(source: Any, split: str | None, what: str) -> str | None:
    """The column with the ids of queries or documents, by its usual names."""
    names = {name for part in read_source(source, split=split).parts for name in part.columns}
    return next((name for name in IDS[what] if name in names), None)
