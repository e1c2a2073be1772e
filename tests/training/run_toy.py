"""A training run as a process of its own, to be killed: `python run_toy.py OUTPUT KIND [--resume]`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from toys import pairs, toy  # noqa: E402

import jointspace as js  # noqa: E402
from jointspace.errors import JointspaceError  # noqa: E402
from jointspace.training.stages import Stage, fit_stages  # noqa: E402

COMMON = dict(
    steps=40, batch_size=16, learning_rate=3e-3, lr_scheduler_type="cosine", warmup_steps=5, save_steps=3,
    logging_steps=4, eval_steps=10, torch_threads=1,
)  # fmt: skip
KINDS = {
    "plain": {},
    "cached": {"micro_batch_size": 5},
    "averaged": {"ema_decay": 0.9, "optim": "lamb", "gradient_accumulation_steps": 2},
    "workers": {"dataloader_num_workers": 2},
}


def run(output: str, kind: str, resume: bool) -> None:
    data, validation = pairs(), pairs(64).select(range(48, 64))
    if kind == "stages":
        one = toy(dropout=0.2)
        stages = [
            Stage(name="first", method=one, data=data, config=js.TrainingConfig(**{**COMMON, "steps": 20})),
            Stage(
                name="second",
                method=one,
                data=data,
                validation=validation,
                config=js.TrainingConfig(**{**COMMON, "steps": 20, "seed": 5}),
                optimiser="kept",
            ),
        ]
        fit_stages(stages, output=output, resume=resume, progress=False)
        return
    config = js.TrainingConfig(**{**COMMON, **KINDS[kind]})
    js.fit(toy(dropout=0.2), data, config, validation=validation, output=output, resume=resume, progress=False)


if __name__ == "__main__":
    try:
        run(sys.argv[1], sys.argv[2], "--resume" in sys.argv)
    except JointspaceError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
