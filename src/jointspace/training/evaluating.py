"""An evaluation in the middle of a run: validation loss, the caller's scores of the Space, probes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jointspace.training.frozen import learnt_state, train_mode
from jointspace.training.run import Run
from jointspace.training.sweep import mean_terms

if TYPE_CHECKING:
    from jointspace.space import Space


def evaluate_run(run: Run, evaluate: Callable[[Space], Mapping[str, float]] | None) -> bool:
    """Score the weights as they are, log the scores, decide on early stopping; True where they are the best so far."""
    began = time.perf_counter()
    scores: dict[str, float] = {}
    model = run.evaluated
    model.eval()
    try:
        if run.validation is not None and not run.gradient_free:
            collator, rows = run.collator(run.validation, train=False), len(run.validation)
            terms = mean_terms(model, collator, rows, run.config.batch_size, run.devices, run.config.seed)
            scores |= {f"validation_{name}": value for name, value in terms.items()}
        if evaluate is not None:
            scores |= {name: float(value) for name, value in evaluate(model.space().eval()).items()}
        for callback in run.callbacks:
            scores |= callback.on_evaluate(run, scores) or {}
    finally:
        train_mode(run.method, run.still)
    if not scores:
        return False
    run.scores = scores
    run.log(scores, seconds=time.perf_counter() - began)
    better = run.best.see(run.step, scores)
    if better and run.config.load_best_model_at_end and run.folder.path is None:
        run.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in learnt_state(model).items()}
    if run.best.enough and run.stop is None:
        name, patience = run.config.metric_for_best_model, run.config.early_stopping_patience
        run.stop = f"{name} has not improved for {patience} evaluations (best {run.best.score:.4g} at {run.best.step})"
    return better
