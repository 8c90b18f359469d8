"""Declared inputs held against real ones."""

from __future__ import annotations

import pytest

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks.inputs import Input, check_shapes

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
