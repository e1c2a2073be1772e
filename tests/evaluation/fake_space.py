"""A Space without a model: the vector of an item is that of its concept (the part before #) plus seeded noise."""

import hashlib

import numpy as np


def seeded(text, d):
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    x = np.random.default_rng(int.from_bytes(digest, "little")).normal(size=d)
    return x / np.linalg.norm(x)


class FakeSpace:
    """noise 0: equal concepts have equal vectors; `constant`: all items have the same. Keeps every call it got."""

    def __init__(self, noise=0.5, dim=16, seed=0, constant=False):
        self.noise, self.dim, self.seed, self.constant = noise, dim, seed, constant
        self.method = f"fake-{seed}"
        self.calls = []

    def fingerprint(self):
        return hashlib.blake2b(
            repr((self.noise, self.dim, self.seed, self.constant)).encode(), digest_size=8
        ).hexdigest()

    def encode(self, items, *, modality=None, role=None, prompt=None, truncate_dim=None, batch_size=32):
        self.calls.append({"items": list(items), "modality": modality, "role": role, "prompt": prompt})
        rows = np.zeros((len(items), self.dim), dtype=np.float32)
        for i, item in enumerate(items):
            text = item.decode() if isinstance(item, bytes) else str(item)
            concept = "" if self.constant else text.partition("#")[0]
            noise = 0 if self.constant else self.noise
            rows[i] = seeded(concept, self.dim) + noise * seeded(f"{self.seed} {modality} {text}", self.dim)
        rows = rows[:, :truncate_dim]
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
