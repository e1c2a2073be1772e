"""Augmentation: parity with Pillow, identity limits, exact crops and flips, nothing hangs on the neighbours."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batching_fakes import Pixels
from PIL import Image, ImageEnhance, ImageOps

from jointspace.data import draws
from jointspace.data.augment import (
    REGISTRY,
    Affine,
    Augmentation,
    Blur,
    CentreCrop,
    ColourJitter,
    Erase,
    Flip,
    Grayscale,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Solarise,
    box_and_flip,
    build_augmentation,
    build_augmentations,
    cutmix,
    mixup,
)
from jointspace.data.collate import Collator
from jointspace.data.dataset import load_data
from jointspace.data.image_processor import ImageProcessor
from jointspace.errors import ConfigError

B = 7
KEYS = draws.key(0, np.arange(B))
ALL = [
    Resize(20),
    CentreCrop(20),
    RandomCrop(24, padding=4),
    RandomResizedCrop(24),
    Flip(),
    Flip(vertical=True),
    Affine(20, (0.1, 0.1), (0.9, 1.1), 5, p=0.7),
    ColourJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
    Grayscale(0.5),
    Blur(),
    Solarise(p=0.5),
    Erase(),
]


@pytest.fixture(scope="module")
def x():
    return torch.randint(0, 256, (B, 3, 24, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def picture(x):
    return Image.fromarray(x.permute(1, 2, 0).numpy())


def pixels(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float()


@pytest.mark.parametrize("step", ALL, ids=repr)
def test_a_row_hangs_on_its_key_alone(step, x):
    augment = pickle.loads(pickle.dumps(Augmentation([step])))
    kept = x.clone()
    whole, theta = augment.run(x, KEYS)
    assert torch.equal(x, kept)  # the input is left alone
    assert torch.equal(whole, augment(x, KEYS))
    assert theta.shape == (B, 2, 3)
    for rows in ([3], [5, 1]):
        assert torch.equal(augment(x[rows], KEYS[rows]), whole[rows])
    assert whole.min() >= 0 and whole.max() <= 255.001
    assert build_augmentation([step.describe()]).steps == (step,)
    if step.chances:
        assert not torch.equal(augment(x, draws.key(1, np.arange(B))), whole)


def test_every_step_was_looked_at():
    assert {step.name for step in ALL} == set(REGISTRY)


@pytest.mark.parametrize(
    "step",
    [
        RandomCrop((24, 28)),
        RandomResizedCrop((24, 28), scale=(1, 1), ratio=(28 / 24, 28 / 24)),
        Resize((24, 28)),
        CentreCrop((24, 28)),
        Flip(0),
        Affine(),
        ColourJitter(),
        Grayscale(0),
        Blur((0.05, 0.05), p=1),
        Solarise(p=0),
        Erase(p=0),
    ],
    ids=lambda s: s.name,
)
def test_limits_in_which_nothing_happens(step, x):
    out, theta = Augmentation([step]).run(x, KEYS)
    assert torch.allclose(out.float(), x.float(), atol=1e-3)
    assert torch.allclose(theta, torch.eye(2, 3), atol=1e-6)


# Geometry -----------------------------------------------------------------------------------------------------------


def test_flip_is_exact_and_falls_on_half_of_the_rows(x):
    assert torch.equal(Augmentation([Flip(1)])(x, KEYS), x.flip(3))
    assert torch.equal(Augmentation([Flip(1, vertical=True)])(x, KEYS), x.flip(2))
    many = torch.arange(2).view(1, 1, 1, 2).expand(4000, 3, 1, 2)
    flipped = Augmentation([Flip()])(many, draws.key(0, np.arange(4000)))[:, 0, 0, 0].float().mean().item()
    assert flipped == pytest.approx(0.5, abs=0.03)


def test_crops_are_windows_and_reach_every_place():
    x = torch.arange(36).view(1, 1, 6, 6).expand(500, 3, 6, 6)
    out, theta = Augmentation([RandomCrop(4)]).run(x, draws.key(0, np.arange(500)))
    corner = out[:, 0, 0, 0]
    assert sorted(torch.unique(corner).tolist()) == [r * 6 + c for r in range(3) for c in range(3)]
    assert torch.equal(out[:, 0], corner[:, None, None] + torch.arange(4)[:, None] * 6 + torch.arange(4))
    box, flip = box_and_flip(theta)
    assert torch.allclose(box[:, 0] * 6, (corner % 6).float(), atol=1e-4) and not flip.any()
    assert torch.allclose((box[:, 3] - box[:, 1]) * 6, torch.tensor(4.0))


def test_padding_of_a_crop():
    x = torch.full((200, 3, 8, 8), 9, dtype=torch.uint8)
    out = Augmentation([RandomCrop(8, padding=2, fill=1)])(x, draws.key(0, np.arange(200)))
    assert out.dtype == torch.uint8 and sorted(torch.unique(out).tolist()) == [1, 9]
    for mode in ("reflect", "replicate"):
        assert (Augmentation([RandomCrop(8, padding=2, mode=mode)])(x, draws.key(0, np.arange(200))) == 9).all()


def test_align_crops_289_from_346():
    """The ALIGN sheet: resize 346, random crop 289; the centre crop starts at (346 - 289) // 2 = 28."""
    x = (torch.arange(346).view(1, 1, 346, 1) * 1000 + torch.arange(346)).expand(2, 3, 346, 346)
    centre = Augmentation([CentreCrop(289)])(x, KEYS[:2])
    assert centre.shape == (2, 3, 289, 289) and (centre[:, :, 0, 0] == 28 * 1000 + 28).all()
    train = build_augmentation([{"name": "resize", "size": 346}, {"name": "random_crop", "size": 289}, "flip"])
    assert train(torch.zeros(2, 3, 400, 300, dtype=torch.uint8), KEYS[:2]).shape == (2, 3, 289, 289)
    assert train.size == (289, 289)


@pytest.mark.parametrize("size", [12, 40])
def test_resizing_is_what_pillow_calls_bilinear(size, x):
    out = Augmentation([Resize(size)])(x, KEYS)
    for i in range(B):
        assert (out[i] - pixels(picture(x[i]).resize((size, size), Image.BILINEAR))).abs().max() <= 1


@pytest.mark.parametrize("size", [10, 32])
def test_resized_crops_are_crops_that_pillow_resizes(size, x):
    step = RandomResizedCrop(size)
    left, top, width, height = step.boxes(draws.uniform(KEYS, step.chances), (24, 28))
    out, theta = Augmentation([step]).run(x, KEYS)
    box, _ = box_and_flip(theta)
    for i in range(B):
        window = (left[i], top[i], left[i] + width[i], top[i] + height[i])
        want = pixels(picture(x[i]).crop(window).resize((size, size), Image.BILINEAR))
        assert (out[i] - want).abs().max() <= 1
        assert box[i].tolist() == pytest.approx(np.array(window) / (28, 24, 28, 24), abs=1e-6)


def test_boxes_have_the_areas_and_ratios_that_were_asked_for():
    step = RandomResizedCrop(8, scale=(0.2, 0.9))
    left, top, width, height = step.boxes(draws.uniform(draws.key(1, np.arange(5000)), step.chances), (200, 200))
    area, ratio = width * height / 200**2, width / height
    assert area.min() > 0.19 and area.max() < 0.91 and ratio.min() > 0.74 and ratio.max() < 1.35
    assert np.log(ratio).mean() == pytest.approx(0, abs=0.02)
    assert (left >= 0).all() and (left + width <= 200).all() and (top + height <= 200).all()
    narrow = RandomResizedCrop(8, scale=(1, 1), ratio=(1, 1)).boxes(np.zeros((3, step.chances)), (10, 200))
    assert narrow[2].tolist() == narrow[3].tolist() == [10] * 3  # nothing fits: the largest square


def test_quarter_turns_and_moves_are_exact(x):
    square = x[:, :, :, :24].float()
    step = Affine(degrees=90)
    theta = torch.from_numpy(step.matrices(np.full((B, 6), 1 - 1e-12), (24, 24)))
    turned = F.grid_sample(square, F.affine_grid(theta, square.shape, align_corners=False), align_corners=False)
    assert torch.allclose(turned, torch.rot90(square, -1, (2, 3)), atol=0.05)  # +90 degrees: clockwise, y goes down
    move = Affine(translate=(2 / 28, 0)).matrices(np.full((1, 6), 1 - 1e-12), (24, 28))
    assert move == pytest.approx(np.array([[[1, 0, -4 / 28], [0, 1, 0]]]), abs=1e-6)


def test_theta_says_where_each_pixel_came_from():
    """Sampling the input at theta gives the view again: crop, flip and turn together."""
    places = (torch.stack(torch.meshgrid(*[torch.arange(32.0)] * 2, indexing="ij")) * 8).expand(B, 2, 32, 32)
    x = torch.cat([places, torch.full((B, 1, 32, 32), 200.0)], dim=1)  # red = row, green = column, blue = inside
    augment = Augmentation([RandomCrop(24), Flip(), Affine(10, (0.1, 0.1), (0.9, 1.2)), Flip(vertical=True)])
    view, theta = augment.run(x, KEYS)
    again = F.grid_sample(x, F.affine_grid(theta, list(view.shape), align_corners=False), align_corners=False)
    inside = view[:, 2] > 199.9
    assert inside.float().mean() > 0.7
    assert (again - view).abs().amax(dim=1)[inside].max() < 0.1
    assert len(set(box_and_flip(theta)[1].tolist())) == 2


# Colour -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "pillow"),
    [
        (ColourJitter(brightness=(0.7, 0.7)), lambda im: ImageEnhance.Brightness(im).enhance(0.7)),
        (ColourJitter(contrast=(0.6, 0.6)), lambda im: ImageEnhance.Contrast(im).enhance(0.6)),
        (ColourJitter(saturation=(0.4, 0.4)), lambda im: ImageEnhance.Color(im).enhance(0.4)),
        (ColourJitter(saturation=(1.5, 1.5)), lambda im: ImageEnhance.Color(im).enhance(1.5)),
        (Grayscale(1), lambda im: im.convert("L").convert("RGB")),
        (Solarise(128, 1), lambda im: ImageOps.solarize(im, 128)),
    ],
    ids=["brightness", "contrast", "less saturation", "more saturation", "grey", "solarise"],
)
def test_colour_steps_agree_with_pillow(step, pillow, x):
    out = Augmentation([step])(x, KEYS).float()
    for i in range(B):
        assert (out[i] - pixels(pillow(picture(x[i])))).abs().max() <= 2


def test_hue_keeps_luminance_and_grey_and_turns_colours():
    grey = torch.full((1, 3, 2, 2), 100.0)
    red = torch.tensor([120.0, 80, 90]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    step = ColourJitter(hue=0.5)
    for n in range(5):
        key = draws.key(n, np.arange(1))
        assert torch.allclose(Augmentation([step])(grey, key), grey, atol=0.2)
        turned = Augmentation([step])(red, key)
        assert torch.allclose((turned * weights).sum(1), (red * weights).sum(1), atol=0.1)
    matrix, _ = ColourJitter(hue=0.5).matrices(np.full((1, 5), 1 - 1e-12), np.zeros((1, 3)))
    assert np.linalg.matrix_power(matrix[0], 2) == pytest.approx(np.eye(3), abs=1e-6)  # half a circle twice


def test_blur_keeps_flat_pictures_and_spreads_a_point():
    flat = torch.full((2, 3, 16, 16), 77.0)
    blur = Augmentation([Blur((1.5, 1.5), p=1)])
    assert torch.allclose(blur(flat, KEYS[:2]), flat, atol=1e-3)
    point = torch.zeros(1, 3, 33, 33)
    point[:, :, 16, 16] = 200
    out = blur(point, KEYS[:1])[0, 0]
    offsets = torch.arange(33) - 16.0
    assert out.sum().item() == pytest.approx(200, rel=1e-3)
    assert ((out.sum(0) * offsets**2).sum() / 200).item() == pytest.approx(1.5**2, rel=1e-2)


def test_erase_writes_one_rectangle():
    x = torch.full((300, 3, 32, 32), 9, dtype=torch.uint8)
    gone = (Augmentation([Erase(value=1, p=1)])(x, draws.key(0, np.arange(300))) == 1)[:, 0]
    share = gone.float().mean(dim=(1, 2))
    assert share.min() > 0.01 and share.max() < 0.35
    rectangle = gone.any(1).sum(1) * gone.any(2).sum(1)
    assert torch.equal(rectangle, gone.sum(dim=(1, 2)))


# Mixtures -----------------------------------------------------------------------------------------------------------


def test_mixup_and_cutmix_weights():
    x = torch.arange(16.0).view(16, 1, 1, 1).expand(16, 3, 8, 8)
    for mix in (mixup, cutmix):
        out, partner, weight = mix(x, draws.key(0, 5))
        assert sorted(partner.tolist()) == list(range(16)) and (partner != torch.arange(16)).all()
        want = weight * torch.arange(16.0) + (1 - weight) * partner
        assert torch.allclose(out.mean(dim=(1, 2, 3)), want, atol=1e-4)
        assert torch.equal(out, mix(x, draws.key(0, 5))[0])
    assert torch.equal(x[:, 0, 0, 0], torch.arange(16.0))
    weights = mixup(torch.zeros(4000, 1), draws.key(0), alpha=0.8)[2]
    assert weights.mean().item() == pytest.approx(0.5, abs=0.02)
    assert weights.var().item() == pytest.approx(1 / (4 * 2.6), abs=0.005)  # of Beta(a, a): 1 / (4 (2a + 1))


# Recipes and batches ------------------------------------------------------------------------------------------------


def test_recipes_are_checked():
    assert build_augmentation(None) is None and build_augmentation([]) is None
    built = build_augmentations({"image": [{"name": "random_resized_crop", "size": 8, "scale": [0.5, 1]}, "flip"]})
    assert built["image"].steps == (RandomResizedCrop(8, scale=(0.5, 1)), Flip())
    for bad, message in [
        ("flop", "augment: unknown name 'flop'.*did you mean flip"),
        ({"name": "flip", "q": 1}, "augment flip: unknown option 'q'"),
        ({"name": "flip", "p": 2}, "augment flip: p must lie in 0 .. 1, got 2"),
        ({"name": "random_crop", "size": 0}, "augment random_crop: size must be a number of pixels"),
        ({"name": "random_crop", "mode": "wrap"}, "mode must be constant, reflect or replicate"),
        ({"name": "random_resized_crop", "scale": [1, 0.5]}, "scale must be .low, high. from 0, got .1, 0.5."),
        ({"name": "random_resized_crop", "scale": [0.5, 2]}, "scale must lie in 0 .. 1"),
        ({"name": "colour_jitter", "hue": 0.7}, "hue must lie in 0 .. 0.5, got 0.7"),
    ]:
        with pytest.raises(ConfigError, match=message):
            build_augmentation([bad])
    with pytest.raises(ConfigError, match="random_crop: size .64, 64. is larger than the pictures .*24, 28"):
        Augmentation([RandomCrop(64)])(torch.zeros(1, 3, 24, 28), KEYS[:1])


def test_the_batch_says_where_each_view_came_from():
    data = load_data({"image": [np.full((8, 8, 3), i, dtype=np.uint8) for i in range(6)]})
    crop = build_augmentations({"image": [{"name": "random_crop", "size": 4}, "flip"], "image_view_2": ["flip"]})
    batch = Collator(data, {"image": Pixels()}, ["image"], seed=0, augment=crop, views={"image": 2})(np.arange(6))
    assert batch["image"].shape[2:] == (4, 4) and batch["image_view_2"].shape[2:] == (8, 8)
    assert batch["image_box"].shape == (6, 4) and batch["image_flip"].dtype == torch.bool
    assert torch.allclose(batch["image_view_2_box"], torch.tensor([0.0, 0, 1, 1]))
    with pytest.raises(ConfigError, match="augment: 'imag' is no field of the batch.*did you mean image"):
        Collator(data, {"image": Pixels()}, ["image"], seed=0, augment={"imag": crop["image"]})


def test_small_views_of_multi_crop_keep_their_size():
    data = load_data({"image": [np.full((20, 20, 3), 9 * i, dtype=np.uint8) for i in range(4)]})
    crop = {"name": "random_resized_crop", "size": 16, "scale": [0.4, 1]}
    augment = build_augmentations(
        {"image": [crop, "flip"], "image_view_3": [{**crop, "size": 8, "scale": [0.08, 0.4]}]}
    )
    processors = {"image": ImageProcessor(16)}
    batch = Collator(data, processors, ["image"], seed=0, augment=augment, views={"image": 3})(np.arange(4))
    assert [batch[n].shape[-1] for n in ("image", "image_view_2", "image_view_3")] == [16, 16, 8]
    area = [((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])) for b in (batch["image_box"], batch["image_view_3_box"])]
    assert area[0].min() > 0.3 and area[1].max() < 0.5
