"""Transforms of an image's height and width, and those that draw."""

from __future__ import annotations

from narrowcast.spec.sections.transforms.drawn import (
    ColorJitter,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from narrowcast.spec.sections.transforms.geometry import (
    CenterCrop,
    CropResize,
    CropToBoundingBox,
    Pad,
    PaddedCenterCrop,
    Resize,
    ResizeWithRatio,
)

from ...writing.code import Code, literal
from ...writing.layout import Group, Item, laid_out, values
from .calling import GENERATOR, PACKAGE, called, written
from .step import Place, Step, Steps


def _resize(transform: Resize, at: Place) -> Step:
    options = written(transform, "interpolation")
    if transform.keep_ratio:
        side = literal(transform.size[0])
        return called(at, "resizing", "resize_shorter", side, **options)
    return called(at, "resizing", "resize", _sides(transform.size), **options)


def _with_ratio(transform: ResizeWithRatio, at: Place) -> Step:
    options = written(transform, "min_dim max_dim", "padding constant_value")
    items: list[Item] = [at.name, Code("label")]
    items += [Code(f"{key}={value}") for key, value in options.items()]
    call = Group("resize_with_ratio(", tuple(items), ")")
    statement = laid_out(f"{at.name}, label = ", call, at.indent)
    return Step((statement,), ((f"{PACKAGE}.resizing", "resize_with_ratio"),))


def _center(transform: CenterCrop, at: Place) -> Step:
    return called(at, "cropping", "center_crop", _sides(transform.size))


def _padded_center(transform: PaddedCenterCrop, at: Place) -> Step:
    options = written(transform, "crop_padding")
    side = literal(transform.size)
    return called(at, "cropping", "padded_center_crop", side, **options)


def _box(transform: CropToBoundingBox, at: Place) -> Step:
    keys = "offset_height offset_width target_height target_width"
    return called(at, "cropping", "crop_to_bounding_box", **written(transform, keys))


def _crop_resize(transform: CropResize, at: Place) -> Step:
    box = written(transform, "x y width height")
    size = {"size": values(transform.size)}
    options = written(transform, "interpolation")
    return called(at, "cropping", "crop_resize", **box, **size, **options)


def _pad(transform: Pad, at: Place) -> Step:
    options: dict[str, Code | Group] = {}
    if transform.padding_mode != "constant":
        options["padding_mode"] = literal(transform.padding_mode)
    elif len(transform.fill) > 1:
        options["fill"] = values(transform.fill)
    elif transform.fill[0]:
        options["fill"] = literal(transform.fill[0])
    borders = ("", values(transform.padding))
    return called(at, "cropping", "pad", borders, **options)


def _random_crop(transform: RandomCrop, at: Place) -> Step:
    size = _sides(transform.size)
    return called(at, "drawn", "random_crop", GENERATOR, size)


def _random_resized(transform: RandomResizedCrop, at: Place) -> Step:
    options = {
        "scale": values(transform.scale),
        "ratio": values(transform.ratio),
        **written(transform, "interpolation"),
    }
    size = _sides(transform.size)
    return called(at, "drawn", "random_resized_crop", GENERATOR, size, **options)


def _horizontal(_transform: RandomHorizontalFlip, at: Place) -> Step:
    return called(at, "drawn", "random_horizontal_flip", GENERATOR)


def _vertical(_transform: RandomVerticalFlip, at: Place) -> Step:
    return called(at, "drawn", "random_vertical_flip", GENERATOR)


def _jitter(transform: ColorJitter, at: Place) -> Step:
    fields = ColorJitter.model_fields
    options = {
        key: values(getattr(transform, key))
        for key in ("brightness", "contrast", "saturation", "hue")
        if getattr(transform, key) != fields[key].default
    }
    return called(at, "color", "color_jitter", GENERATOR, **options)


def _sides(size: tuple[int, int]) -> tuple[str, Group]:
    return ("", values(size))


STEPS: Steps = {
    Resize: _resize,
    ResizeWithRatio: _with_ratio,
    CenterCrop: _center,
    PaddedCenterCrop: _padded_center,
    CropToBoundingBox: _box,
    CropResize: _crop_resize,
    Pad: _pad,
    RandomCrop: _random_crop,
    RandomResizedCrop: _random_resized,
    RandomHorizontalFlip: _horizontal,
    RandomVerticalFlip: _vertical,
    ColorJitter: _jitter,
}

NAMES = """
center_crop color_jitter crop_resize crop_to_bounding_box pad padded_center_crop
random_crop random_horizontal_flip random_resized_crop random_vertical_flip resize
resize_shorter resize_with_ratio
"""
"""What a script imports for these."""
