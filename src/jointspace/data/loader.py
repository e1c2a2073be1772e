"""Batches of a run, made ahead of time by worker processes that never change the result."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from jointspace.data.batch import to_device
from jointspace.data.collate import Collator
from jointspace.data.samplers import Sampler
from jointspace.errors import JointspaceError


class Loader:
    """Iterates over the batches of steps `start_step` .. `steps` - 1, on `device`.

    workers: 0 = in this process; else that many processes which collate ahead (`prefetch` batches each) and live as
    long as the loader. Rows are chosen here and everything random hangs on (seed, epoch, index), so results do not
    depend on `workers`, nor on where a run was resumed. Where the sampler takes a table from a hook, nothing is made
    ahead across the end of an epoch, so that `set_table` between epochs holds from the next batch on.

    `waited`: seconds spent waiting for batches so far. Errors of the data arrive as they were raised.
    """

    def __init__(
        self,
        sampler: Sampler,
        collator: Collator,
        *,
        steps: int,
        start_step: int = 0,
        workers: int = 0,
        prefetch: int = 2,
        device: torch.device | str | None = None,
    ):
        self.sampler, self.steps, self.start_step = sampler, steps, start_step
        self.device = torch.device(device) if device is not None else None
        self.waited = 0.0
        self._orders = _Orders(sampler)
        more: dict[str, Any] = {}
        if workers:
            # Never fork: a forked torch can deadlock. The fork server has imported nothing that runs threads.
            kinds = multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if "forkserver" in kinds else "spawn")
            if context.get_start_method() == "forkserver":
                context.set_forkserver_preload(["torch", "jointspace.data.collate"])
            more = {"persistent_workers": True, "prefetch_factor": prefetch, "multiprocessing_context": context}
            more["worker_init_fn"] = _end_with_parent
        self._batches = DataLoader(
            _Collated(collator),
            batch_size=None,
            collate_fn=_same,
            sampler=self._orders,
            num_workers=workers,
            pin_memory=self.device is not None and self.device.type == "cuda",
            generator=torch.Generator(),  # its own: the run's random state must not depend on the loader
            **more,
        )

    def __len__(self) -> int:
        return max(0, self.steps - self.start_step)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for steps in self._segments():
            self._orders.steps = steps
            source = iter(self._batches)
            while True:
                began = time.perf_counter()
                batch = next(source, None)
                self.waited += time.perf_counter() - began
                if batch is None:
                    break
                if isinstance(batch, JointspaceError):
                    raise batch
                yield to_device(batch, self.device)

    def _segments(self) -> Iterator[range]:
        if not self.sampler.spec.table:
            yield range(self.start_step, self.steps)
            return
        step = self.start_step
        while step < self.steps:
            end = min(self.steps, (self.sampler.epoch(step) + 1) * self.sampler.steps_per_epoch)
            yield range(step, end)
            step = end


def _same(batch: Any) -> Any:
    return batch


def _end_with_parent(worker: int) -> None:
    """In a worker: leave when the training process is gone, however it died, and not at Ctrl-C, which is its to handle.

    torch's own check looks at the worker's parent, which is the fork server, and that lives as long as its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Orders:
    """(row indices, epoch) of each step: what a worker needs to know of the sampler."""

    def __init__(self, sampler: Sampler):
        self.sampler, self.steps = sampler, range(0)

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        for step in self.steps:
            epoch, indices = self.sampler.batch(step)
            yield indices, epoch

    def __len__(self) -> int:
        return len(self.steps)


class _Collated(TorchDataset):
    """Runs in the worker. Errors travel as values: torch would bury their one line under a worker's trace.

    One thread, as workers have anyway: the same numbers everywhere, and many threads only wait for each other on
    tensors as small as pictures.
    """

    def __init__(self, collator: Collator):
        self.collator = collator

    def __getitem__(self, order: tuple[np.ndarray, int]) -> Any:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self.collator(*order)
        except JointspaceError as error:
            return type(error)(str(error))
        finally:
            torch.set_num_threads(threads)
