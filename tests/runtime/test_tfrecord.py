"""TFRecord files and Examples: what was written is read, what is broken is told."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tfrecords import crc32c as bit_by_bit
from tfrecords import example as written_example
from tfrecords import message, varint, write_records

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.records.crc32c import crc32c
from narrowcast.runtime.evaluation.data.records.example import Malformed, read_example
from narrowcast.runtime.evaluation.data.records.tfrecord import Records, record_files
from narrowcast.runtime.record.sources import Sources, hashes

# CRC-32C


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc_of_known_messages(data: bytes, crc: int) -> None:
    """RFC 3720, appendix B.4, and the check value of the catalogues of CRCs."""
    assert crc32c(data) == crc


@given(st.binary(max_size=300))
def test_crc_is_the_definitions(data: bytes) -> None:
    assert crc32c(data) == bit_by_bit(data)


def test_crc_of_many_blocks() -> None:
    data = np.random.default_rng(0).bytes(70_001)
    assert crc32c(data) == bit_by_bit(data)


# Files of records


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    files=st.lists(st.lists(st.binary(max_size=40), max_size=4), min_size=1, max_size=3)
)
def test_records_are_read_in_order(tmp_path: Path, files: list[list[bytes]]) -> None:
    paths = tuple(
        write_records(tmp_path / f"{k}.tfrecord", found)
        for k, found in enumerate(files)
    )
    expected = [record for found in files for record in found]
    if not expected:
        with pytest.raises(DataError, match="no record"):
            Records(paths)
        return
    records = Records(paths)
    assert [records[k] for k in range(len(records))] == expected
    assert [records.where(k) for k in range(len(records))] == [
        f"{k}.tfrecord: record {n}"
        for k, found in enumerate(files)
        for n in range(len(found))
    ]
    for outside in (-1, len(records)):
        with pytest.raises(IndexError):
            records[outside]


RECORDS = [b"", b"abc", b"x" * 30]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_no_damage_goes_unseen(tmp_path: Path, data: Any) -> None:
    """One byte changed, or the end cut off, is an error that names the record."""
    whole = write_records(tmp_path / "whole", RECORDS).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        assume(at not in (0, 16, 16 + 19))  # there a record ends
        damaged = whole[:at]
    else:
        other = whole[at] ^ data.draw(st.integers(1, 255))
        damaged = whole[:at] + bytes([other]) + whole[at + 1 :]
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="damaged: record"):
        records = Records((path,))
        [records[k] for k in range(len(records))]


def test_a_compressed_file_is_told(tmp_path: Path) -> None:
    whole = write_records(tmp_path / "whole", RECORDS).read_bytes()
    path = tmp_path / "packed.gz"
    path.write_bytes(gzip.compress(whole))
    with pytest.raises(DataError, match="gunzip"):
        Records((path,))


def test_another_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no records at all, only words")
    with pytest.raises(DataError, match="no TFRecord file"):
        Records((path,))


def test_files_that_are_gone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        Records((tmp_path / "gone",))
    path = write_records(tmp_path / "here", RECORDS)
    records = Records((path,))
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="damaged"):
        records[1]


def test_which_files_a_root_names(tmp_path: Path) -> None:
    """In order of their paths; what is hidden, and folders, are none."""
    tmp_path /= "brackets [1]"
    tmp_path.mkdir()
    for name in ("val-2", "val-10", "train-1", ".val-3"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "val-folder").mkdir()
    named = [tmp_path / "val-10", tmp_path / "val-2"]
    assert record_files(tmp_path, "val-*") == tuple(named)
    assert record_files(tmp_path / "val-*", "*") == tuple(named)
    assert record_files(tmp_path / "val-2", "*") == (named[1],)
    hashed = hashes(Sources(data=(tmp_path / "val-*",)), tmp_path / "script.py")
    assert list(hashed["data"]) == ["val-10", "val-2"]
    with pytest.raises(DataError, match=r"no file matches .*gone-\*"):
        record_files(tmp_path / "gone-*", "*")


# Examples

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.one_of(
    st.lists(st.binary(max_size=10), max_size=3),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.booleans())
def test_examples_are_read(features: dict[str, Any], packed: bool) -> None:
    found = read_example(written_example(features, packed))
    assert list(found) == list(features)
    for name, values in features.items():
        read = found[name]
        assert list(read) == values
        if values and isinstance(values[0], int):
            assert read.dtype == np.int64  # type: ignore[union-attr]
        elif values and isinstance(values[0], float):
            assert read.dtype == np.float32  # type: ignore[union-attr]


@given(st.binary(max_size=60))
@example(message(1, message(1, message(1, b"\xff") + message(2, b""))))
@example(message(1, message(1, message(2, message(2, message(1, b"123"))))))
@example(message(1, message(1, message(2, message(3, message(1, b"\xff" * 11))))))
@example(varint(1 << 3 | 2) + varint(2**60))
@example(b"\x0b\x0c")
@example(b"\x00\x00")
def test_any_bytes_are_an_example_or_told(data: bytes) -> None:
    try:
        read_example(data)
    except Malformed as error:
        assert str(error)


def test_unknown_fields_are_passed_over() -> None:
    known = written_example({"a": [1]})
    unknown = varint(9 << 3) + varint(7) + varint(9 << 3 | 1) + bytes(8)
    assert list(read_example(unknown + known + message(9, b"more"))) == ["a"]
