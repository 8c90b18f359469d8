"""A module is a step of preparing samples, as torchvision's transforms are."""

from __future__ import annotations

import numpy as np
import torch

from narrowcast.runtime.evaluation.transforms.images import to_array
from narrowcast.runtime.evaluation.transforms.own import own_transform


def test_a_module_is_a_step() -> None:
    step = own_transform(torch.nn.AvgPool2d, kernel_size=2)
    found, label = step(torch.arange(16.0).reshape(1, 4, 4), 3)
    expected = np.arange(16.0).reshape(2, 2, 2, 2).mean((1, 3))
    np.testing.assert_array_equal(to_array(found), expected[None])
    assert label == 3
