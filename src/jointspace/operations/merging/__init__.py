"""Merging: several fine-tunes of one base become one model of the same size."""

from jointspace.operations.merging.spaces import merge, merge_recipe

__all__ = ["merge", "merge_recipe"]
