"""Every wrong field is one line that names it; the config imports no torch."""

import subprocess
import sys

import pytest

from jointspace.errors import ConfigError
from jointspace.training import config as module
from jointspace.training.config import OPTIMISERS, SCHEDULES, TrainingConfig


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"stepz": 3}, "unknown field 'stepz' (did you mean steps?)"),
        ({"steps": "many"}, "steps: Input should be a valid integer"),
        ({"batch_size": 0}, "batch_size: Input should be greater than 0, got 0"),
        ({"steps": 3, "epochs": 1}, "steps and epochs"),
        ({"optim": "adamv"}, "optim: no optimiser is called 'adamv' (did you mean adamw?)"),
        ({"lr_scheduler_type": "cosin"}, "lr_scheduler_type: no schedule is called 'cosin' (did you mean cosine?)"),
        ({"parameter_groups": [{"params": ".", "lr_faktor": 1}]}, "did you mean lr_factor?"),
        ({"parameter_groups": [{"params": "("}]}, "parameter_groups: '(' is no regular expression"),
        ({"trainable": "("}, "trainable: '(' is no regular expression"),
        ({"bf16": True, "fp16": True}, "bf16 and fp16"),
        ({"warmup_steps": 3, "warmup_ratio": 0.1}, "warmup_steps and warmup_ratio"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"lora": {"rank": 4}}, "lora: has no effect"),
        ({"early_stopping_patience": 2}, "metric_for_best_model"),
        ({"probes": ["nn"]}, "probes.0"),
    ],
)
def test_one_line_names_the_field(fields, words):
    with pytest.raises(ConfigError) as caught:
        TrainingConfig(**fields)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_registries_have_the_names_of_the_config():
    from jointspace.training.optimisers import REGISTRY
    from jointspace.training.schedules import SHAPES

    assert set(REGISTRY) == set(OPTIMISERS) and set(SHAPES) == set(SCHEDULES)


def test_imports_no_torch():
    code = (
        "import sys, jointspace.training.config, jointspace.training.schedules, jointspace.training.run_folder, "
        "jointspace.cli.runs; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "fields, batches, steps", [({}, 7, 7), ({"epochs": 3}, 7, 21), ({"steps": 5}, 7, 5),
                               ({"epochs": 3, "gradient_accumulation_steps": 2}, 7, 10)]
)  # fmt: skip
def test_steps(fields, batches, steps):
    assert TrainingConfig(**fields).total_steps(batches) == steps


def test_the_identity_leaves_out_what_cannot_change_weights():
    one = TrainingConfig(logging_steps=1, save_steps=3, dataloader_num_workers=2)
    assert one.identity() == TrainingConfig().identity() != TrainingConfig(seed=1).identity()
    assert set(module.NOT_IN_IDENTITY) <= set(one.to_dict())


def test_direction_of_the_score():
    assert not TrainingConfig(metric_for_best_model="validation_loss").better_is_greater
    assert TrainingConfig(metric_for_best_model="r@10").better_is_greater
    assert TrainingConfig(metric_for_best_model="x_loss", greater_is_better=True).better_is_greater
