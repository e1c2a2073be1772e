"""Hugging Face's `preprocessor_config.json` for pictures, read into the options of our `ImageProcessor`."""

from __future__ import annotations

from typing import Any

from jointspace.errors import ConfigError

_NAMES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}  # PIL.Image.Resampling
_HALF = [0.5, 0.5, 0.5]
_IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
_CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])

# What the classes take where a file leaves a field out (older files do), by the start of the class's name.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "CLIP": dict(size={"shortest_edge": 224}, crop_size=224, do_center_crop=True, resample=3, **_CLIP),
    "ChineseCLIP": dict(size={"shortest_edge": 224}, crop_size=224, do_center_crop=True, resample=3, **_CLIP),
    "Bit": dict(size={"shortest_edge": 224}, crop_size=224, do_center_crop=True, resample=3, **_CLIP),
    "EfficientNet": dict(size=346, resample=3, include_top=True, crop_size=289, image_mean=_HALF, image_std=_HALF),
    "ConvNext": dict(size={"shortest_edge": 384}, resample=3, crop_pct=224 / 256, **_IMAGENET),
    "DeiT": dict(size=256, resample=3, do_center_crop=True, crop_size=224, **_IMAGENET),
    "Siglip": dict(size=224, resample=3, image_mean=_HALF, image_std=_HALF),
    "ViT": dict(size=224, resample=2, image_mean=_HALF, image_std=_HALF),
}
_SHORTEST = ("CLIP", "ChineseCLIP", "Bit", "ConvNext")  # where a bare number means the shorter side
_STEPS = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}
_OTHER_RESIZE = ("Levit", "PoolFormer", "Perceiver", "Siglip2")  # classes with a geometry of their own


def read(config: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `ImageProcessor`. Raises ConfigError that names the field it cannot follow."""
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "ViT")
    family = max((name for name in _DEFAULTS if kind.startswith(name)), key=len, default="ViT")
    if any(kind.startswith(name) and kind != "SiglipImageProcessor" for name in _OTHER_RESIZE):
        raise ConfigError(f"preprocessor_config: {kind} resizes in a way of its own; give resize, size, crop yourself")
    given = {**_DEFAULTS[family], **{key: value for key, value in config.items() if value is not None}}
    for step, on in config.items():
        if step.startswith("do_") and on is True and step not in _STEPS:
            raise ConfigError(
                f"preprocessor_config: step {step} is not supported (supported: {', '.join(sorted(_STEPS))})"
            )
    options: dict[str, Any] = dict(interpolation=_filter(given.get("resample", 2)), fill=0)
    options.update(_geometry(given, family))
    options.update(_levels(given, family))
    return options


def _filter(number: Any) -> str:
    if number not in _NAMES:
        raise ConfigError(f"preprocessor_config: resample is {number!r}, expected a number from 0 to 5")
    return _NAMES[number]


def _geometry(given: dict[str, Any], family: str) -> dict[str, Any]:
    cropped = given.get("do_center_crop", False)
    crop = _sides("crop_size", given.get("crop_size")) if cropped else None
    if not given.get("do_resize", True):
        if crop is None:
            raise ConfigError("preprocessor_config: neither do_resize nor do_center_crop, so pictures have no one size")
        return dict(resize="none", size=crop, crop=crop)
    size = given["size"]
    if isinstance(size, int) and family in _SHORTEST:
        size = {"shortest_edge": size}
    if isinstance(size, dict) and "shortest_edge" in size:
        if "longest_edge" in size:
            raise ConfigError("preprocessor_config: size with shortest_edge and longest_edge is not supported")
        side = int(size["shortest_edge"])
        if family == "ConvNext":  # below 384: a larger resize, then a crop; from 384 on: squashed
            if side >= 384:
                return dict(resize="squash", size=side, crop=crop)
            return dict(resize="shortest", size=int(side / given["crop_pct"]), crop=crop or side)
        return dict(resize="shortest", size=side, crop=crop)
    return dict(resize="squash", size=_sides("size", size), crop=crop)


def _sides(field: str, value: Any) -> int | list[int]:
    if isinstance(value, int):
        return value
    if isinstance(value, dict) and {"height", "width"} <= set(value):
        return [int(value["height"]), int(value["width"])]
    if isinstance(value, dict) and set(value) == {"shortest_edge"}:
        return int(value["shortest_edge"])
    if isinstance(value, list | tuple) and len(value) == 2:
        return [int(v) for v in value]
    raise ConfigError(f"preprocessor_config: {field} is {value!r}, expected a number or height and width")


def _levels(given: dict[str, Any], family: str) -> dict[str, Any]:
    """mean and std on the scale 0 .. 1 such that (level / 255 - mean) / std is what the class computes."""
    factor = given.get("rescale_factor", 1 / 255) if given.get("do_rescale", True) else 1.0
    offset = 1.0 if given.get("rescale_offset", False) else 0.0
    mean, std = [0.0] * 3, [1.0] * 3
    if given.get("do_normalize", True):
        mean, std = _three("image_mean", given["image_mean"]), _three("image_std", given["image_std"])
    # class: (level * factor - offset - mean) / std; ours divides by 255 first
    scale = factor * 255.0
    ours_mean = [(m + offset) / scale for m in mean]
    ours_std = [s / scale for s in std]
    if family == "EfficientNet" and given.get("include_top", False):  # that class divides by std once more
        again = _three("image_std", given["image_std"])
        ours_std = [s * a for s, a in zip(ours_std, again, strict=True)]
    return dict(mean=ours_mean, std=ours_std)


def _three(field: str, value: Any) -> list[float]:
    numbers = [value] * 3 if isinstance(value, int | float) else list(value)
    if len(numbers) != 3:
        raise ConfigError(f"preprocessor_config: {field} must have three numbers, got {value!r}")
    return [float(v) for v in numbers]
