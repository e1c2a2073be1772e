"""A recipe: data, method and training in one YAML file, checked before anything heavy is imported, and run.

The path of a training run: `cli/train.py` -> `reading.load` -> `running.run` -> `js.load_data` -> method -> `js.fit` ->
Space -> `js.evaluate`.
"""

from jointspace.recipe.reading import annotated, find, load, override, parse, read
from jointspace.recipe.schema import DataConfig, EvaluationConfig, Recipe, StageConfig, explain

__all__ = [
    "DataConfig",
    "EvaluationConfig",
    "Recipe",
    "StageConfig",
    "annotated",
    "explain",
    "find",
    "load",
    "override",
    "parse",
    "read",
]
