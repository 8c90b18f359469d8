"""Readers of datasets: what they give, and what they say of files that are broken."""

from __future__ import annotations

import bz2
import gzip
import lzma
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.arrays import Arrays, Batched
from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.files.csv import read_csv
from narrowcast.runtime.evaluation.data.files.npz import read_npz
from narrowcast.runtime.evaluation.data.indexed import Indexed, as_read
from narrowcast.runtime.evaluation.data.random.synthetic import (
    described,
    draws,
    random_array,
    random_inputs,
)
from narrowcast.runtime.frameworks.inputs import Input


def csv(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


# CSV


@pytest.mark.parametrize(
    ("label", "values", "labels"),
    [
        (None, [[1, 2, 3], [4, 5, 6]], None),
        (-1, [[1, 2], [4, 5]], [3, 6]),
        (0, [[2, 3], [5, 6]], [1, 4]),
        (1, [[1, 3], [4, 6]], [2, 5]),
    ],
)
def test_csv_rows_are_samples(
    tmp_path: Path, label: int | None, values: Any, labels: Any
) -> None:
    found = read_csv(csv(tmp_path, "1,2,3\n4,5,6\n"), label=label)
    assert len(found) == 2
    assert found.inputs[0].dtype == np.float32
    assert found.inputs[0].tolist() == values
    assert (None if found.labels is None else found.labels.tolist()) == labels


@pytest.mark.parametrize(
    ("text", "dtype"), [("1,2\n3,4", "int64"), ("1,2\n3,4.5", "float64")]
)
def test_csv_labels_are_integers_if_all_are_whole(
    tmp_path: Path, text: str, dtype: str
) -> None:
    found = read_csv(csv(tmp_path, text), label=-1)
    assert found.labels is not None
    assert found.labels.dtype == dtype


def test_csv_samples_take_their_shape_row_by_row(tmp_path: Path) -> None:
    text = "0,1,2,3,4,5,9\n6,7,8,9,10,11,9\n"
    found = read_csv(csv(tmp_path, text), label=-1, shape=(1, 2, 3))
    assert found.inputs[0].tolist() == [
        [[[0, 1, 2], [3, 4, 5]]],
        [[[6, 7, 8], [9, 10, 11]]],
    ]


def test_csv_with_a_header_and_another_delimiter(tmp_path: Path) -> None:
    path = csv(tmp_path, "a;b\n1;2\n")
    found = read_csv(path, label=None, header=True, delimiter=";")
    assert found.inputs[0].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("suffix", "opened"),
    [(".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open)],
)
def test_csv_may_be_compressed(tmp_path: Path, suffix: str, opened: Any) -> None:
    path = tmp_path / f"data.csv{suffix}"
    with opened(path, "wt") as file:
        file.write("1,2\n3,4\n")
    assert read_csv(path, label=-1).inputs[0].tolist() == [[1], [3]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "data.csv holds no sample"),
        ("\n\n", "data.csv holds no sample"),
        ("a,b\n1,2\n", "could not convert string 'a'"),
        ("1,2\n3\n", "number of columns changed"),
        ("1,2\n3,four\n", "could not convert string 'four'"),
        ("1,2\n3,\n", "could not convert string ''"),
        ("1;2\n", "could not convert string '1;2'"),
    ],
)
def test_csv_that_is_no_table_of_numbers(tmp_path: Path, text: str, said: str) -> None:
    path = csv(tmp_path, text)
    with warnings.catch_warnings(action="error"), pytest.raises(DataError, match=said):
        read_csv(path, label=-1)


def test_csv_with_nothing_but_a_header(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sample"):
        read_csv(csv(tmp_path, "a,b\n"), label=-1, header=True)


@pytest.mark.parametrize("label", [2, -3, 99])
def test_csv_without_the_labels_column(tmp_path: Path, label: int) -> None:
    with pytest.raises(DataError, match=f"has 2 columns, the label is column {label}"):
        read_csv(csv(tmp_path, "1,2\n"), label=label)


def test_csv_whose_columns_do_not_fit_the_shape(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"3 columns beside .* shape \(2, 2\) takes 4"):
        read_csv(csv(tmp_path, "1,2,3,4\n"), label=0, shape=(2, 2))


def test_csv_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        read_csv(tmp_path / "none.csv", label=None)


def test_csv_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        read_csv(tmp_path, label=None)


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"\xff\xfe\x00\x80" * 9)
    with pytest.raises(DataError, match="can't be read"):
        read_csv(path, label=None)


PACKED = {
    ".gz": gzip.compress(b"1,2\n3,4\n" * 50),
    ".bz2": bz2.compress(b"1,2\n3,4\n" * 50),
    ".xz": lzma.compress(b"1,2\n3,4\n" * 50),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_csv_whose_end_is_missing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data.csv{suffix}"
    path.write_bytes(PACKED[suffix][:-12])
    with pytest.raises(DataError, match="can't be read"):
        read_csv(path, label=-1)


@pytest.mark.parametrize("suffix", PACKED)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_csv_that_is_damaged_raises_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: Any
) -> None:
    packed = bytearray(PACKED[suffix])
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("csv") / f"data.csv{suffix}"
    path.write_bytes(packed)
    try:
        read_csv(path, label=-1)
    except DataError as error:
        assert path.name in error.message


# NumPy archives


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_npz_arrays_come_in_the_models_order(tmp_path: Path) -> None:
    path = npz(tmp_path, a=np.zeros((3, 2)), b=np.ones((3, 1), "int32"), y=np.arange(3))
    found = read_npz(path, inputs=("b", "a"), label="y")
    assert [array.dtype for array in found.inputs] == ["int32", "float64"]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2]
    assert read_npz(path, inputs=("a",), label=None).labels is None


@pytest.mark.parametrize(
    ("inputs", "label", "said"),
    [(("x",), None, "no array 'x'"), (("a",), "z", "no array 'z'")],
)
def test_npz_without_an_array_says_what_it_has(
    tmp_path: Path, inputs: tuple[str, ...], label: str | None, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_npz(
            npz(tmp_path, a=np.zeros(2), b=np.zeros(2)), inputs=inputs, label=label
        )
    assert caught.value.remedy == "It holds: a, b."


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"a": np.zeros((3, 2)), "y": np.zeros(2)},
            "input `a` has 3 samples, labels `y` 2",
        ),
        ({"a": np.zeros((0, 2)), "y": np.zeros(0)}, "holds no sample"),
        (
            {"a": np.zeros(()), "y": np.zeros(3)},
            "input `a` has 0 samples, labels `y` 3",
        ),
    ],
)
def test_npz_arrays_of_unequal_lengths(tmp_path: Path, arrays: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_npz(npz(tmp_path, **arrays), inputs=("a",), label="y")


def test_npz_with_pickled_objects_is_refused_unread(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    path = npz(tmp_path, a=np.array([Bomb()], object))
    with pytest.raises(DataError, match="can't be read: Object arrays"):
        read_npz(path, inputs=("a",), label=None)
    assert not (tmp_path / "exploded").exists()


def test_npz_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_npz(tmp_path / "none.npz", inputs=("a",), label=None)


def test_npz_that_is_a_single_array(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="no archive of named arrays"):
        read_npz(path, inputs=("a",), label=None)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_npz_that_is_damaged_raises_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("npz")
    np.savez_compressed(folder / "data.npz", a=np.arange(50), y=np.arange(50))
    content = bytearray((folder / "data.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    (folder / "data.npz").write_bytes(content[: data.draw(st.integers(0, 999))])
    try:
        read_npz(folder / "data.npz", inputs=("a",), label="y")
    except DataError as error:
        assert "data.npz" in error.message


@given(st.integers(0, 7), st.integers(0, 7))
def test_batches_are_slices(start: int, stop: int) -> None:
    arrays = Arrays((np.arange(7), np.arange(14).reshape(7, 2)), np.arange(7) * 10)
    (first, second), labels = arrays.batch(range(7)[start:stop])
    assert first.tolist() == list(range(7))[start:stop]
    assert second.tolist() == [[2 * k, 2 * k + 1] for k in range(7)[start:stop]]
    assert labels is not None
    assert labels.tolist() == [10 * k for k in range(7)[start:stop]]


@pytest.mark.parametrize(
    ("size", "limits", "sizes"),
    [
        (3, {}, [3, 3, 1]),
        (3, {"keep_last": False}, [3, 3]),
        (3, {"limit": 1}, [3]),
        (3, {"limit": 9}, [3, 3, 1]),
        (3, {"limit": 2, "keep_last": False}, [3, 3]),
        (7, {"keep_last": False}, [7]),
        (8, {"keep_last": False}, []),
        (8, {}, [7]),
    ],
)
def test_batches_cover_the_samples_in_order(
    size: int, limits: dict[str, Any], sizes: list[int]
) -> None:
    found = list(Arrays((np.arange(7),), np.arange(7)).batches(size, **limits))
    assert [len(x) for (x,), _labels in found] == sizes
    assert [k for (x,), _labels in found for k in x] == list(range(sum(sizes)))
    assert all((x == labels).all() for (x,), labels in found)


# Python objects


class Squares:
    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        return np.full(2, index, np.float32), index * index


def test_a_dataset_is_stacked_sample_by_sample() -> None:
    (inputs,), labels = Indexed(Squares()).batch(range(1, 4))
    assert len(Indexed(Squares())) == 5
    assert inputs.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert inputs.dtype == np.float32
    assert labels is not None
    assert labels.tolist() == [1, 4, 9]


def test_several_inputs_are_a_tuple_in_the_sample() -> None:
    samples = [((np.zeros(2), 3), [1, 0]), ((np.ones(2), 4), [0, 1])]
    inputs, labels = Indexed(samples).batch(range(2))
    assert [array.tolist() for array in inputs] == [[[0, 0], [1, 1]], [3, 4]]
    assert labels is not None
    assert labels.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("sample", [3, (1,), (1, 2, 3), np.zeros(2), "ab", None])
def test_a_sample_that_is_no_pair_is_named(sample: Any) -> None:
    with pytest.raises(DataError, match=r"sample 1 of list is not \(input, label\)"):
        Indexed([(0, 0), sample]).batch(range(2))


@pytest.mark.parametrize(
    "second",
    [
        (np.zeros(3), 0),
        (np.zeros(2), [0, 1]),
        ((np.zeros(2), np.zeros(2)), 0),
    ],
)
def test_samples_of_other_shapes_cannot_be_stacked(second: Any) -> None:
    with pytest.raises(DataError, match="samples 4 to 5 can't be stacked") as caught:
        Indexed([None] * 4 + [(np.zeros(2), 0), second]).batch(range(4, 6))
    assert "batch_size must be 1" in caught.value.remedy


@pytest.mark.parametrize("kind", [Indexed, Decoded])
def test_each_sample_is_prepared(kind: Any) -> None:
    batches = list(kind(Squares(), lambda image, label: (image + 1, -label)).batches(2))
    assert [inputs[0][:, 0].tolist() for inputs, _ in batches] == [[1, 2], [3, 4], [5]]
    assert [labels.tolist() for _, labels in batches] == [[0, -1], [-4, -9], [-16]]


@given(
    st.integers(1, 30), st.integers(1, 8), st.none() | st.integers(1, 4), st.booleans()
)
@settings(deadline=None)
def test_readers_agree_on_order_and_limits(
    count: int, size: int, limit: int | None, keep_last: bool
) -> None:
    """Arrays, a user's dataset and one that is read ahead: the same batches."""
    arrays = Arrays((np.arange(count, dtype=np.float32)[:, None],), np.arange(count))
    for seed in (None, 3):
        given = {"limit": limit, "keep_last": keep_last, "shuffle": seed}
        kinds: list[Batched] = [arrays, Indexed(arrays), Decoded(arrays)]
        found = [
            [(inputs[0].tolist(), labels.tolist()) for inputs, labels in read]
            for read in (kind.batches(size, **given) for kind in kinds)
        ]
        assert found[0] == found[1] == found[2]
        labels = [label for _, batch in found[0] for label in batch]
        whole = count if keep_last else count // size * size
        assert len(set(labels)) == len(labels) == min(whole, (limit or whole) * size)
        if seed is None:
            assert labels == sorted(labels)


def test_shuffled_samples_come_in_the_order_of_the_seed() -> None:
    arrays = Arrays((np.arange(100.0),), None)

    def order(seed: int) -> list[float]:
        return [x for (part,), _ in arrays.batches(7, shuffle=seed) for x in part]

    assert order(1) == order(1) != order(2)
    assert order(1) != sorted(order(1)) == list(range(100))


def test_a_sample_that_cannot_be_read_is_named() -> None:
    def torn(image: Any, label: Any) -> Any:
        if label == 9:
            raise DataError("the image is torn", "Mend it.")
        return as_read(image, label)

    with pytest.raises(DataError, match="sample 3: the image is torn") as caught:
        list(Decoded(Squares(), torn).batches(2))
    assert caught.value.remedy == "Mend it."


def test_reading_ends_with_the_one_who_reads() -> None:
    """A reader that nobody asks any more leaves no thread behind."""
    before = threading.active_count()
    reading = Decoded(Squares()).batches(1)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


# Synthetic


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_random_floats_are_standard_normal(dtype: str) -> None:
    found = random_array((4000,), dtype, np.random.default_rng(1))
    assert found.dtype == dtype
    assert abs(found.astype(float).mean()) < 0.1
    assert abs(found.astype(float).std() - 1) < 0.1


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_random_integers_are_rows_of_any_table(dtype: str) -> None:
    found = random_array((99,), dtype, np.random.default_rng(1))
    assert found.dtype == dtype
    assert set(found.astype(int).tolist()) == {0, 1}


def test_the_same_seed_gives_the_same_inputs() -> None:
    first, second = (
        random_array((3, 4), "float32", np.random.default_rng(5)) for _ in range(2)
    )
    assert first.tolist() == second.tolist()


DECLARED = (Input("ids", ("batch", 3), "int64"), Input("bias", (), "float32"))


@pytest.mark.parametrize("signature", [(), (Input("bias"), Input("ids", (9, 9)))])
def test_a_random_batch_is_as_declared(signature: tuple[Input, ...]) -> None:
    """Whatever the model says of its inputs, which it need not be asked for."""
    generator = np.random.default_rng(5)
    found = random_inputs(DECLARED, 4, generator, signature)
    assert [(a.shape, str(a.dtype)) for a in found] == [
        ((4, 3), "int64"),
        ((), "float32"),
    ]


def test_an_input_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(DataError, match="`bias`, which is no input of the model"):
        random_inputs(DECLARED, 4, np.random.default_rng(5), (Input("ids"),))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
def test_stated_ends_are_both_drawn_and_nothing_beyond(dtype: str) -> None:
    found = random_array((99, 2), dtype, np.random.default_rng(1), (3, 200))
    assert found.dtype == dtype and (found.min(), found.max()) == (3, 200)
    assert random_array((), dtype, np.random.default_rng(1), (3, 200)) == 200
    assert random_array((0, 4), dtype, np.random.default_rng(1), (3, 200)).size == 0


def test_what_is_stated_is_drawn_and_told(tmp_path: Path) -> None:
    """A constant is left to the run, a file's samples come over and over."""
    np.save(tmp_path / "m.npy", np.arange(6.0).reshape(3, 2))
    declared = (
        Input("t", ("batch",), "int64", range=(0, 999)),
        Input("m", values=tmp_path / "m.npy"),
        Input("k", (), value=1.0),
        Input("x", ("batch", 1)),
        Input("ids", ("batch", 1), "int32"),
    )
    signature = tuple(Input(each.name, ("batch", 2), "float32") for each in declared)
    t, m, x, ids = random_inputs(declared, 5, np.random.default_rng(1), signature)
    assert (t.shape, t.max(), x.shape, ids.dtype) == ((5,), 999, (5, 1), np.int32)
    assert m.tolist() == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]
    assert m.dtype == np.float32
    assert draws(described(declared, signature)) == {
        "t": "in [0, 999]",
        "m": "from m.npy",
        "x": "standard normal",
        "ids": "0 or 1",
    }
    told = draws(described(declared, signature), declared)
    assert told["k"] == "always 1.0" and len(told) == 5
    assert draws([], [Input("k", (2,), value=(1, 2))]) == {"k": "always [1, 2]"}
    assert "model.inputs" in draws([], [Input("k", value=(0,) * 99)])["k"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the values of input m are missing: there is no"),
        (b"text", "m.npy, the values of input m, can't be read"),
        (np.array(1.0), "holds no samples"),
        (np.array([0.5]), "input m holds 0.5 as float64, the model takes int64"),
    ],
)
def test_values_that_are_none_are_named(
    tmp_path: Path, content: Any, said: str
) -> None:
    path = tmp_path / "m.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    declared = (Input("m", ("batch",), "int64", values=path),)
    with pytest.raises(DataError, match=said):
        random_inputs(declared, 2, np.random.default_rng(1))


def test_text_can_not_be_made_up() -> None:
    declared = (Input("word", ("batch",), "string"),)
    with pytest.raises(DataError, match="input word takes text or bytes") as caught:
        random_inputs(declared, 2, np.random.default_rng(1))
    assert "--data" in caught.value.remedy and "values: FILE.npy" in caught.value.remedy
