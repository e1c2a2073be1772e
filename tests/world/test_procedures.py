"""Procedures: pictures, orders and the partial order agree; words and colours alone do not give the plan."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jointspace import world
from jointspace.errors import ConfigError
from jointspace.world.procedures_draw import draw
from jointspace.world.procedures_order import before, is_valid, random_orders, valid_orders
from jointspace.world.procedures_tasks import ACTIONS, FEWEST, NAMES, TASKS, action

TEXTS = [f for f in world.kind("procedures").FIELDS if f not in ("video", "image_start", "image_goal")]


def test_the_population():
    assert len(TASKS) == len(set(NAMES)) == 14 and FEWEST == 6
    mask = world.kind("procedures").mask()
    assert mask.shape == (14, len(ACTIONS)) and mask.any(axis=0).all()
    assert (mask.sum(axis=0) > 1).sum() >= 12, "tasks share steps"
    for t, task in enumerate(TASKS):
        assert mask[t].sum() == len(task.steps), "no step twice in a task"
        assert is_valid(t, range(len(task.steps))), "the usual order is valid"
        assert len(valid_orders(t, tuple(range(len(task.steps))))) > 1, "some steps can be exchanged"


@pytest.mark.parametrize("task", range(len(TASKS)), ids=NAMES)
def test_before_is_the_closure_of_what_the_steps_say(task):
    must, steps = before(task), TASKS[task].steps
    assert not np.diag(must).any()
    for j, step in enumerate(steps):
        needed, todo = set(), list(step.after)
        while todo:
            i = todo.pop()
            needed.add(i)
            todo += steps[i].after
        assert set(np.flatnonzero(must[:, j])) == needed


def test_every_valid_order_answers_to_its_own_ranks_and_no_other_order_comes():
    for task in (0, 8):
        steps = range(len(TASKS[task].steps))
        wishes = np.array([np.argsort(p) for p in permutations(steps)], dtype=float)
        assert {tuple(o) for o in random_orders(task, wishes).tolist()} == set(valid_orders(task, tuple(steps)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), horizon=st.integers(2, 6), habit=st.sampled_from([0.0, 0.5, 1.0]))
def test_plans_orders_and_words_agree(seed, horizon, habit):
    rows = world.procedures(n=5, seed=seed, horizon=horizon, habit=habit, fields=TEXTS)
    plans = rows.plans(np.arange(5))
    for i, row in enumerate(rows):
        task, window, ids = int(row["task_id"]), plans.window(i), row["step_ids"]
        assert NAMES[task] == row["task"] and is_valid(task, list(plans.order[i]))
        assert [TASKS[task].steps[s].text for s in window] == row["steps"] == [ACTIONS[a] for a in ids]
        assert len(set(ids)) == horizon and not set(row["done"]) & set(ids)
        assert ids in row["orders"] and row["valid"] in row["orders"]
        assert (row["invalid"] not in row["orders"]) if row["invalid"] else len(row["before"]) == 0
        places = {frozenset(p) for p in row["before"]}
        assert all(a < b for a, b in row["before"]) and len(places) == len(row["before"])
        for order in permutations(range(horizon)) if horizon < 5 else [range(horizon)]:
            allowed = all(order.index(a) < order.index(b) for a, b in row["before"])
            assert allowed == ([ids[k] for k in order] in row["orders"])
        assert all(text in said for text, said in zip(row["steps"], row["step_captions"], strict=True))
        if habit == 1.0:
            assert window == sorted(window)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_pictures_agree_with_the_steps(seed):
    rows = world.procedures(n=4, seed=seed, horizon=4)
    plans = rows.plans(np.arange(4))
    for i, row in enumerate(rows):
        video = row["video"]
        assert video.shape == (5, 48, 48, 3)
        assert (video[0] == row["image_start"]).all() and (video[-1] == row["image_goal"]).all()
        change = np.abs(np.diff(video.astype(int), axis=0)).sum(axis=3)
        assert (change > 30).sum(axis=(1, 2)).min() >= 4, "every step can be seen"
        task, order, start = int(row["task_id"]), plans.order[i], plans.start[i]
        done = np.isin(np.arange(len(order)), order[: start + 4])[None, None]
        other = world.procedures(n=i + 1, seed=seed, horizon=4, fields=["image_goal"])
        assert (other[i]["image_goal"] == video[-1]).all(), "without the states between"
        assert draw(np.array([i], dtype=np.uint64), task, done, 24).shape == (1, 1, 24, 24, 3)


def test_habit_drop_swap_and_noise_have_their_rates():
    rows = world.procedures(n=600, seed=1, habit=0.0, drop=0.0, swap=0.3, fields=TEXTS)
    own = [row["steps"][0] in row["text_start"] for row in rows]
    assert np.mean(own) == pytest.approx(0.7, abs=0.05)
    assert np.mean([row["steps"][-1] in row["text_goal"] for row in rows]) == pytest.approx(0.7, abs=0.05)
    dropped = world.procedures(n=300, seed=1, drop=0.5, swap=0.0, fields=["text_start"]).column("text_start")
    whole = world.procedures(n=300, seed=1, drop=0.0, swap=0.0, fields=["text_start"]).column("text_start")
    share = sum(len(t.split()) for t in dropped) / sum(len(t.split()) for t in whole)
    assert share == pytest.approx(0.5, abs=0.05)
    clean, noisy = (world.procedures(n=3, seed=1, noise=a).column("image_start").astype(float) for a in (0.0, 0.05))
    assert np.std(noisy - clean) == pytest.approx(0.05 * 255, abs=0.8)


def test_the_digest_is_pinned():
    assert world.procedures(n=8, seed=7).digest() == "ad9d7c49ff2cf499"


def test_controls_name_what_is_wrong():
    with pytest.raises(ConfigError, match="horizon must be in 2 to 6, got 7"):
        world.procedures(n=1, horizon=7)
    with pytest.raises(ConfigError, match="tasks: no 'build a hous'.*build a house"):
        world.procedures(n=1, tasks=["build a hous"])


def test_an_oracle_plans_what_is_possible_and_a_guess_does_not():
    """With the truth every plan is valid; a random order of the right steps holds in less than 0.6 of the rows."""
    rows = world.procedures(n=500, seed=3, fields=TEXTS)
    rng = np.random.default_rng(0)
    oracle, guess, exact, often = [], [], [], []
    counts = np.bincount([a for row in rows for a in row["step_ids"]], minlength=len(ACTIONS))
    for row in rows:
        task, ids = int(row["task_id"]), row["step_ids"]
        usual = [action(task, s) for s in range(len(TASKS[task].steps))]
        oracle.append(sorted(ids, key=usual.index) in row["orders"])
        mixed = list(rng.permutation(ids))
        guess.append(mixed in row["orders"])
        exact.append(mixed == ids)
        often.append(counts.argmax() == ids[0])
    assert np.mean(oracle) == 1.0
    assert np.mean(guess) < 0.6 and np.mean(exact) < 0.2
    assert np.mean(often) < 0.12, "the most frequent step is no plan"


@pytest.mark.slow
def test_bag_of_words_and_mean_colour_do_not_plan():
    """A bag of words cannot tell a valid order from an invalid one; the goal's mean colour hardly tells the task."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    rows = world.procedures(n=1200, seed=4)
    orders = [
        (" ".join(ACTIONS[a] for a in row[kind]), kind)
        for row in rows
        if row["invalid"]
        for kind in ("valid", "invalid")
    ]
    words = CountVectorizer().fit_transform([text for text, _ in orders])
    kinds = np.array([kind for _, kind in orders])
    cut = len(kinds) // 4 * 3
    fit = LogisticRegression(max_iter=500).fit(words[:cut], kinds[:cut])
    assert fit.score(words[cut:], kinds[cut:]) < 0.56  # chance 0.5
    columns = rows.columns("image_goal", "image_start", "task_id")
    task, goal = columns["task_id"], columns["image_goal"].reshape(1200, -1, 3) / 255.0
    colour = np.concatenate(
        [goal.mean(axis=1), columns["image_start"].reshape(1200, -1, 3).mean(axis=1) / 255.0], axis=1
    )
    probe = LogisticRegression(max_iter=2000, C=100).fit(colour[:900], task[:900])
    assert probe.score(colour[900:], task[900:]) < 0.45  # chance 0.07; what is added has its usual colours
    small = columns["image_goal"].reshape(1200, 12, 4, 12, 4, 3).mean(axis=(2, 4)).reshape(1200, -1) / 255.0
    picture = RidgeClassifier(alpha=10.0).fit(small[:900], task[:900])
    assert picture.score(small[900:], task[900:]) > 0.9  # the picture does tell it
