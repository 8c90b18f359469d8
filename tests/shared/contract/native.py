"""A model as the framework's own object: what `eval_func(model)` gets."""

from __future__ import annotations

import numpy as np
from zoo import MODELS, Array

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.comparing import relative_error

from .converted import ROUNDING
from .members import NOISE
from .numbers import PLAIN
from .promise import ALL, promise
from .refusals import refused
from .subject import Subject

STATELESS = [name for name in PLAIN if name != "state"]


def _called(s: Subject, name: str, native: object) -> tuple[Array, ...]:
    return s.zoo.called(name, native, MODELS[name].batch)


@promise("native", models=ALL)
def users_call_the_model_as_loaded_as_they_are_used_to(s: Subject, name: str) -> None:
    model = s.zoo.build(name, s.empty())  # nobody has called it, so it has no state yet
    found = _called(s, name, s.adapter.native(model))
    for value, expected in zip(found, s.reference(name), strict=True):
        assert value.shape == expected.shape
        if expected.dtype.kind == "f":
            assert value.dtype == np.float32
            assert relative_error(expected, value.astype(np.float32)) < NOISE
        else:
            np.testing.assert_array_equal(value, expected)


@promise("native", models=STATELESS)
def users_call_what_was_converted_alike(s: Subject, name: str) -> None:
    """Inputs and outputs have the names and dtypes that they had."""
    traced = s.traced(name)
    model = traced.apply(s.placement(name))
    found, reference = _called(s, name, s.adapter.native(model)), s.reference(name)
    for value, expected in zip(found, reference, strict=True):
        assert value.dtype == expected.dtype and value.shape == expected.shape
    errors = list(map(relative_error, reference, found))
    assert 0 < max(errors) < ROUNDING[s.low]


@promise("open_native", models=STATELESS)
def what_is_saved_is_opened_as_what_was_converted(s: Subject, name: str) -> None:
    converted = s.adapter.native(s.traced(name).apply(s.placement(name)))
    saved = s.adapter.open_native(s.saved(name))
    for value, expected in zip(
        _called(s, name, saved), _called(s, name, converted), strict=True
    ):
        assert value.dtype == expected.dtype
        np.testing.assert_array_equal(value, expected)


@promise("open_native")
def a_saved_model_that_is_missing_is_refused(s: Subject, name: str) -> None:
    refused(ModelError, lambda: s.adapter.open_native(s.empty() / s.zoo.FILE))
