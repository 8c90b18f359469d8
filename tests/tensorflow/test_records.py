"""TFRecord files that TensorFlow writes and reads: ours gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from narrowcast.runtime.evaluation.data.records.crc32c import masked_crc32c
from narrowcast.runtime.evaluation.data.records.example import read_example
from narrowcast.runtime.evaluation.data.records.tfrecord import Records

FLOATS = [0.0, -1.5, 3.4e38, float("inf")]
INTEGERS = [0, -1, 2**63 - 1, -(2**63), 300]


def example(number: int) -> bytes:
    train = tf.train
    features = {
        "bytes": train.Feature(bytes_list=train.BytesList(value=[b"", b"x" * number])),
        "floats": train.Feature(float_list=train.FloatList(value=FLOATS)),
        "integers": train.Feature(int64_list=train.Int64List(value=INTEGERS)),
        "none": train.Feature(),
    }
    made = train.Example(features=train.Features(feature=features))
    return bytes(made.SerializeToString())


def written(path: Path, numbers: range) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in numbers:
            writer.write(example(number))
    return path


def test_records_as_tensorflow_writes_and_reads_them(tmp_path: Path) -> None:
    files = (
        written(tmp_path / "a", range(300)),
        written(tmp_path / "b", range(100_000, 100_003)),
    )
    records = Records(files)
    theirs = list(tf.data.TFRecordDataset(list(map(str, files))).as_numpy_iterator())
    assert [records[k] for k in range(len(records))] == theirs


def test_examples_as_tensorflow_parses_them() -> None:
    found = read_example(example(7))
    wanted = {
        "floats": tf.io.VarLenFeature(tf.float32),
        "integers": tf.io.VarLenFeature(tf.int64),
        "bytes": tf.io.VarLenFeature(tf.string),
        "none": tf.io.VarLenFeature(tf.string),
    }
    for name, values in tf.io.parse_single_example(example(7), wanted).items():
        theirs = values.values.numpy()
        assert np.array_equal(np.array(found[name], theirs.dtype), theirs)
    assert found["bytes"] == [b"", b"x" * 7]


def test_crc_as_tensorflow_masks_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a", range(5, 6))
    footer = path.read_bytes()[-4:]
    assert int.from_bytes(footer, "little") == masked_crc32c(example(5))
