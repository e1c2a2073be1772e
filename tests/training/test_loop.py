"""What a run does besides learning: refusals, faults, averages, evaluation, early stopping."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import Toy, pairs, toy

import jointspace as js
from jointspace.data.collate import Collator
from jointspace.data.samplers import build_sampler
from jointspace.errors import ConfigError, DataError, TrainingError
from jointspace.space import Space
from jointspace.training.capture import replay
from jointspace.training.checkpoints import list_checkpoints
from jointspace.training.run_folder import read_metrics, read_run
from jointspace.training.transfer import copy_matching


def settings(**more) -> js.TrainingConfig:
    return js.TrainingConfig(**{**dict(steps=12, batch_size=16, learning_rate=1e-2, logging_steps=1), **more})


def fit(method=None, data=None, **more):
    keep = {
        k: more.pop(k)
        for k in ("output", "validation", "evaluate", "callbacks", "init_from", "key_map", "record", "resume")
        if k in more
    }
    return js.fit(method or toy(), data if data is not None else pairs(), settings(**more), progress=False, **keep)


def test_learns_and_leaves_a_whole_run(tmp_path):
    result = fit(steps=40, output=tmp_path / "run", save_steps=8, record={"recipe": {"name": "x"}})
    assert result.losses[0] > 2 * result.losses[-1] and len(result.history) == 40
    assert [p.name for p in list_checkpoints(tmp_path / "run")] == ["checkpoint-32", "checkpoint-40"]
    record = read_run(tmp_path / "run")
    assert record["status"] == "finished" and record["step"] == 40 and record["resumed_from"] == []
    assert record["training"]["learning_rate"] == 1e-2 and record["recipe"] == {"name": "x"}
    assert record["data"]["rows"] == 48 and record["data"]["fingerprint"] == pairs().fingerprint
    assert record["versions"]["torch"] == torch.__version__ and record["threads"] == torch.get_num_threads()
    opened = Space.from_pretrained(tmp_path / "run" / "space", device="cpu")
    assert opened.fingerprint() == result.space.fingerprint() == record["fingerprint"]
    lines = read_metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == list(range(1, 41)) and lines[0]["epoch"] == pytest.approx(1 / 3)
    assert lines[0]["loss"] == pytest.approx(lines[0]["forth"] + lines[0]["back"])
    assert not any(p.name.startswith(".") for p in (tmp_path / "run").iterdir())


def test_writes_nothing_without_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fit().output is None and not list(tmp_path.iterdir())


def test_same_seed_same_weights_other_seed_other_weights():
    one, two, other = fit(), fit(), fit(seed=1)
    assert one.space.fingerprint() == two.space.fingerprint() != other.space.fingerprint()


def test_what_looks_at_a_run_does_not_change_it():
    class Draws(js.training.Callback):
        def on_step(self, run, terms):
            torch.rand(3)
            np.random.rand(3)

    validation = pairs(64).select(range(48, 64))
    looked = fit(validation=validation, eval_steps=2, callbacks=[Draws()], evaluate=lambda space: {"x": torch.rand(())})
    assert looked.space.fingerprint() == fit().space.fingerprint()


def test_logged_means_cover_the_steps_since_the_last_line():
    each, some = fit(steps=10), fit(steps=10, logging_steps=4)
    want = [np.mean(each.losses[:4]), np.mean(each.losses[4:8]), np.mean(each.losses[8:])]
    assert some.losses == pytest.approx(want, rel=1e-12)


def test_accumulation_averages_gradients():
    """Two batches a step with plain SGD: the first update is the mean of those of the two batches alone."""

    def first(**more):
        method = toy(dropout=0.0)
        before = method.projection.weight.detach().clone()
        how = dict(steps=1, optim="sgd", learning_rate=1.0, weight_decay=0, max_grad_norm=None)
        fit(method, **{**how, **more})
        return method.projection.weight.detach() - before

    both = first(gradient_accumulation_steps=2)
    one = first()
    method = toy(dropout=0.0)
    data = pairs()
    method.prepare(data)
    epoch, rows = build_sampler(None, data, 16, 0).batch(1)
    batch = Collator(data, method.processors(), list(method.fields), seed=0)(rows, epoch)
    sum(method.train().losses(batch).values()).backward()
    assert torch.allclose(both, (one - method.projection.weight.grad) / 2, atol=1e-6)


def test_gradients_are_clipped():
    """With plain SGD of rate 1 the update has at most the length of the limit."""
    method = toy()
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    result = fit(method, steps=1, optim="sgd", learning_rate=1.0, weight_decay=0.0, max_grad_norm=0.01)
    moved = math.sqrt(sum(float((p.detach() - before[n]).square().sum()) for n, p in method.named_parameters()))
    assert moved == pytest.approx(0.01, rel=1e-3) and result.history[0]["grad_norm"] > 0.01


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"batch_size": 1}, "batch_size: Toy is contrastive; a batch of one"),
        ({"batch_size": 100}, "batch_size: 100 is larger than the data set"),
        ({"micro_batch_size": 32}, "micro_batch_size: 32 is larger than batch_size"),
        ({"fp16": True, "device": "cpu"}, "fp16: needs an accelerator"),
        ({"device": "warp"}, "device: 'warp' is not to be had"),
        ({"report_to": ["tensorbord"]}, "did you mean tensorboard"),
        ({"batches": "uniqe"}, "did you mean unique"),
        ({"probes": ["geometry"]}, "probes: geometry looks at validation rows"),
        ({"augment": {"text": ["flipp"]}}, "flipp"),
    ],
)
def test_refused_before_the_first_step(tmp_path, fields, words):
    with pytest.raises(ConfigError) as caught:
        fit(output=tmp_path / "run", **fields)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_an_unreadable_row_is_named_and_leaves_nothing(tmp_path):
    class Broken(Toy):
        def processors(self):
            def refuse(texts):
                if any("kan" in text for text in texts):
                    raise ValueError("no text")
                return self.text_encoder.processor(texts)

            return {"text": refuse}

    with pytest.raises(DataError, match="row .*'text'.*no text"):
        fit(Broken(), output=tmp_path / "run", batch_size=48)
    assert not (tmp_path / "run").exists()


def test_a_missing_field_is_named():
    with pytest.raises(ConfigError, match="Toy needs the field 'text_positive'"):
        fit(data=js.load_data([{"text": "a"}, {"text": "b"}]))


def test_a_batch_of_one_teaches_a_method_that_is_not_contrastive():
    class Plain(Toy):
        contrastive = False

        def terms(self, text, text_positive, row):
            return {"apart": (text - text_positive).square().sum(1).mean()}

    assert len(fit(Plain(), batch_size=1, steps=3).losses) == 3


# NaN ------------------------------------------------------------------------------------------------------------------


def test_nan_names_step_and_term_and_can_be_replayed(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(TrainingError) as caught:
        fit(toy(breaks_at=7), output=out, save_steps=3)
    said = str(caught.value)
    assert said.startswith("step 7: the term 'back' is nan") and len(said.splitlines()) == 1
    assert "checkpoint-6" in said and "failed-step-7" in said
    record = read_run(out)
    assert record["status"] == "failed" and "back" in record["error"] and not (out / "space").exists()
    assert [p.name for p in list_checkpoints(out)] == ["checkpoint-3", "checkpoint-6"]
    again = replay(out / "failed-step-7" / "state.json", toy(seed=5, breaks_at=7))
    assert again.step == 7 and again.bad_terms == ["back"]
    healthy = replay(out / "failed-step-7", toy(seed=5))
    assert healthy.bad_terms == [] and "finite this time" in str(healthy)
    whole = fit(toy(), save_steps=3)
    assert healthy.terms["forth"] == pytest.approx(whole.history[7]["forth"], rel=1e-6), (
        "the same batch, weights, draws"
    )


def test_replay_points_at_the_module(tmp_path):
    class Breaks(Toy):
        def before_step(self, progress):
            if progress.step == 3:
                self.projection.bias.data[0] = float("inf")

    with pytest.raises(TrainingError, match="step 3: the term 'forth'"):
        fit(Breaks(), output=tmp_path / "run")
    found = replay(tmp_path / "run" / "failed-step-3", Breaks())
    assert found.first_bad == "projection" and "projection" in str(found)


def test_a_gradient_that_is_not_finite_is_named(tmp_path):
    class Breaks(Toy):
        def after_backward(self, progress):
            if progress.step == 2:
                self.projection.weight.grad[0, 0] = float("nan")

    method = Breaks()
    with pytest.raises(TrainingError, match="step 2: the gradient of projection.weight is not finite"):
        fit(method, output=tmp_path / "run")
    assert all(p.isfinite().all() for p in method.parameters()), "the bad step was not taken"


def test_replay_refuses_a_plain_checkpoint(tmp_path):
    fit(output=tmp_path / "run")
    with pytest.raises(TrainingError, match="is a checkpoint, not a captured step"):
        replay(tmp_path / "run" / "checkpoint-12", toy())


def test_a_loss_without_parameters_is_refused():
    class Detached(Toy):
        def terms(self, text, text_positive, row):
            return {"nothing": F.mse_loss(text, text_positive).detach()}

    with pytest.raises(TrainingError, match="no loss term depends on a parameter"):
        fit(Detached())


# What is evaluated ----------------------------------------------------------------------------------------------------


def test_the_space_has_the_averaged_weights(tmp_path):
    """Momentum as written out, on one tensor."""
    seen = []

    class Keep(js.training.Callback):
        def on_step(self, run, terms):
            seen.append(run.method.projection.weight.detach().clone())

    start = toy().projection.weight.detach().clone()
    result = fit(ema_decay=0.8, steps=6, callbacks=[Keep()])
    average = start
    for weight in seen:
        average = 0.8 * average + 0.2 * weight
    assert torch.allclose(result.method.projection.weight, average, atol=1e-6)
    assert not torch.allclose(result.method.projection.weight, seen[-1], atol=1e-4)


def test_validation_loss_is_that_of_whole_batches_in_order():
    validation = pairs(64).select(range(48, 64))
    result = fit(validation=validation, batch_size=8)
    method = result.method.eval()
    make = Collator(validation, method.processors(), list(method.fields), seed=0, train=False)
    with torch.no_grad():
        want = [float(sum(method.losses(make(np.arange(s, s + 8))).values())) for s in (0, 8)]
    assert result.scores["validation_loss"] == pytest.approx(np.mean(want), rel=1e-6)


def scripted(values):
    """An `evaluate` that gives these scores, one after the other."""
    left = iter(values)
    return lambda space: {"score": next(left)}


@pytest.mark.parametrize("to_disk", [False, True])
def test_early_stopping_and_the_best_weights(tmp_path, to_disk):
    fingerprints = {}

    class Keep(js.training.Callback):
        def on_evaluate(self, run, scores):
            fingerprints[run.step] = run.method.space().fingerprint()

    result = fit(
        steps=30,
        eval_steps=2,
        evaluate=scripted([0.1, 0.5, 0.4, 0.3, 0.2]),
        callbacks=[Keep()],
        metric_for_best_model="score",
        early_stopping_patience=3,
        load_best_model_at_end=True,
        save_total_limit=1,
        output=tmp_path / "run" if to_disk else None,
    )
    assert result.steps == 10 and "best 0.5 at 4" in result.stopped
    assert result.scores == {"score": 0.5} and result.space.fingerprint() == fingerprints[4]
    if to_disk:
        assert [p.name for p in list_checkpoints(tmp_path / "run")] == ["checkpoint-4", "checkpoint-10"]
        assert read_run(tmp_path / "run")["final_checkpoint"] == "checkpoint-4"
        again = fit(
            toy(seed=4), steps=30, eval_steps=2, metric_for_best_model="score", early_stopping_patience=3,
            load_best_model_at_end=True, output=tmp_path / "run", resume=True,
        )  # fmt: skip
        assert again.method.space().fingerprint() == fingerprints[4]


def test_a_score_that_is_not_there_is_named():
    with pytest.raises(TrainingError, match="gives no 'scor' .did you mean score"):
        fit(evaluate=scripted([1.0]), metric_for_best_model="scor")


def test_probes_need_no_evaluation():
    data = js.load_data([{"text": f"w{i}", "text_positive": f"x{i}", "label": "ab"[i % 2]} for i in range(40)])
    result = fit(data=data, validation=data.select(range(30, 40)), probes=["knn", "geometry"], batch_size=8)
    assert set(result.scores) >= {
        "knn/text", "knn/text_positive", "uniformity/text", "alignment/text-text_positive", "gap/text-text_positive",
    }  # fmt: skip
    assert 0 <= result.scores["knn/text"] <= 1


def test_bf16_learns():
    result = fit(bf16=True, steps=20)
    assert result.losses[-1] < result.losses[0] and result.method.projection.weight.dtype == torch.float32


# Hand-over of weights -------------------------------------------------------------------------------------------------


def test_init_from_takes_weights_only(tmp_path, capsys):
    first = fit(steps=20, output=tmp_path / "first", ema_decay=0.5)
    for source in (first.space, first.method, tmp_path / "first", tmp_path / "first" / "space",
                   tmp_path / "first" / "checkpoint-20"):  # fmt: skip
        method = toy(seed=8)
        fit(method, steps=1, learning_rate=0.0, init_from=source)
        assert torch.equal(method.projection.weight, first.method.projection.weight), source
    out = tmp_path / "second"
    fit(toy(seed=8), steps=1, init_from=tmp_path / "first" / "space", output=out)
    report = read_run(out)["init_from"]
    assert "text.projection.weight" in "".join(report["loaded"]) and report["misshapen"] == []


def test_init_from_maps_names_and_reports():
    source, target = toy(), toy(seed=3)
    state = {f"old.{n}": t for n, t in source.state_dict().items()}
    state["old.projection.bias"] = torch.zeros(3)
    report = copy_matching(state, target, {"^old[.]": ""}, "there")
    assert torch.equal(target.projection.weight, source.projection.weight)
    assert report.misshapen == ["projection.bias"] and not report.new and not report.unused
    assert "1 of another shape (projection.bias)" in str(report)
    with pytest.raises(TrainingError, match="init_from there: not one tensor fits"):
        copy_matching(state, target, None, "there")


def test_methods_without_gradients(tmp_path):
    class Solved(Toy):
        def solve(self, data, seed):
            torch.manual_seed(seed)
            self.projection.weight.data = torch.randn(16, 16)

    result = fit(Solved(), output=tmp_path / "run", evaluate=lambda space: {"dim": space.dim})
    assert result.scores == {"dim": 16.0} and result.steps == 0
    assert read_run(tmp_path / "run")["status"] == "finished"
    again = fit(Solved(), output=tmp_path / "run", resume=True)
    assert again.space.fingerprint() == result.space.fingerprint()
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text())["dim"] == 16.0
