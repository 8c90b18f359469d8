"""Declared inputs held against real ones."""

from __future__ import annotations

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.sizes import joined, sizes, symbols
from narrowcast.runtime.frameworks.inputs import Input, check_shapes, transposing

IMAGE = Input("image", ("batch", 3, "size", "size"), "float32")
MASK = Input("mask", ("batch", "size"), "int64")


@pytest.mark.parametrize(
    "shapes",
    [[(4, 3, 8, 8), (4, 8)], [(1, 3, 1, 1), (1, 1)], [(3, 3, 3, 3), (3, 3)]],
)
def test_symbols_stand_for_any_size(shapes: list[tuple[int, ...]]) -> None:
    check_shapes([IMAGE, MASK], shapes)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(4, 1, 8, 8), (4, 8)], r"input image has shape \(4, 1, 8, 8\)"),
        ([(4, 3, 8, 9), (4, 8)], "input image"),
        ([(4, 3, 8, 8), (5, 8)], r"input mask has shape \(5, 8\), .*\(batch, size\)"),
        ([(4, 3, 8, 8), (4, 9)], "input mask"),
        ([(4, 3, 8), (4, 8)], "input image"),
        ([(4, 3, 8, 8, 1), (4, 8)], "input image"),
        ([(), (4, 8)], "input image"),
        ([(4, 3, 8, 8)], "the data gives 1 inputs, model.inputs names 2"),
        ([(4, 3, 8, 8), (4, 8), (1,)], "the data gives 3 inputs"),
    ],
)
def test_what_does_not_fit_is_named(shapes: list[tuple[int, ...]], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        check_shapes([IMAGE, MASK], shapes)
    assert caught.value.remedy


def test_dynamic_dimensions_are_those_with_symbols() -> None:
    assert IMAGE.dynamic == {0: "batch", 2: "size", 3: "size"}
    assert Input("x", (1, 2), "float32").dynamic == {}


IDS = Input("ids", ("batch", "seq"), "int64", {"seq": 128})


def test_a_size_beyond_the_largest_is_refused() -> None:
    check_shapes([IDS], [(4, 128)])
    with pytest.raises(DataError, match=r"seq is 129, model\.inputs says at most 128"):
        check_shapes([IDS], [(4, 129)])


def test_sizes_are_told_without_the_number_of_samples() -> None:
    batch = [np.zeros((4, 64))]
    plain = Input("ids", ("batch", "seq"))
    assert sizes([plain], batch, {}).notes == (
        "seq judged at 64: nothing is known of other sizes",
    )
    found = sizes([IDS], batch, {"seq": (12, 70)})
    assert found.notes == ("seq judged at 12 to 70, the spec allows 128",)
    assert found.largest == {64: 128}
    assert sizes([IMAGE], [np.zeros((4, 3, 8, 8))], {}).largest == {}


def test_what_counts_no_samples_is_told_wherever_it_stands() -> None:
    nodes, edges = Input("nodes", ("n", 5)), Input("edges", ("m", 2))
    found = symbols([nodes, edges], [(3, 5), (7, 2)])
    assert found == {"m": (7, 7)}


def test_a_length_that_two_sizes_had_is_bounded_by_both() -> None:
    other = Input("mask", ("batch", "keys"), None, {"keys": 512})
    batch = [np.zeros((4, 64)), np.zeros((4, 64))]
    assert sizes([IDS, other], batch, {}).largest == {64: 640}
    assert sizes([IDS], [np.zeros((64, 64))], {}).largest == {}
    assert sizes([IDS, Input("more")], batch, {}).largest == {}
    assert sizes([IDS, Input("mask", ("batch", "keys"))], batch, {}).largest == {}
    assert joined({"a": (1, 2)}, {"a": (0, 1), "b": (3, 3)}) == {
        "a": (0, 2),
        "b": (3, 3),
    }


@pytest.mark.parametrize(
    ("declared", "shape", "perm"),
    [
        (("batch", 3, 8, 8), (4, 8, 8, 3), [2, 0, 1]),
        (("batch", 8, 8, 3), (4, 3, 8, 8), [1, 2, 0]),
        ((1, 3, 8, 6), (4, 8, 6, 3), [2, 0, 1]),
    ],
)
def test_axes_in_another_order_are_told_as_a_transform(
    declared: tuple[int | str, ...], shape: tuple[int, ...], perm: list[int]
) -> None:
    with pytest.raises(DataError) as refused:
        check_shapes([Input("x", declared)], [shape])
    assert f"write `Transpose: {{perm: {perm}}}`" in refused.value.remedy


@pytest.mark.parametrize("shape", [(4, 8, 8, 1), (4, 9, 8, 3), (4, 8, 3)])
def test_other_sizes_are_no_matter_of_axes(shape: tuple[int, ...]) -> None:
    assert transposing(("batch", 3, 8, 8), shape) == ""
