"""Random datasets: what each array of a sample is drawn from."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.sections.datasets.random import (
    Drawn,
    Dummy,
    DummyV2,
    Endless,
    SparseDummyV2,
)

from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group, call, tuple_of, values
from .reading import DATA, Reading, Readings

MODULE = f"{DATA}.random.drawn"
TITLE = "Random samples, each with its own seed."
WORDS = {"string": "str"}


def _dummy(dataset: Dummy) -> Reading:
    zero = call("Constant", value=literal(0))
    labels = tuple_of([zero]) if dataset.label else literal(None)
    return _random(dataset, dataset.samples, _uniform(dataset), labels)


def _dummy_v2(dataset: DummyV2) -> Reading:
    arrays = _uniform(dataset)
    return _endless(dataset, arrays[: len(dataset.input_shape)], arrays)


def _sparse_dummy_v2(dataset: SparseDummyV2) -> Reading:
    arrays, ranges = _uniform(dataset), dataset.ranges
    inputs = [
        call("Sparse", shape=values(shape), ratio=literal(ratio), **_range(*limits))
        for shape, ratio, limits in zip(
            dataset.dense_shape, dataset.ratios, ranges, strict=False
        )
    ]
    return _endless(dataset, inputs, arrays)


def _endless(
    dataset: Endless, inputs: Sequence[Group], arrays: Sequence[Group]
) -> Reading:
    drawn = arrays[len(inputs) :]
    labels = tuple_of(drawn) if dataset.labelled else literal(None)
    return _random(dataset, dataset.samples, inputs, labels)


def _uniform(dataset: Drawn) -> list[Group]:
    """Each array, inputs and labels."""
    return [
        call("Uniform", shape=values(shape), **_range(*limits))
        for shape, limits in zip(dataset.shapes, dataset.ranges, strict=True)
    ]


def _range(low: float, high: float, dtype: str) -> dict[str, Code]:
    return {
        "low": literal(low),
        "high": literal(high),
        "dtype": literal(WORDS.get(dtype, dtype)),
    }


def _random(
    dataset: Drawn, samples: int, inputs: Sequence[Group], labels: Group | Code
) -> Reading:
    arguments: dict[str, Code | Group] = {
        "samples": literal(samples),
        "inputs": tuple_of(inputs),
        "labels": labels,
        "seed": Code("SEED"),
    }
    return Reading(TITLE, (MODULE, "Random"), arguments, _classes(inputs, labels))


def _classes(inputs: Sequence[Group], labels: Group | Code) -> tuple[Import, ...]:
    """What the arrays are made of."""
    drawn = [*inputs]
    if isinstance(labels, Group):
        drawn += [item[1] for item in labels.items if isinstance(item, tuple)]
    return tuple((MODULE, group.opening.rstrip("(")) for group in drawn)


READINGS: Readings = {
    Dummy: _dummy,
    DummyV2: _dummy_v2,
    SparseDummyV2: _sparse_dummy_v2,
}

NAMES = "Constant Random Sparse Uniform"
"""What a script imports for these."""
