"""Retrieval: a query finds its documents among all; across modalities or within one, one answer or many, graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import ConfigError, nearest
from jointspace.evaluation.judgements import Judged, id_column, judged_tables, read_judgements
from jointspace.evaluation.measuring import measure
from jointspace.evaluation.rank_metrics import rank_measures, values_of
from jointspace.evaluation.roles import Inputs, Role, open_inputs
from jointspace.evaluation.score import Score, Units
from jointspace.evaluation.task import Context, Task
from jointspace.evaluation.vectors import Side, coarsen, encode_role, scorer_of
from jointspace.metrics.ranking import rank
from jointspace.metrics.relevance import pairs_with_equal_keys, spread, unique_pairs

ONE_RIGHT = ("r@1", "r@5", "r@10", "mrr", "ndcg@10", "median_rank")
MANY_RIGHT = ("ndcg@10", "map", "mrr", "p@1", "recall@10", "recall@100")

QUERY = Role("query", "what asks", item=True, aliases=("question",))
DOCUMENT = Role("document", "what is found", item=True, aliases=("answer", "passage", "positive"))
LABEL = Role("label", "items of one label find each other", aliases=("label_name", "class", "category"))


@dataclass
class Retrieval(Task):
    """Every query ranks all documents by similarity.

    Three layouts: query and document in one row (default); `corpus` and `qrels` beside the queries (a folder with the
    tables queries, corpus and qrels is found by itself); `relevant="label"`: one set, items of equal label find each
    other, nobody finds itself.

    direction: both, forward (query finds document), backward, or `text_to_image`; default: both where the modalities
    differ, else forward. twins: documents of equal content count as right (`both`: those of equal queries too).
    choices: all values of a row, or the first. metrics: names such as r@10, recall@10, p@1, mrr, ndcg@10, map,
    median_rank.
    """

    name: ClassVar[str] = "retrieval"
    version: ClassVar[int] = 1
    roles: ClassVar[tuple[Role, ...]] = (QUERY, DOCUMENT)
    sources: ClassVar[tuple[str, ...]] = ("corpus", "qrels", "corpus_columns")

    direction: str | None = None
    twins: bool | str = True
    choices: str = "all"
    metrics: tuple[str, ...] | None = None
    relevant: str = "row"
    corpus: Any = None
    qrels: Any = None
    corpus_columns: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.relevant not in ("row", "label"):
            raise ConfigError(f"retrieval: relevant={self.relevant!r}{nearest(self.relevant, ('row', 'label'))}")
        if self.twins not in (True, False, "both"):
            raise ConfigError(f"retrieval: twins must be true, false or both, got {self.twins!r}")
        if (self.corpus is None) != (self.qrels is None):
            raise ConfigError("retrieval: corpus and qrels belong together")
        self.metrics = None if self.metrics is None else tuple(self.metrics)
        for name in self.metrics or ():
            values_of(name)

    def adopt(self, data: Any, split: str | None, id: str | None) -> tuple[Any, str | None, str | None]:
        """Find the tables queries, corpus, qrels of a folder or catalogue set."""
        if self.corpus is None and self.relevant == "row" and split is None and isinstance(data, str | Path):
            tables = judged_tables(data)
            if tables is not None:
                data, self.corpus, self.qrels = tables
        if self.corpus is not None:
            self.roles = (QUERY,)  # type: ignore[misc]
            id = id or id_column(data, split, "query")
        elif self.relevant == "label":
            self.roles = (QUERY, LABEL)  # type: ignore[misc]
        return data, split, id

    def run(self, space: Any, inputs: Inputs, context: Context) -> list[Score]:
        query = encode_role(space, inputs, "query", context.encoding, space_role="query", choices=self.choices)
        if self.relevant == "label":
            return self._by_label(space, inputs, query, context)
        if self.corpus is not None:
            judged = read_judgements(self.qrels, inputs.data.ids)
            documents = open_inputs(
                self.corpus,
                (DOCUMENT,),
                self.corpus_columns or _same_column(inputs, self.corpus),
                task=self.name,
                on_bad=context.on_bad,
                id=id_column(self.corpus, None, "doc"),
            )
            judged = judged.among(documents.data.ids)
            self.facts |= {"documents": documents.fingerprint, "judgements": judged.fingerprint, **judged.counts}
        else:
            documents = inputs
            rows = np.arange(len(inputs))
            judged = Judged(rows, rows, np.ones(len(rows)))
        encoding = context.encoding
        document = encode_role(space, documents, "document", encoding, space_role="document", choices=self.choices)
        a, b = inputs.modality("query"), documents.modality("document")
        scores: list[Score] = []
        for forward in self._directions(a, b):
            asks, finds, of = (query, document, inputs) if forward else (document, query, documents)
            names = (a, b) if forward else (b, a)
            label = f"{names[0]}_to_{names[1]}" if a != b else ("forward" if forward else "backward")
            pairs = judged if forward else judged.turned()
            scores += self._rank(space, asks, finds, pairs, of, names, label, a != b or not forward, context)
        return scores

    def _directions(self, a: str, b: str) -> list[bool]:
        known = {f"{a}_to_{b}": [True], f"{b}_to_{a}": [False]} if a != b else {}
        known |= {"forward": [True], "backward": [False], "both": [True, False]}
        wanted = self.direction or ("both" if a != b and self.corpus is None else "forward")
        if wanted not in known:
            raise ConfigError(f"retrieval: direction {wanted!r}{nearest(wanted, known)}")
        return known[wanted]

    def _rank(
        self,
        space: Any,
        asks: Side,
        finds: Side,
        judged: Judged,
        of: Inputs,
        modalities: tuple[str, str],
        table: str,
        prefixed: bool,
        context: Context,
    ) -> list[Score]:
        # a judgement of two rows holds for every value of the one and every value of the other
        entry, value = spread(np.arange(len(judged.query)), judged.query, asks.offsets)
        which, item = spread(np.arange(len(entry)), judged.document[entry], finds.offsets)
        query, gain = value[which], judged.gain[entry[which]]
        if self.twins:
            query, item, gain = with_twins(query, item, gain, finds.hash)
        if self.twins == "both":
            query, item, gain = _with_query_twins(query, item, gain, asks.hash)
        x, y = coarsen(context.encoding.precision, asks.vectors, finds.vectors)
        scorer = scorer_of(space, modalities[1], context.encoding.output, "document")
        positions = rank(x, y, query, item, gain, scorer=scorer)  # type: ignore[arg-type]
        ids = np.asarray(of.data.ids)[asks.row]
        if asks.several:
            place = np.arange(len(asks.row)) - asks.offsets[asks.row]
            ids = np.char.add(np.char.add(ids.astype(str), "#"), place.astype(str))
        names = self.metrics or (MANY_RIGHT if self.qrels is not None else ONE_RIGHT)
        measures, columns = rank_measures(positions, names, f"{table}/" if prefixed else "")
        keep = positions.queries
        units = Units(table, ids[keep], columns, asks.row[keep] if asks.several else None)
        self.facts[f"candidates_{table}"] = len(y)
        unit = f"row of {modalities[0]} queries" if asks.several else f"{modalities[0]} query"
        return measure(units, unit, measures, context.resampling)

    def _by_label(self, space: Any, inputs: Inputs, side: Side, context: Context) -> list[Score]:
        label = inputs.plain("label")[side.row]
        query, item = pairs_with_equal_keys(label, label)
        own = pairs_with_equal_keys(side.row, side.row)
        (x,) = coarsen(context.encoding.precision, side.vectors)
        scorer = scorer_of(space, inputs.modality("query"), context.encoding.output)
        positions = rank(x, x, query, item, exclude=own, scorer=scorer)  # type: ignore[arg-type]
        measures, columns = rank_measures(positions, self.metrics or ("p@1", "map", "mrr", "r@5", "ndcg@10"))
        keep = positions.queries
        units = Units("items", np.asarray(inputs.data.ids)[side.row[keep]], columns)
        self.facts |= {"candidates": len(x), "alone_in_their_label": len(x) - len(keep)}
        return measure(units, "item", measures, context.resampling)


def with_twins(
    query: np.ndarray, item: np.ndarray, gain: np.ndarray, content: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs extended to every document whose content equals a right one's."""
    _, content = np.unique(content, return_inverse=True)
    query, key, gain = unique_pairs(query, content[item], gain)
    which, item = pairs_with_equal_keys(key, content)
    return query[which], item, gain[which]


def _with_query_twins(
    query: np.ndarray, item: np.ndarray, gain: np.ndarray, content: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs extended to every query whose content equals the query's."""
    item, query, gain = with_twins(item, query, gain, content)
    return query, item, gain


def _same_column(inputs: Inputs, corpus: Any) -> Mapping[str, Any] | None:
    """The corpus is read from a column named like the queries' own, where it has one."""
    from jointspace.data.sources import read_source

    source = inputs.columns.get("query")
    names = {name for part in read_source(corpus).parts for name in part.columns}
    if source in names:
        return {"document": source}
    if "text" in names:
        return {"document": "text"}
    return None
