"""What can't be done is refused by an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from zoo import MODELS

from narrowcast.runtime.common.errors import ModelError, NarrowcastError
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.pins import Pins, user_pins

from .promise import promise
from .subject import Subject, files


def refused(kind: type[NarrowcastError], call: Callable[[], object]) -> str:
    """What the error says that the call ends with; it has a remedy."""
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message.strip()
    assert caught.value.remedy.strip(), caught.value.message
    return str(caught.value)


@promise("trace", models=["three", "mlp"])
def a_batch_of_too_few_inputs_is_refused(s: Subject, name: str) -> None:
    batch, inputs = s.batch(name)[:-1], s.inputs(name)
    _refused_batch(s, name, batch, inputs)


@promise("trace", models=["three", "mlp"])
def a_batch_of_too_many_inputs_is_refused(s: Subject, name: str) -> None:
    batch, inputs = (*s.batch(name), s.batch(name)[0]), s.inputs(name)
    _refused_batch(s, name, batch, inputs)


@promise("trace")
def a_batch_of_another_shape_is_refused(s: Subject, name: str) -> None:
    wide = s.tensors((np.zeros((6, 17), np.float32),))
    _refused_batch(s, name, wide, s.inputs(name))


@promise("trace")
def a_batch_of_another_dtype_is_refused(s: Subject, name: str) -> None:
    whole = s.tensors((MODELS[name].batch[0].astype(np.int32),))
    _refused_batch(s, name, whole, s.inputs(name))


def _refused_batch(s: Subject, name: str, batch: object, inputs: list[Input]) -> None:
    def trace() -> object:
        return s.adapter.trace(
            s.another(name),
            batch,  # type: ignore[arg-type]
            low=s.low,
            inputs=inputs,
            outputs=MODELS[name].outputs,
        )

    refused(NarrowcastError, trace)


@promise("predictor", models=["three"])
def a_name_that_is_no_input_is_refused(s: Subject, name: str) -> None:
    first, *rest = s.inputs(name)
    wrong = [replace(first, name="nobody"), *rest]
    call = lambda: s.adapter.predictor(s.another(name), wrong)(s.batch(name))  # noqa: E731
    said = refused(NarrowcastError, call)
    assert "nobody" in said


@promise("load_saved")
def a_file_that_is_missing_is_refused(s: Subject, name: str) -> None:
    path = s.empty() / s.zoo.FILE
    refused(ModelError, lambda: s.adapter.load_saved(path))


@promise("load_saved")
def a_file_that_is_cut_off_is_refused(s: Subject, name: str) -> None:
    path = s.save(name)
    largest = max(files(path).items(), key=lambda each: len(each[1]))
    (path.parent / largest[0]).write_bytes(largest[1][: len(largest[1]) // 2])
    call = lambda: s.adapter.load_saved(path)(s.batch(name))  # noqa: E731
    refused(ModelError, call)


@promise("graph")
def a_pin_on_nothing_is_refused(s: Subject, name: str) -> None:
    pins = Pins(names={"nobody.at.all": "spec"})
    refused(NarrowcastError, lambda: user_pins(s.traced(name).graph, pins))
