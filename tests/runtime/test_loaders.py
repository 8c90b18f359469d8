"""Data as users give it: datasets, loaders and batches of every form."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from narrowcast.common import DataLoader
from narrowcast.runtime.common.errors import DataError, UsageError
from narrowcast.runtime.evaluation.data.supplied.loaders import loader

ROWS = np.arange(20.0).reshape(5, 4)


class AsOnThePage:
    """The spelling of Neural Compressor's page on MixedPrecision."""

    def getitem(self, index: int) -> Any:
        return ROWS[index], index

    def __length__(self) -> int:
        return 5


class Numbered:
    def __getitem__(self, index: int) -> Any:
        return ROWS[index], index

    def __len__(self) -> int:
        return 5


class UntilIndexError:
    def __getitem__(self, index: int) -> Any:
        return ROWS[index], index


class Iterated:
    def __iter__(self) -> Iterator[Any]:
        return iter([(row, number) for number, row in enumerate(ROWS)])


DATASETS = [
    AsOnThePage(),
    Numbered(),
    UntilIndexError(),
    Iterated(),
    [(row, number) for number, row in enumerate(ROWS)],
]


def read(data: Any, size: int = 64, **how: Any) -> list[Any]:
    return list(loader(data).batches(size, **how))


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda d: type(d).__name__)
def test_a_dataset_is_read_in_batches_again_and_again(dataset: Any) -> None:
    data = DataLoader(dataset, batch_size=2)
    for _pass in range(2):
        found = read(data)
        assert [labels.tolist() for _inputs, labels in found] == [[0, 1], [2, 3], [4]]
        arrays = [inputs[0] for inputs, _labels in found]
        assert {each.dtype for each in arrays} == {np.dtype(np.float32)}
        assert np.concatenate(arrays).tolist() == ROWS.tolist()


def test_a_dataset_by_itself_has_batches_of_the_size_that_is_asked_for() -> None:
    for dataset in (AsOnThePage(), Numbered(), UntilIndexError()):
        assert [len(y) for _x, y in read(dataset, 3)] == [3, 2]
        assert [len(y) for _x, y in read(dataset, 3, keep_last=False)] == [3]
        assert [len(y) for _x, y in read(dataset, 2, limit=2)] == [2, 2]


def test_the_loaders_arguments() -> None:
    def labels(**how: Any) -> list[list[int]]:
        made = DataLoader(Numbered(), **how)
        found = [list(map(int, y)) for _x, y in read(made)]
        assert len(made) == len(found)
        return found

    assert labels() == [[0], [1], [2], [3], [4]]
    assert labels(batch_size=2, last_batch="discard") == [[0, 1], [2, 3]]
    assert labels(batch_size=2, sampler=[4, 2, 0]) == [[4, 2], [0]]
    assert labels(batch_size=2, sampler=iter([4, 2, 0])) == [[4, 2], [0]]
    assert labels(batch_sampler=[[0, 4], [1]]) == [[0, 4], [1]]
    assert labels(num_workers=4, pin_memory=True, distributed=True)[0] == [0]
    shuffled = labels(batch_size=5, shuffle=True)
    assert shuffled == labels(batch_size=5, shuffle=True) != [[0, 1, 2, 3, 4]]
    assert sorted(shuffled[0]) == [0, 1, 2, 3, 4]


def test_a_collate_function_makes_the_batch_in_either_place() -> None:
    def collate(samples: list[Any]) -> Any:
        return np.stack([x for x, _y in samples]) + 1, [y for _x, y in samples]

    for made in (
        DataLoader(Numbered(), 2, "discard", collate),
        DataLoader(Numbered(), 2, collate, "discard"),
    ):
        found = read(made)
        assert [labels for _inputs, labels in found] == [[0, 1], [2, 3]]
        assert found[0][0][0].tolist() == (ROWS[:2] + 1).tolist()


@pytest.mark.parametrize("several", [tuple, list])
def test_several_inputs_are_a_tuple_or_a_list(several: Any) -> None:
    samples = [(several([row, np.int64(k)]), k) for k, row in enumerate(ROWS)]
    ((rows, numbers), _labels), *_rest = read(DataLoader(samples, batch_size=3))
    assert rows.shape == (3, 4)
    assert numbers.tolist() == [0, 1, 2]
    assert numbers.dtype == np.int64
    assert loader(DataLoader(samples)).names == ()


@pytest.mark.parametrize("mapping", [dict, UserDict])
def test_inputs_may_have_names(mapping: Any) -> None:
    """A BatchEncoding of Hugging Face is a UserDict."""
    samples = [(mapping(b=row, a=k), k) for k, row in enumerate(ROWS)]
    data = loader(DataLoader(samples, batch_size=5))
    assert data.names == ("b", "a")
    (b, a), labels = next(data.batches(1))
    assert b.shape == (5, 4)
    assert a.tolist() == labels.tolist() == [0, 1, 2, 3, 4]
    whole = [(mapping(a=ROWS, b=ROWS + 1), None), (mapping(b=ROWS + 1, a=ROWS), None)]
    for (first, second), _labels in read(whole):
        assert (second - first == 1).all()


def test_a_name_that_is_missing_is_told() -> None:
    with pytest.raises(DataError, match="has the inputs b, the first has a"):
        read([({"a": ROWS}, 0), ({"b": ROWS}, 0)])


def test_labels_of_any_kind() -> None:
    def labels(*values: Any) -> Any:
        samples = [(ROWS[0], value) for value in values]
        return read(DataLoader(samples, batch_size=9))[0][1]

    assert labels(None, None) is None
    assert labels("cat", "dog").tolist() == ["cat", "dog"]
    assert labels([1, 2], [3, 4]).tolist() == [[1, 2], [3, 4]]
    assert labels(np.zeros(2), np.zeros(3))[1].tolist() == [0, 0, 0]
    assert labels({"k": 1}, {"k": 2})["k"].tolist() == [1, 2]
    answers = [["cat", "a cat"], ["dog", "a dog"]]
    assert labels(*answers) == answers
    assert labels((["cat"], 1), (["dog"], 2))[0] == [["cat"], ["dog"]]
    yes, no = labels(("yes", "no"), ("oui", "non"))
    assert (yes.tolist(), no.tolist()) == (["yes", "oui"], ["no", "non"])
    boxes, classes = labels((np.zeros((2, 4)), 1), (np.ones((2, 4)), 2))
    assert boxes.shape == (2, 2, 4)
    assert classes.tolist() == [1, 2]


def test_batches_of_python_numbers_are_one_input() -> None:
    ((rows,), _labels), *_rest = read([([[1.0, 2.0], [3.0, 4.0]], [0, 1])])
    assert rows.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((x for x in [(ROWS, 0)]), "a generator, which can be read only once"),
        (iter([(ROWS, 0)]), "list_iterator, which can be read only once"),
        ({"x": ROWS}, "a dict of x, not batches"),
        (ROWS, r"ndarray \(5, 4\), not batches"),
        (Numbered, "the class Numbered, which can't be iterated"),
        (5, "an int, which can't be iterated"),
    ],
)
def test_what_is_no_data_is_refused(data: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        loader(data)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"input_ids": ROWS, "labels": ROWS}, "but a dict of input_ids, labels"),
        (ROWS, r"but a ndarray \(5, 4\)"),
        ((ROWS,), "but a tuple of 1"),
        ((ROWS, ROWS, ROWS), "but a tuple of 3"),
    ],
)
def test_what_is_no_pair_is_named(batch: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        read([batch])
    assert "(inputs, labels)" in refused.value.remedy


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([ROWS[0]], r"sample 0 of a batch is not \(input, label\)"),
        ([(ROWS[0], 0), (ROWS, 1)], r"can't be stacked: \(4,\) and \(5, 4\)"),
        ([(object(), 0)], "an input of a sample is an object, which is no array"),
    ],
)
def test_samples_that_make_no_batch(samples: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(DataLoader(samples, batch_size=2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((Numbered,), "is given Numbered, which has no samples"),
        ((7,), "is given an int"),
        ((iter([]),), "can be read only once"),
        ((Numbered(), 0), "batch_size is 0"),
        ((Numbered(), 1, "keep"), "last_batch is 'keep'"),
    ],
)
def test_what_is_no_dataset_is_refused(arguments: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        DataLoader(*arguments)


class Resettable:
    """What mx.io's iterators look like."""

    def __init__(self) -> None:
        self.left = 0

    def reset(self) -> None:
        self.left = 2

    def __iter__(self) -> Resettable:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        self.left -= 1
        pad = 0 if self.left else 2
        return type("B", (), {"data": [ROWS], "label": [np.arange(5)], "pad": pad})


def test_an_iterator_that_can_be_reset_is_read_without_its_padding() -> None:
    for _pass in range(2):
        assert [len(labels) for _inputs, labels in read(Resettable())] == [5, 3]
