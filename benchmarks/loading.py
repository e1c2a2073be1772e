"""How many pictures a second are augmented, and how long it takes to plan the batches of an epoch.

    python benchmarks/loading.py [--batch 128] [--sizes 32 64 128 224] [--rows 1000000] [--write]

CPU seconds of one thread. Augmentation: our batched steps against a loop of Pillow operations over the same pictures
(crop and resize, flip, brightness, contrast, saturation). Sampling: seconds to plan an epoch. Prints JSON; --write puts
the table into README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import table
import torch
from PIL import Image, ImageEnhance, ImageOps

from jointspace.data import draws
from jointspace.data.augment import build_augmentation
from jointspace.data.dataset import load_data
from jointspace.data.samplers import build_sampler


def seconds(call: Callable[[], object], least: float = 0.5) -> float:
    """CPU seconds a call (one thread), the best of repeats that take `least` seconds in all."""
    best, total = float("inf"), 0.0
    while total < least:
        began = time.process_time()
        call()
        took = time.process_time() - began
        best, total = min(best, took), total + took
    return best


def recipes(size: int) -> dict[str, list[dict[str, object]]]:
    """Augmentations of (size + 1/8) pictures to `size`, from light to heavy."""
    crop = {"name": "random_crop", "size": size}
    resized = {"name": "random_resized_crop", "size": size, "scale": [0.3, 1.0]}
    jitter = {"name": "colour_jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4}
    full = [resized, {"name": "flip"}, {**jitter, "hue": 0.1, "p": 0.8}, {"name": "grayscale"}, {"name": "blur"}]
    return {"crop, flip": [crop, {"name": "flip"}], "resized crop, flip, jitter": [resized, {"name": "flip"}, jitter],
            "SimCLR": full}  # fmt: skip


def pillow(pictures: list[Image.Image], size: int, heavy: bool, seed: int = 0) -> torch.Tensor:
    """The first two recipes by Pillow, one picture after the other."""
    rng = np.random.default_rng(seed)
    out = []
    for picture in pictures:
        side = int(rng.uniform(0.3**0.5, 1) * picture.width) if heavy else size
        left, top = rng.integers(0, picture.width - side + 1, 2)
        box = (left, top, left + side, top + side)
        view = picture.resize((size, size), Image.BILINEAR, box=box) if heavy else picture.crop(box)
        if rng.random() < 0.5:
            view = ImageOps.mirror(view)
        if heavy:
            for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
                view = kind(view).enhance(rng.uniform(0.6, 1.4))
        out.append(np.asarray(view))
    return torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).float()


def augmentation(size: int, batch: int) -> dict[str, dict[str, float]]:
    """Pictures a second of each recipe, ours and Pillow's."""
    wide = size + size // 8
    x = torch.randint(0, 256, (batch, 3, wide, wide), dtype=torch.uint8)
    pictures = [Image.fromarray(p.permute(1, 2, 0).numpy()) for p in x]
    found = {}
    for name, steps in recipes(size).items():
        augment = build_augmentation(steps)
        assert augment is not None
        keys = draws.key(0, np.arange(batch))
        ours = batch / seconds(lambda a=augment, k=keys: a(x, k))
        found[name] = {"ours": round(ours)}
        if name != "SimCLR":
            theirs = batch / seconds(lambda h="jitter" in name: pillow(pictures, size, h))
            found[name] |= {"pillow": round(theirs), "ratio": round(ours / theirs, 2)}
    return found


def planning(rows: int, batch: int) -> dict[str, float]:
    """Seconds to plan one epoch of each kind of batch."""
    rng = np.random.default_rng(0)
    columns = {
        "text": [f"t{t}" for t in rng.integers(0, rows // 2, rows)],
        "label": rng.integers(0, 1000, rows).tolist(),
    }
    data = load_data(columns)
    specs = {"random": "random", "unique text": {"name": "unique", "fields": ["text"]},
             "unique text and label": {"name": "unique", "fields": ["text", "label"]},
             "2 rows a label": {"name": "by_label", "k": 2}}  # fmt: skip
    found = {}
    for name, spec in specs.items():
        sampler = build_sampler(spec, data, batch, seed=0)
        began = time.process_time()
        sampler.plan(0)
        found[name] = round(time.process_time() - began, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128, 224])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="also write the table into README.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = {f"pictures a second, {size} px": augmentation(size, options.batch) for size in options.sizes}
    plans = {f"seconds to plan an epoch of {options.rows:,} rows": planning(options.rows, options.batch)}
    if options.write:
        into_readme(result, plans)
    print(json.dumps(result | plans, indent=2))


def into_readme(pictures: dict[str, dict[str, dict[str, float]]], plans: dict[str, dict[str, float]]) -> None:
    """Pictures a second by size and steps, then seconds a plan."""
    rows: list[tuple[object, ...]] = []
    for size, recipes_of in pictures.items():
        for name, value in recipes_of.items():
            rows.append((f"{size}: {name}", f"{value['ours']:,}", *(value.get(k, "") for k in ("pillow", "ratio"))))
    for what, kinds in plans.items():
        rows += [(f"{what}: {kind}", seconds, "", "") for kind, seconds in kinds.items()]
    about = (
        "Augmentation of a batch of pictures against a loop of Pillow operations, and plans of whole epochs, by CPU "
        "seconds of one thread."
    )
    table.write("loading", about, ["what", "ours", "Pillow", "ratio"], rows, 1)


if __name__ == "__main__":
    main()
