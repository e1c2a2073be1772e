"""Looks of scanners, blur and sensor noise: pure in (picture, key), true to what they are named after."""

import hashlib

import numpy as np
import pytest

from jointspace.data.draws import key
from jointspace.errors import ConfigError
from jointspace.world import looks
from jointspace.world.camera import blur

KEYS = key(0, "looks", np.arange(6))


def _phantoms(n=6, size=40):
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    body = np.where(np.hypot(x / 0.85, y / 0.9) < 1, 0.4, 0.0)
    body[np.hypot(x - 0.3, y) < 0.3] = 0.8
    body[np.hypot(x + 0.4, y) < 0.25] = 0.15
    return np.repeat(body[None], n, axis=0).astype(np.float32)


@pytest.mark.parametrize("name", looks.LOOKS)
def test_a_look_is_pure_and_keeps_range_and_shape(name):
    pictures = _phantoms()
    seen = looks.apply(name, pictures, KEYS)
    assert seen.shape == pictures.shape and seen.dtype == np.float32 and 0 <= seen.min() <= seen.max() <= 1
    assert (looks.apply(name, pictures[2:3], KEYS[2:3])[0] == seen[2]).all()
    if name != "none":
        assert (seen[0] != seen[1]).any()  # another key, another picture
        bright, dark = pictures[0] == 0.8, pictures[0] == np.float32(0.15)
        order = [seen[i][bright].mean() - seen[i][dark].mean() for i in range(6)]
        assert all(d < -0.1 if name == "mr-t2" else d > 0.1 for d in order)


def test_pinned_looks():
    seen = [looks.apply(name, _phantoms(2, 24), KEYS[:2]) for name in looks.LOOKS]
    quantised = np.round(np.stack(seen) * 32).astype(np.uint8)
    assert hashlib.sha256(quantised.tobytes()).hexdigest()[:16] == "43e3a45b380166f9"


def test_looks_can_be_told_apart_by_their_noise():
    flat = np.full((6, 48, 48), 0.5, dtype=np.float32)
    rough = {name: np.diff(looks.apply(name, flat, KEYS), axis=1).std() for name in looks.LOOKS}
    assert rough["none"] == 0 and rough["ultrasound"] > 2 * rough["ct"] and rough["xray"] < rough["ct"]


def test_unknown_look_is_named():
    with pytest.raises(ConfigError, match="no 'mri'.*mr"):
        looks.apply("mri", _phantoms(), KEYS)


def test_blur_has_its_width_keeps_the_sum_and_the_rows_apart():
    point = np.zeros((3, 41, 41), dtype=np.float32)
    point[:, 20, 20] = 1
    sigma = np.array([0.0, 1.0, 2.0])
    out = blur(point, sigma, 2.0)
    place = np.arange(41) - 20
    assert out.sum(axis=(1, 2)) == pytest.approx(np.ones(3), abs=1e-5)
    assert (out.sum(axis=1) * place**2).sum(axis=1) == pytest.approx(sigma**2, abs=1e-3)
    assert (blur(point[2:], sigma[2:], 2.0) == out[2:]).all() and (out[0] == point[0]).all()
