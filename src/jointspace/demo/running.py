"""The demo from end to end: train, judge, index, search, report."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from jointspace.data.emoji import HELD_OUT, TRAINED, languages
from jointspace.demo.report import thumbnail, write_report
from jointspace.demo.scoring import GROUPS, Gallery, judge_texts, nearest_name_baseline, over
from jointspace.demo.training import all_pictures, from_weights, training_data
from jointspace.demo.training import from_scratch as train_from_scratch

# (text, language, what it means in English)
QUERIES = (
    ("a red heart", "en", ""),
    ("animal that lives in the sea", "en", ""),
    ("rote Blume", "de", "red flower"),
    ("drapeau", "fr", "flag"),
    ("кот", "ru", "cat"),
    ("سيارة", "ar", "car"),
    ("飲み物", "ja", "drink"),
    ("音乐", "zh", "music"),
    ("fisk", "da", "fish"),
    ("vlak", "cs", "train"),
    ("lluna", "ca", "moon"),
    ("матэматыка", "be", "mathematics"),
    ("دل", "ur", "heart"),
    ("casă", "ro", "house"),
)


def run(
    out: Path, *, from_scratch: bool = False, steps: int | None = None, seed: int = 0, stream: Any = None
) -> dict[str, Any]:
    """Train, judge, index and report into the folder `out`; prints to `stream` (stdout). Returns the numbers.

    Raises MissingDependency (extra `weights`) unless `from_scratch`; ConfigError where `out` holds something else.
    """
    from rich.console import Console

    from jointspace.errors import ConfigError

    console, began = Console(stderr=True, highlight=False), time.perf_counter()
    if out.exists() and any(out.iterdir()) and not (out / "report.html").is_file():
        raise ConfigError(f"--out {out}: holds other files; choose a new folder")
    out.mkdir(parents=True, exist_ok=True)
    pictures = all_pictures()
    if from_scratch:
        result, features = train_from_scratch(pictures, steps, seed)
    else:
        result, features = from_weights(pictures, steps, seed, out, console.print)
    trained = time.perf_counter() - began
    space, start = result.space, "random weights" if from_scratch else "EfficientNet-Lite0 (ImageNet)"
    vectors = projected(space, features)
    console.print("Judging it on pictures it has never seen, in languages it has never read ...")
    scores, details = judge(space, pictures, features, vectors, start)
    space.metadata["training"] = {"start": start, "steps": result.steps, "seconds": round(trained), "data": "emoji"}
    space.metadata["scores"] = [
        {"name": f"R@10 text to image, {r['queries']}", "value": r["R@10"], "interval": r["_interval"], "n": r["names"],
         "unit": "names", "chance": r["chance"]}
        for r in scores if r["_ours"]
    ]  # fmt: skip
    space.save_pretrained(out / "space")
    index = store(space, pictures, vectors, out / "store")
    queries = [ask(index, *query) for query in QUERIES]
    show(scores, queries, stream)
    commands = [
        (
            "Search it with words of your own, in any language:",
            f'jointspace search {out}/store --text "blue bird" -k 5',
        ),
        (
            "Judge it on another split, with intervals and protocol:",
            f"jointspace evaluate {out}/space emoji --split validation --task retrieval "
            "--columns query=name,document=image",
        ),
        (
            "Train on your own pictures and texts:",
            "jointspace init YOUR_FOLDER_OR_FILE && jointspace train recipe.yaml",
        ),
    ]
    report(out / "report.html", result, scores, details, queries, pictures, vectors, start, trained, commands)
    seconds = time.perf_counter() - began
    print(f"\nReport: {out}/report.html   ({seconds:.0f} s in all, {trained:.0f} s of them training)\n", file=stream)
    for what, command in commands:
        print(f"{what}\n  {command}", file=stream)
    shutil.rmtree(out / "features", ignore_errors=True)
    plain = [{k: v for k, v in row.items() if not k.startswith("_")} for row in scores]
    return {"out": str(out), "seconds": round(seconds), "training_seconds": round(trained), "scores": plain}


def projected(space: Any, features: np.ndarray) -> np.ndarray:
    """Picture vectors (N, D) from features computed before: what `encode` would give, without looking again."""
    import torch

    with torch.inference_mode():
        vectors = space.tower("image").projection(torch.from_numpy(features)).numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def judge(
    space: Any, pictures: Any, features: np.ndarray, vectors: np.ndarray, start: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the table (three groups of languages; ours, and no learning) and one row a language."""
    gallery = Gallery("test")
    asked = ["en", *TRAINED, *HELD_OUT]
    split = np.array(pictures.column("split"))
    place = {name: i for i, name in enumerate(pictures.ids)}
    here = np.array([place[name] for name in gallery.data.ids])
    found = {"ours": judge_texts(lambda texts: space.encode(texts, batch_size=512), vectors[here], gallery, asked)}
    centred = features - features[split == "train"].mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    data = training_data()
    own = np.array([place[name] for name in data.ids])
    found["spelling"] = nearest_name_baseline(data, gallery, unit[own], unit[here], asked)
    rows = []
    for group, codes in GROUPS.items():
        for who, label in (("ours", f"this Space, from {start}"), ("spelling", "nearest training name by spelling")):
            value, interval = over(found[who], codes)
            rows.append(
                {
                    "queries": group,
                    "what": label,
                    "R@10": value,
                    "95 % interval": f"{interval.low:.3f} to {interval.high:.3f}",
                    "chance": gallery.chance(found[who][codes[0]].picture),
                    "names": sum(len(found[who][c].recall) for c in codes),
                    "_interval": [interval.low, interval.high],
                    "_ours": who == "ours",
                }
            )
    known = languages()
    details = [
        {
            "language": known.get(code, {"nb": "Norwegian Bokmål"}.get(code, code)),
            "trained on": "no" if code in HELD_OUT else "yes",
            "R@10": float(found["ours"][code].recall.mean()),
            "mean reciprocal rank": float(found["ours"][code].reciprocal.mean()),
            "by spelling R@10": float(found["spelling"][code].recall.mean()),
            "names": len(found["ours"][code].recall),
        }
        for code in asked
    ]
    return rows, details


def store(space: Any, pictures: Any, vectors: np.ndarray, path: Path) -> Any:
    """Index all pictures of all splits."""
    from jointspace.search import Index

    payload = {name: pictures.column(name) for name in ("emoji", "name", "group", "split")}
    return Index.create(path, space, (), payload, ids=pictures.ids, vectors=vectors, modality="image", overwrite=True)


def ask(index: Any, text: str, language: str, meaning: str) -> dict[str, Any]:
    """One query of the demo with the eight pictures found."""
    hits = index.search(text, k=8)
    return {
        "text": text,
        "language": languages().get(language, language),
        "meaning": meaning,
        "held_out": language in HELD_OUT,
        "hits": hits,
    }


def show(scores: list[dict[str, Any]], queries: list[dict[str, Any]], stream: Any = None) -> None:
    """The table and the answers in the terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=stream, highlight=False, width=None if Console(file=stream).is_terminal else 120)
    table = Table(title="Text to picture, 181 pictures never seen", title_justify="left", box=None, header_style="bold")
    for name in ("queries", "what", "R@10", "95 % interval", "chance"):
        table.add_column(name, justify="right" if name in ("R@10", "chance") else "left", no_wrap=name != "what")
    for row in scores:
        cells = [row["queries"] if row["_ours"] else "", row["what"], f"{row['R@10']:.3f}", row["95 % interval"]]
        table.add_row(*cells, f"{row['chance']:.3f}", style="" if row["_ours"] else "dim")
    console.print()
    console.print(table)
    console.print("\nNearest of all 1,870 pictures:")
    for query in queries:
        note = f"{query['language']}{', never trained on' if query['held_out'] else ''}"
        meaning = f" = {query['meaning']}" if query["meaning"] else ""
        found = "  ".join(hit.payload["emoji"] for hit in query["hits"])
        console.print(f"  {query['text']}{meaning} ({note})\n      {found}   {query['hits'][0].payload['name']}")


def report(
    path: Path,
    result: Any,
    scores: list[dict[str, Any]],
    details: list[dict[str, Any]],
    queries: list[dict[str, Any]],
    pictures: Any,
    vectors: np.ndarray,
    start: str,
    trained: float,
    commands: list[tuple[str, str]],
) -> None:
    """demo/report.html."""
    import io

    from sklearn.manifold import TSNE

    from jointspace.data.decode import decode_image

    opened = [decode_image(p) for p in pictures.column("image")]
    place = {name: i for i, name in enumerate(pictures.ids)}
    split = pictures.column("split")

    def png(i: int) -> bytes:
        buffer = io.BytesIO()
        opened[i].convert("P").save(buffer, format="PNG")
        return buffer.getvalue()

    shown = [
        {**q, "hits": [
            {"picture": png(place[h.id]), "name": h.payload["name"], "right": h.payload["split"] == "test"}
            for h in q["hits"]
        ]}
        for q in queries
    ]  # fmt: skip
    points = TSNE(init="pca", perplexity=25, metric="cosine", max_iter=500, random_state=0).fit_transform(vectors)
    plain = [{k: v for k, v in row.items() if not k.startswith("_")} for row in scores]
    best = scores[0]
    write_report(
        path,
        {
            "title": "A text and picture space, trained on emoji",
            "summary": [
                f"Started from {start}, trained for {result.steps} steps in {trained:.0f} seconds on "
                f"{split.count('train'):,} pictures and their names and keywords in 45 languages.",
                f"An English name finds its picture among the first ten of 181 unseen ones with probability "
                f"{best['R@10']:.2f}; chance would be {best['chance']:.3f}.",
            ],
            "history": [row for row in result.history if "loss" in row],
            "scores": plain,
            "details": details,
            "queries": shown,
            "points": points,
            "thumbnails": [thumbnail(p, 28) for p in opened],
            "names": pictures.column("name"),
            "groups": pictures.column("group"),
            "held": [s == "test" for s in split],
            "commands": commands,
        },
    )
