"""Tensors are known by what they hold: evidence on other data is not used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from narrowcast.runtime.evaluation.identity import batch_digest

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.complex64,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_changed_value_is_another_batch(dtype: torch.dtype) -> None:
    values = torch.tensor([[1, 0], [1, 1]]).to(dtype)
    other = values.clone()
    other[1, 0] = 0
    digest = batch_digest((values,), None)
    assert digest == batch_digest((values.clone(),), None)
    assert digest != batch_digest((other,), None)
    assert digest != batch_digest((values.T,), None)
    assert digest != batch_digest((values,), values)


def test_a_tensor_is_the_array_that_it_holds() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    wants_grad = torch.from_numpy(values).requires_grad_()
    assert batch_digest((wants_grad,), {"y": [wants_grad]}) == batch_digest(
        (values,), {"y": [values]}
    )


def test_what_has_no_array_counts_by_its_type() -> None:
    sparse = torch.eye(3).to_sparse()
    assert batch_digest((sparse,), None) == batch_digest((sparse.clone(),), None)
