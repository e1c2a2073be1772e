"""What the demo trains: from picture weights (locked-image tuning) or from scratch (ALIGN with a small network)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jointspace.data.emoji import ALIASES, HELD_OUT, load_emoji, texts

# English, the eight reported languages and relatives of the nine that are never read; every script is among them
LANGUAGES = (
    "en de fr es ru ar hi zh ja sv is fo it pt gl sk sl pl hr uk mk sr be fa ps ne bn gu kok id jv fil nl af tr ko "
    "zh_Hant th vi el he sw fi hu ta"
).split()
TEXT = dict(name="ngrams", width=128, buckets=131072, n_min=2, n_max=4, dropout=0.5, sparse=True)
TRAINING = dict(
    optim="rowwise_adam", learning_rate=0.002, weight_decay=0.01, warmup_ratio=0.05, lr_scheduler_type="cosine",
    max_grad_norm=None, save_steps=0, logging_steps=10,
    parameter_groups=[{"params": "text_encoder.table", "lr_factor": 10.0, "weight_decay": 0.0}],
)  # fmt: skip


def training_data() -> Any:
    """Training pictures with their names (`text`) and keywords (`text_2`) in LANGUAGES, one of each drawn at a time."""
    from jointspace.data.dataset import load_data

    forbidden = {*HELD_OUT, *(ALIASES.get(code, code) for code in HELD_OUT)}
    assert not forbidden & set(LANGUAGES), "a held-out language is among the languages trained on"
    pictures = load_emoji("train", ["en"], ("name",))
    names, keywords = ([texts(code, [what]) for code in LANGUAGES] for what in ("name", "keywords"))
    rows: dict[str, list[Any]] = {"id": pictures.ids, "image": pictures.column("image"), "text": [], "text_2": []}
    for key in map(int, pictures.ids):
        own = list(dict.fromkeys(t for table in names for t in table.get(key, ())))
        more = list(dict.fromkeys(t for table in keywords for t in table.get(key, ())))
        rows["text"].append(own)
        rows["text_2"].append(more or own)
    return load_data(rows)


def all_pictures() -> Any:
    """The 1,870 pictures of all splits with `emoji`, `name`, `group` and `split`."""
    from jointspace.data.dataset import load_data

    rows: dict[str, list[Any]] = {name: [] for name in ("id", "image", "emoji", "name", "group", "split")}
    for split in ("train", "validation", "test"):
        data = load_data("emoji", split=split, columns={"image": "image", "emoji": "emoji", "name": "name",
                                                        "group": "label_name"}, id="id")  # fmt: skip
        rows["id"] += data.ids
        for name in ("image", "emoji", "name", "group"):
            rows[name] += data.column(name)
        rows["split"] += [split] * len(data)
    return load_data(rows)


def from_weights(pictures: Any, steps: int | None, seed: int, out: Path, say: Any) -> Any:
    """EfficientNet-Lite0 as it is; its features of all pictures are computed once. Returns (result, features)."""
    import numpy as np
    import torch

    import jointspace as js
    from jointspace.data.cache import cache

    torch.manual_seed(seed)
    config = js.methods.LockedImage.Config(
        image=dict(name="efficientnet-lite0", pretrained=True, size=160), text=TEXT, text_pooling="pooled"
    )
    method = js.methods.LockedImage(config)
    say(f"Looking at {len(pictures):,} pictures with the frozen network ...")
    column = {"image_features": (method.features(), "image", "features")}
    features = np.stack(cache(pictures, column, folder=out / "features", batch_size=128).column("image_features"))
    data = cache(training_data(), column, folder=out / "features")
    training = js.TrainingConfig(**TRAINING, steps=steps or 800, batch_size=512, seed=seed)
    return js.fit(method, data, training), features


def from_scratch(pictures: Any, steps: int | None, seed: int) -> Any:
    """A small convolutional network and the text tower, both from random weights. Returns (result, features)."""
    import torch

    import jointspace as js

    torch.manual_seed(seed)
    image = dict(name="cnn", size=48, widths=[24, 48, 96, 192], depth=2, norm="batch", dropout=0.3)
    config = js.methods.ALIGN.Config(
        image=image,
        text=TEXT,
        text_pooling="pooled",
        dim=256,
        temperature=0.07,
        learn_temperature="log",
        label_smoothing=0,
    )
    moves = {"name": "affine", "degrees": 12, "scale": [0.85, 1.2], "translate": [0.1, 0.1]}
    colours = {"name": "colour_jitter", "brightness": 0.2, "contrast": 0.3, "saturation": 0.4}
    augment = {"image": [moves, {"name": "flip"}, colours]}
    training = js.TrainingConfig(**TRAINING, steps=steps or 200, batch_size=512, seed=seed, augment=augment)
    result = js.fit(js.methods.ALIGN(config), training_data(), training)
    features = result.space.encode(pictures.column("image"), modality="image", output="features", batch_size=256)
    return result, features
