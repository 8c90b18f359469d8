"""TFRecord files that TensorFlow writes and reads: ours gives the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tfrecords
from tfrecords import encoded, picture, write_records

from narrowcast.runtime.evaluation.data.images.decoding import read_image
from narrowcast.runtime.evaluation.data.records.crc32c import masked_crc32c
from narrowcast.runtime.evaluation.data.records.example import read_example
from narrowcast.runtime.evaluation.data.records.images import (
    CocoRecords,
    ImageRecords,
)
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


def smooth(number: int) -> Any:
    """Pixels that JPEG keeps: waves, of another length for each number."""
    steps = np.linspace(0, 2 + number, 40)
    waves = np.sin(steps[:, None, None] + steps[None, :, None] * [1, 2, 3])
    return (127 + 120 * waves).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_images_as_tensorflow_decodes_them(tmp_path: Path, kind: str) -> None:
    """JPEG by the accurate transform, up to a rounding."""
    written = [
        tfrecords.example(
            {"image/encoded": [encoded(smooth(k), kind)], "image/class/label": [k + 1]}
        )
        for k in range(3)
    ]
    path = write_records(tmp_path / "val-0-of-1", written)
    wanted = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([1], tf.int64),
    }
    ours = ImageRecords(tmp_path)
    for k, record in enumerate(tf.data.TFRecordDataset(str(path))):
        theirs = tf.io.parse_single_example(record, wanted)
        data = theirs["image/encoded"]
        accurate = decoded(data, kind, dct_method="INTEGER_ACCURATE")
        pixels, label = ours[k]
        assert np.abs(pixels - accurate).max() <= (kind == "JPEG")
        assert [label] == theirs["image/class/label"].numpy().tolist()


def test_jpeg_is_close_to_what_neural_compressor_decodes() -> None:
    """It asks TensorFlow for the fast transform, and for colours that are not smoothed:
    single pixels differ where colours change, the image hardly does."""
    data = encoded(smooth(0), "JPEG")
    fast = decoded(data, "JPEG", fancy_upscaling=False, dct_method="INTEGER_FAST")
    assert np.abs(read_image(data, "it") - fast).mean() < 3


def decoded(data: Any, kind: str, **how: Any) -> Any:
    """By TensorFlow."""
    if kind == "PNG":
        return tf.io.decode_png(data, channels=3).numpy().astype(int)
    return tf.io.decode_jpeg(data, channels=3, **how).numpy().astype(int)


def test_objects_as_tensorflow_parses_them(tmp_path: Path) -> None:
    edges = ("ymin", "xmin", "ymax", "xmax")
    boxes = {
        f"image/object/bbox/{edge}": [0.125 * k, 0.3] for k, edge in enumerate(edges)
    }
    features = {
        "image/encoded": [encoded(picture(0))],
        "image/source_id": [b"7"],
        "image/object/class/text": [b"cat", b"dog"],
        "image/object/class/label": [17, 18],
        **boxes,
    }
    path = write_records(tmp_path / "coco.record", [tfrecords.example(features)])
    (record,) = tf.data.TFRecordDataset(str(path))
    wanted = {name: tf.io.VarLenFeature(tf.float32) for name in boxes}
    theirs = tf.io.parse_single_example(record, wanted)
    expected = np.stack([theirs[name].values.numpy() for name in boxes], axis=1)
    _image, (found, names, classes, name) = CocoRecords(path)[0]
    assert np.array_equal(found, expected)
    assert found.dtype == expected.dtype
    assert (names.tolist(), classes.tolist()) == ([b"cat", b"dog"], [17, 18])
    assert name == b"7"
