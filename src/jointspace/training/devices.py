"""Where a run computes: device, precision, processes. accelerate is imported only where there are several processes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from jointspace.errors import ConfigError
from jointspace.training.config import TrainingConfig


class Devices:
    """device; rank and world (processes); `main` is True in the one that writes files.

    Raises ConfigError for a device that is not there, or fp16 on a CPU.
    """

    def __init__(self, config: TrainingConfig):
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.accelerator: Any = None
        if self.world > 1:
            from accelerate import Accelerator

            self.accelerator = Accelerator(cpu=config.device == "cpu")
            self.device, self.rank = self.accelerator.device, self.accelerator.process_index
        else:
            self.device, self.rank = _device(config.device), 0
        if config.fp16 and self.device.type == "cpu":
            raise ConfigError("fp16: needs an accelerator; on a CPU use bf16 or neither")
        self.main = self.rank == 0
        self.half = torch.bfloat16 if config.bf16 else torch.float16 if config.fp16 else None
        self.scaler = torch.amp.GradScaler(self.device.type) if config.fp16 else None

    def wrap(self, method: nn.Module, several_updates: bool) -> nn.Module:
        """The module to call for losses: the method, or a distributed wrapper that averages gradients."""
        if self.accelerator is None:
            return method
        from torch.nn.parallel import DistributedDataParallel

        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(method, device_ids=ids, find_unused_parameters=several_updates)

    def autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, self.half) if self.half is not None else nullcontext()

    def average_gradients(self, params: Iterable[nn.Parameter]) -> None:
        """Mean of the gradients over the processes, where no wrapper has done it."""
        if self.accelerator is None:
            return
        for parameter in params:
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= self.world

    def wait(self) -> None:
        """Until every process is here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()

    def mean(self, values: list[float]) -> list[float]:
        """Means over the processes."""
        if self.accelerator is None or not values:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return (total / self.world).tolist()

    def any(self, flag: bool) -> bool:
        """True where any process says so."""
        if self.accelerator is None:
            return flag
        count = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(count)
        return bool(count.item())


def _device(name: str | None) -> torch.device:
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device: {name!r} is not to be had ({str(error).splitlines()[0]})") from None
