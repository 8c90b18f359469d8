"""How ImageNet's images are prepared."""

from __future__ import annotations

from narrowcast.spec.sections.transforms.imagenet import (
    BilinearImagenet,
    ResizeCropImagenet,
    ResizeWithAspectRatio,
)

from .calling import GENERATOR, called, written
from .step import Place, Step, Steps


def _bilinear(transform: BilinearImagenet, at: Place) -> Step:
    keys = written(transform, "height width central_fraction", "mean_value scale")
    return called(at, "imagenet", "bilinear_imagenet", **keys)


def _resize_crop(transform: ResizeCropImagenet, at: Place) -> Step:
    sizes = written(transform, "height width resize_side")
    options = (
        "random_crop random_flip_left_right resize_method mean_value scale subpixels"
    )
    return called(
        at,
        "imagenet",
        "resize_crop_imagenet",
        *[GENERATOR] * transform.draws,
        **sizes,
        **written(transform, "", options),
    )


def _aspect(transform: ResizeWithAspectRatio, at: Place) -> Step:
    keys = written(transform, "height width scale")
    return called(at, "imagenet", "resize_with_aspect_ratio", **keys)


STEPS: Steps = {
    BilinearImagenet: _bilinear,
    ResizeCropImagenet: _resize_crop,
    ResizeWithAspectRatio: _aspect,
}

NAMES = "bilinear_imagenet random_crop resize_crop_imagenet resize_with_aspect_ratio"
"""What a script imports for these."""
