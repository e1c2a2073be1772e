"""Unified Embedding: one shared table with several lookups a column equals separate tables of more than twice its size.

MovieLens-100K as in the official notebook (rating >= 3, MLP [128, 64], width 16, 5 epochs), with a fair baseline; a
Pareto table of four hashing methods, separate and multiplexed; logistic data for the orthogonality that makes sharing
harmless; values never seen in training; click logs of the world and a sample of Criteo beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jointspace.errors import DataError
from jointspace.reproductions.claims import Claim
from jointspace.reproductions.harness import Context, Reproduction, Role

LABELS = ("label", "click", "Label", "rating")  # column names that a label is taken from; ratings of 3 and more are 1
TIMES = (
    "time",
    "timestamp",
    "hour",
    "probability",
    "id",
    "part",
)  # columns that say when a row was, or how it came about
METHODS, BUDGETS, FORMS = ("hash", "qr", "hashed_net", "robe"), ("1/8", "1/4", "1/2"), ("separate", "multiplexed")
TINY = 21  # columns of at most so many values have private tables in both forms of the Pareto table

ARMS = {
    "collisionless": "a row for every value",
    "separate hash": "1,440 rows in all, in proportion to the columns' values; tiny columns collisionless",
    "unified, 1 lookup": "1 table x 1,440 rows x 16",
    "unified, 2 lookups": "2 tables x 1,440 rows x 8",
    "unified, 2 lookups, tiny columns private": "the same size; columns of at most 21 values in their own tables",
    "collisionless, time split": "the last fifth in time is the test",
    "unified, 2 lookups, time split": "the same",
    "collisionless, width 2": "vectors too short for six orthogonal directions",
    "unified, width 2": "1 lookup, 1,440 rows: collisions between columns cannot be told apart",
    "unseen zips, collisionless": "10 % of the zip codes kept out of training; AUC on their rows",
    "unseen zips, unified": "the same with 2 x 1,440 x 8: unseen values hash into rows of others",
    **{f"{m} {b}, {form}": f"{b} of the full floats" for b in BUDGETS for m in METHODS for form in FORMS},
    **{f"Pareto {b}": "multiplexed less separate, of the same seed" for b in BUDGETS},
    "logistic, width 8, multiplexed": "two columns of 2,000 values, 256 shared rows, one linear layer",
    "logistic, width 8, separate": "128 rows a column",
    "logistic, width 32, multiplexed": "256 shared rows",
    "logistic, width 32, separate": "128 rows a column",
    "clicks, collisionless": "world/clicks, eight long-tailed columns",
    "clicks, separate hash": "1/8 of the floats",
    "clicks, unified": "1/8 of the floats, 2 lookups",
    "criteo, collisionless": "criteo-tiny: 1,599 rows, far too few; shows that the path works",
    "criteo, separate hash": "1/4 of the floats",
    "criteo, unified": "1/4 of the floats, 2 lookups",
}


def run(arm: str, context: Context) -> Mapping[str, float]:
    """Train one arm, judge it on held-out rows."""
    if arm.startswith("Pareto"):
        return gains(context, arm.removeprefix("Pareto "))
    if arm.startswith("logistic"):
        return logistic(context, width=int(arm.split()[2].strip(",")), multiplexed="multiplexed" in arm)
    s = context.settings
    role = arm.split(",")[0] if arm.startswith(("clicks", "criteo")) else "log"
    log = context.data(role)
    train, test = split(log, context, by_time="time split" in arm)
    if train is None:
        return {}
    if arm.startswith("unseen"):
        train, test = without(train, test, context)
    scores = judge(context, train, test, numeric=log.numeric, **tables(arm, log, s))[0]
    context.shared[arm] = scores["AUC"]
    return scores


def gains(context: Context, budget: str) -> dict[str, float]:
    """AUC of multiplexed less that of separate, by method, and the second smallest: what 3 of 4 methods reach."""
    auc = context.shared
    found = {m: auc[f"{m} {budget}, multiplexed"] - auc[f"{m} {budget}, separate"] for m in METHODS}
    return {**{f"gain of {m}": g for m, g in found.items()}, "gain of 3 in 4": sorted(found.values())[1]}


def tables(arm: str, log: Any, s: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the click model for an arm."""
    values = {name: len(set(v)) for name, v in log.table.items()}
    tiny = [name for name, n in values.items() if n <= TINY]
    rows = int(s["rows"] * sum(values.values()))
    if "collisionless" in arm:
        return dict(tables="full", width=2 if "width 2" in arm else 16)
    if arm.startswith(("clicks", "criteo")):
        share = 1 / 8 if arm.startswith("clicks") else 1 / 4
        if "unified" in arm:
            return dict(tables="unified", budget=share, options=dict(chunks=2))
        return dict(tables="hash", multiplexed=False, budget=share)
    if arm == "separate hash":
        return dict(tables="hash", multiplexed=False, private=tiny, options=dict(rows=shares(values, tiny, rows)))
    if arm == "unified, width 2":
        return dict(tables="unified", width=2, options=dict(chunks=1, buckets=rows))
    if "unified" in arm:
        chunks = 1 if "1 lookup" in arm else 2
        private = tiny if "private" in arm else []
        own = sum(values[name] for name in private)
        return dict(tables="unified", private=private, options=dict(chunks=chunks, buckets=rows - own))
    method, rest = arm.split(" ", 1)
    budget, form = rest.split(", ")
    share = 1 / int(budget.removeprefix("1/"))
    return dict(tables=method, budget=share, multiplexed=form == "multiplexed", private=tiny)


def shares(values: Mapping[str, int], tiny: list[str], rows: int) -> list[int]:
    """Rows of each column that is not tiny, so that all tables together have `rows`."""
    large = {name: n for name, n in values.items() if name not in tiny}
    left = rows - sum(values[name] for name in tiny)
    out = [max(1, left * n // sum(large.values())) for n in large.values()]
    out[int(np.argmax(out))] += left - sum(out)
    return out


class Log:
    """Columns of a click log as lists, its labels, and when each row was (None where nothing says)."""

    def __init__(self, data: Any):
        label = next((name for name in LABELS if name in data.fields), None)
        if label is None:
            raise DataError(f"{data.name}: a column of labels is needed, one of {', '.join(LABELS)}")
        found = data.array(label).astype(np.float64)
        self.label = (found >= 3).astype(int) if label == "rating" else found.astype(int)
        self.time = next((data.array(n) for n in ("time", "timestamp") if n in data.fields), None)
        skipped = {*LABELS, *TIMES}
        self.table = {name: data.column(name) for name in data.fields if name not in skipped}
        self.numeric = [n for n, v in self.table.items() if any(isinstance(x, float) and x == x for x in v)]
        self.fingerprint, self.size = data.fingerprint, len(data)

    def __len__(self) -> int:
        return self.size

    def take(self, rows: np.ndarray) -> Any:
        """A Dataset of some rows, fields table and label."""
        from jointspace.data.dataset import load_data

        columns = {name: [values[i] for i in rows] for name, values in self.table.items()}
        return load_data({**columns, "label": self.label[rows].tolist()}, {"table": "*", "label": "label"})


def split(log: Log, context: Context, by_time: bool = False) -> tuple[Any, Any]:
    """80 % to train on and 20 % to test on: shuffled by the seed, or the last rows in time. Kept for the other arms."""
    if by_time and log.time is None:
        return None, None
    name = f"{id(log)} {by_time}"
    if name not in context.shared:
        order = np.argsort(np.asarray(log.time), kind="stable") if by_time else _order(len(log), context.seed)
        cut = int(0.8 * len(order))
        context.shared[name] = log.take(order[:cut]), log.take(order[cut:])
    return context.shared[name]


def _order(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n)


def without(train: Any, test: Any, context: Context) -> tuple[Any, Any]:
    """Train rows without a tenth of the values of the held-out column, and the test rows that have them."""
    columns = train.row_columns("table")
    values = {c: len(set(v.to_pylist())) for c, v in columns.items()}
    often = {c: n for c, n in values.items() if n <= len(train) // 4} or values  # values that come back
    name = "zip_code" if "zip_code" in columns else max(often, key=lambda c: often[c])
    seen = sorted(set(columns[name].to_pylist()), key=str)
    order, asked_values = _order(len(seen), context.seed), test.row_columns("table")[name].to_pylist()
    label = test.array("label")
    for share in (0.1, 0.2, 0.4):  # a small log needs more values for both labels to be there
        held = {seen[i] for i in order[: max(1, int(share * len(seen)))]}
        asked = np.array([v in held for v in asked_values])
        if len(set(label[asked].tolist())) == 2:
            break
    kept = np.array([v not in held for v in columns[name].to_pylist()])
    return train.select(kept), test.select(asked)


def judge(context: Context, train: Any, test: Any, **config: Any) -> tuple[dict[str, float], Any]:
    """AUC and log loss on the test rows, floats of the tables, and the trained method."""
    import torch
    from sklearn.metrics import log_loss, roc_auc_score

    import jointspace as js

    s = context.settings
    method = js.methods.Clicks(js.methods.Clicks.Config(**{"hidden": s["hidden"], **config}))
    batch = min(s["batch_size"], max(8, len(train) // 8))
    training = js.TrainingConfig(
        epochs=s["epochs"], batch_size=batch, learning_rate=s["learning_rate"], weight_decay=0.0, seed=context.seed,
        lr_scheduler_type="constant", max_grad_norm=None, save_steps=0, logging_steps=100, device="cpu",
    )  # fmt: skip
    js.fit(method, train, training, progress=False)
    ids = method.table_encoder.processor.whole(test, "table")[""]
    with torch.no_grad():
        logits = method.eval().logits(ids).double().numpy()
    label = test.array("label")
    if len(set(label.tolist())) < 2:
        raise DataError("the test rows have one label only; AUC needs both")
    return {
        "AUC": float(roc_auc_score(label, logits)),
        "log loss": float(log_loss(label, 1 / (1 + np.exp(-logits)), labels=[0, 1])),
        "floats": float(method.table_encoder.tables.floats()),
    }, method


def logistic(context: Context, *, width: int, multiplexed: bool) -> dict[str, float]:
    """logit = a[x1] + b[x2] with normal a, b; one linear layer over the vectors. |cos| of theta_1 and theta_2."""
    from jointspace.data.dataset import load_data
    from jointspace.nn.click_heads import block_cosines

    s, rng = context.settings, np.random.default_rng(context.seed)
    values, n = 2000, s["logistic"]
    effect = 1.5 * rng.standard_normal((2, values))
    x = rng.integers(values, size=(n, 2))
    y = rng.random(n) < 1 / (1 + np.exp(-effect[0, x[:, 0]] - effect[1, x[:, 1]]))
    cut = int(0.8 * n)
    rows = [
        load_data(
            {"first": x[part, 0].tolist(), "second": x[part, 1].tolist(), "label": y[part].astype(int).tolist()},
            {"table": ["first", "second"], "label": "label"},
        )
        for part in (slice(0, cut), slice(cut, None))
    ]
    kind = dict(tables="hash", width=width, hidden=[], multiplexed=multiplexed, budget=1.0)
    kind["options"] = dict(rows=256 if multiplexed else [128, 128])
    start = judge(replace(context, settings={**s, "learning_rate": 0.0, "epochs": 1}), *rows, **kind)[1]
    scores, method = judge(context, *rows, **kind)

    def cosine(m: Any) -> float:
        return float(block_cosines(m.head.first.weight.detach(), m.table_encoder.tables.widths)[0, 1])

    before, after = cosine(start), cosine(method)
    return {**scores, "|cos| at the start": before, "|cos|": after, "|cos| fell by": before - after}


def movielens(context: Context) -> Log:
    """Ratings joined with users; age in the notebook's seven buckets."""
    import pandas

    from jointspace.data import catalogue
    from jointspace.data.dataset import load_data

    if "movielens" not in context.shared:
        folder = catalogue.find("movielens-100k")
        parts = [pandas.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation", "test")]
        frame = pandas.concat(parts).merge(pandas.read_parquet(folder / "users.parquet"), on="user_id")
        frame["age"] = pandas.cut(frame.age, [0, 17, 24, 34, 44, 49, 55, 200], labels=False)
        wanted = ["item_id", "user_id", "gender", "zip_code", "occupation", "age", "rating", "timestamp"]
        frame = frame[wanted].iloc[: context.settings["most"]]
        context.shared["movielens"] = Log(load_data({name: frame[name].tolist() for name in wanted}))
    return context.shared["movielens"]


def clicks(context: Context) -> Log:
    from jointspace import world
    from jointspace.data.dataset import load_data

    if "world" not in context.shared:
        made = world.make("clicks", n=context.settings["clicks"], seed=context.seed)
        wanted = [*made.controls.columns, "time", "label"]
        rows = made.columns(*wanted)
        context.shared["world"] = Log(load_data({name: np.asarray(rows[name]).tolist() for name in wanted}))
    return context.shared["world"]


def criteo(context: Context) -> Log:
    from jointspace.data.dataset import load_data

    if "criteo-tiny" not in context.shared:
        context.shared["criteo-tiny"] = Log(load_data("criteo-tiny", split="train+test"))
    return context.shared["criteo-tiny"]


def as_log(data: Any, context: Context) -> Log:
    """Any table with a column of labels: `label`, `click`, `Label`, or ratings."""
    if "own" not in context.shared:
        context.shared["own"] = {}
    kept = context.shared["own"]
    if data.fingerprint not in kept:
        kept[data.fingerprint] = Log(data.select(np.arange(min(len(data), context.settings["most"]))))
    return kept[data.fingerprint]


def _others() -> list[Claim]:
    """Optional: each method at each budget, the logs beside MovieLens, and where the idea has its limit."""
    out = []
    for budget in BUDGETS:
        for method in METHODS:
            separate, shared = (f"{method} {budget}, {form}" for form in FORMS)
            out.append(Claim(f"{method} at {budget}: multiplexed is no worse", shared, separate, "AUC", optional=True))
    for log in ("clicks", "criteo"):
        text = f"{log}: unified beats separate hash tables"
        out.append(Claim(text, f"{log}, unified", f"{log}, separate hash", "AUC", optional=True))
    text, ours, theirs = "width 2: sharing costs more than .02", "unified, width 2", "collisionless, width 2"
    out.append(Claim(text, ours, theirs, "AUC", by=0.02, lower=True, optional=True))
    return out


REPRODUCTION = Reproduction(
    slug="unified-embedding",
    run=run,
    arms=ARMS,
    claims=(
        Claim(
            "2 lookups beat separate hash tables of equal size",
            "unified, 2 lookups", "separate hash", "AUC", by=0.01, each_seed=True,
        ),
        Claim("2 lookups beat 1", "unified, 2 lookups", "unified, 1 lookup", "AUC"),
        Claim("2 lookups stay within .02 of collisionless", "unified, 2 lookups", "collisionless", "AUC", by=-0.02),
        *(Claim(f"at {b} of the floats 3 of 4 methods gain", f"Pareto {b}", 0.0, "gain of 3 in 4") for b in BUDGETS),
        *(
            Claim(
                f"logistic, width {w}: the columns are read in more orthogonal directions after training",
                f"logistic, width {w}, multiplexed", 0.0, "|cos| fell by",
            )
            for w in (8, 32)
        ),
        *(
            Claim(
                f"logistic, width {w}: multiplexed beats separate",
                f"logistic, width {w}, multiplexed", f"logistic, width {w}, separate", "AUC",
            )
            for w in (8, 32)
        ),
        *_others(),
        Claim("unseen values: no worse", "unseen zips, unified", "unseen zips, collisionless", "AUC"),
    ),
    roles={
        "log": Role((), "movielens-100k", "any columns and one of label, click, Label, rating", movielens, as_log),
        "clicks": Role((), "world/clicks", "the same", clicks, as_log),
        "criteo": Role((), "criteo-tiny", "the same", criteo, as_log),
    },
    settings={
        "desk": dict(
            rows=1440 / 3450, most=100_000, clicks=60_000, logistic=20_000, epochs=5, batch_size=8192,
            learning_rate=0.01, hidden=[128, 64],
        ),
        "tiny": dict(
            rows=1440 / 3450, most=2000, clicks=1000, logistic=1000, epochs=1, batch_size=256, learning_rate=0.01,
            hidden=[16],
        ),
    },
    choices={
        "seeds": "3 (sheet: 5)",
        "split": "80/20 by shuffling with the seed (the set's own split is by time; that stands in two arms)",
        "separate hash": "all six columns, 1,440 rows in proportion to the columns' values, those of at most 21 values "
        "collisionless (the notebook forgets age and gives occupation 20 rows)",
        "Pareto": "columns of at most 21 values have private tables in both forms; the rest is separate (in proportion "
        "to the columns' values) or one shared space; robe in blocks of 8",
        "loss": "mean over the batch (notebook: sum); Adam .01, constant rate, no decay, no clipping; the incomplete "
        "last batch of an epoch is dropped: 45 steps (notebook: 50)",
        "unseen values": "the row that a collisionless table keeps for them stays 0. Why unified loses: one row for "
        "all unseen values moves all their rows alike (any trained row in its place gives the same AUC within .003), "
        "while hashing gives each the rows of others: noise. After 2 epochs the gap is .02 to .08, after 5 .01 to .04",
        "3 of 4 methods": "judged on the second smallest gain of each seed, averaged. By the mean of each method (the "
        "sheet's words) 2, 3 and 2 of 4 gain at 1/8, 1/4 and 1/2: at 1/8 too the claim does not hold. hash gains .02 "
        "to .06, qr .000 to .005; HashedNet and ROBE lie within .002 either way, since their draws of entries and "
        "blocks hardly ever make two values of a column equal, so that sharing has nothing to mend",
        "clicks": "world/clicks with its default sizes, 60,000 rows, 1/8 of the floats",
    },
)  # fmt: skip
