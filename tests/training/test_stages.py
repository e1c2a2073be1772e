"""Several stages: where each takes its weights, what is kept, where things lie, resuming in the middle."""

import copy

import pytest
import torch
from toys import pairs, toy

import jointspace as js
from jointspace.errors import ConfigError, TrainingError
from jointspace.space import Space
from jointspace.training.run_folder import read_run
from jointspace.training.stages import Stage, fit_stages

STILL = dict(steps=1, batch_size=8, learning_rate=0.0)  # a stage that leaves its weights as it got them


def config(**more) -> js.TrainingConfig:
    return js.TrainingConfig(**{**dict(steps=5, batch_size=8, learning_rate=1e-2, logging_steps=1), **more})


def weight(result):
    return result.method.projection.weight.detach().clone()


def run(stages, **more):
    data = pairs()
    made = [Stage(**{**dict(data=data, config=config()), **stage}) for stage in stages]
    return fit_stages(made, progress=False, **more)


def test_previous_start_and_names(tmp_path):
    one = toy()
    first_weight = one.projection.weight.detach().clone()
    still = config(**STILL)
    results = run(
        [
            dict(name="a", method=one),
            dict(name="b", method=toy(seed=3), config=still),
            dict(name="c", method=toy(seed=4), config=still, init_from="start"),
            dict(name="d", method=toy(seed=5), config=still, init_from="a"),
            dict(name="e", method=toy(seed=6), config=still, init_from=None),
        ],
        output=tmp_path / "run",
    )
    assert torch.equal(weight(results["b"]), weight(results["a"]))
    assert torch.equal(weight(results["c"]), first_weight)
    assert torch.equal(weight(results["d"]), weight(results["a"]))
    assert torch.equal(weight(results["e"]), toy(seed=6).projection.weight)
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        "0-a", "1-b", "2-c", "3-d", "4-e", "space", "run.json", "metrics.jsonl",
    }  # fmt: skip
    opened = Space.from_pretrained(tmp_path / "run" / "space", device="cpu")
    assert opened.fingerprint() == results["e"].space.fingerprint()
    assert read_run(tmp_path / "run")["status"] == "finished"


def test_one_method_through_all_stages_and_back_to_an_earlier_one(tmp_path):
    one = toy()
    results = run(
        [
            dict(name="a", method=one),
            dict(name="b", method=one),
            dict(name="c", method=one, config=config(**STILL), init_from="a"),
        ],
        output=tmp_path / "run",
    )
    after_a = Space.from_pretrained(tmp_path / "run" / "0-a" / "space", device="cpu")
    assert results["c"].space.fingerprint() == after_a.fingerprint()
    after_b = Space.from_pretrained(tmp_path / "run" / "1-b" / "space", device="cpu")
    assert after_b.fingerprint() != after_a.fingerprint()


def test_a_later_stage_builds_its_method_from_earlier_results():
    seen = {}

    def student(results):
        seen["teacher"] = results["teacher"].space
        return toy(seed=7)

    results = run([dict(name="teacher", method=toy()), dict(name="student", method=student, init_from=None)])
    assert seen["teacher"] is results["teacher"].space


def test_a_kept_optimiser_goes_on_where_it_was():
    """The first step of the second stage differs by the momentum alone."""
    how = dict(optim="sgd", optim_args={"momentum": 0.9}, lr_scheduler_type="constant", weight_decay=0.0)
    steps = config(steps=3, **how)

    def last(optimiser):
        one = toy(dropout=0.0)
        results = run(
            [
                dict(name="a", method=one, config=steps),
                dict(name="b", method=one, config=config(steps=1, **how), optimiser=optimiser),
            ]
        )
        return results["a"], weight(results["b"])

    first, kept = last("kept")
    _, new = last("new")
    momentum = first.optimiser[0]["projection.weight//momentum_buffer"]
    assert torch.allclose(new - kept, 1e-2 * 0.9 * momentum, atol=1e-6)


def test_a_folder_and_a_key_map(tmp_path):
    source = str(fit_space(tmp_path))
    run([dict(name="a", method=toy(seed=3), config=config(**STILL), init_from=source)])
    with pytest.raises(TrainingError, match="not one tensor fits"):
        run([dict(name="a", method=toy(seed=3), config=config(**STILL), init_from=source, key_map={"^": "x."})])


def fit_space(tmp_path):
    js.fit(toy(), pairs(), config(steps=1), output=tmp_path / "source", progress=False)
    return tmp_path / "source" / "space"


@pytest.mark.parametrize(
    "stages, words",
    [
        ([], "there is none"),
        ([dict(name="a"), dict(name="a")], "the name 'a' is taken"),
        ([dict(name="a"), dict(name="b", init_from="aa")], "init_from 'aa' is no earlier stage"),
        ([dict(name="a", init_from="b"), dict(name="b")], "init_from 'b' is no earlier stage"),
        ([dict(name="a", optimiser="kept")], "optimiser: kept needs init_from"),
        ([dict(name="a"), dict(name="b", optimiser="keep")], "did you mean kept"),
    ],
)
def test_stages_that_do_not_fit_together(stages, words):
    with pytest.raises(ConfigError, match=words):
        run([{"method": toy(), **stage} for stage in stages])


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, run, terms):
        if run.step == self.step:
            raise Crash


@pytest.mark.parametrize("optimiser", ["new", "kept"])
def test_resumed_in_the_second_stage(tmp_path, optimiser):
    def stages(callbacks=()):
        one = toy()
        how = config(save_steps=2, steps=6)
        return [
            dict(name="a", method=one, config=how),
            dict(name="b", method=one, config=how, optimiser=optimiser, callbacks=callbacks),
        ]

    whole = run(stages(), output=tmp_path / "whole")
    with pytest.raises(Crash):
        run(stages([CrashAt(5)]), output=tmp_path / "run")
    assert read_run(tmp_path / "run")["status"] == "failed"
    resumed = run(stages(), output=tmp_path / "run", resume=True)
    assert resumed["b"].space.fingerprint() == whole["b"].space.fingerprint()
    assert read_run(tmp_path / "run")["resumed_from"] == [4]
    again = run(stages(), output=tmp_path / "run", resume=True)
    assert again["b"].space.fingerprint() == whole["b"].space.fingerprint()
    with pytest.raises(ConfigError, match="holds a run already"):
        run(stages(), output=tmp_path / "run")


def test_what_the_first_stage_froze_learns_in_the_second():
    one = toy()
    before = copy.deepcopy(one.state_dict())
    run([dict(name="a", method=one, config=config(trainable="head"))])
    frozen = [n for n, t in one.state_dict().items() if n.startswith("text_encoder") and not torch.equal(t, before[n])]
    assert not frozen
    run([dict(name="b", method=one)])
    assert any(not torch.equal(t, before[n]) for n, t in one.state_dict().items() if n.startswith("text_encoder"))
