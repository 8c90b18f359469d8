"""Rows of Parquet files and JSON lines, arrays and sounds in folders, and random samples."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from narrowcast.runtime.common.errors import DataError, RequirementError
from narrowcast.runtime.common.optional import optional
from narrowcast.runtime.evaluation.data.files.jsonl import read_jsonl
from narrowcast.runtime.evaluation.data.files.npy import npy_folder, read_npy
from narrowcast.runtime.evaluation.data.files.parquet import HELD, KEPT, read_parquet
from narrowcast.runtime.evaluation.data.files.wav import wav_folder
from narrowcast.runtime.evaluation.data.random.drawn import (
    Constant,
    Random,
    Sparse,
    Uniform,
)

ROWS = [{"x": [1, 2.5], "id": k, "text": f"line {k}", "y": k % 3} for k in range(10)]


def lines(folder: Path, *written: str) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(written) + "\n")
    return path


def plain(sample: Any) -> Any:
    """A sample without arrays, for comparison."""
    inputs, label = sample
    return [np.asarray(each).tolist() for each in inputs], (
        label if label is None else np.asarray(label).tolist()
    )


# JSON lines


def test_json_lines_are_samples_and_empty_ones_are_none(tmp_path: Path) -> None:
    path = lines(tmp_path, *("\n" + json.dumps(row) for row in ROWS))
    found = read_jsonl(path, inputs=("x", "id"), label="y")
    assert len(found) == 10
    assert [plain(found[k]) for k in (9, 0)] == [
        ([[1, 2.5], 9], 0),
        ([[1, 2.5], 0], 0),
    ]
    (numbers, identity), _label = found[3]
    assert (numbers.dtype, identity.dtype) == ("float32", "int64")
    assert found.files == (path,)


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"x": 1}\r\n{"x": 2}')
    found = read_jsonl(path, inputs=("x",), label=None)
    assert [plain(found[k])[0] for k in range(2)] == [[1], [2]]


def test_json_fields_fill_one_input_of_a_shape(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"a": 1, "b": [2, 3], "c": "yes"}')
    found = read_jsonl(path, inputs=("a", "b"), label="c", shape=(3, 1))
    assert plain(found[0]) == ([[[1], [2], [3]]], "yes")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", "line 2 is no JSON object"),
        ('{"z": 1, "y": 0}', "line 2 has no field `x`"),
        ('{"x": [1, [2]], "y": 0}', "lists of several lengths"),
        ('{"x": null, "y": 0}', "line 2: `x` holds nothing"),
        ('{"x": {"a": 1}, "y": 0}', "is an object of fields"),
        ('{"x": ["a", null], "y": 0}', "neither numbers nor text"),
        ('{"x": [1], "y": 0}', "holds 1 values, a sample of shape (2,) takes 2"),
        ("\udcff", "line 2 is not UTF-8"),
    ],
)
def test_a_line_that_is_no_sample_is_named(
    tmp_path: Path, line: str, message: str
) -> None:
    path = tmp_path / "data.jsonl"
    written = '{"x": [1, 2], "y": 0}\n' + line
    path.write_bytes(written.encode(errors="surrogateescape"))
    found = read_jsonl(path, inputs=("x",), label="y", shape=(2,))
    with pytest.raises(DataError) as refused:
        found[1]
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"\n \n", "holds no sample"),
        (b"\x1f\x8b\x08", "compressed"),
    ],
)
def test_files_of_no_lines(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "data.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_jsonl(path, inputs=("x",), label=None)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
@settings(max_examples=30)
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    written = (
        json.dumps({"t": text}, ensure_ascii=k % 2 == 0) for k, text in enumerate(texts)
    )
    path = folder / "data.jsonl"
    path.write_bytes("\r\n".join(written).encode())
    found = read_jsonl(path, inputs=(), label="t")
    assert [found[k][1] for k in range(len(found))] == texts


# Parquet


def table(folder: Path, name: str = "data.parquet", **columns: Any) -> Path:
    """A file of row groups of three rows."""
    import pyarrow
    from pyarrow import parquet

    path = folder / name
    made = pyarrow.table(columns)
    parquet.write_table(made, path, row_group_size=3)
    return path


def test_parquet_rows_are_samples_whatever_their_order(tmp_path: Path) -> None:
    import pyarrow as pa

    count = 3 * (KEPT + 2) + 1
    numbers = np.arange(count * 4, dtype=np.float64).reshape(count, 2, 2)
    nested = pa.array(numbers.tolist(), pa.list_(pa.list_(pa.float64(), 2)))
    words = [f"w{k % 3}" for k in range(count)]
    path = table(
        tmp_path, x=nested, k=list(range(count)), y=pa.array(words).dictionary_encode()
    )
    found = read_parquet(path, inputs=("x", "k"), label="y")
    assert len(found) == count
    found.held = 0
    for k in np.random.default_rng(0).permutation(count).tolist():
        (x, number), label = found[k]
        assert x.dtype == np.float32
        assert (x.tolist(), number, label) == (numbers[k].tolist(), k, words[k])
    assert len(found._read) == KEPT
    found.held = HELD
    assert [int(found[k][0][1]) for k in range(count)] == list(range(count))
    assert len(found._read) == len(found.groups)


def test_parquet_folders_are_read_in_order(tmp_path: Path) -> None:
    files = [
        table(tmp_path, f"{name}.parquet", a=[k], b=[-k])
        for k, name in enumerate("cab")
    ]
    found = read_parquet(tmp_path, inputs=("a", "b"), label=None, shape=(2,))
    assert [plain(found[k])[0] for k in range(3)] == [[[1, -1]], [[2, -2]], [[0, 0]]]
    assert found.files == (files[1], files[2], files[0])
    with pytest.raises(IndexError):
        found[3]


def test_parquet_lists_of_several_lengths_are_rows(tmp_path: Path) -> None:
    path = table(tmp_path, x=[[1, 2], [3], [], [4, 5, 6]], y=[True, False, True, False])
    found = read_parquet(path, inputs=("x",), label="y")
    assert [plain(found[k]) for k in range(4)] == [
        ([[1, 2]], True),
        ([[3]], False),
        ([[]], True),
        ([[4, 5, 6]], False),
    ]


def test_parquet_is_read_by_many_threads(tmp_path: Path) -> None:
    count = 60
    found = read_parquet(table(tmp_path, k=list(range(count))), inputs=(), label="k")
    seen: list[int] = []
    threads = [
        Thread(
            target=lambda at=at: seen.extend(
                int(found[k][1]) for k in range(at, count, 4)
            )
        )
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, None], "`x` has 1 empty cells"),
        ([{"a": 1}, {"a": 2}], "neither numbers nor text"),
    ],
)
def test_parquet_columns_that_are_no_arrays(
    tmp_path: Path, values: list[Any], message: str
) -> None:
    found = read_parquet(table(tmp_path, x=values), inputs=("x",), label=None)
    with pytest.raises(DataError, match=message):
        found[0]


def test_parquet_files_that_are_none(tmp_path: Path) -> None:
    whole = table(tmp_path, x=[1])
    with pytest.raises(DataError, match="no column `z`"):
        read_parquet(whole, inputs=("z",), label=None)
    with pytest.raises(DataError, match="does not exist"):
        read_parquet(tmp_path / "none", inputs=("x",), label=None)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(DataError, match="can't be read"):
        read_parquet(cut, inputs=("x",), label=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no .parquet file"):
        read_parquet(tmp_path / "empty", inputs=("x",), label=None)


def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(RequirementError) as refused:
        optional("no_such_library.part", "reading dreams", "dreams")
    assert "reading dreams needs dreams, which is not installed" in str(refused.value)
    assert "pip install dreams" in str(refused.value)


# Arrays in folders


def test_arrays_of_a_folder_stay_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(3, 4))
    np.save(tmp_path / "y.npy", np.array([2, 1, 0]))
    found = read_npy(tmp_path, inputs=("x",), label="y")
    assert isinstance(found.inputs[0], np.memmap)
    assert len(found) == 3
    assert plain(found[1]) == ([[4, 5, 6, 7]], 1)
    assert found[1][0][0].dtype == np.float32
    assert found.files == (tmp_path / "x.npy", tmp_path / "y.npy")
    with pytest.raises(DataError, match=r"no array z.npy"):
        read_npy(tmp_path, inputs=("z",), label=None)
    np.save(tmp_path / "short.npy", np.zeros(2))
    with pytest.raises(DataError, match="input `x` has 3 samples, labels `short` 2"):
        read_npy(tmp_path, inputs=("x",), label="short")


def test_a_file_for_each_sample(tmp_path: Path) -> None:
    for folder, name, value in [
        ("b", "2", 3),
        ("a", "2", 2),
        ("a", "1", 1),
        (".git", "x", 9),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        np.save(tmp_path / folder / f"{name}.npy", np.full(2, value))
    found = npy_folder(tmp_path)
    assert [(found[k][0].tolist(), found[k][1]) for k in range(len(found))] == [
        ([1, 1], 0),
        ([2, 2], 0),
        ([3, 3], 1),
    ]
    np.save(tmp_path / "loose.npy", np.zeros(2))
    with pytest.raises(
        DataError, match=r"beside its folders of classes, such as loose.npy"
    ):
        npy_folder(tmp_path)
    assert npy_folder(tmp_path / "a")[1][1] is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", np.array([{}]).dumps()],
    ids=["empty", "cut", "pickle"],
)
def test_files_that_are_no_arrays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"x.npy can't be read"):
        npy_folder(tmp_path)[0]


# Sounds


@pytest.mark.parametrize(
    ("stored", "heard"),
    [
        (np.array([0, 128, 255], np.uint8), [-1, 0, 127 / 128]),
        (np.array([-(2**15), 0, 2**14], np.int16), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1, 0, 0.5]),
        (np.array([-0.5, 0, 0.25], np.float32), [-0.5, 0, 0.25]),
    ],
)
def test_sounds_are_from_minus_one_to_one(
    tmp_path: Path, stored: Any, heard: list[float]
) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, stored)
    found = wav_folder(tmp_path, rate=8000)
    sound, label = found[0]
    assert (sound.dtype, sound.tolist(), label) == ("float32", heard, None)


@pytest.mark.parametrize(
    ("length", "layout", "wanted"),
    [
        (None, "TC", [[-1, 0], [0, 0.5]]),
        (None, "CT", [[-1, 0], [0, 0.5]]),
        (1, "TC", [[-1, 0]]),
        (3, "CT", [[-1, 0, 0], [0, 0.5, 0]]),
    ],
)
def test_sounds_are_cut_and_laid_out(
    tmp_path: Path, length: int | None, layout: str, wanted: Any
) -> None:
    (tmp_path / "loud").mkdir()
    stereo = np.array([[-(2**15), 0], [0, 2**14]], np.int16)
    wavfile.write(tmp_path / "loud" / "a.WAV", 8000, stereo)
    sound, label = wav_folder(tmp_path, length=length, layout=layout)[0]
    assert (sound.tolist(), label) == (wanted, 0)
    with pytest.raises(DataError, match="has 2 channels"):
        wav_folder(tmp_path)[0]
    with pytest.raises(DataError, match="8000 frames a second, not 16000"):
        wav_folder(tmp_path, rate=16000)[0]


def test_files_that_are_no_sounds(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"a.wav can't be read"):
        wav_folder(tmp_path)[0]
    with pytest.raises(DataError, match=r"holds no file that ends in .npy"):
        npy_folder(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        wav_folder(tmp_path / "none")


# Random samples


def test_random_samples_are_the_same_in_any_order() -> None:
    made = Random(5, (Uniform((2, 3)),), (Uniform((), 0, 9, "int64"),), seed=7)
    forth, back = [made[k] for k in range(5)], [made[k] for k in range(4, -1, -1)]
    for (one,), (other,) in zip(
        (each[0] for each in forth), (each[0] for each in back[::-1]), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert len({each[0][0].tobytes() for each in forth}) == 5
    with pytest.raises(IndexError):
        made[5]


@given(
    st.sampled_from(["float16", "float32", "uint8", "int8", "int32", "int64", "bool"]),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
)
@settings(max_examples=40)
def test_random_values_are_in_their_range(dtype: str, low: float, width: float) -> None:
    drawn = Uniform((50,), low, low + width, dtype).draw(np.random.default_rng(0))
    assert drawn.dtype == dtype
    if drawn.dtype.kind in "iu":
        held = np.iinfo(dtype)
        assert drawn.min() >= max(min(int(low), held.max), held.min)
        assert drawn.max() <= min(max(int(low + width), held.min), held.max)


def test_sparse_samples_end_in_zeros_and_labels_may_be_several() -> None:
    made = Random(1, (Sparse((4, 5), 0.8, 1, 2),), (Constant(0), Constant(1)), seed=0)
    (array,), labels = made[0]
    assert array.shape == (4, 5)
    assert (array.reshape(-1) != 0).tolist() == [True] * 4 + [False] * 16
    assert [each.item() for each in labels] == [0, 1]
    assert Random(1, (), None, seed=0)[0] == ((), None)
    assert Uniform((2,), dtype="str").draw(np.random.default_rng(0)).dtype.kind == "U"
