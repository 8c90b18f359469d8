"""Datasets of users' own that fail, end early, change what is not theirs, or iterate."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError, NarrowcastError
from narrowcast.runtime.evaluation.baseline import measured_baseline
from narrowcast.runtime.evaluation.data.arrays import Arrays, checked
from narrowcast.runtime.evaluation.data.indexed import Indexed, made
from narrowcast.runtime.evaluation.data.supplied.loaders import loader
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.mse import MSE

HERE = Path(__file__).name
ROWS = np.arange(20.0).reshape(5, 4)
SAMPLES = [(row, number) for number, row in enumerate(ROWS)]


class Rows:
    """Samples by number."""

    def __init__(self, count: int = 5) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> Any:
        return SAMPLES[k]


class Stream:
    """Samples as it iterates."""

    def __iter__(self) -> Iterator[Any]:
        yield from SAMPLES


class Counted(Stream):
    def __len__(self) -> int:
        return 5


def generated(count: int = 5) -> Iterator[Any]:
    yield from SAMPLES[:count]


def read(data: Any, size: int = 2, **how: Any) -> list[Any]:
    return [labels.tolist() for _inputs, labels in data.batches(size, **how)]


def refused(data: Any, size: int = 2) -> NarrowcastError:
    with pytest.raises(NarrowcastError) as caught:
        for _pass in range(2):
            read(data, size)
    return caught.value


# What iterates


@pytest.mark.parametrize("make", [Rows, Stream, Counted, generated, lambda: SAMPLES])
def test_all_forms_are_read_again_and_again(make: Callable[[], Any]) -> None:
    data = Indexed(made(make))
    for _pass in range(2):
        assert read(data) == [[0, 1], [2, 3], [4]]
    assert read(data, keep_last=False) == [[0, 1], [2, 3]]
    assert read(data, limit=1) == [[0, 1]]
    assert len(data) == 5


def test_a_function_that_generates_is_given_its_arguments_each_time() -> None:
    data = Indexed(made(generated, count=3))
    assert [read(data), read(data)] == [[[0, 1], [2]]] * 2


def test_a_function_that_generates_batches_is_data() -> None:
    def batches() -> Iterator[Any]:
        yield ROWS[:3], np.arange(3)
        yield ROWS[3:], np.arange(3, 5)

    data = loader(batches)
    assert [read(data), read(data)] == [[[0, 1, 2], [3, 4]]] * 2


class Spent:
    """Starts no iteration anew."""

    def __init__(self) -> None:
        self.left = generated()

    def __iter__(self) -> Iterator[Any]:
        return self.left


@pytest.mark.parametrize(
    "data", [Indexed(Spent()), loader(type("Spent", (Spent,), {})())]
)
def test_what_starts_no_iteration_anew_is_told(data: Any) -> None:
    error = refused(data)
    assert "Spent" in error.message
    assert "it can be read only once" in error.message
    assert "a class whose __iter__ starts anew" in error.remedy


def test_what_ends_before_its_length_is_told() -> None:
    class Short(Counted):
        def __len__(self) -> int:
            return 9

    error = refused(Indexed(Short()))
    assert error.message == "Short says that it has 9 samples, and ends after 5"


def test_what_is_shorter_than_it_says_names_the_sample() -> None:
    error = refused(Indexed(Rows(count=7)))
    assert f"sample 5 of Rows can't be read at {HERE}:" in error.message
    assert "IndexError" in error.message


# What fails


def broken(k: int) -> Any:
    if k == 3:
        raise KeyError("no such image")
    return SAMPLES[k]


class Broken(Rows):
    def __getitem__(self, k: int) -> Any:
        return broken(k)


class BrokenStream:
    def __iter__(self) -> Iterator[Any]:
        return map(broken, range(5))


@pytest.mark.parametrize("make", [Broken, BrokenStream])
def test_an_exception_names_sample_and_line_and_key(make: type) -> None:
    line = broken.__code__.co_firstlineno + 2
    error = refused(Indexed(make()))
    assert error.message == (
        f"sample 3 of {make.__name__} can't be read at {HERE}:{line}: "
        "KeyError: 'no such image'"
    )
    assert "evaluation.accuracy.dataloader.dataset" in error.remedy


def test_a_dataset_that_can_not_be_made_is_told() -> None:
    def absent() -> Any:
        raise FileNotFoundError("reviews.tsv")

    with pytest.raises(DataError, match=f"absent can't be made at {HERE}:") as caught:
        Indexed(made(absent))
    assert "FileNotFoundError: reviews.tsv" in caught.value.message


@pytest.mark.parametrize(
    ("third", "said"),
    [
        ((np.zeros(3), 0), r"sample 2 has an input of shape (3,), sample 0 "),
        ((ROWS[2], [1, 2]), r"sample 2 has a label of shape (2,), sample 0 "),
        (((ROWS[2], 1), 0), r"sample 2 has 2 inputs, sample 0 1 inputs"),
        ((ROWS[2], None), "sample 2 has no label, others of its batch have one"),
        (ROWS[2], "sample 2 of list is not (input, label) but ndarray (4,)"),
        ((ROWS[2] * 1j, 2), "an input of list is complex128, which no model takes"),
        ((None, 2), "sample 2 has an input of shape ()"),
    ],
)
def test_the_sample_that_is_unlike_the_others_is_named(third: Any, said: str) -> None:
    samples = [*SAMPLES[:2], third, *SAMPLES[3:]]
    assert said in refused(Indexed(samples), 5).message


DAYS = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")


@pytest.mark.parametrize(
    ("values", "said", "remedy"),
    [
        (np.ones(2) * 1j, "complex128", "real and imaginary parts"),
        (DAYS, "datetime64[D]", "the time since some day"),
        (DAYS - DAYS[0], "timedelta64[D]", "seconds, or days"),
        (np.zeros(2, [("a", "i4")]), "[('a', '<i4')]", "Give each field"),
    ],
)
def test_inputs_that_no_model_takes_are_refused_however_they_come(
    values: Any, said: str, remedy: str
) -> None:
    rows = [(each, 0) for each in values]
    ways: list[Callable[[], Any]] = [
        lambda: read(Indexed(rows)),
        lambda: read(loader([(values, np.zeros(2))])),
        lambda: checked(Arrays((values,), None), "a.npz"),
    ]
    for way in ways:
        with pytest.raises(DataError) as caught:
            way()
        assert f"is {said}, which no model takes" in caught.value.message
        assert remedy in caught.value.remedy


# What is not theirs


def drawn() -> tuple[float, float]:
    return random.random(), float(np.random.random())


class Drawing(Rows):
    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        if seed is not None:
            random.seed(seed)
            np.random.seed(seed)

    def __getitem__(self, k: int) -> Any:
        return np.array(drawn()), k


def values(data: Any) -> Any:
    return [inputs[0].tolist() for inputs, _labels in data.batches(2)]


def test_what_a_dataset_draws_is_the_same_in_each_pass() -> None:
    data, again = Indexed(made(Drawing)), Indexed(made(Drawing))
    first = values(data)
    assert first == values(data) == values(again)
    assert len({tuple(row) for batch in first for row in batch}) == 5
    assert values(Indexed(made(Drawing, seed=5))) != first


def test_passes_that_are_read_in_turn_draw_the_same() -> None:
    data = Indexed(made(Drawing))
    pairs = zip(data.batches(2), data.batches(2), strict=True)
    assert all((a[0][0] == b[0][0]).all() for a, b in pairs)


@pytest.mark.parametrize("seed", [None, 3])
def test_what_a_dataset_draws_and_seeds_changes_nothing_for_others(
    seed: int | None,
) -> None:
    random.seed(11)
    np.random.seed(11)
    expected = drawn()
    random.seed(11)
    np.random.seed(11)
    values(Indexed(made(Drawing, seed)))
    assert drawn() == expected


class Wandering(Rows):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        os.chdir(folder)

    def __getitem__(self, k: int) -> Any:
        assert Path.cwd() != self.folder
        os.chdir(self.folder)
        return SAMPLES[k]


def test_the_working_directory_stays(tmp_path: Path) -> None:
    before = Path.cwd()
    assert read(Indexed(made(Wandering, tmp_path)), 1) == [[0], [1], [2], [3], [4]]
    assert Path.cwd() == before


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_a_forked_process_that_comes_back_goes_no_further(tmp_path: Path) -> None:
    class Forking(Rows):
        def __getitem__(self, k: int) -> Any:
            child = os.fork() if k == 1 else -1
            if child > 0:
                os.waitpid(child, 0)
            return SAMPLES[k]

    seen = tmp_path / "seen"
    for _inputs, labels in Indexed(Forking()).batches(1):
        with seen.open("a") as file:
            file.write(f"{labels[0]} ")
    assert seen.read_text() == "0 1 2 3 4 "


# What is not a number


NAN = float("nan")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("input", NAN, "and no wonder: the input of sample 3 is nan"),
        ("input", -np.inf, "and no wonder: the input of sample 3 is -inf"),
        (
            "label",
            NAN,
            "not a finite number, although its outputs are: the label of sample 3",
        ),
    ],
)
def test_the_sample_that_is_not_finite_is_named(
    place: str, value: float, said: str
) -> None:
    rows, labels = ROWS.astype(np.float32), ROWS.copy()
    (rows if place == "input" else labels)[3, 1] = value
    data = Indexed([(row, label) for row, label in zip(rows, labels, strict=True)])

    def batches() -> Iterator[Any]:
        return data.batches(2)

    def predict(inputs: Any) -> Any:
        return (inputs[0],)

    def scored(beside: Any) -> Any:
        return evaluate(predict, batches, MSE, beside=beside)

    with pytest.raises(DataError, match=said):
        measured_baseline(
            predict, batches, MSE, scored, lambda found: found, iter(range(99)).__next__
        )


class Reusing(Rows):
    """Writes each sample to the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.row, self.label = np.zeros(4), np.zeros(1)

    def __getitem__(self, k: int) -> Any:
        self.row[:], self.label[:] = SAMPLES[k]
        return self.row, self.label


class ReusingStream:
    def __iter__(self) -> Iterator[Any]:
        reusing = Reusing()
        return (reusing[k] for k in range(5))


class ReusingBatches:
    def __iter__(self) -> Iterator[Any]:
        for row, label in ReusingStream():
            yield row[None], label


def test_samples_in_memory_that_is_used_again() -> None:
    for data in (
        Indexed(made(Reusing)),
        Indexed(made(ReusingStream)),
        loader(Reusing()),
    ):
        ((inputs, labels),) = data.batches(5)
        assert np.array_equal(inputs[0], ROWS)
        assert labels.ravel().tolist() == [0, 1, 2, 3, 4]
    kept = [
        inputs[0][0, 0] for inputs, _labels in list(loader(ReusingBatches()).batches(1))
    ]
    assert kept == [0, 4, 8, 12, 16]
