"""Transforms of Gluon as steps, and the same bits beside another NumPy."""

from __future__ import annotations

import hashlib

import numpy as np

from narrowcast.runtime.evaluation.transforms.imagenet import bilinear_imagenet
from narrowcast.runtime.evaluation.transforms.images import to_array
from narrowcast.runtime.evaluation.transforms.own import own_transform
from narrowcast.runtime.frameworks.mxnet.ir.library import mx

BITS = "385e0c8521ab4a0b"
"""Of a digest, as the current NumPy makes them: tests/runtime has the same."""


def test_a_transform_of_gluon_is_a_step() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    found, label = own_transform(mx.gluon.data.vision.transforms.ToTensor)(
        mx.nd.array(image, dtype="uint8"), 3
    )
    expected = image.transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_allclose(to_array(found), expected, rtol=1e-6)
    assert label == 3


def test_sums_are_the_same_bits_beside_any_numpy() -> None:
    """Taps are added one by one: no library of matrices is asked."""
    image = (np.arange(7 * 9 * 3) * 37 % 256).astype(np.uint8).reshape(7, 9, 3)
    found = bilinear_imagenet(image, height=4, width=5)
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == BITS
