"""The one training loop: batch -> losses (or gradient cache) -> finite check -> backward -> clip -> step ->
`after_step` -> log -> evaluate -> save."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jointspace.errors import JointspaceError, TrainingError
from jointspace.training.callbacks import Callback
from jointspace.training.config import TrainingConfig
from jointspace.training.evaluating import evaluate_run
from jointspace.training.gradient_cache import cached_losses
from jointspace.training.interrupts import Interrupted, Interrupts
from jointspace.training.method import Batch, Method, Progress
from jointspace.training.phases import Update
from jointspace.training.progress_bar import ProgressBar
from jointspace.training.result import FitResult, finish, finished_result
from jointspace.training.run import Run
from jointspace.training.saving import save, stop_with_capture
from jointspace.training.seeding import seed_all
from jointspace.training.starting import prepare_run

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset
    from jointspace.space import Space


def fit(
    method: Method,
    data: Dataset,
    config: TrainingConfig | None = None,
    *,
    validation: Dataset | None = None,
    evaluate: Callable[[Space], Mapping[str, float]] | None = None,
    callbacks: Sequence[Callback] = (),
    output: str | Path | None = None,
    resume: bool = False,
    init_from: Any = None,
    key_map: Mapping[str, str] | None = None,
    progress: bool = True,
    record: Mapping[str, Any] | None = None,
    optimiser: Sequence[Mapping[str, Tensor]] = (),
) -> FitResult:
    """Train `method` on `data`; its modules are changed in place.

    validation: rows for the validation loss and probes. evaluate: scores of a Space, called every `eval_steps` and at
    the end. output: folder of the run (None = nothing is written). resume: go on with the run in `output` from its
    last checkpoint; with nothing saved it starts, finished it returns what it gave. init_from: a Space, a Method, or
    the folder of a Space, a run or a checkpoint, whose weights are taken (key_map: names there -> names here, regular
    expressions). progress: bar and lines on stderr. record: further entries for run.json (the resolved recipe).
    optimiser: optimiser states of an earlier run (`FitResult.optimiser`) to go on with.

    Raises ConfigError and DataError for input that does not fit; TrainingError where a loss or gradient is not finite
    (names step and term; a capture for `replay` lies in `output`), a checkpoint cannot be written or is of another
    config; Interrupted after Ctrl-C or SIGTERM, once the step is saved.
    """
    config = config or TrainingConfig()
    if output is not None and resume and (done := finished_result(Path(output), method, data, config)):
        return done
    # Where a run starts from:
    #   resume      its own newest whole checkpoint: weights, optimisers, averages, counters, step; none yet = scratch
    #   init_from   the weights (and tokenizers) of another Space, run or method, at step 0
    #   scratch     the method as it was constructed
    run = prepare_run(
        method, data, config, validation, callbacks, output, resume, init_from, key_map, progress, record, optimiser,
    )  # fmt: skip
    began = time.perf_counter()
    try:
        with Interrupts() as interrupts, ProgressBar(type(method).__name__, run.step, run.steps, progress) as bar:
            run.say = bar.say if progress else run.say
            for callback in run.callbacks:
                callback.on_start(run)
            if run.gradient_free:
                solve(run, evaluate)
            else:
                train_loop(run, evaluate, interrupts, bar)
        return finish(run, time.perf_counter() - began)
    except BaseException as error:
        if run.step == 0 and isinstance(error, JointspaceError) and run.saved_in is None:  # nothing half-written
            run.folder.discard()
            raise
        status = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
        run.folder.write(status=status, step=run.step, error=(str(error) or type(error).__name__).splitlines()[0])
        raise
    finally:
        for callback in run.callbacks:
            callback.on_end(run)
        run.folder.close()


def train_loop(
    run: Run,
    evaluate: Callable[[Space], Mapping[str, float]] | None,
    interrupts: Interrupts,
    bar: ProgressBar,
) -> None:
    """Steps from where the run stands to its end."""
    config = run.config
    run.open_batches()
    since, logged = time.perf_counter(), run.step
    while run.step < run.steps and run.stop is None:
        terms, rate, norm = train_step(run)
        run.step += 1
        last = run.step == run.steps
        for callback in run.callbacks:
            callback.on_step(run, terms)
        seconds = time.perf_counter() - since
        speed = (run.step - logged) * config.batch_size * run.draws / max(seconds, 1e-9)
        bar.step(run.step, terms, speed)
        if run.step % config.logging_steps == 0 or last:
            means = [total / run.counts[name] for name, total in run.sums.items()]
            terms = dict(zip(run.sums, run.devices.mean(means), strict=True))
            run.sums, run.counts = {}, {}
            run.log({**terms, "learning_rate": rate, "grad_norm": norm}, items_per_second=speed)
            since, logged = time.perf_counter(), run.step
        best = False
        if last or run.stop or (config.eval_steps and run.step % config.eval_steps == 0):
            best = evaluate_run(run, evaluate)
        wants_save = bool(config.save_steps) and run.step % config.save_steps == 0
        received = run.devices.any(interrupts.received is not None)
        if wants_save or last or run.stop or received or (best and config.load_best_model_at_end):
            save(run)
        if received and not last:
            raise interrupts.error(run.step, run.steps, run.saved_in)


def solve(run: Run, evaluate: Callable[[Space], Mapping[str, float]] | None) -> None:
    """A method without gradients: one call with the data and a seed."""
    seed_all(run.config.seed, "solve")
    run.method.solve(run.data, run.config.seed)  # type: ignore[operator]
    evaluate_run(run, evaluate)


def train_step(run: Run) -> tuple[dict[str, float], float, float]:
    """One optimiser step (all of a method's updates): its terms, the learning rate and the gradient norm."""
    config, method, progress = run.config, run.method, run.progress
    seed_all(config.seed, "step", run.step, run.devices.rank)
    if run.starts_epoch:
        run.begin_epoch()
    method.before_step(progress)
    shown: dict[str, float] = {}
    rate, norm = 0.0, torch.zeros(())
    batches: list[Batch] = []
    for number, update in enumerate(run.updates):
        here = Progress(progress.step, progress.steps, progress.epoch, progress.epochs, number)
        rate = update.set_rate(here)
        for _ in range(update.phase.times):
            method.zero_grad(set_to_none=True)
            if not update.phase.same_batch:
                batches = [run.next_batch(update.phase.batches) for _ in range(config.gradient_accumulation_steps)]
            for batch in batches:
                found = backward(run, update, batch, here, 1.0 / len(batches))
                for name, value in found.items():
                    shown[name] = value
                    run.sums[name] = run.sums.get(name, 0.0) + value
                    run.counts[name] = run.counts.get(name, 0) + 1
            norm = apply_gradients(run, update, here, batches[-1])
    method.after_step(progress)
    if run.ema is not None:
        run.ema.update(method, progress)
    return shown, rate, float(norm)


def backward(run: Run, update: Update, batch: Batch, progress: Progress, share: float) -> dict[str, float]:
    """Losses of a batch, checked, and `share` of their gradients added to the parameters'; the terms as numbers."""
    random = torch.get_rng_state()
    pull: Callable[[Tensor], Any] = Tensor.backward
    run.method.counted = update.phase.terms
    if run.config.micro_batch_size is None:
        with run.devices.autocast():
            terms = run.model(batch)
    else:
        terms, pull = cached_losses(run.method, batch, run.config.micro_batch_size, run.devices.autocast)
    run.method.counted = None
    terms = update.counted(terms)
    values = torch.stack([term.detach().double().reshape(()) for term in terms.values()]).tolist()
    numbers = dict(zip(terms, values, strict=True))
    total = sum(terms[name] for name in terms)
    bad = [name for name, value in numbers.items() if value - value != 0.0]  # nan and inf, without a second sync
    if bad:
        stop_with_capture(run, batch, random, progress, f"the term {bad[0]!r} is {numbers[bad[0]]}")
    assert isinstance(total, Tensor)
    if not total.requires_grad:
        raise TrainingError(f"step {progress.step}: no loss term depends on a parameter that learns")
    scaler = run.devices.scaler
    pull(scaler.scale(total * share) if scaler else total * share)
    if run.config.micro_batch_size is not None:
        run.devices.average_gradients(update.params)
    shown = {"loss": sum(numbers.values()), **numbers} if "loss" not in numbers else numbers
    return {**shown, **run.method.notes}


def apply_gradients(run: Run, update: Update, progress: Progress, batch: Batch) -> Tensor:
    """Gradients -> hook -> clip -> optimiser step; returns their norm before clipping."""
    scaler = run.devices.scaler
    if scaler:
        scaler.unscale_(update.optimiser)
    run.method.after_backward(progress)
    update.hold_frozen(progress)
    norm = update.gradient_norm()
    if scaler:  # overflow in float16 is no fault: the scaler skips the step and scales down
        update.clip(norm)
        scaler.step(update.optimiser)
        scaler.update()
        return norm
    if not bool(norm.isfinite()):
        names = [n for n, p in zip(update.names, update.params, strict=True) if p.grad is not None]
        bad = next((n for n in names if not run.method.get_parameter(n).grad.norm().isfinite()), "all together")  # type: ignore[union-attr]
        stop_with_capture(run, batch, None, progress, f"the gradient of {bad} is not finite")
    update.clip(norm)
    update.optimiser.step()
    return norm


__all__ = ["FitResult", "fit"]
