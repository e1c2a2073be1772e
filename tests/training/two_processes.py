"""A run in several gloo processes, started by torchrun: `two_processes.py OUTPUT KIND`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from toys import pairs, toy  # noqa: E402

import jointspace as js  # noqa: E402


def config(kind: str) -> js.TrainingConfig:
    more = {"plain": {}, "cached": {"micro_batch_size": 3}}[kind]
    return js.TrainingConfig(
        steps=6, batch_size=16, learning_rate=1e-2, logging_steps=1, save_steps=2, device="cpu", torch_threads=1, **more
    )


def run(output: str, kind: str):
    validation = pairs(64).select(range(48, 64))
    return js.fit(toy(dropout=0.0), pairs(), config(kind), validation=validation, output=output, progress=False)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2])
