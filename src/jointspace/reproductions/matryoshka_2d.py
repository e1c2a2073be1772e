"""2D Matryoshka at desk scale: inner layers of one small BERT serve as encoders of their own.

Backbone: 6 random layers, 64 wide, on MiniLM's words. Trained on triplets of snli-small and of the world (a caption,
the same in other words, the same with one thing changed); judged on sts-benchmark, sick and pairs of scenes with a
known similarity (mean of the three Spearman correlations), and on finding paraphrases, over layers x dimensions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from jointspace.reproductions.claims import Claim
from jointspace.reproductions.harness import Context, Reproduction, Role

ARMS = {
    "full only": "the loss of the last layer and all dimensions",
    "MRL": "the same, and one sampled width (1D Matryoshka)",
    "2DMSE": "a sampled layer, a sampled width, both at once, and the KL to the last layer",
    "2DMSE without KL": "the same without the KL",
    "own 3 layers": "a separate model of 3 layers, all dimensions",
}
LAYERS, WIDTH, DIMS = 6, 64, (8, 16, 32, 64)


# Data -----------------------------------------------------------------------------------------------------------------


def plain(name: str) -> Callable[..., Any]:
    def make(context: Context, *, split: str) -> Any:
        from jointspace.data.dataset import load_data

        return load_data(name, split=split)

    return make


def scenes(context: Context, *, size: int, first: int) -> Any:
    """Of each scene: two captions that say the same, one false caption, and a pair with its similarity (0 to 5)."""
    from jointspace import world
    from jointspace.data.dataset import load_data

    made = world.make("scenes", n=size, seed=first + context.seed)
    same, wrong, pairs = (made.column(name) for name in ("paraphrases", "distractors", "pairs"))
    return load_data(
        {
            "text": [row[0] for row in same],
            "text_positive": [row[1] for row in same],
            "text_negative": [(row[0]["text"] if row else other[0]) for row, other in zip(wrong, same[1:] + same[:1])],
            "sentence1": [row[0]["premise"] for row in pairs],
            "sentence2": [row[0]["hypothesis"] for row in pairs],
            "score": [float(row[0]["similarity"]) for row in pairs],
        }
    )


def triplets(context: Context) -> Any:
    """Premise, entailed and contradicting hypothesis; caption, paraphrase and a false one. Half of the rows each."""
    from jointspace.data.dataset import load_data

    if "rows" in context.shared:
        return context.shared["rows"]
    data = context.data("triplets", split="train")
    told: dict[str, dict[str, str]] = {}
    for premise, other, name in zip(*(data.column(c) for c in ("premise", "hypothesis", "label_name")), strict=True):
        told.setdefault(premise, {}).setdefault(name, other)
    whole = [
        (p, h["entailment"], h["contradiction"]) for p, h in told.items() if {"entailment", "contradiction"} <= h.keys()
    ]
    order = np.random.default_rng(context.seed).permutation(len(whole))[: context.settings["rows"]]
    sides = ("text", "text_positive", "text_negative")
    first = load_data({side: [whole[i][k] for i in order] for k, side in enumerate(sides)})
    made = context.data("scenes", size=context.settings["rows"], first=20_000)
    second = load_data({side: made.column(side) for side in sides})
    context.shared["rows"] = first.concat(second)
    return context.shared["rows"]


def tests(context: Context, part: str = "test") -> dict[str, Any]:
    """(left, right, gold) of the three similarity sets, and paraphrases to be found."""
    key = f"tests {part}"
    if key not in context.shared:
        found: dict[str, Any] = {}
        for name in ("sts-benchmark", "sick"):
            data = context.data(name, split=part)
            data = data.select(np.random.default_rng(context.seed).permutation(len(data))[: context.settings["pairs"]])
            found[name] = tuple(data.column(c) for c in ("sentence1", "sentence2", "score"))
        made = context.data(
            "scenes", size=context.settings["scenes"], first={"test": 60_000, "validation": 40_000}[part]
        )
        found["scenes"] = tuple(made.column(c) for c in ("sentence1", "sentence2", "score"))
        found["paraphrases"] = (made.column("text"), made.column("text_positive"), None)
        context.shared[key] = found
    return context.shared[key]


# Training and scores --------------------------------------------------------------------------------------------------


def train(arm: str, context: Context) -> Any:
    import jointspace as js
    from jointspace.reproductions.fixtures.tiny_bert import tiny_bert

    torch.manual_seed(context.seed)
    variant = {"full only": "full", "MRL": "mrl", "own 3 layers": "full"}.get(arm, "2dmse")
    layers = LAYERS // 2 if arm == "own 3 layers" else LAYERS
    config = js.methods.Matryoshka2D.Config(pooling="mean", variant=variant, kl="without" not in arm)
    learner = js.methods.Matryoshka2D(config, tiny_bert(layers, WIDTH, max_length=20))
    s = context.settings
    training = js.TrainingConfig(
        steps=s["steps"], batch_size=s["batch_size"], learning_rate=s["learning_rate"], warmup_ratio=0.1,
        seed=context.seed, save_steps=0, logging_steps=1000,
    )  # fmt: skip
    return js.fit(learner, triplets(context), training, progress=False).space.eval()


@torch.no_grad()
def inner(space: Any, texts: list[str]) -> list[np.ndarray]:
    """X_n (T, D) of every layer n = 1..N from one pass; `truncate` gives the same (tests)."""
    from jointspace.encoders.base import Encoding
    from jointspace.nn.pooling import pool

    tower = space.tower("text")
    parts: list[list[np.ndarray]] = []
    for start in range(0, len(texts), 256):
        made = tower.encoder.processor(texts[start : start + 256])
        said = tower.encoder(made[""], made["mask"], layers=True)
        parts.append([pool(Encoding(tokens=x, mask=made["mask"]), tower.pooling).numpy() for x in said.layers[1:]])
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)]


def unit(x: np.ndarray, dim: int) -> np.ndarray:
    return x[:, :dim] / np.maximum(np.linalg.norm(x[:, :dim], axis=1, keepdims=True), 1e-12)


def grid(space: Any, context: Context, part: str = "test") -> dict[str, np.ndarray]:
    """Score of each set over layers x dimensions: (N, len(DIMS))."""
    from scipy.stats import spearmanr

    found = {}
    for name, (left, right, gold) in tests(context, part).items():
        table = []
        for x, y in zip(inner(space, left), inner(space, right), strict=True):
            cut = [(unit(x, d), unit(y, d)) for d in DIMS]
            if gold is None:  # mean reciprocal rank of the paraphrase among those of all scenes
                ranks = [1 + (a @ b.T > (a * b).sum(1, keepdims=True) + 1e-7).sum(1) for a, b in cut]
                table.append([float((1 / r).mean()) for r in ranks])
            else:
                table.append([float(spearmanr((a * b).sum(1), gold).statistic) for a, b in cut])
        found[name] = np.array(table)
    return found


def speed(space: Any, context: Context) -> float:
    """Time to encode with half the layers over that with all, the least of some rounds each."""
    texts = tests(context)["sts-benchmark"][0][:256]
    short, took = space.truncate(layers=LAYERS // 2), {}
    for name, this in (("all", space), ("half", short)):
        made = this.tower("text").encoder.processor(texts)
        rounds = []
        for _ in range(context.settings["rounds"]):
            begin = time.process_time()
            with torch.no_grad():
                this.tower("text")(made[""], made["mask"])
            rounds.append(time.process_time() - begin)
        took[name] = min(rounds)
    return took["half"] / took["all"]


def run(arm: str, context: Context) -> Mapping[str, float]:
    space = train(arm, context)
    tables = grid(space, context)
    similarity = np.mean([tables[name] for name in ("sts-benchmark", "sick", "scenes")], axis=0)  # (N, dims)
    out: dict[str, float] = {}
    if arm != "own 3 layers":
        out = {"layers 1-5": float(similarity[:-1, -1].mean()), "layer 6, d 8": float(similarity[-1, 0])}
        out["paraphrases, layers 1-5"] = float(tables["paraphrases"][:-1, -1].mean())
    out |= {f"layer {n}": float(row[-1]) for n, row in enumerate(similarity, start=1)}
    out |= {
        f"layer {n}, d {d}": float(similarity[n - 1, k])
        for n in (1, 3)
        for k, d in enumerate(DIMS[:-1])
        if n <= len(similarity)
    }
    if arm == "2DMSE":
        out["time of 3 layers"] = speed(space, context)
    return out


TWO, INNER = "2DMSE", "layers 1-5"
REPRODUCTION = Reproduction(
    slug="2d-matryoshka",
    run=run,
    arms=ARMS,
    claims=(
        Claim("inner layers beat those of MRL", TWO, "MRL", INNER, by=0.04),
        *(Claim(f"layer {n} beats that of MRL", TWO, "MRL", f"layer {n}", by=1e-6) for n in (1, 2, 3)),
        Claim("little is lost at the full model", TWO, "full only", "layer 6", by=-0.03),
        Claim("8 dimensions of the last layer", TWO, "full only", "layer 6, d 8", by=0.01),
        Claim("half the layers take at most .65 of the time", TWO, 0.65, "time of 3 layers", lower=True),
        Claim("inner layers find paraphrases, too", TWO, "MRL", "paraphrases, layers 1-5"),
        Claim("the KL helps inner layers", TWO, "2DMSE without KL", INNER, optional=True),
        Claim("layer 3 against a separate model of 3 layers", TWO, "own 3 layers", "layer 3", optional=True),
    ),
    roles={
        "triplets": Role(
            ("premise", "hypothesis", "label_name"), "snli-small", "premises, entailed or not", plain("snli-small")
        ),
        "scenes": Role(
            ("text", "text_positive", "text_negative", "sentence1", "sentence2", "score"), "world/scenes",
            "captions in other words, false captions, pairs with similarity", scenes,
        ),
        "sts-benchmark": Role(
            ("sentence1", "sentence2", "score"), "sts-benchmark", "pairs with scores", plain("sts-benchmark")
        ),
        "sick": Role(("sentence1", "sentence2", "score"), "sick", "pairs with scores", plain("sick")),
    },
    settings={
        "desk": dict(steps=100, batch_size=48, learning_rate=1e-3, rows=1500, pairs=700, scenes=250, rounds=7),
        "tiny": dict(steps=2, batch_size=8, learning_rate=1e-3, rows=40, pairs=20, scenes=10, rounds=2),
    },
    choices={
        "backbone": "6 random layers of 64 on MiniLM's token embeddings, no masked-LM warm-up (paper: BERT-base)",
        "base loss": "InfoNCE, temperature 0.05, hard negatives (paper: AnglE's)",
        "pooling": "mean (paper's NLI recipe: CLS)",
        "score": "mean Spearman of sts-benchmark, sick and scenes of the world",
        "steps": "100 of 48 rows (sheet: 200 of 64): what two shared cores allow",
    },
)  # fmt: skip
