import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from jointspace.data.image_processor import ImageProcessor
from jointspace.errors import ConfigError, DataError


def picture(width=40, height=30, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image, kind="PNG", **how):
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def plain(**options):
    """Levels 0 .. 255 come out as they are."""
    return ImageProcessor(**{"mean": [0] * 3, "std": [1 / 255] * 3, **options})


def test_every_form_of_a_picture_gives_the_same_tensor(tmp_path):
    image = picture(32, 32)
    path = tmp_path / "a.png"
    image.save(path)
    pixels = np.asarray(image)
    forms = [
        image, pixels, pixels.transpose(2, 0, 1), encoded(image), {"bytes": encoded(image), "path": None}, path,
        str(path), {"bytes": None, "path": str(path)},
    ]  # fmt: skip
    x = plain(size=32)(forms)[""]
    assert x.shape == (8, 3, 32, 32) and x.dtype == torch.float32 and x.is_contiguous()
    assert torch.equal(x, torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().expand(8, -1, -1, -1))


def test_normalises_by_the_definition():
    image = picture(8, 8)
    x = ImageProcessor(8, mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])([image])[""][0].double().numpy()
    level = np.asarray(image, dtype=np.float64).transpose(2, 0, 1) / 255
    want = (level - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([0.5, 0.6, 0.7])[:, None, None]
    np.testing.assert_allclose(x, want, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (dict(size=24), (24, 24)),
        (dict(size=[20, 24]), (20, 24)),
        (dict(size=24, resize="shortest"), (24, 24)),
        (dict(size=24, resize="longest-pad"), (24, 24)),
        (dict(size=24, resize="shortest", crop=16), (16, 16)),
        (dict(size=24, crop=[16, 18]), (16, 18)),
        (dict(size=24, resize="none", crop=36), (36, 36)),
    ],
)
def test_output_size_whatever_the_picture(options, shape):
    processor = ImageProcessor(**options)
    pictures = [picture(40, 30), picture(30, 50), picture(7, 90), picture(200, 200)]
    assert processor.output_size == shape
    assert processor(pictures)[""].shape == (4, 3, *shape)
    assert processor([])[""].shape == (0, 3, *shape)


def test_align_resizes_to_346_and_crops_289_from_the_middle():
    processor = plain(size=346, crop=289)
    image = picture(346, 346)
    x = processor([image])[""][0]
    assert x.shape == (3, 289, 289)
    top = (346 - 289) // 2
    assert top == 28
    assert torch.equal(x, torch.from_numpy(np.asarray(image)[28:317, 28:317].copy()).permute(2, 0, 1).float())


def test_longest_pad_keeps_the_ratio_and_fills_evenly():
    white = Image.new("RGB", (20, 10), (0, 0, 0))
    x = plain(size=20, resize="longest-pad", fill=255)([white])[""][0, 0]
    assert torch.equal(x[:5], torch.full((5, 20), 255.0)) and torch.equal(x[15:], torch.full((5, 20), 255.0))
    assert torch.equal(x[5:15], torch.zeros(10, 20))


def test_batch_equals_one_by_one():
    processor = ImageProcessor(24, resize="shortest", crop=20)
    pictures = [picture(w, h, seed=w) for w, h in ((40, 30), (30, 50), (64, 64))]
    together = processor(pictures)[""]
    for i, one in enumerate(pictures):
        assert torch.equal(together[i], processor([one])[""][0])


def test_unusual_pictures():
    grey16 = Image.fromarray(np.full((8, 8), 65535, dtype=np.uint16))
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    palette = encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)).quantize(4))
    cmyk = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    first, second = Image.new("RGB", (8, 8), (255, 255, 255)), Image.new("RGB", (8, 8), (0, 0, 0))
    animated = encoded(first, "GIF", save_all=True, append_images=[second], duration=50)
    bit = Image.new("1", (8, 8), 1)
    x = plain(size=8)([encoded(grey16), clear, palette, cmyk, animated, bit])[""]
    assert torch.equal(x, torch.full_like(x, 255.0))  # all of them show white


@pytest.mark.parametrize("value", [b"", b"not a picture", encoded(picture())[:200], "/nowhere/a.png", 7.0, None])
def test_bad_pictures_are_named(value):
    with pytest.raises(DataError, match="picture 1"):
        ImageProcessor(8)([picture(), value])


def test_augmentation_gets_levels_at_the_resized_size_and_the_keys():
    seen = {}

    def augment(x, keys):
        seen.update(dtype=x.dtype, shape=tuple(x.shape), keys=keys.tolist())
        return x[:, :, :20, :22].float() * 0 + 7

    keys = np.array([5, 9], dtype=np.uint64)
    x = plain(size=24, resize="shortest", crop=20)([picture(40, 30), picture(30, 50)], augment=augment, keys=keys)[""]
    assert seen == dict(dtype=torch.uint8, shape=(2, 3, 24, 24), keys=[5, 9])
    assert torch.equal(x, torch.full((2, 3, 20, 20), 7.0))


def test_an_augmentation_that_leaves_too_little_is_an_error():
    with pytest.raises(ConfigError, match="16 x 16"):
        ImageProcessor(24, crop=16)([picture()], augment=lambda x, k: x[:, :, :10], keys=np.zeros(1, np.uint64))


def test_cache_decodes_once_and_changes_nothing(monkeypatch, tmp_path):
    import jointspace.data.image_processor as module

    calls = []
    real = module.decode_image
    monkeypatch.setattr(module, "decode_image", lambda *a: calls.append(1) or real(*a))
    path = tmp_path / "a.png"
    picture(seed=3).save(path)
    items = [encoded(picture()), {"bytes": encoded(picture(seed=1)), "path": None}, path]
    processor = ImageProcessor(16, cache_mb=1)
    first, second = processor(items)[""], processor(items)[""]
    assert torch.equal(first, second) and torch.equal(first, ImageProcessor(16)(items)[""])
    assert len(calls) == 3 + 3
    picture(50, 60, seed=4).save(path)  # another file under the same name
    assert not torch.equal(processor([path])[""][0], first[2])
    assert not pickle.loads(pickle.dumps(processor))._cache  # workers do not get it


def test_a_full_cache_stays_within_its_limit():
    processor = ImageProcessor(256, cache_mb=1)
    processor([encoded(picture(seed=i)) for i in range(9)])
    assert len(processor._cache) == 5 and processor._cached_bytes <= 2**20


def test_config_makes_an_equal_processor():
    processor = ImageProcessor(24, resize="shortest", crop=20, interpolation="bilinear", mean=[0.5] * 3, fill=3)
    again = ImageProcessor.from_config(processor.config())
    assert again.config() == processor.config()
    assert torch.equal(again([picture()])[""], processor([picture()])[""])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(resize="squeeze"), "squeeze"),
        (dict(interpolation="bicubical"), "did you mean bicubic"),
        (dict(size=0), "size must be"),
        (dict(size=[3, 4], resize="shortest"), "one size"),
        (dict(std=[0, 1, 1]), "positive"),
        (dict(mean=[0, 1]), "three numbers"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        ImageProcessor(**options)


# Hugging Face's preprocessor_config.json ------------------------------------------------------------------------------

PICTURES = [picture(640, 480), picture(300, 301), picture(211, 500), picture(32, 20), picture(289, 289)]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("CLIPImageProcessorPil", {}),
        ("CLIPImageProcessorPil", dict(size={"shortest_edge": 97}, crop_size={"height": 64, "width": 80})),
        ("CLIPImageProcessorPil", dict(do_resize=False)),
        ("CLIPImageProcessorPil", dict(do_rescale=False, do_normalize=False)),
        ("ViTImageProcessorPil", {}),
        ("ViTImageProcessorPil", dict(size={"height": 60, "width": 70}, do_normalize=False)),
        ("EfficientNetImageProcessorPil", {}),
        ("EfficientNetImageProcessorPil", dict(do_center_crop=True, include_top=False)),
        ("EfficientNetImageProcessorPil", dict(rescale_offset=True, rescale_factor=1 / 127.5)),
        ("ConvNextImageProcessorPil", dict(size={"shortest_edge": 224})),
        ("ConvNextImageProcessorPil", {}),
        ("SiglipImageProcessorPil", {}),
        ("BitImageProcessorPil", {}),
        ("DeiTImageProcessorPil", {}),
    ],
)
def test_parity_with_transformers(kind, fields):
    transformers = pytest.importorskip("transformers")
    theirs = getattr(transformers, kind)(**fields)
    ours = ImageProcessor.from_preprocessor_config(theirs.to_dict())
    assert len(PICTURES) == 5
    for image in PICTURES:
        want = torch.from_numpy(np.asarray(theirs([image])["pixel_values"][0])).float()
        got = ours([image])[""][0]
        assert got.shape == want.shape
        step = 1 / 255 / min(ours.std)  # one level of the picture
        assert (got - want).abs().max().item() < 1e-4 * step + 1e-5


def test_older_files_lack_fields():
    old = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "do_center_crop": True}
    processor = ImageProcessor.from_preprocessor_config(old)
    assert processor.resize == "shortest" and processor.output_size == (224, 224)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"image_processor_type": "DetrImageProcessor", "do_pad": True, "size": 224}, "do_pad"),
        ({"image_processor_type": "LevitImageProcessor", "size": 224}, "Levit"),
        ({"size": {"shortest_edge": 800, "longest_edge": 1333}}, "longest_edge"),
        ({"resample": 9}, "resample"),
        ({"size": "large"}, "size"),
    ],
)
def test_steps_that_we_lack_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        ImageProcessor.from_preprocessor_config(config)
