"""Datasets of images: what a sample is, in which order, and what is said of files."""

from __future__ import annotations

import gzip
import pickle
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tfrecords import encoded, picture, write_records
from tfrecords import example as written_example

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.arrays import Arrays
from narrowcast.runtime.evaluation.data.images.balance import Balanced
from narrowcast.runtime.evaluation.data.images.cifar import read_cifar10, read_cifar100
from narrowcast.runtime.evaluation.data.images.decoding import read_image
from narrowcast.runtime.evaluation.data.images.folder import ImageFolder, ListedImages
from narrowcast.runtime.evaluation.data.images.mnist import (
    read_fashion_mnist,
    read_mnist,
)
from narrowcast.runtime.evaluation.data.images.pickled import read_batch
from narrowcast.runtime.evaluation.data.images.style import StylePairs
from narrowcast.runtime.evaluation.data.records.images import (
    CocoRecords,
    ImageRecords,
    RawRecords,
    VocRecords,
    imagenet,
)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


# Decoding


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "LA", "CMYK"])
def test_every_image_is_read_in_rgb(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    data = encoded(picture(1), kind, mode)
    found = read_image(data, "it")
    assert found.shape == (3, 4, 3)
    assert found.dtype == np.uint8
    if mode in ("RGB", "RGBA"):
        assert same(found, picture(1))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_images_of_more_bits_are_not_clipped(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(np.full((2, 2), 300, dtype)).save(path)
    with pytest.raises(DataError, match="more than 8 bits"):
        read_image(path, "deep.tif")


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    whole = encoded(picture(1, 40, 40))
    for data in (b"", b"words", whole[: len(whole) // 2]):
        path = put(tmp_path / "x.png", data)
        with pytest.raises(DataError, match=r"x\.png can't be read as an image"):
            read_image(path, "x.png")
    with pytest.raises(DataError, match="does not exist"):
        read_image(tmp_path / "gone.png", "gone.png")


# Folders and lists


def test_image_folder(tmp_path: Path) -> None:
    """Classes and images in order of their names, whatever order the disk has."""
    order = ["dog/b.png", "cat/z.PNG", "dog/a/x.png", "ant/1.png", "dog/a.png"]
    for number, name in enumerate(order):
        put(tmp_path / name, encoded(picture(number)))
    for other in ("cat/notes.txt", "cat/.hidden.png", "list.png"):
        put(tmp_path / other, b"no image")
    (tmp_path / "bee").mkdir()
    folder = ImageFolder(tmp_path)
    assert folder.classes == ("ant", "bee", "cat", "dog")
    expected = [(3, 0), (1, 2), (4, 3), (2, 3), (0, 3)]
    assert len(folder) == len(expected)
    for k, (number, label) in enumerate(expected):
        image, found = folder[k]
        assert same(image, picture(number))
        assert found == label
    with pytest.raises(IndexError):
        folder[5]


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        ImageFolder(tmp_path / "gone")
    put(tmp_path / "a.png", encoded(picture(1)))
    with pytest.raises(DataError, match="no image in a folder of its class"):
        ImageFolder(tmp_path)


def test_listed_images(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path / f"a {number}.png", encoded(picture(number)))
    put(tmp_path / "val.txt", b"a 2.png 7\n\na 0.png\t1\n")
    listed = ListedImages(tmp_path)
    assert [listed[k][1] for k in range(len(listed))] == [7, 1]
    assert same(listed[0][0], picture(2))
    other = put(tmp_path / "lists/other.txt", b"a 1.png 5\n")
    assert ListedImages(tmp_path, other)[0][1] == 5
    assert ListedImages(tmp_path, other).files == (other,)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("a.png\n", "line 1"),
        ("a.png 1\n7\n", "line 2"),
        ("a.png 1\na.png one\n", "line 2"),
        ("a.png 1\ngone.png 2\nlost.png 2\n", "2 of 3 images"),
        ("\n", "names no image"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, lines: str, said: str) -> None:
    put(tmp_path / "a.png", encoded(picture(0)))
    listed = put(tmp_path / "val.txt", lines.encode())
    with pytest.raises(DataError, match=said):
        ListedImages(tmp_path, listed)
    with pytest.raises(DataError, match="does not exist"):
        ListedImages(tmp_path, tmp_path / "no.txt")


def test_style_pairs(tmp_path: Path) -> None:
    """Every content with every style."""
    for folder, count in (("content", 2), ("style", 3)):
        for number in range(count):
            data = encoded(picture(number, 8, 6))
            put(tmp_path / folder / f"{number}.png", data)
    pairs = StylePairs(
        tmp_path / "content",
        tmp_path / "style",
        resize_shape=(5, 7),
        image_format="png",
    )
    assert len(pairs) == 6
    (content, style), label = pairs[4]
    assert label == 0
    for found, number in ((content, 1), (style, 1)):
        image = Image.fromarray(picture(number, 8, 6)).resize((5, 7))
        assert same(found, np.array(image, np.float32) / np.float32(255))
    with pytest.raises(DataError, match="ends in jpg"):
        StylePairs(tmp_path / "content", tmp_path / "style")


# MNIST and CIFAR


def idx(array: Any) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + shape + array.tobytes()


GREY = picture(0, 5, 4)
KINDS = np.array([3, 1, 2, 0, 9], np.uint8)


def is_grey(found: Arrays) -> bool:
    expected = GREY[..., np.newaxis]
    assert found.labels is not None
    return same(found.inputs[0], expected) and same(
        found.labels, KINDS.astype(np.int64)
    )


@pytest.mark.parametrize("read", [read_mnist, read_fashion_mnist])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("train", [True, False])
def test_idx_files(tmp_path: Path, read: Any, packed: bool, train: bool) -> None:
    part = "train" if train else "t10k"
    within = "MNIST/raw" if read is read_mnist and packed else ""
    files = {f"{part}-images-idx3-ubyte": GREY, f"{part}-labels-idx1-ubyte": KINDS}
    for name, array in files.items():
        data = idx(array)
        put(
            tmp_path / within / (f"{name}.gz" if packed else name),
            gzip.compress(data) if packed else data,
        )
    assert is_grey(read(tmp_path, train=train))
    with pytest.raises(DataError, match="Nothing is downloaded: put there what http"):
        read(tmp_path, train=not train)


def test_mnist_of_keras(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_test=GREY, y_test=KINDS)
    assert is_grey(read_mnist(tmp_path))
    with pytest.raises(DataError, match="x_train"):
        read_mnist(tmp_path, train=True)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x0d\x03", "no IDX file"),
        (idx(GREY)[:10], "cut off"),
        (idx(GREY)[:-1], "holds 59"),
        (idx(GREY) + b"x", "holds more"),
        (bytes((0, 0, 8, 3)) + b"\xff" * 12, "header is false"),
        (idx(GREY[0]), "uint8"),
        (idx(GREY[:3]), "samples"),
    ],
)
def test_damaged_idx_files(tmp_path: Path, images: bytes, said: str) -> None:
    put(tmp_path / "t10k-images-idx3-ubyte", images)
    put(tmp_path / "t10k-labels-idx1-ubyte", idx(KINDS))
    with pytest.raises(DataError, match=said):
        read_fashion_mnist(tmp_path)


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    put(tmp_path / "t10k-images-idx3-ubyte.gz", gzip.compress(idx(GREY))[:-9])
    put(tmp_path / "t10k-labels-idx1-ubyte", idx(KINDS))
    with pytest.raises(DataError, match="can't be read"):
        read_fashion_mnist(tmp_path)


class Python2(pickle._Pickler):  # type: ignore[misc]
    """Writes bytes as Python 2's strings, and NumPy's modules by their old names."""

    def save_bytes(self, value: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<I", len(value)) + value)

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or value.__qualname__}\n".encode())

    dispatch = {  # noqa: RUF012
        **pickle._Pickler.dispatch,  # type: ignore[attr-defined]
        bytes: save_bytes,
        type: save_global,
        type(pickle.loads): save_global,
    }


def write_batch(path: Path, batch: Any, python: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if python == 3:
            pickle.dump(batch, file, 2)
        else:
            Python2(file, 2).dump({key.encode(): value for key, value in batch.items()})
    return path


def rows(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (2, 3072), np.uint8)


@pytest.mark.parametrize("python", [2, 3])
def test_cifar10(tmp_path: Path, python: int) -> None:
    for k in range(1, 6):
        batch = {"data": rows(k), "labels": [k, 0]}
        write_batch(tmp_path / f"cifar-10-batches-py/data_batch_{k}", batch, python)
    found = read_cifar10(tmp_path, train=True)
    images = np.concatenate([rows(k) for k in range(1, 6)]).reshape(-1, 3, 32, 32)
    assert same(found.inputs[0], images.transpose(0, 2, 3, 1))
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]
    with pytest.raises(DataError, match="does not hold test_batch"):
        read_cifar10(tmp_path)


def test_cifar100(tmp_path: Path) -> None:
    batch = {"data": rows(0), "fine_labels": [99, 5], "coarse_labels": [1, 1]}
    write_batch(tmp_path / "test", batch, 2)
    found = read_cifar100(tmp_path)
    assert found.inputs[0].shape == (2, 32, 32, 3)
    assert found.labels is not None
    assert found.labels.tolist() == [99, 5]


class Running:
    """Runs a command when it is unpickled, as any pickle can."""

    def __reduce__(self) -> tuple[Any, Any]:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"data": Running(), "labels": [0, 0]}, "it names"),
        ({"data": rows(0).astype(np.int16), "labels": [0, 0]}, "of dtype i2"),
        ({"data": rows(0)[:, :-1], "labels": [0, 0]}, "not 3072"),
        ({"data": rows(0), "labels": [0]}, "samples"),
        ({"data": rows(0)}, "labels"),
        ([1], "no batch"),
    ],
)
def test_batches_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_batch(tmp_path / "test_batch", batch, 3)
    with pytest.raises(DataError, match=said):
        read_cifar10(tmp_path)
    assert not (tmp_path / "ran").exists()


BATCH = pickle.dumps({"data": rows(0)[:, :48], "labels": [7, 300]}, 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(at=st.integers(0, len(BATCH) - 1), byte=st.integers(0, 255), cut=st.booleans())
@example(at=BATCH.index(b"q"), byte=ord("r"), cut=False)  # LONG_BINPUT
def test_any_damage_of_a_batch_is_told_or_harmless(
    tmp_path: Path, at: int, byte: int, cut: bool
) -> None:
    data = BATCH[:at] if cut else BATCH[:at] + bytes([byte]) + BATCH[at + 1 :]
    path = put(tmp_path / "test_batch", data)
    with suppress(DataError):
        pixels, labels = read_batch(path, "labels")
        assert pixels.dtype == np.uint8
        assert labels.dtype == np.int64


# Images in records


def test_image_records(tmp_path: Path) -> None:
    """In order of the files' names, classes as they are written."""
    for shard, numbers in (("00001", (2,)), ("00000", (0, 1))):
        write_records(
            tmp_path / f"validation-{shard}-of-00002",
            [
                written_example(
                    {
                        "image/encoded": [encoded(picture(number))],
                        "image/class/label": [number + 1],
                    }
                )
                for number in numbers
            ],
        )
    for dataset in (
        ImageRecords(tmp_path),
        imagenet(tmp_path),
        ImageRecords(tmp_path / "validation-*"),
    ):
        assert len(dataset) == 3
        for k in range(3):
            image, label = dataset[k]
            assert same(image, picture(k))
            assert label == k + 1
    raw = RawRecords(tmp_path / "validation-00001-of-00002")
    record, label = raw[0]
    assert (record.shape, record.dtype, label) == ((), object, None)
    assert b"image/encoded" in record.item()


def test_imagenet_by_its_old_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a folder val nor files validation"):
        imagenet(tmp_path)
    put(tmp_path / "val/cat/1.png", encoded(picture(1)))
    assert imagenet(tmp_path)[0][1] == 0


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"\x0a\x05abc", "no tf.train.Example"),
        (written_example({"image/class/label": [1]}), "has no image/encoded"),
        (
            written_example({"image/encoded": [encoded(picture(0))]}),
            "has no image/class/label",
        ),
        (
            written_example({"image/encoded": [b"x"], "image/class/label": [1]}),
            "can't be read as an image",
        ),
        (
            written_example({"image/encoded": [1], "image/class/label": [1]}),
            "one of bytes",
        ),
        (
            written_example(
                {"image/encoded": [encoded(picture(0))], "image/class/label": [b"cat"]}
            ),
            "not one integer",
        ),
    ],
)
def test_records_that_are_none(tmp_path: Path, record: bytes, said: str) -> None:
    path = write_records(tmp_path / "v-0-of-1", [record])
    with pytest.raises(DataError, match="v-0-of-1: record 0.*" + said):
        ImageRecords(path)[0]


def test_voc_records(tmp_path: Path) -> None:
    """Classes are a palette's indices, whatever its colours."""
    classes = np.array([[0, 20, 255], [1, 1, 0]], np.uint8)
    palette = Image.fromarray(classes)
    palette = palette.convert("L")
    palette.putpalette([7] * 768)
    path = tmp_path / "val-00000-of-00001.tfrecord"
    palette.save(tmp_path / "classes.png")
    coloured = (tmp_path / "classes.png").read_bytes()
    write_records(
        path,
        [
            written_example(
                {
                    "image/encoded": [encoded(picture(0, 2, 3))],
                    "image/segmentation/class/encoded": [data],
                }
            )
            for data in (encoded(classes), coloured, encoded(picture(1)))
        ],
    )
    records = VocRecords(tmp_path)
    for k in range(2):
        image, found = records[k]
        assert same(image, picture(0, 2, 3))
        assert same(found, classes[..., np.newaxis])
    with pytest.raises(DataError, match=r"record 2: the classes of pixels.*RGB"):
        records[2]


def coco_record(count: int, **other: Any) -> bytes:
    edges = {
        f"image/object/bbox/{edge}": [0.25 * place + 0.125 * k for k in range(count)]
        for place, edge in enumerate(("ymin", "xmin", "ymax", "xmax"))
    }
    names = [b"cat", b"horse"][:count]
    return written_example(
        {
            "image/encoded": [encoded(picture(count))],
            "image/source_id": [f"id {count}".encode()],
            "image/object/class/text": names,
            "image/object/class/label": [17, 19][:count],
            **edges,
            **other,
        }
    )


def test_coco_records(tmp_path: Path) -> None:
    path = write_records(tmp_path / "coco.record", map(coco_record, (2, 0, 1)))
    records = CocoRecords(path)
    image, (boxes, names, classes, name) = records[0]
    assert same(image, picture(2))
    expected = [[0, 0.25, 0.5, 0.75], [0.125, 0.375, 0.625, 0.875]]
    assert same(boxes, np.array(expected, np.float32))
    assert names.tolist() == [b"cat", b"horse"]
    assert same(classes, np.array([17, 19]))
    assert name == b"id 2"
    boxes, names, classes, name = records[1][1]
    assert boxes.shape == (0, 4)
    assert (len(names), len(classes)) == (0, 0)
    balanced = Balanced(records, 1)
    assert len(balanced) == 1
    assert balanced[0][1][3] == b"id 1"
    with pytest.raises(DataError, match="no image of 3 has exactly 5 objects"):
        Balanced(records, 5)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"image/object/bbox/xmin": []}, "four edges"),
        ({"image/object/bbox/xmin": [1]}, "four edges"),
        (
            {"image/object/class/text": [], "image/object/class/label": []},
            "no image/ob",
        ),
        ({"image/object/class/label": [0.5]}, "class/label"),
        ({"image/object/class/text": [b"a", b"b"]}, "class/text"),
    ],
)
def test_coco_records_that_are_wrong(
    tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    path = write_records(tmp_path / "coco.record", [coco_record(1, **other)])
    with pytest.raises(DataError, match=said):
        CocoRecords(path)[0]
