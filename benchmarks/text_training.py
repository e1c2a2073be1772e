"""Training steps of GISTEmbed and 2D Matryoshka against sentence-transformers: same model, batch and threads.

Each contender trains in a process of its own: a BERT of 4 layers, 128 wide, from one folder of weights; 32 pairs of 24
tokens a step; the guide is the same architecture. `gist` computes the guide's vectors once a text beforehand (its time
is told apart), sentence-transformers computes them in every step. CPU seconds, so that other programs count little.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import table

ROWS, BATCH, STEPS, WARM = 256, 32, 12, 3
CONTENDERS = ("gist", "gist, sentence-transformers", "2d-matryoshka", "2d-matryoshka, sentence-transformers")


def texts() -> tuple[list[str], list[str]]:
    words = [f"w{i}" for i in range(200)]
    line = [" ".join(words[(i * 7 + k * k) % 200] for k in range(20)) for i in range(ROWS)]
    return line, [" ".join(reversed(text.split())) for text in line]


def prepare(folder: Path) -> None:
    """The model and the guide, as folders that both libraries open."""
    import torch

    from jointspace.encoders.config import EncoderConfig
    from jointspace.space import Space, Tower

    for seed, name in enumerate(("model", "guide")):
        torch.manual_seed(seed)
        options = dict(layers=4, width=128, heads=4, vocab_size=2000, max_length=24, dropout=0.0)
        encoder = EncoderConfig(name="transformer", **options).build("text")
        encoder.prepare(sum(texts(), []))
        Space(text=Tower(encoder, pooling="mean"), normalize=False).save_pretrained(folder / name)


def ours(name: str, folder: Path) -> Any:
    """A function that takes one step."""
    import torch

    import jointspace as js
    from jointspace.data.batch import take
    from jointspace.data.collate import Collator

    anchors, positives = texts()
    data = js.load_data({"text": anchors, "text_positive": positives})
    space = js.Space.from_pretrained(folder / "model", device="cpu")
    if name.startswith("gist"):
        from jointspace.methods.text.gist_embed import with_guide

        data = with_guide(data, js.Space.from_pretrained(folder / "guide", device="cpu"), folder / "cache")
        method: Any = js.methods.GISTEmbed(js.methods.GISTEmbed.Config(), space.tower("text"))
    else:
        config = js.methods.Matryoshka2D.Config(pooling="mean", variant="adaptive_layer")
        method = js.methods.Matryoshka2D(config, space.tower("text").encoder)
    method.train()
    fields = [*method.fields, *(f for f in method.optional_fields if f in data.fields)]
    collate = Collator(data, method.processors(), fields, seed=0)
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-4)

    def step(number: int) -> None:
        rows = (torch.arange(BATCH) + number * BATCH).numpy() % ROWS
        method.before_step(None)
        optimiser.zero_grad()
        sum(method.losses(take(collate(rows), slice(None))).values()).backward()
        optimiser.step()

    return step


def theirs(name: str, folder: Path) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import losses

    model = SentenceTransformer(str(folder / "model"), device="cpu").train()
    if name.startswith("gist"):
        guide = SentenceTransformer(str(folder / "guide"), device="cpu")
        loss: Any = losses.GISTEmbedLoss(model, guide)
    else:
        base = losses.MultipleNegativesRankingLoss(model)
        loss = losses.Matryoshka2dLoss(model, base, [8, 16, 32, 64, 128])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
    sides = texts()

    def step(number: int) -> None:
        rows = [(i + number * BATCH) % ROWS for i in range(BATCH)]
        features = [model.preprocess([side[i] for i in rows]) for side in sides]
        optimiser.zero_grad()
        loss(features, torch.zeros(BATCH)).backward()
        optimiser.step()

    return step


def measure(name: str, folder: Path) -> dict[str, float]:
    """Steps a CPU second, megabytes that the steps add to the process, CPU seconds before the first step."""
    import torch

    torch.set_num_threads(1)
    begin = time.process_time()
    step = (theirs if "sentence-transformers" in name else ours)(name, folder)
    before = time.process_time() - begin
    for number in range(WARM):
        step(number)
    start = time.process_time()
    for number in range(WARM, WARM + STEPS):
        step(number)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"steps_a_second": STEPS / seconds, "peak_megabytes": peak, "seconds_before": before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="also write the table into README.md")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "FOLDER"), help="measure one contender in this process")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], Path(args.one[1]))))
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as parent:
        prepare(Path(parent))
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, parent]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name] = json.loads(done.stdout.strip().splitlines()[-1])
    rows = []
    for name in CONTENDERS[::2]:
        mine, peer = found[name], found[f"{name}, sentence-transformers"]
        for what in ("steps_a_second", "peak_megabytes"):
            ratio = mine[what] / peer[what]
            label = f"{name}: {what.replace('_', ' ').replace('a second', 'a CPU second')}"
            rows.append((label, f"{mine[what]:.1f}", f"{peer[what]:.1f}", f"{ratio:.2f}"))
    if args.write:
        about = (
            "Training steps against sentence-transformers: same model, batch (32 pairs) and threads; a process each."
        )
        table.write("text_training", about, ["what", "ours", "sentence-transformers", "ratio"], rows, 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
