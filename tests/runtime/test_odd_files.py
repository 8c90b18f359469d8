"""Files that are cut off, false or odd: refused where they are, never read as less."""

from __future__ import annotations

import json
import pickle
import struct
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tfrecords import encoded, example, picture, write_records

from narrowcast.runtime.common.errors import DataError, RequirementError
from narrowcast.runtime.common.files import matching
from narrowcast.runtime.common.optional import optional
from narrowcast.runtime.common.telling.remarks import remarks
from narrowcast.runtime.evaluation.data.files.csv import read_csv
from narrowcast.runtime.evaluation.data.files.parquet import read_parquet
from narrowcast.runtime.evaluation.data.files.wav import wav_folder
from narrowcast.runtime.evaluation.data.images import decoding
from narrowcast.runtime.evaluation.data.images.cifar import read_cifar10
from narrowcast.runtime.evaluation.data.images.coco import CocoImages
from narrowcast.runtime.evaluation.data.images.folder import ImageFolder, ListedImages
from narrowcast.runtime.evaluation.data.images.mnist import read_mnist
from narrowcast.runtime.evaluation.data.images.style import StylePairs
from narrowcast.runtime.evaluation.data.indexed import checked_pair
from narrowcast.runtime.evaluation.data.records.images import CocoRecords, VocRecords
from narrowcast.runtime.evaluation.data.supplied.collating import collate
from narrowcast.runtime.evaluation.transforms.coding import decode_image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n"


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def sound(
    data: bytes, size: int | None = None, *, kind: int = 1, bits: int = 16
) -> bytes:
    """A WAV file of one channel, that says it has `size` bytes of sound."""
    size = len(data) if size is None else size
    form = struct.pack("<HHIIHH", kind, 1, 8, 8 * bits // 8, bits // 8, bits)
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + size, 2**32 - 1))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
        + data
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (sound(bytes(8), 10), r"x\.wav is cut off: it says 10 bytes .* holds 8"),
        (sound(bytes(8), 0xFFFFFFF0), "is cut off"),
        (sound(bytes(8), 0xFFFFFFFF), "was streamed"),
        (sound(struct.pack("<d", 1e300), kind=3, bits=64), "beyond float32"),
        (sound(struct.pack("<f", np.nan), kind=3, bits=32), "no sound"),
    ],
)
def test_sounds_that_are_not_whole(tmp_path: Path, data: bytes, said: str) -> None:
    put(tmp_path / "x.wav", data)
    with pytest.raises(DataError, match=said):
        wav_folder(tmp_path)[0]


def test_a_whole_sound_may_have_other_chunks(tmp_path: Path) -> None:
    data = sound(np.array([0, 16384], "<i2").tobytes())
    put(tmp_path / "x.wav", data[:12] + b"odd \x01\0\0\0x\0" + data[12:] + b"LIST\0")
    assert wav_folder(tmp_path)[0][0].tolist() == [0, 0.5]


def test_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("cat/a.png", "cat/.ipynb_checkpoints/a.png", "cat/x/.y/z/b.png"):
        put(tmp_path / name, encoded(picture(1)))
    put(tmp_path / "cat/._a.png", b"")
    assert len(ImageFolder(tmp_path)) == 1
    assert len(StylePairs(tmp_path / "cat", tmp_path / "cat", image_format="png")) == 1


def test_patterns_pass_over_hidden_folders(tmp_path: Path) -> None:
    """But a folder that is hidden may be where all is."""
    for name in ("a/x", "a/.y/x", ".z/x"):
        put(tmp_path / ".data" / name, b"")
    assert matching(tmp_path / ".data/**/x") == (tmp_path / ".data/a/x",)


def test_classes_without_images_are_named(tmp_path: Path) -> None:
    remarks()
    put(tmp_path / "cat/a.png", encoded(picture(1)))
    ImageFolder(tmp_path)
    assert not remarks()
    for name in ("bee", "cow", "dog", "eel", ".git"):
        (tmp_path / name).mkdir()
    assert ImageFolder(tmp_path)[0][1] == 1
    (said,) = remarks()
    assert said.startswith("no image in bee, cow, dog and 1 more, which each count as")


def test_folders_that_are_no_class_are_named(tmp_path: Path) -> None:
    remarks()
    put(tmp_path / "yes/x.wav", sound(bytes(2)))
    (tmp_path / "no").mkdir()
    assert wav_folder(tmp_path)[0][1] == 0
    (said,) = remarks()
    assert "no holds no file that ends in .wav: it is no class" in said


def test_masked_values_are_refused() -> None:
    """NumPy's asarray takes what is below a mask for data."""
    masked = np.ma.MaskedArray([1.0, 2.0], [False, True])
    with pytest.raises(DataError, match="sample 3 of X has 1 masked values"):
        checked_pair((masked, 0), 3, "X")
    with pytest.raises(DataError, match="1 masked values"):
        collate([(np.zeros(2), masked)])
    whole = np.ma.MaskedArray([1.0, 2.0], [False, False])
    assert checked_pair((whole, 0), 3, "X")[1] == 0


def test_no_format_that_starts_a_program_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_arguments: Any) -> None:
        raise AssertionError("Ghostscript")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", started)
    with pytest.raises(DataError, match="can't be read as an image"):
        decoding.read_image(put(tmp_path / "x.png", EPS), "x.png")
    with pytest.raises(DataError, match="it is no image"):
        decode_image(EPS)


def test_large_images_are_read_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8)
    decoding._pillow.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        decoding.read_image(encoded(picture(1)), "12 pixels")
    assert not said
    with pytest.raises(DataError, match="can't be read as an image"):
        decoding.read_image(encoded(picture(1, 6, 6)), "36 pixels")


def test_without_pillow_that_is_said_not_that_the_image_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = encoded(picture(1))
    decoding._pillow.cache_clear()
    missing = partial(optional, "no_such_module")
    monkeypatch.setattr(decoding, "optional", lambda _name, *what: missing(*what))
    with pytest.raises(RequirementError, match="needs pillow, which is not") as refused:
        decoding.read_image(whole, "x.png")
    assert refused.value.remedy == "Install it: pip install pillow"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n#3,4\n", "can't be read"),
        ("1,2\n3,4 # more\n", "can't be read"),
        ("1,2\n3,inf\n", "row 2: no number as its label"),
        ("1,2\n3,nan\n", "row 2: no number as its label"),
        ("1,1e30\n3,4\n", "row 1: a label that is no class"),
        ("1,2\n3,4\n1e39,4\n", "row 3: a value beyond float32"),
    ],
)
def test_rows_that_are_odd(tmp_path: Path, text: str, said: str) -> None:
    path = put(tmp_path / "x.csv", text.encode())
    with pytest.raises(DataError, match=said):
        read_csv(path, label=-1)


@pytest.mark.parametrize("label", ["--1", "-", "+1", "9" * 5000, "²", "1e3"])
def test_labels_on_a_list_are_numbers(tmp_path: Path, label: str) -> None:
    put(tmp_path / "val.txt", f"a.png {label}\n".encode())
    with pytest.raises(DataError, match=r"val\.txt, line 1") as caught:
        ListedImages(tmp_path)
    assert len(str(caught.value)) < 500


def test_names_that_no_file_has(tmp_path: Path) -> None:
    put(tmp_path / "val.txt", b"a" * 5000 + b".png 1\n")
    with pytest.raises(DataError, match="1 of 1 images"):
        ListedImages(tmp_path)


def test_idx_files_have_few_dimensions(tmp_path: Path) -> None:
    put(tmp_path / "t10k-images-idx3-ubyte", b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x")
    put(tmp_path / "t10k-labels-idx1-ubyte", b"\0\0\x08\1\0\0\0\1\0")
    with pytest.raises(DataError, match="255 dimensions"):
        read_mnist(tmp_path)


@pytest.mark.parametrize("labels", [["one"], [0.5], [10], [-1]])
def test_labels_of_mnist_are_classes(tmp_path: Path, labels: Any) -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    np.savez(tmp_path / "mnist.npz", x_test=images, y_test=np.array(labels))
    with pytest.raises(DataError, match=r"mnist\.npz.*label"):
        read_mnist(tmp_path)


@pytest.mark.parametrize("labels", [[10, 0], [0, -1], [0, 1.5]])
def test_labels_of_cifar_are_classes(tmp_path: Path, labels: Any) -> None:
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": labels}
    put(tmp_path / "test_batch", pickle.dumps(batch, 2))
    with pytest.raises(DataError, match=r"test_batch.*label"):
        read_cifar10(tmp_path)


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("kept", [True, False])
def test_cifar_may_be_pickled_anew(tmp_path: Path, protocol: int, kept: bool) -> None:
    """By NumPy 2, as bytes or, where the array is writable, as a bytearray."""
    pixels = np.arange(2 * 3072).astype(np.uint8).reshape(2, 3072)
    pixels.setflags(write=kept)
    data = pickle.dumps({"data": pixels, "labels": [3, 9]}, protocol)
    put(tmp_path / "test_batch", data)
    found = read_cifar10(tmp_path)
    expected = pixels.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1)
    assert np.array_equal(found.inputs[0], expected)


def test_a_pickle_takes_no_more_memory_than_it_holds(tmp_path: Path) -> None:
    put(tmp_path / "test_batch", b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.")
    with pytest.raises(DataError, match="no batch of CIFAR's"):
        read_cifar10(tmp_path)


def test_columns_have_names_of_their_own(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    column = pyarrow.array([1.0])
    table = pyarrow.Table.from_arrays([column, column], names=["x", "x"])
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="2 columns called `x`"):
        read_parquet(tmp_path / "x.parquet", inputs=["x"], label=None)


IMAGE: Any = {"id": 3, "file_name": "a.png", "height": 4, "width": 8}
OBJECT: Any = {"id": 12, "image_id": 3, "category_id": 1, "bbox": [0, 0, 8, 4]}
KIND: Any = {"id": 1, "name": "dog"}


@pytest.mark.parametrize(
    ("image", "annotation", "kind", "said"),
    [
        ({"height": 0}, {}, {}, "image 3: its height is 0"),
        ({"width": 10**400}, {}, {}, "image 3: its width is 1000"),
        ({"width": None}, {}, {}, "image 3: its width is None"),
        ({"file_name": "a" * 5000}, {}, {}, "1 of the 1 images"),
        ({}, {"bbox": [0] * 8}, {}, "annotation 12 of image 3: its bbox"),
        ({}, {"bbox": [0, 0, float("nan"), 1]}, {}, "annotation 12"),
        ({}, {"bbox": [0, 0, 10**400, 1]}, {}, "annotation 12"),
        ({}, {"bbox": [0, 0, None, 1]}, {}, "annotation 12"),
        ({}, {"bbox": None}, {}, "annotation 12"),
        ({}, {"category_id": 10**30}, {"id": 10**30}, "no whole number of 64 bits"),
    ],
)
def test_annotations_are_numbers(
    tmp_path: Path, image: Any, annotation: Any, kind: Any, said: str
) -> None:
    content = {
        "images": [IMAGE | image],
        "annotations": [OBJECT | annotation],
        "categories": [KIND | kind],
    }
    put(tmp_path / "val.json", json.dumps(content).encode())
    put(tmp_path / "a.png", encoded(picture(0)))
    with pytest.raises(DataError, match=said) as caught:
        CocoImages(tmp_path, img_dir="", anno_dir="val.json")
    assert len(str(caught.value)) < 1000


def test_classes_of_pixels_fit_the_image(tmp_path: Path) -> None:
    features: Any = {
        "image/encoded": [encoded(picture(0, 2, 3))],
        "image/segmentation/class/encoded": [encoded(np.zeros((3, 2), np.uint8))],
    }
    path = write_records(tmp_path / "val-0", [example(features)])
    with pytest.raises(DataError, match="record 0: an image of"):
        VocRecords(path)[0]


def test_classes_of_pixels_are_no_jpeg() -> None:
    classes = encoded(picture(0, 2, 3), "JPEG", "L")
    with pytest.raises(DataError, match="a JPEG, which changes them"):
        decoding.read_classes(classes, "x")


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As Excel's do."""
    path = put(tmp_path / "x.csv", b"\xef\xbb\xbf1,2\n")
    assert read_csv(path, label=None).inputs[0].tolist() == [[1, 2]]


def test_boxes_in_records_are_finite(tmp_path: Path) -> None:
    edges = {f"image/object/bbox/{e}": [0.5] for e in ("ymin", "xmin", "ymax")}
    features: Any = {
        **edges,
        "image/object/bbox/xmax": [float("nan")],
        "image/object/class/label": [1],
        "image/encoded": [encoded(picture(0))],
    }
    path = write_records(tmp_path / "coco", [example(features)])
    with pytest.raises(DataError, match="no finite number"):
        CocoRecords(path)[0]
