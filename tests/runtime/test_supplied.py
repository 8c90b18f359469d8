"""Slots that a script leaves open: what a command line, or a caller, supplies."""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime import Report, Run, command_line
from narrowcast.runtime.common.errors import DataError, UsageError
from narrowcast.runtime.evaluation.data.supplied.supplied import (
    FEW,
    Data,
    RandomBatch,
    named_data,
)
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.run.slots.fed import Fed, Ordered
from narrowcast.runtime.run.slots.supplies import OpenedModel, Supplies

MODULE = """
import numpy as np


class Digits:
    def __getitem__(self, k):
        return np.full(3, k / 4), k

    def __len__(self):
        return 5


class Broken(Digits):
    def __getitem__(self, k):
        raise ValueError("no digit")


class Unmade:
    def __init__(self):
        raise ValueError("no digits")


def batches():
    raise ValueError("no batch")
    yield


class Mean:
    def update(self, predictions, labels):
        pass

    def result(self):
        return 0.0
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of the user's and an archive."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "their_digits.py").write_text(MODULE)
    rows = np.arange(5)
    np.savez(
        tmp_path / "two.npz",
        mask=np.ones((5, 2), np.int32),
        ids=np.zeros((5, 2), np.int64),
        labels=rows,
    )
    np.savez(tmp_path / "one.npz", x=np.ones((5, 2)), y=rows)
    yield tmp_path
    sys.modules.pop("their_digits", None)


def read(data: Data) -> Iterator[tuple[Any, Any]]:
    """A script's loop."""
    yield from data.batches(2)


def no_signature() -> tuple[Input, ...]:
    raise AssertionError("the spec says all")


def test_a_dataset_of_the_users_is_batched() -> None:
    found = list(named_data("their_digits:Digits").batches(2))
    assert [len(labels) for _inputs, labels in found] == [2, 2, 1]
    assert found[1][0][0][1].tolist() == [0.75] * 3


@pytest.mark.parametrize(
    ("limit", "keep_last", "sizes"), [(1, True, [2]), (None, False, [2, 2])]
)
def test_limits_hold_for_what_is_supplied(
    limit: Any, keep_last: bool, sizes: list[int]
) -> None:
    found = named_data("one.npz").batches(2, limit=limit, keep_last=keep_last)
    assert [len(labels) for _inputs, labels in found] == sizes


def test_an_archive_tells_labels_by_their_name() -> None:
    (inputs, labels), *_ = named_data("one.npz").batches(5)
    assert [each.shape for each in inputs] == [(5, 2)]
    assert labels is not None and labels.tolist() == [0, 1, 2, 3, 4]


def test_other_processes_open_it_for_themselves() -> None:
    data = named_data("one.npz")
    list(data.batches(2))
    assert b"numpy" not in pickle.dumps(data)
    assert len(list(pickle.loads(pickle.dumps(data)).batches(2))) == 3


def test_files_and_modules_are_sources(here: Path) -> None:
    assert named_data("one.npz").files == (here / "one.npz",)
    assert named_data("their_digits:Digits").modules == ("their_digits",)


def test_arrays_come_in_the_models_order() -> None:
    inputs = (Input("ids", ("batch", 2), "int32"), Input("mask", ("batch", 2), "int32"))
    batches = Fed(read, named_data("two.npz"), 0).batches(inputs, no_signature)
    ids, mask = next(iter(batches()))[0]
    assert ids.dtype == mask.dtype == np.int32
    assert (ids.sum(), mask.sum()) == (0, 4)


def test_arrays_that_are_no_inputs_are_left_out_and_told() -> None:
    told: list[str] = []
    fed = Fed(read, named_data("two.npz"), 0, told.append)
    batches = fed.batches((), lambda: (Input("ids", ("batch", 2), "int64"),))
    inputs, _labels = next(iter(batches()))
    assert len(inputs) == 1 and inputs[0].sum() == 0
    assert told == ["left out of the data, since the model has no such input: mask"]


def test_inputs_that_no_array_is_called_like_are_named() -> None:
    own = (Input("x"),)
    with pytest.raises(
        DataError,
        match=r"has mask, ids, the model takes x\n.*Call x so.*labels in an array called label",
    ):
        Fed(read, named_data("two.npz"), 0).batches((), lambda: own)


def test_an_archive_that_is_not_there_was_named_by_the_option() -> None:
    with pytest.raises(DataError, match="Check --data"):
        list(named_data("nowhere.npz").batches(1))


@pytest.mark.parametrize("name", ["Broken", "Unmade", "batches"])
def test_data_of_the_users_that_fails_was_named_by_the_option(name: str) -> None:
    with pytest.raises(DataError, match=r"their_digits\.py:\d+") as caught:
        list(named_data(f"their_digits:{name}").batches(1))
    assert caught.value.remedy == "Check the data that --data gives, and its code."


def test_dtypes_are_the_models_own() -> None:
    own = (Input("x", (5, 2), "float16"),)
    batches = Fed(read, named_data("one.npz"), 0).batches((), lambda: own)
    assert next(iter(batches()))[0][0].dtype == np.float16


def test_floats_of_python_become_fp32() -> None:
    (inputs, _labels), *_ = Ordered(named_data("their_digits:Digits"), (), ()).batches(
        5
    )
    assert inputs[0].dtype == np.float32


def test_without_data_there_is_one_random_batch() -> None:
    declared = (Input("x", ("batch", 3), "float32"),)
    batches = Fed(read, None, 7).batches(declared, no_signature)
    ((inputs, labels),) = batches()
    assert labels is None
    assert inputs[0].shape == (2, 3)
    expected = next(iter(RandomBatch(declared, (), 7).batches(2)))[0]
    assert np.array_equal(inputs[0], expected[0])


@pytest.mark.parametrize(
    ("shapes", "size", "made"),
    [
        ([("batch", "seq"), ("batch",)], None, [(FEW, 64), (FEW,)]),
        ([("seq", "batch")], None, [(64, FEW)]),  # whichever comes first
        ([("n", "w", "n"), (4, "n")], None, [(FEW, 64, FEW), (4, FEW)]),
        ([("batch", "seq")], 32, [(32, 64)]),
        ([(16, "seq"), ("batch", "seq")], 16, [(16, 64), (16, 64)]),
    ],
)
def test_a_random_batch_has_a_few_samples_unless_the_spec_says_more(
    shapes: list[tuple[int | str, ...]],
    size: int | None,
    made: list[tuple[int, ...]],
) -> None:
    """What else is open has the size of any batch: a sentence of 8 words is too short."""
    declared = [Input(f"x{k}", shape, "float32") for k, shape in enumerate(shapes)]
    ((inputs, _labels),) = RandomBatch(declared, (), 7, size=size).batches(64)
    assert [each.shape for each in inputs] == made


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("digits.csv", DataError, "neither a .npz file nor package.module:name"),
        ("nowhere.npz", DataError, "nowhere.npz does not exist"),
        (
            "absent_module:Digits",
            UsageError,
            "--data absent_module:Digits can't be imported",
        ),
        ("their_digits:Absent", UsageError, "no attribute 'Absent'"),
        ("their_digits:", UsageError, "does not name a Python object"),
    ],
)
def test_what_names_no_data_is_refused(source: str, error: Any, said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        list(named_data(source).batches(2))
    assert caught.value.remedy


def supplied(
    *arguments: str, names: tuple[str, ...] = ("model", "data", "metric")
) -> dict[str, Any]:
    slots = Supplies(lambda source: source.upper(), names)
    parser = argparse.ArgumentParser()
    slots.add_options(parser)
    return slots.arguments(vars(parser.parse_args(arguments)))


def test_what_is_not_given_is_none(here: Path) -> None:
    found = supplied("--model", "one.npz")
    assert found["data"] is None and found["metric"] is None
    model = found["model"]
    assert isinstance(model, OpenedModel)
    assert model() == "ONE.NPZ"
    assert model.files == (here / "one.npz",)


def test_a_factory_is_a_module_of_the_users() -> None:
    assert supplied("--model", "their_digits:Digits")["model"].modules == (
        "their_digits",
    )


def test_a_metric_is_made_anew_each_time() -> None:
    make = supplied("--model", "m", "--metric", "their_digits:Mean")["metric"]
    assert getattr(make(), "name", "") == "Mean"
    assert make() is not make()


def test_nothing_is_converted_without_a_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def convert(run: Run, model: Any, data: Any = None) -> Report:
        raise AssertionError

    assert command_line("convert.py", "net", convert, [], open_model=str) == 2
    assert "--model" in capsys.readouterr().err
