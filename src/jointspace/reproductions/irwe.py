"""IRWE at desk scale: identities tell roles, positions communities, both also for nodes and graphs never trained on.

Four graphs: flights in the USA (labels: activity, a role), e-mails and Cora (departments and topics, communities), and
the world's graph, which has both truths. Every method gives 32 numbers a node, from which a logistic regression on 20 %
of the nodes tells the labels: macro-F1, mean of ten shuffles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jointspace.reproductions.claims import Claim
from jointspace.reproductions.harness import Context, Reproduction, Role

GRAPHS = {"world": ("roles", "communities"), "usa": ("USA",), "email": ("email",), "cora": ("Cora",)}
HIDDEN = ("world", "usa", "email")  # graphs of which a part is hidden in training
HALVES = {"psi": "identity", "gamma": "position", "both": "dense"}
ARMS = {
    "IRWE psi": "identity embedding",
    "IRWE gamma": "position embedding",
    "IRWE both": "the two side by side",
    "node2vec": "p = q = 1 (DeepWalk), window 10, on exact co-occurrences",
    "GraRep": "SVD of log-shifted powers, k = 1 .. 4",
    "raw statistics": "principal components of [s || delta]",
    "GraphSAGE": "degrees as input, trained by IRWE's position loss",
    "IRWE psi, not joint": "no gradient of the position loss in the identities",
    "IRWE gamma, not joint": "the same run's positions",
    "IRWE psi, hidden": "a fifth of the nodes hidden in training, then embedded without training",
    "IRWE gamma, hidden": "the same run's positions",
    "IRWE psi, other graphs": "trained on Brazil's flights and the world, never on the USA's",
    "no walk attention": "no attention over anonymous walks; roles from psi, communities from gamma",
    "no degrees": "without degrees along the walks",
    "no global code": "without pi_g",
    "no local code": "without the place inside the walk",
}
ABLATIONS = {
    "no walk attention": "walk_attention",
    "no degrees": "degrees",
    "no global code": "global_code",
    "no local code": "local_code",
}


def planted(context: Context, *, edges: bool) -> Any:
    """Nodes or edges of the world's graph."""
    from jointspace import world
    from jointspace.data.dataset import load_data

    many = context.settings["communities"]
    nodes = world.make("graph", n=24 * many, seed=context.seed, communities=many)
    if edges:
        return load_data(nodes.edges().columns("source", "target"))
    return load_data(nodes.columns("node", "community", "role"))


def table(name: str) -> Any:
    """A table of the catalogue."""

    def make(context: Context) -> Any:
        from jointspace.data.dataset import load_data

        return load_data(name)

    return make


def graph_of(context: Context, name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """The graph of a name and its labels in the order of its nodes; nodes without label (-1 or none) are left out of
    judging, not of the graph. Several labels a node become an indicator matrix."""
    from jointspace.data.graph import load_graph

    kept = f"graph {name}"
    if kept not in context.shared:
        how = {"edges": True} if name == "world" else {}
        edges = context.data(f"{name}_edges", **how)
        nodes = context.data(f"{name}_nodes", **({"edges": False} if name == "world" else {}))
        graph = load_graph(edges, nodes=nodes, name=name)
        place = [graph.index(n) for n in nodes.column("node")]
        labels = {}
        fields = ("role", "community") if name == "world" else ("label",)
        for metric, field in zip(GRAPHS.get(name, ("",)), fields, strict=True):
            column = nodes.column(field)
            values = np.full(len(graph), "-1", dtype=object)
            values[place] = [str(sorted(map(str, v))) if isinstance(v, list) else str(v) for v in column]
            labels[metric] = several(values) if any(isinstance(v, list) for v in column) else values.astype(str)
        first = np.arange(min(len(graph), context.settings["nodes"] or len(graph)))
        labels = {metric: values[first] for metric, values in labels.items()}
        context.shared[kept] = graph.select(first), labels
    return context.shared[kept]


def several(values: np.ndarray) -> np.ndarray:
    """Texts of label lists -> (N, K) bool."""
    import ast

    lists = [ast.literal_eval(v) if v != "-1" else [] for v in values]
    names = sorted({label for some in lists for label in some})
    return np.array([[name in some for name in names] for some in lists])


def f1(context: Context, x: np.ndarray, labels: np.ndarray, test: np.ndarray | None = None) -> float:
    """Macro-F1 of a logistic regression on a fifth of the labelled nodes, mean of the shuffles."""
    from jointspace.metrics.shuffled_probe import shuffled_probe

    known = labels.any(axis=1) if labels.ndim == 2 else labels != "-1"
    probe = shuffled_probe(
        x[known],
        labels[known],
        shuffles=context.settings["shuffles"],
        seed=context.seed,
        test=None if test is None else test[known],
    )
    return float(probe.macro.mean())


def train(context: Context, graph: Any, steps: int, **method: Any) -> Any:
    """IRWE on a graph: its Space. Walks depend on the seed alone, so that all arms share them."""
    import torch

    import jointspace as js

    s = context.settings
    torch.manual_seed(context.seed)
    fields = dict(dim=s["dim"], heads=s["heads"], walks=s["walks"], code_dim=s["code_dim"], walk_seed=context.seed)
    config = js.methods.IRWE.Config(**{**fields, **method})
    training = js.TrainingConfig(
        steps=steps, batch_size=min(s["batch_size"], len(graph)), learning_rate=s["learning_rate"], weight_decay=0.0,
        warmup_ratio=0.05, seed=context.seed, save_steps=0, logging_steps=steps,
    )  # fmt: skip
    return js.fit(js.methods.IRWE(config), js.load_data(graph=graph), training, progress=False).space


def space_of(context: Context, name: str, **method: Any) -> Any:
    """The Space of a graph, trained once for all arms that use it."""
    kept = f"space {name} {method}"
    if kept not in context.shared:
        context.shared[kept] = train(context, graph_of(context, name)[0], context.settings["steps"][name], **method)
    return context.shared[kept]


def hidden(context: Context, name: str) -> np.ndarray:
    """(N,) bool: the fifth of the nodes that arrives after training."""
    from jointspace.data import draws

    graph, _ = graph_of(context, name)
    return draws.uniform(draws.key(context.seed, "hidden", graph.hashes), 1)[:, 0] < 0.2


def vectors(space: Any, graph: Any, output: str) -> np.ndarray:
    return space.encode(graph.nodes(), graph=graph, output=output, batch_size=512, normalize_embeddings=False)


def run(arm: str, context: Context) -> Mapping[str, float]:
    """Macro-F1 of an arm on every graph it knows."""
    if arm in ABLATIONS:
        return without(context, ABLATIONS[arm])
    if arm == "IRWE psi, other graphs":
        return from_other_graphs(context)
    half = arm.split(",")[0].removeprefix("IRWE ")
    if arm.endswith("hidden"):
        return {k: v for name in HIDDEN for k, v in from_the_visible(context, half, name).items()}
    if arm.startswith("IRWE"):
        method = {"joint": False} if arm.endswith("not joint") else {}
        names = ("world", "usa") if method else GRAPHS
        scores = {k: v for name in names for k, v in of_space(context, half, name, **method).items()}
        return scores if method else scores | {"links": links(context, half)}
    scores = {k: v for name in GRAPHS for k, v in of_baseline(context, arm, name).items()}
    return scores | {"links": links(context, arm)} if arm in ("node2vec", "GraRep") else scores


def of_space(context: Context, half: str, name: str, **method: Any) -> dict[str, float]:
    """A half of a trained Space on its own graph; on hidden nodes as well where that is asked elsewhere."""
    graph, labels = graph_of(context, name)
    space = space_of(context, name, **method)
    x = vectors(space, graph, HALVES[half])
    scores = {metric: f1(context, x, label) for metric, label in labels.items()}
    if not method and name == "email":
        scores["modularity"] = groups(graph, x, labels["email"])
    if not method and half != "both" and name in HIDDEN:
        late = hidden(context, name)
        scores |= {f"{metric}, hidden": f1(context, x, label, late) for metric, label in labels.items()}
    return scores


def without(context: Context, part: str) -> dict[str, float]:
    """An ablation on the world: roles from psi, communities from gamma."""
    graph, labels = graph_of(context, "world")
    space = space_of(context, "world", **{part: False})
    halves = {"roles": "identity", "communities": "position"}
    return {metric: f1(context, vectors(space, graph, output), labels[metric]) for metric, output in halves.items()}


def baseline(context: Context, arm: str, graph: Any) -> np.ndarray:
    from jointspace.reproductions.fixtures import graph_baselines as known

    s, seed = context.settings, context.seed
    if arm == "node2vec":
        return known.deepwalk(graph, dim=s["dim"], seed=seed, steps=s["baseline_steps"])
    if arm == "GraRep":
        return known.grarep(graph, dim=s["dim"])
    if arm == "GraphSAGE":
        return known.sage(graph, dim=s["dim"], seed=seed, steps=s["baseline_steps"] // 2)
    return known.raw_statistics(graph, dim=s["dim"], walks=s["walks"], length=5, seed=seed)


def of_baseline(context: Context, arm: str, name: str) -> dict[str, float]:
    graph, labels = graph_of(context, name)
    x = baseline(context, arm, graph)
    scores = {metric: f1(context, x, label) for metric, label in labels.items()}
    return scores | {"modularity": groups(graph, x, labels["email"])} if name == "email" else scores


def groups(graph: Any, x: np.ndarray, label: np.ndarray) -> float:
    """Modularity of k-means on unit vectors, as many groups as there are labels."""
    from sklearn.cluster import KMeans

    from jointspace.metrics.graph import modularity

    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    many = label.shape[1] if label.ndim == 2 else len(set(label.tolist()) - {"-1"})
    return modularity(graph.adjacency(), KMeans(many, n_init=3, random_state=0).fit_predict(unit))


def links(context: Context, arm: str) -> float:
    """AUC on a tenth of the world's edges that training did not see."""
    from jointspace.data.graph import Graph
    from jointspace.metrics.graph import link_prediction

    graph, _ = graph_of(context, "world")
    order = np.random.default_rng(context.seed).permutation(len(graph.edges))
    test, known = np.split(graph.edges[order], [len(order) // 10])
    cut = Graph(graph.names, known[:, 0], known[:, 1], "cut")
    if arm in HALVES and "cut" not in context.shared:
        context.shared["cut"] = train(context, cut, context.settings["steps"]["world"])
    x = vectors(context.shared["cut"], cut, HALVES[arm]) if arm in HALVES else baseline(context, arm, cut)
    return link_prediction(x, known, test, seed=context.seed)


def from_the_visible(context: Context, half: str, name: str) -> dict[str, float]:
    """Trained on the visible nodes and the edges between them; hidden nodes embedded on the whole graph."""
    graph, labels = graph_of(context, name)
    late = hidden(context, name)
    kept = f"late {name}"
    if kept not in context.shared:
        context.shared[kept] = train(context, graph.select(~late), context.settings["steps"][name])
    x = vectors(context.shared[kept], graph, HALVES[half])
    return {f"{metric}, hidden": f1(context, x, label, late) for metric, label in labels.items()}


def from_other_graphs(context: Context) -> dict[str, float]:
    """Identities of the USA's airports from a Space that never saw them."""
    brazil, _ = graph_of(context, "brazil")
    planted_one, _ = graph_of(context, "world")
    usa, labels = graph_of(context, "usa")
    space = train(context, brazil.union(planted_one), context.settings["steps"]["brazil"])
    return {metric: f1(context, vectors(space, usa, "identity"), label) for metric, label in labels.items()}


def inductive(text: str, half: str, metric: str, chance: float) -> tuple[Claim, Claim]:
    arm = f"IRWE {half}, hidden"
    metric = f"{metric}, hidden"
    return (
        Claim(f"{text} of hidden nodes lose at most 10 points", arm, f"IRWE {half}", metric, by=-0.10),
        Claim(f"{text} of hidden nodes reach twice chance", arm, 2 * chance, metric),
    )


def near(metric: str, other: str) -> Claim:
    return Claim(f"{metric}: gamma within 8 points of {other}", "IRWE gamma", other, metric, by=-0.08)


NODES, EDGES = ("node", "label"), ("source", "target")
SETS = {"usa": "airports-usa", "brazil": "airports-brazil", "email": "email-eu-core", "cora": "cora"}
REPRODUCTION = Reproduction(
    slug="irwe",
    run=run,
    arms=ARMS,
    claims=(
        Claim("roles: psi beats node2vec", "IRWE psi", "node2vec", "roles", by=0.20, each_seed=True),
        Claim("communities: gamma beats psi", "IRWE gamma", "IRWE psi", "communities", by=0.30, each_seed=True),
        Claim("USA: psi beats node2vec", "IRWE psi", "node2vec", "USA", by=0.05),
        Claim("e-mail: gamma beats psi", "IRWE gamma", "IRWE psi", "email", by=0.15),
        Claim("Cora: gamma beats psi", "IRWE gamma", "IRWE psi", "Cora", by=0.15),
        near("email", "node2vec"),
        near("email", "GraRep"),
        near("Cora", "node2vec"),
        near("Cora", "GraRep"),
        Claim("roles: psi keeps what raw statistics say", "IRWE psi", "raw statistics", "roles", by=-0.01),
        Claim("USA: psi keeps what raw statistics say", "IRWE psi", "raw statistics", "USA", by=-0.01),
        *inductive("roles", "psi", "roles", 1 / 6),
        *inductive("communities", "gamma", "communities", 1 / 12),
        *inductive("USA: identities", "psi", "USA", 1 / 4),
        *inductive("e-mail: positions", "gamma", "email", 1 / 42),
        Claim("USA, never trained on: psi beats node2vec", "IRWE psi, other graphs", "node2vec", "USA"),
        Claim("joint training helps roles", "IRWE psi", "IRWE psi, not joint", "roles", optional=True),
        Claim("joint training helps the USA", "IRWE psi", "IRWE psi, not joint", "USA", optional=True),
    ),
    roles={
        **{f"{k}_nodes": Role(NODES, f"{v}/nodes", "nodes and labels", table(f"{v}/nodes")) for k, v in SETS.items()},
        **{f"{k}_edges": Role(EDGES, f"{v}/edges", "edges", table(f"{v}/edges")) for k, v in SETS.items()},
        "world_nodes": Role(("node", "community", "role"), "world/graph", "nodes with two truths", planted),
        "world_edges": Role(EDGES, "world/graph", "edges", planted),
    },
    settings={
        "desk": dict(
            nodes=None, communities=12, dim=32, heads=2, walks=200, code_dim=256, batch_size=256, learning_rate=3e-3,
            steps=dict(world=150, usa=150, email=250, cora=250, brazil=150), baseline_steps=400, shuffles=10,
        ),
        "tiny": dict(
            nodes=200, communities=3, dim=8, heads=2, walks=20, code_dim=16, batch_size=64, learning_rate=3e-3,
            steps=dict(world=2, usa=2, email=2, cora=2, brazil=2), baseline_steps=4, shuffles=1,
        ),
    },
    choices={
        "formulas": "title page and abstract were at hand: every form marked [choose] in the sheet is a choice",
        "node2vec": "p = q = 1, skip-gram on exact co-occurrences: no sampling noise handicaps it",
        "degree buckets": "16, log-spaced (paper: between smallest and largest, spacing unknown)",
        "P": "estimated on the 200 walks of each node; contexts drawn from the batch's mean visits",
        "global code": "256 wide (paper: as wide as the embedding)",
        "learning rate": "3e-3 for the three losses (sheet: 5e-4, 5e-4, 1e-3, with more steps); chosen on seed 1",
        "size": "32 wide with 2 heads (sheet: 64 with 4), 200 walks (1,000), 150 to 250 steps of 256 nodes (60 epochs)",
        "hidden nodes": "a fifth at random: without its hubs the world falls into about 50 pieces, which it pulls "
        "apart; with only spokes, clique nodes and fillers hidden (seed 11) positions reach .77, as on the whole graph",
        "directed graphs": "e-mails count in both directions",
    },
    few={arm: 1 for arm in ABLATIONS},
)  # fmt: skip
