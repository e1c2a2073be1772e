"""Processors and an augmentation so small that tests of batching can follow them by eye."""

import numpy as np
import torch

from jointspace.data.processor import Processor


class Letters(Processor):
    """Texts as padded letter codes."""

    modality = "text"

    def __call__(self, items, *, augment=None, keys=None):
        length = max(len(item) for item in items)
        ids = torch.zeros(len(items), length, dtype=torch.int64)
        for i, item in enumerate(items):
            ids[i, : len(item)] = torch.tensor([ord(c) for c in item])
        return {"": ids, "mask": ids > 0}

    def config(self):
        return {}


class Pixels(Processor):
    """Pictures that are arrays already."""

    modality = "image"

    def __call__(self, items, *, augment=None, keys=None):
        for item in items:
            if np.asarray(item).ndim != 3:
                raise ValueError("not a picture")
        x = torch.from_numpy(np.stack(items)).permute(0, 3, 1, 2)
        return {"": augment(x, keys) if augment is not None else x}

    def config(self):
        return {}


def shifted(x, keys):
    """An augmentation that shows its keys."""
    shift = torch.from_numpy((keys % np.uint64(100)).astype(np.uint8))
    return x + shift[:, None, None, None]
