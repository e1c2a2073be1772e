"""Merging: closed forms, limits, gradients; what two Spaces must share; a recipe replayed."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

import jointspace as js
from jointspace.errors import ConfigError, SpaceError
from jointspace.operations.merging import data_driven, elementwise, merge_recipe
from jointspace.operations.merging.coefficients import average, slerp, task_arithmetic
from jointspace.operations.merging.recipe import METHODS
from jointspace.operations.merging.self_positioning import Config, SelfPositioning, default_training
from jointspace.operations.merging.task_vector import TaskVectors
from jointspace.space import Space, Tower

F64 = torch.float64
ONES = torch.ones(3, dtype=F64)


def net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def vectors(n=3):
    base = net(0)
    return base, TaskVectors.between(base.state_dict(), [net(i + 1).state_dict() for i in range(n)])


def test_slerp_closed_forms():
    assert torch.allclose(slerp(ONES[:2], torch.eye(2, dtype=F64)), torch.full((2,), 0.5**0.5, dtype=F64))
    eye = torch.eye(3, dtype=F64)
    assert torch.allclose(slerp(ONES, eye), torch.tensor([0.5, 0.5, 0.70711], dtype=F64), atol=1e-5)
    summed = slerp(ONES, eye, running="sum")
    assert torch.allclose(summed, torch.tensor([0.61237, 0.61237, 0.5], dtype=F64), atol=1e-5)
    c = slerp(torch.tensor([1.0, 3.0], dtype=F64), torch.eye(2, dtype=F64))
    assert c.tolist() == pytest.approx([math.sin(math.pi / 8), math.sin(3 * math.pi / 8)])
    printed = slerp(torch.tensor([1.0, 3.0], dtype=F64), torch.eye(2, dtype=F64), as_printed=True)
    assert printed.tolist() == pytest.approx(c.flip(0).tolist())
    assert slerp(ONES[:1], torch.eye(1, dtype=F64) * 7).tolist() == [1.0]


def test_slerp_limits_and_errors():
    same = torch.full((2, 2), 4.0, dtype=F64)
    assert slerp(torch.tensor([1.0, 3.0], dtype=F64), same).tolist() == pytest.approx([0.25, 0.75])
    with pytest.raises(ConfigError, match="b points away from a"):
        slerp(ONES[:2], torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=F64), labels=["a", "b"])
    with pytest.raises(ConfigError, match="b equals the base"):
        slerp(ONES[:2], torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=F64), labels=["a", "b"])
    with pytest.raises(ConfigError, match="weights of a and b cancel"):
        slerp(torch.tensor([1.0, -1.0], dtype=F64), torch.eye(2, dtype=F64), labels=["a", "b"])
    with pytest.raises(ConfigError, match="running must be mean or sum"):
        slerp(ONES, torch.eye(3, dtype=F64), running="median")


def test_scale_and_weights():
    _, found = vectors()
    gram = found.gram()
    a = torch.tensor([0.7, 1.3, 2.0], dtype=F64, requires_grad=True)
    c = slerp(a, gram)
    assert torch.allclose(slerp(5 * a, gram), c), "N + 1 numbers, N degrees of freedom"
    assert torch.allclose(slerp(a, 9 * gram), c), "all vectors three times as long: V_p three times as long"
    value = (c * torch.tensor([0.3, -1.0, 0.4], dtype=F64)).sum() ** 2
    (gradient,) = torch.autograd.grad(value, a)
    assert float((a * gradient).sum().detach()) == pytest.approx(0, abs=1e-12), "Euler: no change along a itself"
    assert torch.autograd.gradcheck(lambda w: slerp(w, gram), (a,))


def test_gram_form_equals_explicit_vectors():
    _, found = vectors()
    flat = torch.cat([found.deltas[n].flatten(1) for n in found.names], dim=1).double()

    def arc(x, y, t):
        angle = torch.arccos(x @ y / x.norm() / y.norm())
        return (torch.sin((1 - t) * angle) * x + torch.sin(t * angle) * y) / torch.sin(angle)

    a = [0.5, 2.0, 1.1]
    w = arc(arc(flat[0], flat[1], a[1] / (a[0] + a[1])), flat[2], a[2] / ((a[0] + a[1]) / 2 + a[2]))
    c = slerp(torch.tensor(a, dtype=F64), found.gram())
    assert torch.allclose(c @ flat, w, atol=1e-10)
    by_tensor = slerp(torch.tensor(a, dtype=F64), found.gram(by_tensor=True))
    assert by_tensor.shape == (4, 3)
    for row, name in zip(by_tensor, found.names, strict=True):
        own = found.deltas[name].flatten(1).double()
        assert torch.allclose(row, slerp(torch.tensor(a, dtype=F64), own @ own.T))


def test_gradient_through_the_weights():
    base, found = vectors()
    x, y = torch.randn(8, 4), torch.randn(8, 3)
    a = torch.tensor([0.7, 1.3, 2.0], dtype=F64, requires_grad=True)

    def loss(weights):
        state = found.compose(1.2 * slerp(weights, found.gram()))
        return ((functional_call(base, state, (x,)) - y) ** 2).mean().double()

    (gradient,) = torch.autograd.grad(loss(a), a)
    # by dot products of the ordinary gradient with the task vectors, as the paper's authors would
    c = (1.2 * slerp(a, found.gram())).detach().requires_grad_()
    model = copy.deepcopy(base)
    model.load_state_dict(found.compose(c.detach()))
    ((model(x) - y) ** 2).mean().backward()
    dots = sum((p.grad.flatten() @ found.deltas[n].flatten(1).T).double() for n, p in model.named_parameters())
    (chained,) = torch.autograd.grad(1.2 * slerp(a, found.gram()), a, dots)
    assert torch.allclose(gradient, chained, atol=1e-6)
    for i in range(3):
        step = torch.zeros(3, dtype=F64)
        step[i] = 1e-3
        with torch.no_grad():
            slope = float(loss(a + step) - loss(a - step)) / 2e-3
        assert float(gradient[i]) == pytest.approx(slope, abs=1e-4)


def test_compose_limits():
    base, found = vectors()
    back = found.compose(torch.zeros(3, dtype=F64))
    assert all(torch.equal(back[n], t) for n, t in base.state_dict().items()), "lambda = 0: the base, to the bit"
    first = found.compose(torch.tensor([1.0, 0, 0], dtype=F64))
    assert all(torch.allclose(first[n], t) for n, t in net(1).state_dict().items())
    mean = found.compose(average(torch.ones(3, dtype=F64), found.gram()))
    expected = sum(net(i + 1).state_dict()["0.weight"] for i in range(3)) / 3
    assert torch.allclose(mean["0.weight"], expected, atol=1e-6)
    assert task_arithmetic(ONES, found.gram()).tolist() == [1, 1, 1]


def test_ties_and_dare():
    base = {"w": torch.zeros(4)}
    found = TaskVectors.between(
        base, [{"w": torch.tensor([3.0, -1.0, 0.1, 2.0])}, {"w": torch.tensor([1.0, 2.0, 0.2, -2.5])}]
    )
    merged = elementwise.ties(found, [1, 1], density=0.75)["w"]
    assert merged.tolist() == pytest.approx([2.0, 2.0, 0.0, -2.5])  # .1 and .2 trimmed; the larger sign wins
    assert torch.allclose(elementwise.dare(found, [1, 1], 1.0)["w"], torch.tensor([2.0, 0.5, 0.15, -0.25]))
    big = TaskVectors.between({"w": torch.zeros(20_000)}, [{"w": torch.ones(20_000)}])
    dropped = elementwise.dare(big, [1.0], 0.25, seed=3)["w"]
    assert set(dropped.unique().tolist()) == {0.0, 4.0} and float(dropped.mean()) == pytest.approx(1, abs=0.05)
    assert torch.equal(dropped, elementwise.dare(big, [1.0], 0.25, seed=3)["w"])
    with pytest.raises(ConfigError, match="density must be above 0"):
        elementwise.ties(found, [1, 1], 0.0)


def test_slerp_of_weights():
    a, b = {"w": torch.tensor([2.0, 0.0]), "n": torch.tensor(3)}, {"w": torch.tensor([0.0, 2.0]), "n": torch.tensor(3)}
    half = elementwise.slerp_weights(a, b, 0.5)
    assert half["w"].tolist() == pytest.approx([2**0.5, 2**0.5]) and int(half["n"]) == 3
    assert torch.equal(elementwise.slerp_weights(a, b, 0.0)["w"], a["w"])


def test_fisher_and_regmean():
    base, found = vectors(2)
    even = [{n: torch.ones_like(t) for n, t in base.state_dict().items()}] * 2
    mean = found.compose(torch.full((2,), 0.5, dtype=F64))
    for name, tensor in data_driven.fisher(found, even, [1, 1]).items():
        assert torch.allclose(tensor, mean[name], atol=1e-6)
    models, xs = [net(1), net(2)], [torch.randn(200, 4), torch.randn(200, 4) * 3]
    grams = [data_driven.input_grams(m, lambda m=m, x=x: m(x)) for m, x in zip(models, xs, strict=True)]
    assert torch.allclose(grams[0]["0.weight"], xs[0].double().T @ xs[0].double())
    merged = data_driven.regmean(found, grams, shrink=0.0)["0.weight"].double()
    # the closed form is the least squares fit to both models' answers on their own inputs
    design = torch.cat(xs).double()
    answers = torch.cat([x @ m[0].weight.T for m, x in zip(models, xs, strict=True)]).double()
    assert torch.allclose(merged.T, torch.linalg.lstsq(design, answers).solution, atol=1e-5)
    f = data_driven.fisher_information(models[0], lambda m, x: m(x).sum(), [xs[0][:1], xs[0][1:2]])
    by_hand = torch.stack(
        [torch.autograd.grad(models[0](x).sum(), models[0][0].bias)[0] ** 2 for x in (xs[0][:1], xs[0][1:2])]
    )
    assert torch.allclose(f["0.bias"], by_hand.mean(0))


# Spaces ---------------------------------------------------------------------------------------------------------------

PAIRS = {"text": [f"item {i}" for i in range(12)], "text_positive": [f"thing {i}" for i in range(12)]}


@pytest.fixture(scope="module")
def spaces():
    from jointspace.encoders.registry import build

    encoder = build("static", "text", width=16, vocab_size=300)
    encoder.prepare(PAIRS["text"] + PAIRS["text_positive"])
    base = Space(text=Tower(encoder, pooling="mean", projection=nn.Linear(16, 8)))
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        one = copy.deepcopy(base)
        with torch.no_grad():
            for p in one.parameters():
                p += 0.1 * torch.randn_like(p)
        made.append(one)
    return base, made


def probe():
    half = js.load_data({k: v[:6] for k, v in PAIRS.items()})
    return half.concat(js.load_data({k: v[6:] for k, v in PAIRS.items()}))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_spaces(spaces, method, tmp_path):
    base, models = spaces
    before = base.encode(["item 1"])
    options = dict(training={"steps": 2, "batch_size": 8}) if method == "self_positioning" else {}
    merged = js.merge(models, base=base, method=method, density=0.5, probe=probe(), **options)
    assert (base.encode(["item 1"]) == before).all(), "the base stays as it is"
    merged.save_pretrained(tmp_path / "m")
    again = Space.from_pretrained(tmp_path / "m")
    assert np.allclose(again.encode(["item 1"]), merged.encode(["item 1"]))
    assert again.metadata["merge"]["merge_method"] == method
    same = (
        js.merge([base, base], base=base, method=method, probe=probe())
        if method in ("linear", "slerp", "ties")
        else base
    )
    assert np.allclose(same.encode(["item 1"]), before, atol=1e-6), "merging a model with itself changes nothing"


def test_what_cannot_be_merged(spaces):
    base, models = spaces
    other = copy.deepcopy(base)
    other.towers["text"].projection = nn.Linear(16, 4)
    with pytest.raises(SpaceError, match=r"projection.weight has the shape \(4, 16\), the base \(8, 16\)"):
        js.merge([models[0], other], base=base)
    other = copy.deepcopy(base)
    other.towers["text"].pooling = "max"
    with pytest.raises(SpaceError, match="differs from the base in the pooling of tower 'text'"):
        js.merge([models[0], other], base=base)
    for how, message in (
        (dict(method="tied"), r"no method 'tied' \(did you mean ties\?\)"),
        (dict(method="ties"), "ties needs base="),
        (dict(method="fisher", base=base), "fisher needs probe="),
        (dict(weights=[1.0]), "1 weights for 2 models"),
        (dict(dtype="float8"), "dtype is 'float8'"),
    ):
        with pytest.raises(ConfigError, match=message):
            js.merge(models, **how)
    with pytest.raises(ConfigError, match="slerp takes two models, got 1"):
        js.merge(models[:1], method="slerp")


def test_recipe(spaces, tmp_path):
    base, models = spaces
    for name, space in zip(("base", "a", "b"), (base, *models), strict=True):
        space.save_pretrained(tmp_path / name)
    recipe = tmp_path / "merge.yaml"
    recipe.write_text(
        f"merge_method: task_arithmetic\nbase_model: {tmp_path}/base\nmodels:\n"
        f"  - model: {tmp_path}/a\n    parameters: {{weight: 0.7}}\n"
        f"  - model: {tmp_path}/b\nparameters: {{lambda: 0.5}}\n"
    )
    made = merge_recipe(recipe)
    expected = js.merge(models, base=base, method="task_arithmetic", weights=[0.7, 1.0], scale=0.5)
    assert made.fingerprint() == expected.fingerprint()
    recipe.write_text("merge_method: linear\nmodels: []\nbase_modle: x\n")
    with pytest.raises(ConfigError, match=r"unknown field 'base_modle' \(did you mean base_model\?\)"):
        merge_recipe(recipe)


def test_self_positioning_moves_its_numbers_alone(spaces):
    from jointspace.operations.merging.probing import judge

    base, models = spaces
    judges = [judge(space, {}) for space in (base, *models)]
    found = TaskVectors.between(judges[0].state_dict(), [j.state_dict() for j in judges[1:]])
    learner = SelfPositioning(Config(mu=0.1), judges[0], found)
    assert sorted(n for n, p in learner.named_parameters() if p.requires_grad and "inner" not in n) == [
        "raw_weights",
        "scale",
    ]
    js.fit(learner, probe(), default_training(steps=5, batch_size=8, learning_rate=0.05), progress=False)
    assert len(learner.history) == 5 and learner.history[-1]["lambda"] != 1.0
    merged = learner.merged().state_dict()
    span = torch.cat([found.deltas[n].flatten(1) for n in found.names], dim=1).double()
    moved = torch.cat([(merged[n] - found.base[n]).flatten() for n in found.names]).double()
    left = moved - span.T @ torch.linalg.lstsq(span.T, moved).solution
    assert float(left.norm() / moved.norm()) < 1e-6, "theta stays in the plane of the task vectors"
    replayed = found.compose(torch.tensor(learner.found()["coefficients"], dtype=F64))
    assert all(torch.equal(replayed[n], merged[n]) for n in found.names), "the numbers found make the same weights"
    batch = {"source": torch.tensor([0])}
    learner.inner.forward = lambda part: {"x": torch.zeros(())}
    terms = learner.losses(batch)
    (slope,) = torch.autograd.grad(terms["length"], learner.scale)
    assert float(slope) == pytest.approx(0.1), "mu"


def test_plane_and_angles():
    from jointspace.operations.merging.analysis import angle_ratio, plane

    _, found = vectors(2)
    seen = plane(found, (0, 1), lambda state: float(state["0.bias"].sum()), size=5, path=[[1.0, 1.0]])
    base, one = found.base["0.bias"].sum(), (found.base["0.bias"] + found.deltas["0.bias"][0]).sum()
    at = {round(v, 3): k for k, v in enumerate(seen.x)}
    assert seen.loss[at[0.0], at[1.0]] == pytest.approx(float(one), abs=1e-5)
    assert seen.loss[at[0.0], at[0.0]] == pytest.approx(float(base), abs=1e-5)
    assert seen.arc.shape == (50, 2) and seen.arc[0] == pytest.approx([1, 0], abs=0.01)
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert angle_ratio(torch.tensor([1.0, 1.0]), x, y) == pytest.approx(1)
    assert angle_ratio(torch.tensor([2.0, 1.0]), x, y) < 1
