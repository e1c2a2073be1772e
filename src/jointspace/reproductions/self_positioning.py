"""Self Positioning at desk scale: weights of a merge learnt on a probe set beat those that are fixed beforehand.

Base: MiniLM; hidden states after its fifth layer are computed once, the sixth layer is what the task models train.
Tasks of unequal size: S similarity (SNLI triples), C question types (trec6), E emotions. One merge has to serve all.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.reproductions.claims import Claim
from jointspace.reproductions.fixtures.minilm_states import LastLayer
from jointspace.reproductions.harness import Context, Reproduction, Role

TASKS = ("S", "C", "E")
ARMS = {
    "base": "MiniLM as it is",
    "only S": "fine-tuned on similarity triples",
    "only C": "fine-tuned on question types",
    "only E": "fine-tuned on emotions",
    "only C, a quarter": "fine-tuned on 160 of the 640 rows of question types",
    "joint proportional": "one model on all tasks, as many steps as the three together",
    "joint balanced": "the same with equal numbers of batches of each task",
    "average": "mean of the task vectors",
    "sum": "sum of the task vectors",
    "SLERP": "spherical interpolation with equal weights",
    "SLERP grid": "best of 25 weightings, chosen on validation rows",
    "TIES": "best of 8 settings, chosen on validation rows",
    "DARE": "half of the entries dropped, the mean of the rest",
    "Fisher": "weighted entry by entry by squared gradients",
    "RegMean": "the sixth layer's linear maps in closed form",
    "Self Positioning, mu 0": "4 numbers learnt on 420 probe rows",
    "Self Positioning": "the same with mu = 0.05",
    "joint C:E 4:1": "joint model of 640 rows of C and 160 of E",
    "joint C:E 1:4": "joint model of 160 rows of C and 640 of E",
}


# Data -----------------------------------------------------------------------------------------------------------------


def plain(name: str) -> Callable[..., Any]:
    def make(context: Context, *, split: str) -> Any:
        from jointspace.data.dataset import load_data

        return load_data(name, split=split)

    return make


def triples(context: Context, task: str, rows: int, part: str) -> Any:
    """Rows (text, text_positive, text_negative, label) of a task; `probe` rows are none of the training's."""
    from jointspace.data.dataset import load_data

    probe = context.settings["probe"][TASKS.index(task)]
    if task == "S":
        anchors, positives, negatives = entailed(context)
        labels = [-1 - i for i in range(len(anchors))]  # no two rows are of one class
    else:
        anchors, positives, negatives, labels = same_class(context, task)
    order = np.random.default_rng(context.seed).permutation(len(anchors))
    chosen = order[:probe] if part == "probe" else order[probe : probe + rows]
    return load_data(
        {
            "text": [anchors[i] for i in chosen],
            "text_positive": [positives[i] for i in chosen],
            "text_negative": [negatives[i] for i in chosen],
            "label": [labels[i] for i in chosen],
        }
    )


def entailed(context: Context) -> tuple[list[str], list[str], list[str]]:
    """Premise, entailed and contradicting hypothesis, one triple a premise."""
    data = context.data("similarity", split="train")
    by_premise: dict[str, dict[str, str]] = {}
    for premise, other, name in zip(*(data.column(c) for c in ("premise", "hypothesis", "label_name")), strict=True):
        by_premise.setdefault(premise, {}).setdefault(name, other)
    rows = [(p, h["entailment"], h["contradiction"]) for p, h in by_premise.items() if len(h) == 3]
    first, second, third = zip(*rows, strict=True)
    return list(first), list(second), list(third)


def classed(context: Context, task: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """(texts, classes) of a classification task, in a seeded order."""
    data = context.data({"C": "questions", "E": "emotions"}[task], split=split)
    texts, names = np.array(data.column("text")), np.array(data.column("label_name"))
    order = np.random.default_rng(1000 + context.seed).permutation(len(texts))
    return texts[order], names[order]


def same_class(context: Context, task: str) -> tuple[list[str], list[str], list[str], list[int]]:
    """Each text with another of its class and one of another class."""
    texts, names = classed(context, task, "train")
    texts, names = texts[: context.settings["pool"]], names[: context.settings["pool"]]
    rng = np.random.default_rng(context.seed)
    classes = sorted(set(names))
    own, other = [], []
    for name in names:
        own.append(texts[rng.choice(np.flatnonzero(names == name))])
        other.append(texts[rng.choice(np.flatnonzero(names != name))])
    return list(texts), own, other, [classes.index(n) for n in names]


# Models ---------------------------------------------------------------------------------------------------------------


def method(context: Context) -> Any:
    """The sixth layer as MiniLM has it, with the loss that every model is trained with."""
    import jointspace as js
    from jointspace.space import Tower

    if "method" not in context.shared:
        tower = Tower(LastLayer(context.settings["max_length"]), pooling="mean")
        config = js.methods.SentencePairs.Config(temperature=0.05, label_field="label")
        context.shared["method"] = js.methods.SentencePairs(config, tower)
    return copy.deepcopy(context.shared["method"])


def train(context: Context, data: Any, steps: int, batches: Any = None) -> dict[str, Tensor]:
    """Weights of the sixth layer after fine-tuning."""
    import jointspace as js

    torch.manual_seed(context.seed)
    training = js.TrainingConfig(
        steps=steps, batch_size=context.settings["batch_size"], learning_rate=5e-4, warmup_ratio=0.1, batches=batches,
        seed=context.seed, save_steps=0, logging_steps=1000,
    )  # fmt: skip
    return js.fit(method(context), data, training, progress=False).method.state_dict()


def task_models(context: Context) -> list[dict[str, Tensor]]:
    """One fine-tune a task, trained once a seed."""
    if "models" not in context.shared:
        s = context.settings
        context.shared["models"] = [
            train(context, triples(context, task, rows, "train"), steps)
            for task, rows, steps in zip(TASKS, s["rows"], s["steps"], strict=True)
        ]
    return context.shared["models"]


def vectors(context: Context) -> Any:
    from jointspace.operations.merging.task_vector import TaskVectors

    if "vectors" not in context.shared:
        context.shared["vectors"] = TaskVectors.between(method(context).state_dict(), task_models(context), TASKS)
    return context.shared["vectors"]


def joint(context: Context, exponent: float) -> dict[str, Tensor]:
    s = context.settings
    parts = [triples(context, task, rows, "train") for task, rows in zip(TASKS, s["rows"], strict=True)]
    data = parts[0].concat(*parts[1:])
    return train(context, data, sum(s["steps"]), {"name": "homogeneous", "exponent": exponent})


def probe(context: Context) -> Any:
    parts = [triples(context, task, 0, "probe") for task in TASKS]
    return parts[0].concat(*parts[1:])


def search(context: Context, mu: float) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Self Positioning: its weights and what it found."""
    import jointspace as js
    from jointspace.operations.merging.self_positioning import Config, SelfPositioning, default_training

    learner = SelfPositioning(Config(mu=mu), method(context), vectors(context))
    s = context.settings
    fields = dict(steps=s["search_steps"], batch_size=s["search_batch"], learning_rate=0.05, seed=context.seed)
    js.fit(learner, probe(context), default_training(**fields, logging_steps=1000), progress=False)
    found = learner.found()
    extra = {f"weight {k}": float(v) for k, v in found["weights"].items()} | {"lambda": found["scale"]}
    return learner.merged().state_dict(), extra


# Scores ---------------------------------------------------------------------------------------------------------------


def score(state: Mapping[str, Tensor], context: Context, part: str = "test") -> dict[str, float]:
    """Spearman on sentence pairs, 5-nearest-neighbour accuracy on both classifications, their mean."""
    from scipy.stats import spearmanr

    from jointspace.metrics.knn import knn_accuracy

    model = method(context)
    model.load_state_dict(dict(state))
    space = model.space().eval()

    def encode(items: list[str]) -> np.ndarray:
        return space.encode(items, batch_size=256)

    left, right, gold, tables = held_out(context, part)
    out = {"STS": float(spearmanr((encode(left) * encode(right)).sum(axis=1), gold).statistic)}
    for name, (known, known_names, asked, asked_names) in tables.items():
        out[name] = knn_accuracy(encode(known), known_names, encode(asked), asked_names, k=5)
    return out | {"average": float(np.mean(list(out.values())))}


def held_out(context: Context, part: str) -> Any:
    """(left, right, gold) sentence pairs and, for both classifications, (known, names, asked, names)."""
    if part in context.shared:
        return context.shared[part]
    s = context.settings
    pairs = context.data("sentence pairs", split=part)
    rows = np.random.default_rng(context.seed).permutation(len(pairs))[: s[f"{part}_pairs"]]
    sides = [[pairs.column(c)[i] for i in rows] for c in ("sentence1", "sentence2")]
    gold = np.array(pairs.column("score"), dtype=float)[rows]
    tables = {}
    for task, name in (("C", "trec6"), ("E", "emotion")):
        texts, names = classed(context, task, "train")
        known = slice(0, s["known"])
        if part == "test":
            asked, asked_names = (column[: s["asked"]] for column in classed(context, task, "test"))
        else:  # rows that no model was trained on and no test asks for
            asked, asked_names = (column[s["pool"] : s["pool"] + s["asked"]] for column in (texts, names))
        tables[name] = (list(texts[known]), names[known], list(asked), asked_names)
    context.shared[part] = (sides[0], sides[1], gold, tables)
    return context.shared[part]


def best(candidates: Sequence[dict[str, Tensor]], context: Context) -> dict[str, Tensor]:
    """The candidate with the best average on validation rows."""
    return max(candidates, key=lambda state: score(state, context, "validation")["average"])


def run(arm: str, context: Context) -> Mapping[str, float]:
    from jointspace.operations.merging import coefficients, data_driven, elementwise, probing

    extra: dict[str, float] = {}
    if arm.startswith("joint C:E"):
        return angles(context, arm)
    if arm == "only C, a quarter":
        state = train(context, triples(context, "C", context.settings["rows"][1] // 4, "train"), quarter(context))
        return {"norm": length(context, state)}
    found = vectors(context)
    gram, ones = found.gram(), torch.ones(len(TASKS), dtype=torch.float64)
    if arm == "base":
        state = found.base
    elif arm.startswith("only"):
        state = task_models(context)[TASKS.index(arm[-1])]
        extra = {"norm": length(context, state)}
    elif arm.startswith("joint"):
        state = joint(context, 1.0 if "proportional" in arm else 0.0)
    elif arm.startswith("Self Positioning"):
        state, extra = search(context, 0.0 if "mu 0" in arm else 0.05)
        extra |= {"evaluations": float(context.settings["search_steps"])}
    elif arm == "SLERP grid":
        grid = itertools.product(context.settings["grid"], repeat=len(TASKS) - 1)
        weights = [torch.tensor([1.0, *rest], dtype=torch.float64) for rest in grid]
        extra = {"evaluations": float(len(weights))}
        state = best([found.compose(coefficients.slerp(w, gram)) for w in weights], context)
    elif arm == "TIES":
        settings = list(itertools.product(context.settings["densities"], context.settings["scales"]))
        extra = {"evaluations": float(len(settings))}
        state = best([elementwise.ties(found, [1, 1, 1], density, scale) for density, scale in settings], context)
    elif arm == "DARE":
        state = elementwise.dare(found, [1, 1, 1], 0.5, seed=context.seed)
    elif arm in ("Fisher", "RegMean"):
        judges, tasks = [], []
        for task, model in zip(TASKS, task_models(context), strict=True):
            judges.append(method(context).eval())
            judges[-1].load_state_dict(model)
            tasks.append(triples(context, task, 0, "probe"))
        if arm == "Fisher":
            state = data_driven.fisher(found, [probing.fisher_of(j, t, 0) for j, t in zip(judges, tasks)], [1, 1, 1])
        else:
            state = data_driven.regmean(found, [probing.grams_of(j, t, 0) for j, t in zip(judges, tasks)])
    else:
        merges: dict[str, Any] = {
            "average": coefficients.average, "sum": coefficients.task_arithmetic, "SLERP": coefficients.slerp,
        }  # fmt: skip
        state = found.compose(merges[arm](ones, gram))
    return {**score(state, context), **extra}


def quarter(context: Context) -> int:
    return max(1, context.settings["steps"][1] // 4)


def length(context: Context, state: Mapping[str, Tensor]) -> float:
    """Norm of a task vector."""
    from jointspace.operations.merging.task_vector import TaskVectors

    return TaskVectors.between(method(context).state_dict(), [state]).norms()[0]


def angles(context: Context, arm: str) -> dict[str, float]:
    """Angle of a joint vector to that of C, over its angle to that of E: small where it leans to C."""
    from jointspace.operations.merging.task_vector import TaskVectors

    rows, steps = context.settings["rows"][1], context.settings["steps"][1]
    sizes = {"C": rows, "E": rows // 4} if arm.endswith("4:1") else {"C": rows // 4, "E": rows}
    parts = {task: triples(context, task, n, "train") for task, n in sizes.items()}
    singles = [train(context, parts[t], max(1, steps * n // rows)) for t, n in sizes.items()]
    both = train(context, parts["C"].concat(parts["E"]), steps + quarter(context), {"name": "homogeneous"})
    cosines = TaskVectors.between(method(context).state_dict(), [*singles, both]).cosines()[2]
    return {"angle ratio": float(torch.arccos(cosines[0]) / torch.arccos(cosines[1]))}


SP = "Self Positioning"
REPRODUCTION = Reproduction(
    slug="self-positioning",
    run=run,
    arms=ARMS,
    claims=(
        Claim("Self Positioning beats the average", SP, "average", "average", by=0.02),
        Claim("Self Positioning beats SLERP with equal weights", SP, "SLERP", "average", by=0.007),
        Claim("Self Positioning is as good as the best of a grid", SP, "SLERP grid", "average", by=-0.005),
        Claim("Self Positioning is as good as balanced joint training", SP, "joint balanced", "average"),
        Claim("a task vector grows with the rows behind it", "only C", "only C, a quarter", "norm"),
        Claim("a joint model leans to the larger set", "joint C:E 1:4", "joint C:E 4:1", "angle ratio"),
        Claim("Self Positioning beats TIES", SP, "TIES", "average", optional=True),
        Claim("Self Positioning beats proportional joint training", SP, "joint proportional", "average", optional=True),
    ),
    roles={
        "similarity": Role(
            ("premise", "hypothesis", "label_name"), "snli-small", "premises with three hypotheses", plain("snli-small")
        ),
        "questions": Role(("text", "label_name"), "trec6", "first classification, train and test", plain("trec6")),
        "emotions": Role(("text", "label_name"), "emotion", "second classification, train and test", plain("emotion")),
        "sentence pairs": Role(
            ("sentence1", "sentence2", "score"), "sts-benchmark", "pairs with scores", plain("sts-benchmark")
        ),
    },
    settings={
        "desk": dict(
            max_length=16,
            rows=[500, 640, 640],
            steps=[12, 45, 45],
            batch_size=24,
            pool=900,
            probe=[100, 160, 160],
            search_steps=40,
            search_batch=48,
            test_pairs=1379,
            validation_pairs=400,
            known=900,
            asked=500,
            grid=[0.2, 0.5, 1.0, 2.0, 5.0],
            densities=[0.2, 0.5],
            scales=[0.8, 1.0, 1.3, 1.6],
        ),
        "tiny": dict(
            max_length=8,
            rows=[16, 32, 32],
            steps=[1, 2, 2],
            batch_size=8,
            pool=48,
            probe=[8, 8, 8],
            search_steps=2,
            search_batch=12,
            test_pairs=20,
            validation_pairs=20,
            known=30,
            asked=20,
            grid=[1.0],
            densities=[0.5],
            scales=[1.0],
        ),
    },  # fmt: skip
    choices={
        "order of the models": "S, C, E: with running means the last counts as much as the others together",
        "a_i": "the weight of V_i (the printed formula swaps the two)",
        "mu": "0.05; mu = 0 beside it",
        "hard negatives": "a text of another class in C and E, the contradiction in S (sheet: in S only)",
        "grid and TIES": "chosen on validation pairs and on train rows that no model saw (paper: on the test sets)",
        "hidden states": "of 16 tokens, after layer 5, computed once; layer 6 is all that trains",
        "probe": "rows of the same sets that the task models were not trained on",
    },
)
